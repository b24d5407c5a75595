"""Sums and Schur complement against dense matrices."""

import numpy as np
import pytest

from jointreg.geometry.rotations import from_axis_angle
from jointreg.refine.arrowhead import Arrowhead

JOINTS, BETAS, MOMENTS, LABELS = 4, 3, 3, 2
OWN, FRAME = 3 * JOINTS + 3, 3 * JOINTS + BETAS + 3
SHARED = BETAS + 3 * LABELS


@pytest.fixture(scope="module")
def frames():
    """Seven frames of three moments: what is known of each, as `add_frame` and `add_offsets` take it."""
    generator = np.random.default_rng(3)
    listed = []
    for n in range(7):
        rows = generator.normal(size=(3 * LABELS, FRAME))
        others = generator.normal(size=(4, FRAME))
        listed.append(
            {
                "moment": n % MOMENTS,
                "rows": rows,
                "errors": generator.normal(size=(LABELS, 3)),
                "others": others,
                "other_errors": generator.normal(size=4),
                "limbs": from_axis_angle(generator.normal(size=(LABELS, 3))),
                "turn": from_axis_angle(generator.normal(size=3)),
                "moved": generator.normal(size=(3, BETAS)),
                "scale": generator.uniform(0.5, 2, BETAS),
            }
        )
    return listed


def jacobian(frame):
    """Derivatives of all residuals by the unknowns of all moments and the shared ones, dense."""
    inside = np.zeros((FRAME, MOMENTS * OWN + SHARED))
    first, betas = frame["moment"] * OWN, MOMENTS * OWN
    for joint in range(JOINTS):
        at = slice(3 * joint, 3 * joint + 3)
        inside[at, first + 3 * joint : first + 3 * joint + 3] = frame["turn"]
    inside[-3:, first + 3 * JOINTS : first + OWN] = frame["turn"]
    inside[3 * JOINTS : -3, betas : betas + BETAS] = np.diag(frame["scale"])
    inside[-3:, betas : betas + BETAS] = frame["moved"] * frame["scale"]
    labels = frame["rows"] @ inside
    for joint, limb in enumerate(frame["limbs"]):
        labels[3 * joint : 3 * joint + 3, betas + BETAS + 3 * joint :][:, :3] += limb
    return np.concatenate([labels, frame["others"] @ inside])


def residuals(frame):
    return np.concatenate([frame["errors"].ravel(), frame["other_errors"]])


@pytest.fixture(scope="module")
def model(frames):
    model = Arrowhead.zeros(MOMENTS, OWN, SHARED)
    for frame in frames:
        every = np.concatenate([frame["rows"], frame["others"]])
        matrix, gradient = 2 * every.T @ every, 2 * every.T @ residuals(frame)
        place = frame["turn"], frame["moved"], frame["scale"]
        model.add_frame(frame["moment"], np.triu(matrix), gradient, *place)
        model.add_offsets(frame["moment"], frame["rows"], 2.0, frame["errors"], frame["limbs"], *place)
    return model


def test_sums_are_those_of_the_dense_jacobian(frames, model):
    matrix = sum(2 * jacobian(frame).T @ jacobian(frame) for frame in frames)
    gradient = sum(2 * jacobian(frame).T @ residuals(frame) for frame in frames)
    for m in range(MOMENTS):
        at = slice(m * OWN, (m + 1) * OWN)
        np.testing.assert_allclose(model.blocks[m], np.triu(matrix[at, at]), atol=1e-10)
        np.testing.assert_allclose(model.borders[m], matrix[at, MOMENTS * OWN :], atol=1e-10)
        np.testing.assert_allclose(model.gradients[m], gradient[at], atol=1e-10)
    corner = matrix[MOMENTS * OWN :, MOMENTS * OWN :]
    np.testing.assert_allclose(model.corner, np.triu(corner), atol=1e-10)
    np.testing.assert_allclose(model.shared.sum(axis=0), gradient[MOMENTS * OWN :], atol=1e-10)


def test_steps_solve_the_dense_equations_and_promise_what_they_bring(frames, model):
    generator = np.random.default_rng(0)
    damping, units = generator.uniform(0.5, 2, MOMENTS), generator.uniform(1, 2, OWN)
    shared_damping, held = generator.uniform(0.5, 2, SHARED), generator.normal(size=SHARED)
    own, shared, promised = model.steps(damping, units, shared_damping, held)
    matrix = sum(2 * jacobian(frame).T @ jacobian(frame) for frame in frames)
    gradient = sum(2 * jacobian(frame).T @ residuals(frame) for frame in frames)
    gradient[MOMENTS * OWN :] += held
    damped = matrix + np.diag(np.concatenate([np.outer(damping, units).ravel(), shared_damping]))
    step = -np.linalg.solve(damped, gradient)
    np.testing.assert_allclose(np.append(own, shared), step, atol=1e-10)
    # What a moment promises: its energy less half of what the shared step does to its curvature.
    for m in range(MOMENTS):
        inside = np.zeros_like(step)
        inside[m * OWN : (m + 1) * OWN] = own[m]
        inside[MOMENTS * OWN :] = shared
        beside = inside.copy()
        beside[m * OWN : (m + 1) * OWN] = 0
        fallen = 0.0
        for frame in (frame for frame in frames if frame["moment"] == m):
            j, r = jacobian(frame), residuals(frame)
            fallen += r @ r - np.square(r + j @ inside).sum() + np.square(j @ beside).sum()
        assert promised[m] == pytest.approx(fallen, rel=1e-9)
