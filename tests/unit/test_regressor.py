"""Planted regressors are found again; the solver agrees with SciPy's."""

import numpy as np
import pytest
from scipy.optimize import nnls

from jointreg import stores
from jointreg.config import FitRegressor
from jointreg.errors import DataError, ShapeError, SolverError, StoreError, UnitError
from jointreg.regressor import (
    DEPTH_APART,
    LABEL_NOISE_M,
    Regressor,
    Statistics,
    fit,
    fit_regressor,
    load_regressor,
    save_regressor,
    solve_nnls,
)
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, H36M_AS_SMPL, SMPL_24, rows
from jointreg.stores import Record


def settings(translation, lateral=0.005, depth=0.05, sum_weight=1.0):
    return FitRegressor(
        translation=translation, sum_weight=sum_weight, lateral_error_m=lateral, depth_error_m=depth
    )


@pytest.fixture(scope="module")
def planted(body):
    """Six neighbouring vertices a joint with random convex weights."""
    generator = np.random.default_rng(1)
    weights = np.zeros((17, body.n_vertices))
    for row in weights:
        centre = body.template[generator.integers(body.n_vertices)]
        near = np.argsort(np.linalg.norm(body.template - centre, axis=1))[:60]
        row[generator.choice(near, 6, replace=False)] = generator.dirichlet(np.ones(6))
    return weights


@pytest.fixture(scope="module")
def training(body, planted, make_bodies):
    """300 bodies with labels that carry 10 mm of noise, and 100 unseen bodies."""
    generator = np.random.default_rng(2)
    rotations, betas, translation = make_bodies(generator, 300)
    vertices = body.vertices(rotations, betas, translation)
    joints = np.matmul(planted, vertices) + generator.normal(0, 0.01 / np.sqrt(3), (300, 17, 3))
    unseen = body.vertices(*make_bodies(generator, 100))
    bodies = Record({"rotations": rotations, "betas": betas, "translation": translation}, {"rows": "x"})
    return bodies, joints, unseen


def distance_mm(first, second):
    return 1e3 * np.linalg.norm(first - second, axis=-1).mean()


def relative(joints):
    return joints - joints[:, :1]


def test_planted_regressor_is_found_under_label_noise(body, planted, training):
    bodies, joints, unseen = training
    found = fit(body, [(bodies, Record({"joints_cam": joints}, {"rows": "x"}))], settings("absolute"))
    truth = np.matmul(planted, unseen)
    assert found.weights.min() >= 0
    assert np.abs(found.weights.sum(axis=1) - 1).max() < 1e-3
    # 10 mm of noise over 300 frames and some 15 vertices a joint: 10 * sqrt(15 / 900) = 1.3 mm.
    assert distance_mm(found.apply(unseen), truth) < 1.5
    # What is left on the training frames is the noise that was put in.
    residual = np.sqrt(np.mean(np.square(found.about["absolute_residual_rms_mm"])))
    assert abs(residual - 10) < 0.5


def test_translation_errors_are_eliminated(body, planted, training):
    """Depth errors of 50 mm, as a network has them, cost nothing root-relative."""
    bodies, joints, unseen = training
    error = np.random.default_rng(3).normal(0, 1, (300, 1, 3)) * [0.005, 0.005, 0.05]
    sequences = [(bodies, Record({"joints_cam": joints + error}, {"rows": "x"}))]
    truth = np.matmul(planted, unseen)
    eliminated = fit(body, sequences, settings("eliminated")).apply(unseen)
    assert distance_mm(relative(eliminated), relative(truth)) < 2.5
    # The common shift of all rows stays determined by the prior.
    assert distance_mm(eliminated, truth) < 2.5
    absolute = fit(body, sequences, settings("absolute")).apply(unseen)
    assert distance_mm(relative(eliminated), relative(truth)) < 0.8 * distance_mm(
        relative(absolute), relative(truth)
    )


@pytest.fixture(scope="module")
def small():
    """30 vertices, 4 joints, 40 frames: small enough to stack. Statistics of both kinds."""
    generator = np.random.default_rng(4)
    vertices = generator.normal(0, 0.5, (40, 30, 3))
    joints = vertices[:, [2, 7, 11, 29]] + generator.normal(0, 0.1, (40, 4, 3))
    both = Statistics(30, 4), Statistics(30, 4, DEPTH_APART)
    for stats in both:
        stats.add(vertices, joints)
    centre = vertices.mean(axis=1, keepdims=True)
    return both, vertices - centre, joints - centre


def test_absolute_fit_equals_scipy_on_the_stacked_problem(small):
    (stats, _), vertices, joints = small
    found = fit_regressor(stats, settings("absolute", sum_weight=0.5)).weights
    matrix = vertices.transpose(0, 2, 1).reshape(-1, 30) / np.sqrt(40)
    stacked = np.concatenate([matrix, np.full((1, 30), np.sqrt(0.5))])
    for row, joint in zip(found, joints.transpose(1, 0, 2), strict=True):
        target = np.append(joint.reshape(-1) / np.sqrt(40), np.sqrt(0.5))
        assert np.abs(row - nnls(stacked, target)[0]).max() < 1e-6


