"""Score bodies against labelled joints with any number of joint regressors (rule evaluate).

Every body is posed once, and only the vertices with a weight in some regressor. One job scores one
method on all actions of one subject. It writes `stores.ERRORS` and tidy rows, one for each take and
metric.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jointreg import metrics
from jointreg.body.joints import regressed_joints
from jointreg.body.model import Body
from jointreg.config.joint_sets import H36M, JointSet, joint_set_of
from jointreg.config.settings import Evaluate
from jointreg.evaluation.presets import METRICS
from jointreg.evaluation.protocol import protocol_joints, protocol_root
from jointreg.evaluation.sides import Side
from jointreg.progress import progress
from jointreg.stores.schema import Record, require_same_rows

GIVEN = "given"
"""In place of a regressor's name for methods that deliver joints, to which no regressor applies."""

COLUMNS = (
    "method",
    "regressor",
    "subject",
    "action",
    "take",
    "metric",
    "value_mm",
    "value_percent",
    "frames",
)
"""Columns of the tidy rows. A row is one cluster: a take of one action with all its cameras."""


class Errors(NamedTuple):
    """Errors of one set of bodies. The first axis is the regressors in their order, R."""

    mpjpe: np.ndarray
    """Distance after root alignment, (R, N, J) metres."""
    pa_mpjpe: np.ndarray
    """Distance after Procrustes on the protocol's joints, (R, N, J) metres."""


def evaluate(
    body: Body,
    bodies: Mapping[str, np.ndarray],
    joints_cam: np.ndarray,
    regressors: Mapping[str, Any],
    protocol: Evaluate,
    joint_set: JointSet = H36M,
) -> Errors:
    """Errors per regressor, frame and joint. Neither metric depends on the bodies' translation.

    Args:
        body: the body model.
        bodies: rotations (N, 24, 3, 3) and betas (N, B), camera frame, for example `stores.BODIES`; or
            joints (N, J, 3) as `stores.JOINTS`, which are scored without a regressor; or vertices
            (N, V, 3) as `stores.VERTICES`.
        joints_cam: labels (N, J, 3), metres, camera frame.
        regressors: name -> weights (J, V), or an object with such `weights`.
        protocol: joints and root.
        joint_set: what the labels, and the rows of the regressors, are.

    Raises:
        ShapeError, UnitError, DataError: as `metrics.mpjpe`.
    """
    root, used = protocol_root(protocol, joint_set), protocol_joints(protocol, joint_set)
    if "joints" in bodies or "vertices" in bodies:
        weights = {name: np.asarray(getattr(r, "weights", r)) for name, r in regressors.items()}
        predicted = Side("the method", bodies, body).joints(weights)
    else:
        predicted = regressed_joints(body, bodies["rotations"], bodies["betas"], regressors)
    errors = [metrics.both_errors(joints, joints_cam, root, used) for joints in predicted]
    return Errors(*(np.stack(one) for one in zip(*errors, strict=True)))


def evaluate_subject(
    body: Body,
    sequences: Mapping[str, tuple[Record, Record]],
    regressors: Mapping[str, Any],
    protocol: Evaluate,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Evaluate all actions of one subject, for `stores.ERRORS.write(path, arrays, attrs=facts)`.

    Args:
        body: the body model.
        sequences: action -> its stores FRAMES and BODIES (or JOINTS, VERTICES), in the result's order.
        regressors: as in `evaluate`.
        protocol: as in `evaluate`; the facts contain it.

    Raises:
        StoreError: frames and bodies of an action have different rows.
    """
    joints_only = any("joints" in bodies for _, bodies in sequences.values())
    cameras = sorted({name for frames, _ in sequences.values() for name in frames.attrs["camera_names"]})
    parts: dict[str, list[np.ndarray]] = {
        key: [] for key in ("mpjpe", "pa_mpjpe", "action", "take", "camera", "frame")
    }
    joint_set = joint_set_of(next(frames.attrs for frames, _ in sequences.values()))
    for index, (action, (frames, bodies)) in enumerate(progress([*sequences.items()], "actions")):
        require_same_rows(frames, bodies, f"evaluate, {action}: frames and bodies")
        errors = evaluate(body, bodies, frames["joints_cam"], regressors, protocol, joint_set)
        in_union = np.array(
            [cameras.index(name) for name in frames.attrs["camera_names"]], dtype=np.int16
        )
        parts["mpjpe"].append(errors.mpjpe)
        parts["pa_mpjpe"].append(errors.pa_mpjpe)
        parts["action"].append(np.full(len(frames["frame"]), index, dtype=np.int16))
        parts["take"].append(frames["take"])
        parts["camera"].append(in_union[frames["camera"]])
        parts["frame"].append(frames["frame"])
    arrays = {
        key: np.concatenate(value, axis=1 if key.endswith("mpjpe") else 0)
        for key, value in parts.items()
    }
    facts: dict[str, Any] = {
        "regressors": [GIVEN] if joints_only else list(regressors),
        "actions": list(sequences),
        "take_names": {
            action: list(frames.attrs["take_names"]) for action, (frames, _) in sequences.items()
        },
        "camera_names": cameras,
        "joint_names": list(joint_set.joints),
        "protocol": protocol.model_dump(mode="json"),
        "input": next(bodies.attrs.get("input", {}) for _, bodies in sequences.values()),
    }
    if joint_set != H36M:
        facts["joint_set"] = joint_set.as_facts()
    return arrays, facts


def tidy_rows(
    errors: Mapping[str, np.ndarray], facts: Mapping[str, Any], *, method: str, subject: str
) -> list[dict[str, Any]]:
    """Means over the frames of every take: one row for each regressor, action, take and metric.

    Args:
        errors: arrays of `stores.ERRORS`.
        facts: their facts, which contain the protocol.
        method: name for the column `method`.
        subject: name for the column `subject`.

    Returns:
        Rows with the keys `COLUMNS`. `value_mm` is None for pck150 and auc, `value_percent` for the
        others.
    """
    used = protocol_joints(Evaluate(**facts["protocol"]), joint_set_of(facts))
    per_frame = {
        "mpjpe": errors["mpjpe"][..., used].mean(axis=2, dtype=np.float64) * 1000,
        "pa_mpjpe": errors["pa_mpjpe"][..., used].mean(axis=2, dtype=np.float64) * 1000,
        "pck150": np.stack([metrics.pck(one[:, used]) for one in errors["mpjpe"]]) * 100,
        "auc": np.stack([metrics.auc(one[:, used]) for one in errors["mpjpe"]]) * 100,
    }
    clusters = np.unique(np.stack([errors["action"], errors["take"]]), axis=1).T
    table = []
    for r, regressor in enumerate(facts["regressors"]):
        for action, take in clusters:
            chosen = (errors["action"] == action) & (errors["take"] == take)
            name = facts["actions"][action]
            for metric in METRICS:
                value = float(per_frame[metric][r, chosen].mean())
                table.append(
                    {
                        "method": method,
                        "regressor": regressor,
                        "subject": subject,
                        "action": name,
                        "take": facts["take_names"][name][take],
                        "metric": metric,
                        "value_mm": value if metric.endswith("mpjpe") else None,
                        "value_percent": None if metric.endswith("mpjpe") else value,
                        "frames": int(chosen.sum()),
                    }
                )
    return table
