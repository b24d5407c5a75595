"""Where refinement starts: the initial method's bodies, moved to the labels, or refined bodies."""

from collections.abc import Mapping

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.body.skinning import Skinner, SparseRegressor, read_joints
from jointreg.errors import DataError
from jointreg.refine.sample import Sample


def start_translation(
    body: Body, bodies: Mapping[str, np.ndarray], joints_cam: np.ndarray, regressor: np.ndarray
) -> np.ndarray:
    """Translation that puts the regressed joints' mean on that of the labels, (N, 3) metres.

    t = mean_j (X_j - J_spin V_j), with V posed at the origin.
    """
    within = np.flatnonzero((np.asarray(regressor) != 0).any(axis=0))
    skinner, sparse = Skinner(body, within), SparseRegressor(regressor, within)
    rotations = torch.from_numpy(np.ascontiguousarray(bodies["rotations"], dtype=np.float64))
    betas = torch.from_numpy(np.ascontiguousarray(bodies["betas"], dtype=np.float64))
    with torch.no_grad():
        vertices = skinner.vertices(rotations, betas, betas.new_zeros(len(betas), 3))
        joints = read_joints(vertices, sparse).numpy()
    return (np.asarray(joints_cam, dtype=np.float64) - joints).mean(axis=1)


def start_bodies(body: Body, sample: Sample, regressor: np.ndarray) -> dict[str, np.ndarray]:
    """The initial method's rotations and betas with `start_translation`.

    Raises:
        DataError: labels put a body behind the camera.
    """
    translation = start_translation(body, sample.bodies, sample.joints_cam, regressor)
    _require_in_front(
        translation, "labels put", "check joints_cam of that frame and the extrinsics of its camera"
    )
    rotations, betas = (np.asarray(sample.bodies[name]) for name in ("rotations", "betas"))
    return {"rotations": rotations, "betas": betas, "translation": translation}


def refined_bodies(sample: Sample) -> dict[str, np.ndarray]:
    """The sample's bodies where they are, for bodies that were refined before.

    Raises:
        DataError: a translation is missing, or puts a body behind the camera.
    """
    if "translation" not in sample.bodies:
        raise DataError(
            "the bodies have no translation, expected refined bodies", "set optimize.start: bodies"
        )
    bodies = {name: np.asarray(sample.bodies[name]) for name in ("rotations", "betas", "translation")}
    translation = bodies["translation"] = bodies["translation"].astype(np.float64)
    _require_in_front(translation, "the start puts", "refine with optimize.start: bodies")
    return bodies


def _require_in_front(translation: np.ndarray, source: str, cure: str) -> None:
    """Refuse bodies that are not in front of the camera, or nowhere."""
    behind = ~(translation[:, 2] > 0)
    if behind.any():
        frame = int(np.argmax(behind))
        raise DataError(
            f"frame {frame}: {source} the body at {translation[frame].tolist()} m, "
            "expected z > 0 (camera frame: x right, y down, z forward)",
            cure,
        )
