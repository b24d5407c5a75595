"""What label offsets change in the errors of test subjects, whose offsets are cross-fitted.

The offset that is used on a sequence comes from the same subject's other sequences, never from its own
labels. It still comes from labels of the test subject: errors with offsets say how much of an error is
how this person's markers sit, and are no score of a method. Table I has none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointreg import metrics
from jointreg.body.model import Body
from jointreg.config.settings import Evaluate
from jointreg.evaluation.protocol import protocol_joints, protocol_root
from jointreg.regressor.apply import regressed_joints
from jointreg.regressor.label_offsets import LabelOffsets, Residual, sequence_residuals
from jointreg.skeleton import H36M_17, LIMB
from jointreg.stores.schema import Record, require_same_rows

COLUMNS = ("method", "regressor", "subject", "metric", "offsets", "value_mm", "frames")
"""Columns of offsets_evaluation.csv; `offsets` is yes or no, subject `all` means every frame."""

OFFSET_COLUMNS = ("subject", "split", "joint", "x_mm", "y_mm", "z_mm", "length_mm", "error_mm")
"""Columns of offsets.csv: x to the body's left, y up, z forward in T-pose. `error_mm` is a standard
error of the whole vector."""

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
    """Bodies that were refined to this sequence's labels and masks."""
    estimates: Mapping[str, Record]
    """Bodies of each method."""


def evaluate_offsets(
    body: Body,
    trials: Iterable[Trial],
    others: Mapping[str, np.ndarray],
    found: LabelOffsets,
    protocol: Evaluate,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Errors of test subjects with and without offsets, and the offsets themselves.

    The predicted joint is J_j V_n, or J_j V_n + R_n,limb(j) o_j: the offset of this person is added in
    the frame of the *predicted* limb. Offsets are estimated on refined bodies, not on the method's own:
    there, an error of the method that lasts would count as an offset of the labels.

    Args:
        body: the body model.
        trials: all sequences of the test subjects; at least two a subject.
        others: name -> weights (17, V): regressors to evaluate beside the shared one. Each has offsets
            of its own, with respect to it.
        found: from the training subjects; gives noise and spread.
        protocol: joints and root; every mean is over frames.

    Returns:
        Rows with keys `COLUMNS`; rows with keys `OFFSET_COLUMNS` for training and test subjects, with
        respect to the shared regressor, test subjects from all of their sequences.

    Raises:
        DataError: a test subject has a single sequence.
        StoreError, ShapeError, UnitError: as `sequence_residuals` and `metrics.mpjpe`.
    """
    regressors = {SHARED: found.regressor.weights, **others}
    by_subject: dict[str, list[Trial]] = {}
    for trial in trials:
        by_subject.setdefault(trial.subject, []).append(trial)
    errors: dict[tuple[str, ...], list[np.ndarray]] = {}
    offsets = [
        row
        for subject, values, error in zip(found.subjects, found.offsets, found.error, strict=True)
        for row in offset_rows(subject, "train", values, error)
    ]
    for subject, own in by_subject.items():
        left = [sequence_residuals(body, trial.refined, trial.frames, regressors) for trial in own]
        by_regressor = [list(sequences) for sequences in zip(*left, strict=True)]
        offsets += offset_rows(subject, "test", *found.of_new_subject(by_regressor[0]))
        used = np.array([cross_fitted(sequences, found) for sequences in by_regressor])
        for trial, moves in zip(own, used.swapaxes(0, 1), strict=True):
            for method, bodies in trial.estimates.items():
                for key, values in _errors(body, trial, bodies, regressors, moves, protocol).items():
                    for who in (subject, ALL):
                        errors.setdefault((method, key[0], who, *key[1:]), []).append(values)
    joined = {key: np.concatenate(parts) * 1e3 for key, parts in errors.items()}
    scores = [
        dict(zip(COLUMNS, (*key, float(values.mean()), len(values)), strict=True))
        for key, values in sorted(joined.items())
    ]
    return scores, offsets


def cross_fitted(sequences: Sequence[Residual], found: LabelOffsets) -> list[np.ndarray]:
    """Offset to use on each sequence of one subject, from its other sequences, (17, 3) metres each.

    Raises:
        DataError: a single sequence.
    """
    return [
        found.of_new_subject([*sequences[:at], *sequences[at + 1 :]])[0] for at in range(len(sequences))
    ]


def _errors(
    body: Body,
    trial: Trial,
    bodies: Record,
    regressors: Mapping[str, np.ndarray],
    moves: np.ndarray,
    protocol: Evaluate,
) -> dict[tuple[str, str, str], np.ndarray]:
    """(regressor, metric, offsets) -> error of each frame, metres; `moves` are offsets (R, 17, 3)."""
    require_same_rows(bodies, trial.frames, "label offsets: bodies and frames")
    root, used = protocol_root(protocol), protocol_joints(protocol)
    plain = regressed_joints(body, bodies.rotations, bodies.betas, regressors)
    limbs = body.transforms(bodies.rotations, bodies.betas)[0][:, LIMB]
    moved = plain + np.einsum("njac,rjc->rnja", limbs, moves)
    found = {}
    for answer, joints in (("no", plain), ("yes", moved)):
        for name, predicted in zip(regressors, joints, strict=True):
            labels = trial.frames.joints_cam
            found[name, "mpjpe", answer] = metrics.mpjpe(predicted, labels, root, used)
            found[name, "pa_mpjpe", answer] = metrics.pa_mpjpe(predicted, labels, used)
    return found


def offset_rows(
    subject: str, split: str, offsets: np.ndarray, error: np.ndarray
) -> list[dict[str, Any]]:
    """Rows with keys `OFFSET_COLUMNS`, one a joint.

    Args:
        subject: stands in every row.
        split: train where the subject was in the fit, else test.
        offsets: metres, (17, 3).
        error: standard errors, metres, (17, 3).
    """
    lengths = np.linalg.norm(offsets, axis=1), np.linalg.norm(error, axis=1)
    numbers = 1e3 * np.column_stack([offsets, *lengths])
    return [
        dict(zip(OFFSET_COLUMNS, (subject, split, joint, *values), strict=True))
        for joint, values in zip(H36M_17, numbers.tolist(), strict=True)
    ]
