"""Regressors whose rows land where a test wants them."""

import numpy as np
from scipy.optimize import nnls

from jointreg.exchange.placement import expected_joints

# Human3.6M's regressor and the paper's released tensor on SMPL's neutral template: where each row lands
# from its joint, mm, x to the body's left, y up, z forward. Order `H36M_17`.
GENUINE_MM = {
    "J_regressor_h36m.npy": [
        *((-1, 25, -13), (76, 109, -12), (11, 45, 0), (7, 35, -27)),
        *((-80, 123, -1), (1, 68, 3), (-20, 51, -29)),
        *((-7, 26, -19), (3, 2, 2), (7, -47, -73), (4, -82, 8)),
        *((-28, 29, -7), (-16, 42, 15), (-11, 13, 15)),
        *((31, 28, -3), (11, 36, 5), (17, 4, 33)),
    ],
    "retrained_J_Regressor.pt": [
        *((0, 28, 6), (76, 115, 12), (10, 33, 22), (-10, -3, -3)),
        *((-78, 124, 13), (4, 50, 20), (-7, 2, -22)),
        *((-6, 21, -2), (1, 8, 10), (9, -36, -65), (-2, -84, -9)),
        *((-33, 36, -7), (-10, 27, 2), (6, -5, 7)),
        *((27, 37, -2), (5, 32, -13), (6, -7, 26)),
    ],
}


def near_joints(body, generator, vertices=8):
    """Each row reads the vertices nearest to its joint, with random convex weights, (17, V)."""
    weights = np.zeros((17, body.n_vertices))
    for row, joint in zip(weights, expected_joints(body), strict=True):
        near = np.argsort(np.linalg.norm(body.template - joint, axis=1))[:vertices]
        row[near] = generator.dirichlet(np.ones(vertices))
    return weights


def landing_at(places, body):
    """Weights whose rows land at these places inside the body's hull, (J, 3) metres -> (J, V)."""
    weights = np.zeros((len(places), body.n_vertices))
    columns = np.concatenate([body.template.T.astype(np.float64), np.ones((1, body.n_vertices))])
    for row, place in zip(weights, places, strict=True):
        row[:], error = nnls(columns, np.append(place, 1.0))
        assert error < 1e-6, place
    return weights / weights.sum(axis=1, keepdims=True)


def genuine_stand_in(body, name="J_regressor_h36m.npy"):
    """A regressor of this body whose rows land as far from its joints as a genuine file's, (17, V)."""
    return landing_at(expected_joints(body) + np.array(GENUINE_MM[name]) / 1000, body)


def same_bits(first, second):
    return (
        first.dtype == second.dtype
        and first.shape == second.shape
        and (first.tobytes() == second.tobytes())
    )


def silent(sentence):
    raise AssertionError(f"unexpected note: {sentence}")
