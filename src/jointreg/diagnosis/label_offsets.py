"""Label offsets against those that the open data set was made with (rule diagnose_offsets)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jointreg.body.model import Body
from jointreg.config.settings import FitRegressor
from jointreg.regressor.fitting import fit
from jointreg.regressor.label_offsets import LabelOffsets, fit_offsets
from jointreg.stores.schema import Record

COLUMNS = ("bodies", "labels", "metric", "value", "unit")
"""Columns of offsets_diagnostics.csv."""

Sequences = Sequence[tuple[str, Record, Record]]
"""Subject, stores BODIES and FRAMES of each sequence."""


def diagnose_offsets(
    body: Body,
    refined: LabelOffsets,
    planted: Mapping[str, np.ndarray],
    true_sequences: Sequences,
    true_regressor: np.ndarray,
    settings: FitRegressor,
) -> list[dict[str, Any]]:
    """Compare offsets with the planted ones: on refined bodies, on true ones, and where none are.

    Args:
        body: the body model.
        refined: what `fit_offsets` found on refined bodies.
        planted: subject -> offsets in the limbs' frames, metres, (17, 3).
        true_sequences: the true bodies of the same training sequences, and their labels.
        true_regressor: J_true, (17, V): labels without offsets are what it reads off the true bodies.
        settings: of the fits on true bodies.

    Returns:
        Rows with keys `COLUMNS`.
    """
    without = [
        (subject, bodies, Record({"joints_cam": true_regressor @ body.vertices(**bodies)}, frames.attrs))
        for subject, bodies, frames in true_sequences
    ]
    found = {("refined", "delivered"): refined}
    for labels, sequences in (("delivered", true_sequences), ("without offsets", without)):
        start = fit(body, [(bodies, frames) for _, bodies, frames in sequences], settings)
        found["true", labels] = fit_offsets(body, sequences, start.weights, settings)
    rows = []
    for (bodies_name, labels), each in found.items():
        truth = np.array([planted[subject] for subject in each.subjects])
        values = compared(each.offsets, 0 * truth if labels == "without offsets" else truth)
        for metric, value in values.items():
            unit = "mm" if metric.endswith("_mm") else "1"
            names = bodies_name, labels, metric.removesuffix("_mm")
            rows.append(dict(zip(COLUMNS, (*names, value, unit), strict=True)))
    return rows


def compared(found: np.ndarray, planted: np.ndarray) -> dict[str, float]:
    """How offsets (S, 17, 3) agree with planted ones, once these are moved to sum 0 over subjects.

    Returns:
        error_mm, planted_mm, found_mm: root mean squares of vector lengths over subjects and joints;
        largest_mm: longest offset found; correlation, and slope of found over planted, of all
        components. The last two are left out where nothing was planted.
    """
    planted = planted - planted.mean(axis=0)
    lengths = {"error_mm": found - planted, "planted_mm": planted, "found_mm": found}
    values = {
        name: 1e3 * float(np.sqrt(np.square(vectors).sum(axis=-1).mean()))
        for name, vectors in lengths.items()
    }
    values["largest_mm"] = 1e3 * float(np.linalg.norm(found, axis=-1).max())
    if planted.any():
        values["correlation"] = float(np.corrcoef(found.ravel(), planted.ravel())[0, 1])
        values["slope"] = float(np.vdot(found, planted) / np.vdot(planted, planted))
    return values
