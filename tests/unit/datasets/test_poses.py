"""A person's joints pass; another order, unit or side of them does not, and is named."""

import itertools

import numpy as np
import pytest

from jointreg.config.joint_sets import H36M
from jointreg.datasets import poses
from jointreg.datasets.facing import UPSIDE_DOWN_RAD, leans
from jointreg.errors import DataError, UnitError
from jointreg.geometry.rotations import from_axis_angle
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, rows

STANDING = {
    "pelvis": (0.0, 0.0, 0.0),
    "left_hip": (0.13, 0.0, 0.0),
    "left_knee": (0.14, 0.43, -0.06),
    "left_ankle": (0.14, 0.87, 0.0),
    "right_hip": (-0.13, 0.0, 0.0),
    "right_knee": (-0.14, 0.42, -0.07),
    "right_ankle": (-0.14, 0.86, 0.0),
    "spine": (0.0, -0.24, 0.0),
    "neck": (0.0, -0.49, 0.0),
    "nose": (0.0, -0.58, -0.08),
    "head_top": (0.0, -0.70, 0.0),
    "left_shoulder": (0.15, -0.45, 0.0),
    "left_elbow": (0.42, -0.35, 0.0),
    "left_wrist": (0.62, -0.20, 0.0),
    "right_shoulder": (-0.15, -0.45, 0.0),
    "right_elbow": (-0.42, -0.40, 0.0),
    "right_wrist": (-0.60, -0.58, 0.0),
}
"""Metres, y down, looking along -z."""


@pytest.fixture
def person(generator):
    """Twenty rows of a person who turns and moves."""
    base = np.array([STANDING[name] for name in H36M_17])
    turns = from_axis_angle(np.linspace(0, 3, 20)[:, None] * [0.1, 1.0, 0.1])
    noise = generator.normal(0, 0.01, (20, 17, 3))
    return np.einsum("nab,jb->nja", turns, base) + noise + [0.5, 0.1, 4.0]


def child(person, leg=0.42, trunk=0.34, head=0.24, arm=0.30):
    """The same poses with a child's lengths: hip to ankle, pelvis to neck, neck to crown, arm."""
    parts = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
    lengths = {
        ("pelvis", "left_hip"): 0.13 * leg,
        ("pelvis", "neck"): trunk,
        ("pelvis", "spine"): 0.5 * trunk,
        ("neck", "left_shoulder"): 0.3 * trunk,
        ("neck", "nose"): 0.5 * head,
        ("neck", "head_top"): head,
        **{(f"left_{a}", f"left_{b}"): leg / 2 for a, b in itertools.pairwise(parts[0])},
        **{(f"left_{a}", f"left_{b}"): arm / 2 for a, b in itertools.pairwise(parts[1])},
    }
    at = {name: person[:, row] for row, name in enumerate(H36M_17)}
    moved = {"pelvis": at["pelvis"]}
    for (start, end), length in lengths.items():
        for side in ("left", "right"):
            one, other = start.replace("left", side), end.replace("left", side)
            bone = at[other] - at[one]
            moved[other] = moved[one] + length * bone / np.linalg.norm(bone, axis=-1, keepdims=True)
    return np.stack([moved[name] for name in H36M_17], axis=1)


def swapped(joints):
    """Left and right exchanged throughout."""
    names = [n.replace("left", "#").replace("right", "left").replace("#", "right") for n in H36M_17]
    return joints[:, rows(names)]


def check(joints):
    ordered = poses.left_leg_first(joints, "file")
    poses.require_metres(ordered, "file")
    poses.require_person(ordered, "file")
    return ordered


def test_a_person_passes_in_any_frame_of_reference(person):
    assert check(person) is person
    lying = person @ from_axis_angle(np.array([np.pi / 2, 0, 0.4])).T
    assert check(lying) is lying
    assert check(0.65 * person) is not None  # a child


@pytest.mark.parametrize(
    "lengths",
    [(0.42, 0.34, 0.24, 0.38), (0.27, 0.26, 0.20, 0.26), (0.17, 0.19, 0.15, 0.17)],
    ids=["four years", "one year", "newborn"],
)
def test_children_pass_in_metres_only(person, lengths):
    small = child(person, *lengths)
    assert check(small) is small
    assert poses.metre_by_legs(small)[0] == 1.0
    assert poses.metre_by_legs(1000 * small)[0] == 0.001
    for factor, words in ((1000, "other unit|millimetres"), (0.001, "legs are 0.000")):
        with pytest.raises(UnitError, match=words):
            check(factor * small)
    with pytest.raises(DataError, match="knees bend backward"):
        check(swapped(small))
    small[3] *= 10
    with pytest.raises(DataError, match="a leg of row 3"):
        check(small)


def test_a_grown_person_of_childs_size_is_refused_with_the_reason(person):
    grown = child(person, 0.84, 0.50, 0.22, 0.53)
    assert check(grown) is grown
    with pytest.raises(UnitError, match=r"not as long as a child's\n.*has a larger head"):
        check(grown / 2)


def test_exchanged_arms_and_random_orders_do_not_reorder_legs(person):
    """By the shoulders the nose is at the back of the head; a random order is refused as one."""
    told = []
    arms = [*range(11), 14, 15, 16, 11, 12, 13]
    assert [H36M_17[row] for row in arms[11:13]] == ["right_shoulder", "right_elbow"]
    with pytest.raises(DataError, match="not the legs but the arms are exchanged"):
        poses.left_leg_first(person[:, arms], "file", note=told.append)
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(17)
        with pytest.raises((DataError, UnitError)):
            poses.require_person(
                poses.left_leg_first(person[:, order], "file", note=told.append), "file"
            )
    assert not told


