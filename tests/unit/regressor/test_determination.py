"""Standard errors of joints: against known errors, and along the axis where labels are noisy."""

import numpy as np
import pytest

from jointreg.regressor.own_candidates import fit_own_candidates

AT_REST = ([0.0, 0.0, 0.0], [0.0, 0.0, 4.5])


def fitted(body, make_bodies, noise_m, frames, turned, seed):
    """A fit to labels of three knee vertices with noise along each axis of the body, and its error."""
    generator = np.random.default_rng(seed)
    rotations, betas, translation = make_bodies(generator, frames + 50)
    if not turned:
        rotations[:, 0] = np.eye(3)
    posed = body.vertices(rotations, betas, translation).astype(np.float64)
    planted = np.zeros(body.n_vertices)
    knee = body.joints(np.tile(np.eye(3), (1, 24, 1, 1)), np.zeros((1, 10)))[0, 4]
    planted[np.argsort(np.linalg.norm(body.template - knee, axis=1))[[2, 9, 30]]] = 1 / 3
    noise = generator.normal(size=(frames, 1, 3)) * noise_m
    labels = (planted @ posed[:frames])[:, None] + np.einsum(
        "nab,njb->nja", rotations[:frames, 0], noise
    )
    training = posed[:frames]
    chunks = [(training[at : at + 32], labels[at : at + 32]) for at in range(0, frames, 32)]
    result = fit_own_candidates(chunks, ("knee",), reference=body.template)
    away = (result.weights[0] - planted) @ posed[frames:]
    return result.about["standard_error_mm"]["knee"], 1e3 * np.sqrt(np.square(away).mean(axis=0).sum())


def test_standard_errors_are_those_that_are_made(body, make_bodies):
    """Root mean square over six data sets: predicted and made agree within half."""
    pairs = [fitted(body, make_bodies, [0.02] * 3, 192, True, seed) for seed in range(6)]
    predicted = np.sqrt(np.mean([np.square(errors).sum() for errors, _ in pairs]))
    made = np.sqrt(np.mean([error**2 for _, error in pairs]))
    assert made > 1 and predicted == pytest.approx(made, rel=0.5)


def test_the_axis_along_which_labels_are_noisy(body, make_bodies):
    """Errors of 60 mm along the axis of the body that looks forward, wherever the body is turned to.

    Weights are shared by the axes, so noise along one of them moves the joint along the others as well.
    """
    errors, other = (
        fitted(body, make_bodies, [0.002, 0.002, 0.06], 192, turned, 3)[0] for turned in (False, True)
    )
    assert errors[2] > 1.3 * max(errors[:2])
    assert np.allclose(errors, other, atol=0.1)


def test_too_few_frames_give_no_standard_error(body, make_bodies):
    errors, _ = fitted(body, make_bodies, [0.01] * 3, 11, True, 1)
    assert errors is None
