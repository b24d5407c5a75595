"""Learning curve against the truth of the open data set (rule diagnose_learning_curve)."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jointreg import metrics
from jointreg.body.model import Body
from jointreg.diagnosis.true_bodies import TrueBodies
from jointreg.regressor.learning_curve import Fit
from jointreg.skeleton import PELVIS

METRICS: dict[str, int | None] = {
    "true_joints": None,
    "true_joints_root_aligned": PELVIS,
}
"""Metric -> joint that both skeletons are moved to."""


def true_errors(
    body: Body,
    fits: Sequence[Fit],
    sequences: Iterable[TrueBodies],
    true_regressor: np.ndarray,
) -> list[dict[str, Any]]:
    """Errors of the joints that each fit gives on the true bodies of test subjects.

    Args:
        body: the body model.
        fits: from `regressor.learning_curve.learning_curve`.
        sequences: true bodies of subjects outside every fit.
        true_regressor: J_true, (17, V), which gives the true joints.

    Returns:
        Rows with the keys `regressor.learning_curve.COLUMNS`, one for each fit and metric of
        `METRICS`: means over all 17 joints and all frames.
    """
    weights_of = {"true": true_regressor} | {str(at): fit.weights for at, fit in enumerate(fits)}
    parts: dict[str, list[np.ndarray]] = {metric: [] for metric in METRICS}
    for truth in sequences:
        true_joints, *joints = truth.joints(body, weights_of)
        for metric, root in METRICS.items():
            errors = [metrics.joint_errors(one, true_joints, root).mean(axis=1) for one in joints]
            parts[metric].append(np.array(errors))
    means = {metric: 1e3 * np.concatenate(v, axis=1).mean(axis=1) for metric, v in parts.items()}
    return [
        fit.row(metric, float(means[metric][at])) for at, fit in enumerate(fits) for metric in METRICS
    ]