def test_eliminated_fit_equals_scipy_on_the_joint_problem(small):
    """All rows and all translations in one problem; a free translation is a difference of two."""
    (_, stats), vertices, joints = small
    found = fit_regressor(stats, settings("eliminated", 0.02, 0.08, sum_weight=0.5)).weights
    frames, n_joints = 40, 4
    matrix = vertices.transpose(0, 2, 1).reshape(-1, 30)
    free = np.eye(frames * 3)
    left = np.kron(np.eye(n_joints), matrix)
    right = np.kron(np.ones((n_joints, 1)), free)
    data = np.concatenate([left, right, -right], axis=1)
    damping = free * np.tile(LABEL_NOISE_M / np.array([0.02, 0.02, 0.08]), frames)
    penalty = np.concatenate([np.zeros((frames * 3, n_joints * 30)), damping, -damping], axis=1)
    sums = np.concatenate(
        [np.kron(np.eye(n_joints), np.ones((1, 30))), np.zeros((n_joints, 2 * frames * 3))], axis=1
    ) * np.sqrt(0.5 * frames)
    target = np.concatenate(
        [
            joints.transpose(1, 0, 2).reshape(-1),
            np.zeros(frames * 3),
            np.full(n_joints, np.sqrt(0.5 * frames)),
        ]
    )
    reference = nnls(np.concatenate([data, penalty, sums]), target)[0][: n_joints * 30]
    assert np.abs(found - reference.reshape(n_joints, 30)).max() < 1e-6


def test_solver_meets_the_optimality_conditions_on_a_singular_gram():
    """Twice as many vertices as equations: weights are not unique, optimality is."""
    generator = np.random.default_rng(5)
    matrix = generator.normal(size=(40, 80))
    matrix = np.concatenate([matrix, matrix[:, :10]], axis=1)  # and ten exact twins
    target = generator.normal(size=40)
    gram, right = matrix.T @ matrix, matrix.T @ target
    weights = solve_nnls([(np.ones((1, 1)), gram)], right[None], 0.0)[0]
    reference = nnls(matrix, target)[1]
    assert np.linalg.norm(matrix @ weights - target) == pytest.approx(reference, abs=1e-7)
    gradient = right - gram @ weights
    assert gradient.max() < 1e-6
    assert np.abs(gradient[weights > 0]).max() < 1e-6


def test_statistics_do_not_depend_on_how_frames_are_dealt(body, training):
    bodies, joints, _ = training
    posed = body.vertices(bodies.rotations[:20], bodies.betas[:20], bodies.translation[:20])
    once, twice = Statistics(body.n_vertices), Statistics(body.n_vertices)
    once.add(posed, joints[:20])
    twice.add(posed[:13], joints[:13])
    twice.add(posed[13:], joints[13:20])
    assert twice.frames == 20
    assert np.abs(once.gram[0] - twice.gram[0]).max() < 1e-10
    assert np.abs(once.cross[0] - twice.cross[0]).max() < 1e-10


def test_bad_input_is_refused(body, training):
    bodies, joints, _ = training
    stats = Statistics(body.n_vertices)
    posed = body.vertices(bodies.rotations[:2], bodies.betas[:2])
    with pytest.raises(ShapeError, match="expected"):
        stats.add(posed, joints[:3])
    with pytest.raises(UnitError, match="joints extend over"):
        stats.add(posed, 1000 * joints[:2])
    with pytest.raises(ShapeError, match="no frames"):
        fit_regressor(stats, settings("absolute"))
    with pytest.raises(StoreError, match="not the same frames"):
        fit(body, [(bodies, Record({"joints_cam": joints}, {"rows": "y"}))], settings("absolute"))
    with pytest.raises(ShapeError, match="6890"):
        Regressor(np.zeros((17, 6890))).apply(np.zeros((2, 100, 3)))


def test_a_file_for_another_body_or_with_the_right_leg_first_is_refused(tmp_path, body):
    path = tmp_path / "J.npy"
    skeleton = body.joint_regressor[rows([H36M_AS_SMPL[n] for n in H36M_17], SMPL_24)]
    save_regressor(Regressor(skeleton.astype(np.float64)), path)
    assert load_regressor(path, body).weights.shape == (17, 6890)
    np.save(path, np.load(path)[rows(H36M_17_RIGHT_FIRST)])
    with pytest.raises(DataError, match="left_hip, left_knee, left_ankle lie on the right side"):
        load_regressor(path, body)
    np.save(path, np.full((17, 500), 1 / 500))
    with pytest.raises(DataError, match="for 500 vertices, the body has 6890"):
        load_regressor(path, body)


def test_rows_that_do_not_sum_to_one_are_refused(body, training):
    """Labels 1.3 times as far apart as the bodies' joints, and little that holds the sums."""
    bodies, joints, _ = training
    centre = joints.mean(axis=1, keepdims=True)
    stretched = Record({"joints_cam": centre + 1.3 * (joints - centre)}, {"rows": "x"})
    with pytest.raises(SolverError, match="rows sum to"):
        fit(body, [(bodies, stretched)], settings("absolute", sum_weight=0.01))


def test_npy_round_trip_and_refusals(tmp_path, planted):
    path = tmp_path / "J.npy"
    save_regressor(Regressor(planted), path)
    assert np.array_equal(load_regressor(path).weights, planted)
    np.save(path, np.asfortranarray(planted))
    assert np.array_equal(load_regressor(path).weights, planted)
    for change, message in [
        (planted[:14], r"shape \(14, 6890\)"),
        (-planted, "negative"),
        (1000 * planted, "sums to 1000"),
    ]:
        np.save(path, change)
        with pytest.raises(DataError, match=message):
            load_regressor(path)
    np.save(path, planted)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="not a plain npy"):
        load_regressor(path)
    with pytest.raises(DataError, match="does not exist"):
        load_regressor(tmp_path / "none.npy")


def test_schema_holds_a_regressor(tmp_path, planted):
    stores.REGRESSOR.write(tmp_path / "J.zarr.zip", {"weights": planted})
    assert np.array_equal(stores.REGRESSOR.read(tmp_path / "J.zarr.zip").weights, planted)
