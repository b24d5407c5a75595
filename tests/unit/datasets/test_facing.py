"""Which way joints of any set look, and that exchanged sides and mirrored axes are seen."""

import numpy as np
import pytest

from jointreg.config.joint_sets import H36M, JOINT_SETS, JointSet
from jointreg.datasets.facing import backward, require_facing
from jointreg.errors import DataError
from jointreg.geometry.rotations import from_axis_angle

PLACES = {
    "pelvis": (0.0, 0.0, 0.0),
    "hip": (0.1, 0.0, 0.0),
    "knee": (0.11, 0.43, -0.05),
    "ankle": (0.11, 0.87, 0.0),
    "neck": (0.0, -0.49, 0.0),
    "nose": (0.0, -0.60, -0.10),
    "head_top": (0.0, -0.70, 0.0),
    "face": (0.06, -0.60, -0.02),
    "shoulder": (0.15, -0.45, 0.0),
}
"""Of the left side; metres, y down, looking along -z. Places that are not here lie in the middle."""
SETS = ("h36m_17", "coco_17", "openpose_25", "mhr_70")


def person(joints):
    """Twenty rows of a person who turns."""
    base = np.zeros((len(joints.joints), 3))
    for row, (name, place) in enumerate(zip(joints.joints, joints.places, strict=True)):
        place = "nose" if name == "nose" else place.removeprefix("left_").removeprefix("right_")
        base[row] = PLACES.get(place, (0, 0, 0))
        base[row, 0] *= -1 if "right" in name else 1
    turns = from_axis_angle(np.linspace(0, 3, 20)[:, None] * [0.1, 1.0, 0.1])
    return np.einsum("nab,jb->nja", turns, base) + np.array([0.5, 0.1, 4.0])


@pytest.mark.parametrize("name", SETS)
def test_exchanged_sides_and_mirrored_axes_point_backward(name):
    joints = JOINT_SETS[name]
    upright = person(joints)
    upright[2, 3] = np.nan
    shares = backward(upright, joints)
    assert set(shares) == {"nose", "left_knee", "right_knee"} and set(shares.values()) == {0.0}
    require_facing(upright, joints, "labels")
    for wrong in (upright[:, joints.mirror], upright * (1, 1, -1)):
        assert set(backward(wrong, joints).values()) == {1.0}
        with pytest.raises(DataError, match=r"labels: by left and right nose and left_knee and right_"):
            require_facing(wrong, joints, "labels")


def test_a_place_that_points_forward_clears_the_others():
    """A nose label behind the head, beside knees that bend as they should, is no exchange of sides."""
    upright = person(H36M)
    head = upright[:, [H36M.joints.index(name) for name in ("neck", "head_top")]].mean(axis=1)
    nose = H36M.joints.index("nose")
    upright[:, nose] = 2 * head - upright[:, nose]
    assert backward(upright, H36M) == {"nose": 1.0, "left_knee": 0.0, "right_knee": 0.0}
    require_facing(upright, H36M, "labels")


def test_a_set_without_sides_or_trunk_shows_nothing():
    joints = JointSet("own", ("nose", "neck", "head"), (0, 1, 2), ("nose", "neck", "head_top"), (1,))
    require_facing(np.zeros((5, 3, 3)), joints, "labels")
    hips = JointSet("own", ("l", "r"), (1, 0), ("left_hip", "right_hip"), (0, 1))
    require_facing(np.zeros((5, 2, 3)), hips, "labels")
