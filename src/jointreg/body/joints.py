"""Joints of posed bodies by a regressor, in batches."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jointreg.body.model import Body, part_of
from jointreg.errors import ShapeError

BATCH = 256
"""Frames posed side by side; bounds the memory."""


def regressed_joints(
    body: Body,
    rotations: np.ndarray,
    betas: np.ndarray,
    regressors: Mapping[str, Any],
    translation: np.ndarray | None = None,
) -> np.ndarray:
    """Joints of every regressor on every body, each body posed once.

    Args:
        body: the body model, V vertices.
        rotations: (N, 24, 3, 3).
        betas: (N, B).
        regressors: name -> weights (J, V), or an object with such `weights`.
        translation: (N, 3) metres; None leaves the bodies at the model's origin.

    Returns:
        (R, N, J, 3) metres, float64, regressors in the order of the mapping.

    Raises:
        ShapeError: a regressor does not fit the body, or rows differ between regressors.
    """
    weights = _stacked(regressors, body.n_vertices)
    used = np.flatnonzero(weights.any(axis=(0, 1)) | body.joint_regressor.any(axis=0))
    part, weights = part_of(body, used), weights[:, :, used]
    joints = np.empty((len(weights), len(rotations), weights.shape[1], 3))
    for start in range(0, len(rotations), BATCH):
        batch = slice(start, start + BATCH)
        posed = part.vertices(rotations[batch], betas[batch]).astype(np.float64)
        joints[:, batch] = np.einsum("rjv,nvc->rnjc", weights, posed, optimize=True)
    if translation is not None:
        joints += np.asarray(translation, dtype=np.float64)[None, :, None]
    return joints


def _stacked(regressors: Mapping[str, Any], n_vertices: int) -> np.ndarray:
    """Weights of all regressors, (R, J, V) float64."""
    weights = {name: np.asarray(getattr(r, "weights", r), np.float64) for name, r in regressors.items()}
    if not weights:
        raise ShapeError("no regressor to evaluate", "name at least `std`")
    first = next(iter(weights.values())).shape
    for name, value in weights.items():
        if value.ndim != 2 or value.shape[1] != n_vertices or value.shape != first:
            raise ShapeError(
                f"regressor '{name}' has shape {value.shape}, expected ({first[0]}, {n_vertices})",
                "a regressor belongs to one mesh: check `body` and the regressor's file",
            )
    return np.stack(list(weights.values()))
