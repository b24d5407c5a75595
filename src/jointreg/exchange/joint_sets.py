"""Joint sets of the field's regressor files, so that a file of another set can be named.

Each joint stands for the place on the body where its row lands: a joint of SMPL's skeleton, `nose`,
`head_top`, or `face` (eyes, ears, jaw), which is the middle of the skull.

Sources: the row orders that the files' own repositories document.
"""

from typing import NamedTuple

from jointreg.skeleton import H36M_14, SMPL_24

SMPL_TO_J19: tuple[str, ...] = (*H36M_14[:13], "-", "pelvis", "-", "spine", "nose", "head_top")
"""Rows of `SMPL_to_J19.pkl` (4D-Humans, ProHMR, HSMR). `-`: LSP's head top, MPII's thorax, not ours."""


OTHER_POINTS = "these are other points than Human3.6M's 17: use J_regressor_h36m.npy, or fit one"
"""The next step for a file of most of the sets."""


class JointSet(NamedTuple):
    """Joints of a kind of regressor file, in the order of its rows."""

    name: str
    places: tuple[str, ...]
    cure: str = OTHER_POINTS


_RIGHT_ARM = ("right_shoulder", "right_elbow", "right_wrist")
_LEFT_ARM = ("left_shoulder", "left_elbow", "left_wrist")
_RIGHT_LEG = ("right_hip", "right_knee", "right_ankle")
_LEFT_LEG = ("left_hip", "left_knee", "left_ankle")
_LSP = H36M_14
_COCO_LIMBS = tuple(
    f"{side}_{joint}"
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)
_SPIN_EXTRA = (
    "right_hip",
    "left_hip",
    "neck",
    "head_top",
    "pelvis",
    "neck",
    "spine2",
    "face",
    "head_top",
)
_OPENPOSE_ARMS = ("face", "neck", *_RIGHT_ARM, *_LEFT_ARM)
_FEET = ("left_foot", "left_foot", "left_ankle", "right_foot", "right_foot", "right_ankle")

JOINT_SETS: tuple[JointSet, ...] = (
    JointSet("the 9 joints of SPIN's J_regressor_extra.npy", _SPIN_EXTRA),
    JointSet(
        "the 14 joints of LSP and 3DPW",
        _LSP,
        "pelvis, spine and nose are missing: use J_regressor_h36m.npy, which has all 17 rows",
    ),
    JointSet("the 14 joints of GraphCMR's J_regressor_extra.npy", ("face",) * 5 + _SPIN_EXTRA),
    JointSet(
        "MPII's 16 joints",
        (
            *_RIGHT_LEG[::-1],
            *_LEFT_LEG,
            *("pelvis", "neck", "neck", "head_top"),
            *_RIGHT_ARM[::-1],
            *_LEFT_ARM,
        ),
    ),
    JointSet("COCO's 17 joints", ("face",) * 5 + _COCO_LIMBS),
    JointSet("OpenPose's 18 joints (COCO)", (*_OPENPOSE_ARMS, *_RIGHT_LEG, *_LEFT_LEG, *("face",) * 4)),
    JointSet("the 19 joints of cocoplus_regressor.npy", (*_LSP, *("face",) * 5)),
    JointSet(
        "the 19 joints of SMPL_to_J19.pkl",
        (*_LSP, "pelvis", "neck", "spine2", "nose", "head_top"),
        "give the file its own suffix, pkl: its 17 rows of Human3.6M's joints are read from that",
    ),
    JointSet("SMPL's own skeleton of 24 joints", SMPL_24),
    JointSet(
        "OpenPose's 25 joints (BODY_25)",
        (*_OPENPOSE_ARMS, "pelvis", *_RIGHT_LEG, *_LEFT_LEG, *("face",) * 4, *_FEET),
    ),
)
