"""Estimated label offsets against those of the open data set (rule diagnose_offsets)."""

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


def diagnose_offsets(
    body: Body,
    refined: LabelOffsets,
    planted: Mapping[str, np.ndarray],
    true_sequences: Sequence[tuple[str, Record, Record]],
    true_regressor: np.ndarray,
    settings: FitRegressor,
) -> list[dict[str, Any]]:
    """Compare estimated offsets with the planted ones.

    The estimates come from refined bodies, from true bodies, and from true bodies with labels that have
    no offsets. Free people have no true bodies of the model: the latter two are left out.

    Args:
        body: the body model.
        refined: the result of `fit_offsets` on refined bodies.
        planted: subject -> offsets in the limbs' frames, metres, (17, 3).
        true_sequences: subject, true bodies (BODIES) and labels (FRAMES) of the same training sequences;
            empty for free people.
        true_regressor: J_true, (17, V). Its joints on the true bodies are the labels without offsets.
        settings: of the fits on true bodies.

    Returns:
        Rows with keys `COLUMNS`.
    """
    without = [
        (subject, bodies, Record({"joints_cam": true_regressor @ body.vertices(**bodies)}, frames.attrs))
        for subject, bodies, frames in true_sequences
    ]
    fits = {("refined", "delivered"): refined}
    of_truth = {"delivered": true_sequences, "without offsets": without} if true_sequences else {}
    for labels, sequences in of_truth.items():
        start = fit(body, [(bodies, frames) for _, bodies, frames in sequences], settings)
        fits["true", labels] = fit_offsets(body, sequences, start.weights, settings)
    rows = []
    for (bodies_name, labels), fitted in fits.items():
        truth = np.array([planted[subject] for subject in fitted.subjects])
        values = compared(fitted.offsets, 0 * truth if labels == "without offsets" else truth)
        for metric, value in values.items():
            unit = "mm" if metric.endswith("_mm") else "1"
            names = bodies_name, labels, metric.removesuffix("_mm")
            rows.append(dict(zip(COLUMNS, (*names, value, unit), strict=True)))
    return rows


def compared(estimated: np.ndarray, planted: np.ndarray) -> dict[str, float]:
    """Compare offsets (S, 17, 3) with planted ones, after moving the latter to sum 0 over subjects.

    Returns:
        error_mm, planted_mm, found_mm: root mean squares of vector lengths over subjects and joints;
        largest_mm: length of the longest estimated offset; correlation, and slope of estimated over
        planted, of all components. The last two are left out where nothing was planted.
    """
    planted = planted - planted.mean(axis=0)
    lengths = {"error_mm": estimated - planted, "planted_mm": planted, "found_mm": estimated}
    values = {
        name: 1e3 * float(np.sqrt(np.square(vectors).sum(axis=-1).mean()))
        for name, vectors in lengths.items()
    }
    values["largest_mm"] = 1e3 * float(np.linalg.norm(estimated, axis=-1).max())
    if planted.any():
        values["correlation"] = float(np.corrcoef(estimated.ravel(), planted.ravel())[0, 1])
        values["slope"] = float(np.vdot(estimated, planted) / np.vdot(planted, planted))
    return values