def test_the_right_leg_first_is_seen_and_told(person):
    told = []
    theirs = person[:, rows(H36M_17_RIGHT_FIRST)]
    assert np.array_equal(poses.left_leg_first(theirs, "file", note=told.append), person)
    assert "right leg comes first" in told[0]
    names = np.array(H36M_17_RIGHT_FIRST)
    assert np.array_equal(poses.left_leg_first(theirs, "file", names, told.append), person)
    assert len(told) == 1
    with pytest.raises(DataError, match="by its joint_names the hips lie crossed"):
        poses.left_leg_first(person, "file", names)
    with pytest.raises(DataError, match=r"expected the 17 .*\n.*other joint sets with --joints"):
        poses.left_leg_first(person, "file", np.array(["tail", *names[1:]]))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda p: 1000 * p, UnitError, "millimetres taken for metres"),
        (lambda p: p / 1000, UnitError, "metres taken for millimetres"),
        (lambda p: p / 0.3048, UnitError, "legs are 2"),
        (lambda p: p / 2, UnitError, "legs are 0.4"),
        (lambda p: 0 * p, UnitError, "legs are 0 m"),
        (lambda p: p[:, ::-1], (DataError, UnitError), "file: "),
        (lambda p: np.roll(p, 1, axis=1), (DataError, UnitError), "file: "),
        (swapped, DataError, "knees bend backward"),
        (lambda p: p * [-1, 1, 1], DataError, "an axis is mirrored"),
    ],
)
def test_other_units_orders_and_sides_are_refused(person, change, error, message):
    with pytest.raises(error, match=message):
        check(change(person))


@pytest.mark.parametrize(
    ("row", "joint", "value", "message"),
    [
        (3, slice(None), lambda p: 1000 * p, "a leg of row 3 is 8"),
        (5, slice(None), lambda p: 0 * p, r"joint 0 of row 5 is at \(0, 0, 0\)"),
        (7, 13, lambda p: 1e300 * p, "left_wrist of row 7 lies"),
        (2, 9, lambda p: p + 9, "nose of row 2 lies"),
    ],
)
def test_a_single_wrong_row_is_named(person, row, joint, value, message):
    person[row, joint] = value(person[row, joint])
    with pytest.raises(DataError, match=message):
        check(person)


def test_missing_joints_stored_as_zeros_are_named(person):
    """Beside the root of joints that are relative to it, which is zero in every row."""
    relative = person - person[:, :1]
    assert poses.left_leg_first(relative, "labels") is relative
    relative[[2, 3], 16] = 0
    with pytest.raises(DataError, match=r"joint 16 of row 2 is at .*2 of 20 rows, 1 joints"):
        poses.left_leg_first(relative, "labels")


def test_joints_that_are_not_numbers_are_counted_and_named(person):
    person[4, 3, 1] = np.nan
    person[9] = np.nan
    assert np.flatnonzero(poses.missing_rows(person)).tolist() == [4, 9]
    words = "2 of 20 frames lack a joint, first frame 4, left_ankle is not a number (NaN)"
    assert poses.describe_missing(person, "frame") == words
    with pytest.raises(DataError, match="first row 4, left_ankle"):
        poses.require_finite(person, "file")


def test_exchanged_pairs_of_joints_are_refused(person):
    for one, other in (("left_knee", "left_ankle"), ("neck", "pelvis"), ("left_hip", "left_shoulder")):
        names = list(H36M_17)
        a, b = names.index(one), names.index(other)
        names[a], names[b] = names[b], names[a]
        with pytest.raises((DataError, UnitError)):
            check(person[:, rows(names)])


def test_sides_that_do_not_show_decide_nothing(person):
    flat = np.array([[STANDING[name] for name in H36M_17]]) * [0, 1, 0]
    assert poses.order_of_legs(flat, "file") == 0
    both = np.concatenate([person, person[:, rows(H36M_17_RIGHT_FIRST)]])
    with pytest.raises(DataError, match="the order of the joints does not show"):
        poses.order_of_legs(both, "file")
    named = poses.left_leg_first(both, "file", np.array(H36M_17))  # the cure that the error names
    assert np.array_equal(named, both)


def test_predictions_are_compared_with_the_labels(person):
    poses.require_same_sides(person + 0.02, person, "file")
    with pytest.raises(DataError, match="left and right of one of the two files exchanged"):
        poses.require_same_sides(swapped(person), person, "file")
    trunk = person[:, H36M_17.index("neck")] - person[:, 0]
    poses.require_upright(trunk, trunk, "file")
    with pytest.raises(DataError, match="180 degrees"):
        poses.require_upright(-trunk, trunk, "file")
    assert not leans(H36M.trunk(person), poses.UPRIGHT_RAD)
    assert leans(H36M.trunk(person[..., [1, 0, 2]]), poses.UPRIGHT_RAD)
    assert not leans(H36M.trunk(person[..., [1, 0, 2]]), UPSIDE_DOWN_RAD)
    assert leans(H36M.trunk(person * [1, -1, -1]), UPSIDE_DOWN_RAD)
