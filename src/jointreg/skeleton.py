"""Joint names and orders. The only home of joint indices: everyone else goes by name.

Sources: Human3.6M's 32-joint skeleton and the row order of the field's 17-joint regressor files
(SPIN's `J_regressor_h36m.npy`: left leg first).
"""

import numpy as np

H36M_17: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_hip",
    "right_knee",
    "right_ankle",
    "spine",
    "neck",
    "nose",
    "head_top",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
)
"""The 17 joints in regressor row order (left leg first): the order of every array in jointreg."""

PELVIS = H36M_17.index("pelvis")
"""Row of the root of `H36M_17`; the pelvis is the first of `SMPL_24` too."""

H36M_17_RIGHT_FIRST: tuple[str, ...] = H36M_17[:1] + H36M_17[4:7] + H36M_17[1:4] + H36M_17[7:]
"""Human3.6M's own order of the 17 (right leg first), used by `J_regressor_h36m_correct.npy`."""

H36M_14: tuple[str, ...] = (
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "neck",
    "head_top",
)
"""The 14 joints of SPIN's, VIBE's and MEVA's evaluations, in their order."""

H36M_17_IN_32: tuple[int, ...] = (0, 6, 7, 8, 1, 2, 3, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Row of each of `H36M_17` in Human3.6M's 32-joint CDF files."""

SMPL_24: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hand",
    "right_hand",
)
"""SMPL's 24 skeleton joints."""

SMPL_PARENTS: tuple[int, ...] = (
    *(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
)
"""Row of each joint's parent, -1 for the root."""

H36M_AS_SMPL: dict[str, str] = {
    name: {"spine": "spine2", "nose": "head", "head_top": "head"}.get(name, name) for name in H36M_17
}
"""The SMPL skeleton joint nearest to each of the 17; nose and head top only roughly."""

LIMBS: tuple[tuple[str, str], ...] = (
    ("pelvis", "left_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("pelvis", "right_hip"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("pelvis", "spine"),
    ("spine", "neck"),
    ("neck", "nose"),
    ("nose", "head_top"),
    ("neck", "left_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("neck", "right_shoulder"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
)
"""Pairs of the 17 that are drawn as a line."""


def rows(names: tuple[str, ...] | list[str], within: tuple[str, ...] = H36M_17) -> np.ndarray:
    """Indices of `names` in the order `within`, shape (len(names),)."""
    return np.array([within.index(name) for name in names], dtype=np.intp)


LIMB = rows([H36M_AS_SMPL[name] for name in H36M_17], SMPL_24)
"""Row of `SMPL_24` whose bone each of the 17 moves with, (17,)."""
