"""How far a refit has moved the joints: planted distances."""

import numpy as np

from jointreg.regressor.movement import movement_mm
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
    assert np.array_equal(moved, movement_mm(body, sequences, fitted, start, workers=2))
