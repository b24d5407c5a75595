"""Errors of test subjects with and without label offsets (rule evaluate_offsets).

Offsets are cross-fitted: the offset for a sequence is estimated on the same subject's other sequences,
never on its own labels. It still comes from labels of the test subject. So errors with offsets measure
how much of an error is due to the places of this person's markers. They are no score of a method, and
Table I contains none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointreg import metrics
from jointreg.body.joints import regressed_joints
from jointreg.body.model import Body
from jointreg.config.settings import Evaluate
from jointreg.evaluation.protocol import protocol_joints, protocol_root
from jointreg.labels.offsets import limb_frames
from jointreg.regressor.label_offsets import LabelOffsets, Residual, sequence_residuals
from jointreg.skeleton import H36M_17
from jointreg.stores.schema import Record, require_same_rows

COLUMNS = ("method", "regressor", "subject", "metric", "offsets", "value_mm", "frames")
"""Columns of offsets_evaluation.csv. `offsets` is yes or no; the subject `all` stands for all frames."""

OFFSET_COLUMNS = ("subject", "split", "joint", "x_mm", "y_mm", "z_mm", "length_mm", "error_mm")
"""Columns of offsets.csv. In T-pose x points to the body's left, y up, z forward. `error_mm` is the
standard error of the whole vector."""

ALL = "all"
SHARED = "shared"
"""Name of the regressor that was fitted with the offsets."""


@dataclass(frozen=True)
class Trial:
    """One sequence of a test subject."""

    subject: str
    frames: Record
    """As `stores.FRAMES`; `joints_cam` is enough."""
    refined: Record
    """Bodies refined to the labels and masks of this sequence."""
    estimates: Mapping[str, Record]
    """Bodies of each method."""


def evaluate_offsets(
    body: Body,
    trials: Iterable[Trial],
    others: Mapping[str, np.ndarray],
    trained: LabelOffsets,
    protocol: Evaluate,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Errors of test subjects with and without offsets, and the offsets themselves.

    The predicted joint is J_j V_n without offsets and J_j V_n + R_n,limb(j) o_j with them: the offset is
    added in the frame of the *predicted* limb. Offsets are estimated on refined bodies. On the bodies of
    the method, a lasting error of the method would count as an offset of the labels.

    Args:
        body: the body model.
        trials: all sequences of the test subjects, at least two of each.
        others: name -> weights (17, V) of further regressors to evaluate. Each has its own offsets.
        trained: the fit to the training subjects. It gives the shared regressor, noise and spread.
        protocol: joints and root; every mean is over frames.

    Returns:
        Rows with keys `COLUMNS`; and rows with keys `OFFSET_COLUMNS` of the shared regressor. The latter
        are for training and test subjects, test subjects from all of their sequences.

    Raises:
        DataError: a test subject has a single sequence.
        StoreError, ShapeError, UnitError: as `sequence_residuals` and `metrics.mpjpe`.
    """
    regressors = {SHARED: trained.regressor.weights, **others}
    by_subject: dict[str, list[Trial]] = {}
    for trial in trials:
        by_subject.setdefault(trial.subject, []).append(trial)
    errors: dict[tuple[str, ...], list[np.ndarray]] = {}
    offsets = [
        row
        for subject, values, error in zip(trained.subjects, trained.offsets, trained.error, strict=True)
        for row in offset_rows(subject, "train", values, error)
    ]
    for subject, own in by_subject.items():
        residuals = [sequence_residuals(body, trial.refined, trial.frames, regressors) for trial in own]
        by_regressor = [list(sequences) for sequences in zip(*residuals, strict=True)]
        offsets += offset_rows(subject, "test", *trained.of_new_subject(by_regressor[0]))
        used = np.array([cross_fitted(sequences, trained) for sequences in by_regressor])
        for trial, offsets_each in zip(own, used.swapaxes(0, 1), strict=True):
            for method, bodies in trial.estimates.items():
                errors_of = _errors(body, trial, bodies, regressors, offsets_each, protocol)
                for key, values in errors_of.items():
                    for who in (subject, ALL):
                        errors.setdefault((method, key[0], who, *key[1:]), []).append(values)
    joined = {key: np.concatenate(parts) * 1e3 for key, parts in errors.items()}
    scores = [
        dict(zip(COLUMNS, (*key, float(values.mean()), len(values)), strict=True))
        for key, values in sorted(joined.items())
    ]
    return scores, offsets


def cross_fitted(sequences: Sequence[Residual], trained: LabelOffsets) -> list[np.ndarray]:
    """Offset for each sequence of one subject, from its other sequences, (17, 3) metres each.

    Raises:
        DataError: a single sequence.
    """
    return [
        trained.of_new_subject([*sequences[:at], *sequences[at + 1 :]])[0]
        for at in range(len(sequences))
    ]


def _errors(
    body: Body,
    trial: Trial,
    bodies: Record,
    regressors: Mapping[str, np.ndarray],
    offsets: np.ndarray,
    protocol: Evaluate,
) -> dict[tuple[str, str, str], np.ndarray]:
    """(regressor, metric, offsets) -> error of each frame, metres. `offsets` are (R, 17, 3) metres."""
    require_same_rows(bodies, trial.frames, "label offsets: bodies and frames")
    root, used = protocol_root(protocol), protocol_joints(protocol)
    without = regressed_joints(body, bodies.rotations, bodies.betas, regressors)
    limbs = limb_frames(body, bodies.rotations, bodies.betas)
    with_offsets = without + np.einsum("njac,rjc->rnja", limbs, offsets)
    errors = {}
    for answer, joints in (("no", without), ("yes", with_offsets)):
        for name, predicted in zip(regressors, joints, strict=True):
            labels = trial.frames.joints_cam
            errors[name, "mpjpe", answer] = metrics.mpjpe(predicted, labels, root, used)
            errors[name, "pa_mpjpe", answer] = metrics.pa_mpjpe(predicted, labels, used)
    return errors


def offset_rows(
    subject: str, split: str, offsets: np.ndarray, error: np.ndarray
) -> list[dict[str, Any]]:
    """Rows with keys `OFFSET_COLUMNS`, one a joint.

    Args:
        subject: name for the column `subject`.
        split: `train` if the subject was in the fit, else `test`.
        offsets: metres, (17, 3).
        error: standard errors, metres, (17, 3).
    """
    lengths = np.linalg.norm(offsets, axis=1), np.linalg.norm(error, axis=1)
    numbers = 1e3 * np.column_stack([offsets, *lengths])
    return [
        dict(zip(OFFSET_COLUMNS, (subject, split, joint, *values), strict=True))
        for joint, values in zip(H36M_17, numbers.tolist(), strict=True)
    ]
