"""A further round that runs away ends with its start."""

from types import SimpleNamespace

import numpy as np
import pytest

from jointreg.refine.result import Refined
from jointreg.refine.rounds import end_or_start

STEPS = [0, 100]


def result(length=1.0, offset=0.006, thickness=None):
    """A round: each beta `length`, each label `offset` metres beside its joint."""
    bodies = {
        "rotations": np.tile(np.eye(3), (4, 24, 1, 1)),
        "betas": np.full((4, 10), length),
        "translation": np.full((4, 3), length),
    }
    offsets = np.tile([0.0, offset, 0.0], (17, 1))
    worn = None if thickness is None else np.full(5, thickness)
    return Refined.of(bodies, STEPS, np.arange(32.0).reshape(4, 2, 4), offsets, worn)


def started(end, **start):
    begun = result(**start)
    return end_or_start(end, begun.bodies(), begun.offsets, begun.thickness)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ({}, {"length": 1.3, "offset": 0.008, "thickness": 0.04}),
        ({"length": 3.0}, {"length": 2.5}),  # improbable, but on its way back
        ({"length": 3.0}, {"length": 3.0}),
        ({"offset": 0.02}, {"offset": 0.006}),
        ({"offset": 0.0}, {"offset": 0.012}),  # of the only subject: its mean is taken off
    ],
)
def test_a_round_that_comes_to_rest_is_taken(start, end):
    expected = result(**end)
    assert started(expected, **start) is expected


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ({"length": 1.6}, {"length": 2.0}, "squared betas grows from 25.6 to 40.0"),
        ({"offset": 0.01}, {"offset": 0.02}, "offsets grow from 10.0 to 20.0 mm"),
        ({"thickness": 0.02}, {"thickness": 0.07}, "clothes become 70 mm thick"),
    ],
)
def test_a_round_that_runs_away_gives_its_start_and_the_reason(start, end, words):
    taken, begun = started(result(**end), **start), result(**start)
    assert words in taken.amplifies
    np.testing.assert_array_equal(taken.betas, begun.betas)
    np.testing.assert_array_equal(taken.translation, begun.translation)
    np.testing.assert_array_equal(taken.offsets, begun.offsets)
    np.testing.assert_array_equal(taken.energies, np.arange(32.0).reshape(4, 2, 4)[:, [0, 0]])
    assert taken.iterations.tolist() == STEPS


def test_bodies_of_frames_count_by_their_mean():
    begun = result()
    betas = np.tile([[5.0], [-5.0]], (2, 10))  # each improbable, their mean is not
    end = SimpleNamespace(**vars(result()) | {"betas": betas})
    assert end_or_start(end, begun.bodies(), begun.offsets) is end


def test_variants_without_offsets_and_clothes_are_compared_by_their_betas():
    begun, end = result(length=1.6), result(length=2.0)
    end = Refined.of(end.bodies(), STEPS, end.energies)
    assert "betas" in end_or_start(end, begun.bodies()).amplifies
