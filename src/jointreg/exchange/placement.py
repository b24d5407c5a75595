"""Where the rows of a regressor land on a body's T-pose: on which side, and how far from the skeleton.

A matrix file says neither which mesh it belongs to nor in which order its rows stand. Both show on the
T-pose: rows for another mesh of the same size pick vertices all over the body, and rows with the right
leg first put the left leg's joints on the right side.
"""

import numpy as np

from jointreg.body.model import Body
from jointreg.errors import DataError
from jointreg.skeleton import H36M_17, H36M_AS_SMPL, rows

REACH_M = 0.12
"""A row lands at most this far from its joint. Regressors fitted on the open body stay under 0.07."""

LOOSE_REACH_M = {"spine": 0.15, "nose": 0.15, "head_top": 0.15}
"""Rows whose label is no joint of the skeleton: half way up the trunk, and two points of the skull."""

LEFT: tuple[str, ...] = tuple(name for name in H36M_17 if name.startswith("left_"))
LEFT_LEG: tuple[str, ...] = ("left_hip", "left_knee", "left_ankle")


def expected_joints(body: Body) -> np.ndarray | None:
    """Where the 17 joints are to be expected on the T-pose, (17, 3) metres, order `H36M_17`.

    The nearest skeleton joint, and for nose and head top the foremost and the highest vertex of the
    skull. None for a body whose skeleton is not SMPL's, where nothing can be expected.
    """
    if not set(H36M_AS_SMPL.values()) <= set(body.joint_names):
        return None
    skull = body.template[body.skinning_weights[:, body.joint_names.index("head")] > 0.5]
    if not len(skull):
        return None
    skeleton = (body.joint_regressor @ body.template).astype(np.float64)
    joints = skeleton[rows([H36M_AS_SMPL[name] for name in H36M_17], body.joint_names)]
    joints[H36M_17.index("nose")] = skull[skull[:, 2].argmax()]
    joints[H36M_17.index("head_top")] = skull[skull[:, 1].argmax()]
    return joints


def crossed(joints: np.ndarray) -> tuple[str, ...]:
    """Left joints that do not lie to the left of their right partner.

    Args:
        joints: on the T-pose of an SMPL-format body (its left is +x), (17, 3), order `H36M_17`.
    """
    right = [name.replace("left_", "right_") for name in LEFT]
    wrong = joints[rows(LEFT), 0] <= joints[rows(right), 0]
    return tuple(name for name, bad in zip(LEFT, wrong, strict=True) if bad)


def require_placement(joints: np.ndarray, body: Body, where: str) -> None:
    """Refuse rows that land too far from their joint: they belong to another mesh.

    Args:
        joints: weights @ template, (17, 3) metres, order `H36M_17`.
        body: the body; one without SMPL's skeleton cannot be checked and passes.
        where: names the file in the error.

    Raises:
        DataError: lists every row that is off, with its distance.
    """
    expected = expected_joints(body)
    if expected is None:
        return
    distance, wrong_side = np.linalg.norm(joints - expected, axis=1), crossed(joints)
    off = []
    for row, (name, metres) in enumerate(zip(H36M_17, distance, strict=True)):
        limit = LOOSE_REACH_M.get(name, REACH_M)
        if metres > limit:
            side = ", on the wrong side" if name.replace("right_", "left_") in wrong_side else ""
            off.append(
                f"  row {row} ({name}) lands {metres:.3f} m from its joint{side}, limit {limit} m"
            )
    if off:
        raise DataError(
            f"{where} does not fit this body, {len(off)} of {len(H36M_17)} rows (left leg first) are "
            "off:\n" + "\n".join(off),
            "meshes with as many vertices can number them otherwise, as SMPL and the open body do: load "
            "it with the body that it was made for",
        )
