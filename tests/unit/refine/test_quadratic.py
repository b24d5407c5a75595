"""Gradients and rows of Levenberg-Marquardt against finite differences, in float64."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from jointreg.refine import Sample, exact_layers
from jointreg.refine.bone_moments import BoneMoments
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.losses import TERMS
from jointreg.refine.quadratic import Goals, Quadratic
from jointreg.refine.targets import checked_targets

STEP = 1e-6
WEIGHTS = {"joint": 3.0, "silhouette": 1e-3, "adversarial": 2.0, "keypoints": 1e-4}


@pytest.fixture(scope="module")
def scene(body, sample: Sample) -> SimpleNamespace:
    """Two frames, a dense regressor, and a discriminator."""
    generator = np.random.default_rng(5)
    regressor = body.joint_regressor[:17].astype(np.float64)
    regressor[3] = generator.uniform(0, 2 / body.n_vertices, body.n_vertices)
    network = Discriminator.create(torch.Generator().manual_seed(1))
    targets = checked_targets(body, sample, regressor)
    return SimpleNamespace(
        regressor=regressor,
        discriminator=network,
        goals=Goals.of(targets, silhouette=True),
        start=(sample.bodies["rotations"], sample.bodies["betas"] + 0.3, sample.bodies["translation"]),
    )


def quadratic(body, scene, *terms, **options):
    factors = tuple(WEIGHTS[name] if name in terms else 0.0 for name in WEIGHTS)
    return Quadratic(
        body,
        BoneMoments(body, scene.regressor),
        factors,
        scene.discriminator,
        **options,
    )


def along(problem, scene, direction):
    """Weighted energies of both frames as a function of a step along `direction` (P,)."""
    skeleton = problem.motion.skeleton(*scene.start)

    def total(length):
        step = np.tile(length * direction, (len(skeleton), 1))
        evaluation = problem.evaluate(problem.motion.moved(skeleton, step), scene.goals)
        return evaluation.energies @ problem.factors

    return total


@pytest.mark.parametrize(
    ("terms", "options"),
    [
        (("joint",), {}),
        (("joint", "keypoints"), {"root_relative": True}),
        (("silhouette",), {}),
        (("adversarial",), {}),
    ],
)
def test_the_gradient_is_the_slope_of_the_energy(body, scene, terms, options, monkeypatch):
    problem = quadratic(body, scene, *terms, **options)
    now = problem.evaluate(problem.motion.skeleton(*scene.start), scene.goals)
    # Rounded outputs of the discriminator are steps: the slope is that of unrounded ones.
    monkeypatch.setattr(exact_layers, "rounded", lambda values, *_, **__: values)
    generator = np.random.default_rng(0)
    for _ in range(3):
        direction = generator.normal(size=problem.motion.unknowns)
        energy = along(problem, scene, direction)
        slope = (energy(STEP) - energy(-STEP)) / (2 * STEP)
        np.testing.assert_allclose(now.gradient @ direction, slope, rtol=2e-5, atol=1e-7)


def test_every_term_has_an_energy(body, scene):
    """None is passed over in silence."""
    assert tuple(WEIGHTS) == TERMS
    for index, term in enumerate(TERMS):
        problem = quadratic(body, scene, term)
        evaluation = problem.evaluate(problem.motion.skeleton(*scene.start), scene.goals)
        assert (evaluation.energies[:, index] > 0).all(), term


def test_every_entry_of_the_joint_gradient_is_its_slope(body, scene):
    problem = quadratic(body, scene, "joint")
    now = problem.evaluate(problem.motion.skeleton(*scene.start), scene.goals)
    slopes = []
    for direction in np.eye(problem.motion.unknowns):
        energy = along(problem, scene, direction)
        slopes.append((energy(STEP) - energy(-STEP)) / (2 * STEP))
    np.testing.assert_allclose(now.gradient, np.transpose(slopes), rtol=1e-6, atol=1e-7)


def test_joints_from_moments_are_those_of_the_mesh(body, scene):
    moments = BoneMoments(body, scene.regressor)
    skeleton = quadratic(body, scene, "joint").motion.skeleton(*scene.start)
    vertices = body.vertices(*(value.astype(np.float32) for value in scene.start))
    np.testing.assert_allclose(moments.joints(skeleton), scene.regressor @ vertices, atol=2e-6)


def test_joint_rows_are_the_slopes_of_the_joints_pose_offsets_included(body, scene):
    motion, moments = quadratic(body, scene, "joint").motion, BoneMoments(body, scene.regressor)
    skeleton = motion.skeleton(*scene.start)
    assert np.abs(body.pose_directions).max() > 0
    slopes = []
    for direction in np.eye(motion.unknowns):
        steps = [np.tile(sign * STEP * direction, (2, 1)) for sign in (1, -1)]
        ahead, behind = (moments.joints(motion.moved(skeleton, step))[1] for step in steps)
        slopes.append((ahead - behind) / (2 * STEP))
    np.testing.assert_allclose(moments.rows(skeleton, 1), np.moveaxis(slopes, 0, -1), atol=1e-8)


def test_the_joints_matrix_is_jacobian_transposed_times_jacobian(body, scene):
    problem = quadratic(body, scene, "joint")
    skeleton = problem.motion.skeleton(*scene.start)
    matrix = np.empty((1, *2 * (problem.motion.unknowns,)))
    problem.matrices(problem.evaluate(skeleton, scene.goals), scene.goals, np.array([1]), matrix)
    rows = problem.moments.rows(skeleton, 1).reshape(-1, problem.motion.unknowns)
    np.testing.assert_allclose(np.triu(matrix[0]), np.triu(2 * 3.0 * rows.T @ rows), atol=1e-12)


def test_vertex_rows_are_the_slopes_of_vertices_without_pose_offsets(body, scene):
    still = replace(body, pose_directions=np.zeros_like(body.pose_directions))
    problem = quadratic(still, scene, "silhouette")
    motion = problem.motion
    skeleton = motion.skeleton(*scene.start)
    chosen = np.array([0, 412, 3000, 6889], dtype=np.int32)
    directions = np.random.default_rng(2).normal(size=(4, 3))

    def places(step):
        moved = motion.moved(skeleton, np.tile(step, (2, 1)))
        posed = problem.evaluate(moved, scene.goals).posed
        return np.einsum("rc,rc->r", directions, posed.vertices[chosen, :, 1])

    rows = motion.rows(skeleton, problem.evaluate(skeleton, scene.goals).posed, 1, chosen, directions)
    for k in (0, 1, 2, 10, 14, 35, 60, 71, 72, 76, 81, 82, 84):
        step = np.zeros(motion.unknowns)
        step[k] = STEP
        np.testing.assert_allclose(rows[:, k], (places(step) - places(-step)) / (2 * STEP), atol=1e-7)


def test_a_frame_evaluated_alone_has_the_same_bits(body, scene):
    problem = quadratic(body, scene, *WEIGHTS)
    both = problem.evaluate(problem.motion.skeleton(*scene.start), scene.goals)
    rows = np.array([1])
    alone = problem.evaluate(
        problem.motion.skeleton(*(value[rows] for value in scene.start)), scene.goals.part(rows)
    )
    np.testing.assert_array_equal(both.energies[1, [0, 1, 3]], alone.energies[0, [0, 1, 3]])
    np.testing.assert_allclose(both.gradient[1], alone.gradient[0], rtol=1e-9, atol=1e-9)


def test_a_body_behind_the_camera_costs_infinitely_much(body, scene):
    problem = quadratic(body, scene, "joint", "silhouette")
    rotations, betas, translation = scene.start
    through = np.array(translation)
    through[0, 2] = 0.1
    now = problem.evaluate(problem.motion.skeleton(rotations, betas, through), scene.goals)
    assert np.isinf(now.energies[0]).all()
    assert np.isfinite(now.energies[1]).all()
    assert np.isfinite(now.gradient).all()
