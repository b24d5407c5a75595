"""Files that do not belong together are named; a method's own errors are not."""

import numpy as np
import pytest

from jointreg.errors import DataError
from jointreg.evaluation.disagreement import (
    out_of_step,
    require_not_mirrored,
    suspicions,
)
from jointreg.exchange.placement import expected_joints
from jointreg.geometry.rotations import from_axis_angle
from jointreg.skeleton import H36M_17

COUNT = 40
SWAPPED = np.array(
    [
        H36M_17.index(name.replace("left", "#").replace("right", "left").replace("#", "right"))
        for name in H36M_17
    ]
)


@pytest.fixture
def sides(body, make_bodies, generator):
    """True joints, and those of a method that is 30 mm off a coordinate."""
    rotations, betas, translation = make_bodies(generator, COUNT)
    nearest = np.linalg.norm(body.template[None] - expected_joints(body)[:, None], axis=2).argmin(axis=1)
    true = body.vertices(rotations, betas, translation)[:, nearest].astype(float)
    return true + generator.normal(0, 0.03, true.shape), true


def about_y(degrees):
    return from_axis_angle(np.radians([[0.0, degrees, 0.0]]))[0]


@pytest.mark.parametrize(
    "mirror", [lambda x: x * (-1, 1, 1), lambda x: x * (1, 1, -1), lambda x: x[:, SWAPPED]]
)
def test_a_mirrored_side_is_refused_whichever_it_is(sides, mirror):
    predicted, true = sides
    require_not_mirrored(predicted, true, SWAPPED, "a.npz")
    require_not_mirrored(predicted @ about_y(120), true, SWAPPED, "a.npz")
    for pair in ((mirror(predicted), true), (predicted, mirror(true))):
        with pytest.raises(DataError, match="mirrored"):
            require_not_mirrored(*pair, SWAPPED, "a.npz")


@pytest.mark.parametrize("degrees", [40, 90, 180])
def test_one_rotation_of_all_rows_is_named_by_its_angle(sides, degrees):
    predicted, true = sides
    (sentence,) = suspicions(predicted @ about_y(degrees), true, np.array([0]))
    angle = float(sentence.split(" degrees")[0].split()[-1])
    assert abs(angle - degrees) < 3


def test_rows_in_another_order_are_named(sides, generator):
    predicted, true = sides
    assert suspicions(predicted, true, np.array([0])) == []
    for order in (np.roll(np.arange(COUNT), 1), np.arange(COUNT)[::-1], generator.permutation(COUNT)):
        (sentence,) = suspicions(predicted[order], true, np.array([0]))
        assert "other rows of the truth lie nearer" in sentence


@pytest.mark.parametrize("step", [-3, -1, 0, 1, 3])
def test_frames_that_are_numbered_otherwise_are_named(sides, step):
    """A motion through eight poses, of which the method sees another moment."""
    predicted, true = sides
    times = np.linspace(0, 6.99, COUNT)
    low, share = times.astype(int), (times % 1)[:, None, None]
    moving = (1 - share) * true[low] + share * true[low + 1]
    shifted = np.roll(moving + predicted - true, -step, axis=0)[3:-3]
    sentences = out_of_step(shifted, moving[3:-3], np.array([0]))
    assert [sentence.split(" of the truth")[0] for sentence in sentences] == (
        [f"row n{step:+d}"] if step else []
    )
    assert out_of_step(shifted[:9], moving[3:12], np.array([0])) == []


def test_a_few_rows_and_rows_turned_each_its_own_way_are_the_methods_errors(sides, generator):
    predicted, true = sides
    turned = predicted[:9] @ about_y(90)
    assert suspicions(turned, true[:9], np.array([0])) == []
    require_not_mirrored(predicted[:9] * (-1, 1, 1), true[:9], SWAPPED, "a.npz")
    own = from_axis_angle(generator.normal(0, 0.5, (COUNT, 3)))
    assert suspicions(predicted @ own, true, np.array([0])) == []
