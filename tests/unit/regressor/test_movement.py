"""How far a refit has moved the joints: planted distances, and films whose true regressor is known."""

import numpy as np
import pytest

from jointreg.regressor.movement import COLUMNS, movement_mm, with_bounds
from jointreg.stores import Record


def test_a_planted_distance_is_measured_over_all_frames(body, make_bodies):
    generator = np.random.default_rng(3)
    start = np.zeros((17, body.n_vertices))
    start[np.arange(17), generator.choice(body.n_vertices, 17, replace=False)] = 1
    fitted = start.copy()
    fitted[4] = np.roll(start[4], 700)
    sequences, squares = [], []
    for count in (5, 9):
        rotations, betas, translation = make_bodies(generator, count)
        bodies = {"rotations": rotations, "betas": betas, "translation": translation}
        posed = body.vertices(**bodies).astype(np.float64)
        squares.append(np.square(posed[:, fitted[4] > 0] - posed[:, start[4] > 0]).sum(axis=(1, 2)))
        sequences.append((Record(bodies, {"rows": ""}), Record({}, {"rows": ""})))
    moved = movement_mm(body, sequences, fitted, start)
    expected = np.where(np.arange(17) == 4, 1e3 * np.sqrt(np.concatenate(squares).mean()), 0)
    np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("people", "moved", "expected"),
    [
        (3.0, np.array([4.0]), (4.0, 5.0)),
        (None, np.array([4.0]), (4.0, None)),
        (3.0, None, (None, None)),
    ],
)
def test_the_bound_needs_several_people_and_a_refinement(people, moved, expected):
    moved_mm = None if moved is None else np.array(moved)
    (row,) = with_bounds([{"joint": "neck", "people_mm": people}], moved_mm)
    assert tuple(row[name] for name in COLUMNS) == expected
