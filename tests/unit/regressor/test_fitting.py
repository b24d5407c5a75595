"""Planted regressors are found again; the solver agrees with SciPy's; options do what they say."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.optimize import nnls

from jointreg.body.model import part_of
from jointreg.config import FitRegressor
from jointreg.errors import DataError, ShapeError, SolverError, StoreError, UnitError
from jointreg.exchange.placement import expected_joints
from jointreg.regressor import Regressor, Statistics, fit, fit_regressor
from jointreg.regressor.candidates import MIRRORED_ROWS, mirrored
from jointreg.regressor.fitting import LABEL_NOISE_M, groups, solve_regressor
from jointreg.regressor.nnls import ALONE, solve_nnls
from jointreg.regressor.normal_equations import DEPTH_APART, GRID_M, joined
from jointreg.stores import Record

OFF = {
    "candidates_m": 0.0,
    "max_vertices": 0,
    "symmetric": False,
    "support": "",
    "robust": "none",
    "robust_scale_m": 0.03,
    "robust_passes": 3,
    "drop_above_m": 0.0,
}


def settings(translation, lateral=0.005, depth=0.05, sum_weight=1.0, **options):
    fixed = {"translation": translation, "lateral_error_m": lateral, "depth_error_m": depth}
    return FitRegressor(**fixed, sum_weight=sum_weight, **(OFF | options))


@pytest.fixture(scope="module")
def part(body):
    """The open body with some of its vertices, left and right alike."""
    chosen = np.union1d(
        np.arange(0, body.n_vertices, 9), np.flatnonzero(body.joint_regressor.any(axis=0))
    )
    chosen = np.union1d(chosen, body.mirror[chosen])
    return replace(part_of(body, chosen), mirror=np.searchsorted(chosen, body.mirror[chosen]))


def random_regressor(body, generator):
    """Six vertices around each joint with random convex weights."""
    weights = np.zeros((17, body.n_vertices))
    for row, centre in zip(weights, expected_joints(body), strict=True):
        near = np.argsort(np.linalg.norm(body.template - centre, axis=1))[:30]
        row[generator.choice(near, 6, replace=False)] = generator.dirichlet(np.ones(6))
    return weights


@pytest.fixture(scope="module")
def planted(part):
    return random_regressor(part, np.random.default_rng(1))


@pytest.fixture(scope="module")
def training(part, planted, make_bodies):
    """2,000 bodies with labels that carry 10 mm of noise, and 100 unseen bodies."""
    generator = np.random.default_rng(2)
    bodies = record(*make_bodies(generator, 2_000))
    joints = labels(part, planted, bodies) + generator.normal(0, 0.01 / np.sqrt(3), (2_000, 17, 3))
    return bodies, joints, part.vertices(*make_bodies(generator, 100))


@pytest.fixture(scope="module")
def exact(part, planted, make_bodies):
    """400 bodies and their planted joints without noise."""
    bodies = record(*make_bodies(np.random.default_rng(6), 400))
    return bodies, labels(part, planted, bodies)


def record(rotations, betas, translation):
    return Record({"rotations": rotations, "betas": betas, "translation": translation}, {"rows": "x"})


def labels(body, regressor, bodies):
    used = np.flatnonzero(regressor.any(axis=0))
    vertices = body.vertices(bodies.rotations, bodies.betas, bodies.translation)[:, used]
    return np.matmul(regressor[:, used], vertices.astype(np.float64))


def sequences(bodies, joints):
    return [(bodies, Record({"joints_cam": joints}, {"rows": "x"}))]


def distance_mm(first, second):
    return 1e3 * np.linalg.norm(first - second, axis=-1).mean()


def relative(joints):
    return joints - joints[:, :1]


def test_planted_regressor_is_found_under_label_noise(part, planted, training):
    bodies, joints, unseen = training
    fitted = fit(part, sequences(bodies, joints), settings("absolute"))
    truth = np.matmul(planted, unseen)
    assert fitted.weights.min() >= 0
    assert np.abs(fitted.weights.sum(axis=1) - 1).max() < 1e-3
    # 10 mm of noise over 2,000 frames and some 15 vertices a joint: 10 * sqrt(15 / 6,000) = 0.5 mm.
    assert distance_mm(fitted.apply(unseen), truth) < 0.7
    assert distance_mm(relative(fitted.apply(unseen)), relative(truth)) < 1.0
    # What is left on the training frames is the noise that was put in.
    residual = np.sqrt(np.mean(np.square(fitted.about["absolute_residual_rms_mm"])))
    assert abs(residual - 10) < 0.1


def test_translation_errors_are_eliminated(part, planted, training):
    """Depth errors of 50 mm, as a network has them, cost nothing root-relative."""
    bodies, joints, unseen = training
    error = np.random.default_rng(3).normal(0, 1, (len(joints), 1, 3)) * [0.005, 0.005, 0.05]
    data = sequences(bodies, joints + error)
    truth = np.matmul(planted, unseen)
    eliminated = fit(part, data, settings("eliminated")).apply(unseen)
    assert distance_mm(relative(eliminated), relative(truth)) < 1.0
    # The common shift of all rows stays determined by the prior.
    assert distance_mm(eliminated, truth) < 1.0
    absolute = fit(part, data, settings("absolute")).apply(unseen)
    assert distance_mm(relative(eliminated), relative(truth)) < 0.8 * distance_mm(
        relative(absolute), relative(truth)
    )


@pytest.fixture(scope="module")
def small():
    """30 vertices, 4 joints, 40 frames: small enough to stack. Statistics of both kinds."""
    generator = np.random.default_rng(4)
    vertices = generator.uniform(-0.9, 0.9, (40, 30, 3))
    joints = vertices[:, [2, 7, 11, 29]] + generator.normal(0, 0.1, (40, 4, 3))
    both = Statistics(30, 4), Statistics(30, 4, DEPTH_APART)
    for stats in both:
        stats.add(vertices, joints)
    centre = vertices.mean(axis=1, keepdims=True)
    return both, vertices - centre, joints - centre


def test_absolute_fit_equals_scipy_on_the_stacked_problem(small):
    (stats, _), vertices, joints = small
    fitted = solve_regressor(stats, settings("absolute", sum_weight=0.5)).weights
    matrix = vertices.transpose(0, 2, 1).reshape(-1, 30) / np.sqrt(40)
    stacked = np.concatenate([matrix, np.full((1, 30), np.sqrt(0.5))])
    for row, joint in zip(fitted, joints.transpose(1, 0, 2), strict=True):
        target = np.append(joint.reshape(-1) / np.sqrt(40), np.sqrt(0.5))
        assert np.abs(row - nnls(stacked, target)[0]).max() < 1e-6


def test_eliminated_fit_equals_scipy_on_the_joint_problem(small):
    """All rows and all translations in one problem; a free translation is a difference of two."""
    (_, stats), vertices, joints = small
    fitted = solve_regressor(stats, settings("eliminated", 0.02, 0.08, sum_weight=0.5)).weights
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
    assert np.abs(fitted - reference.reshape(n_joints, 30)).max() < 1e-6


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


def test_solver_says_when_it_did_not_settle(small):
    (stats, _), _, _ = small
    stats.complete()
    with pytest.raises(SolverError, match="did not settle in 3 steps"):
        solve_nnls([(ALONE, stats.gram[0])], stats.cross[0][:1], 1.0, most_steps=3)
    with pytest.raises(SolverError, match="no solution"):
        solve_nnls([(ALONE, 0 * stats.gram[0])], stats.cross[0][:1], 0.0)


def test_row_sums_that_little_holds_settle_too(part, training):
    """Without any pull on the sums weights need no longer be few, as a constant may be added to all."""
    bodies, joints, _ = training
    stats = Statistics(part.n_vertices)
    few = slice(0, 300)
    stats.add(
        part.vertices(bodies.rotations[few], bodies.betas[few], bodies.translation[few]), joints[few]
    )
    stats.complete()
    for row in stats.cross[0]:
        solve_nnls([(ALONE, stats.gram[0])], row[None], 1e-3 * 300, most_steps=150)


def test_statistics_do_not_depend_on_how_frames_are_dealt(part, training):
    bodies, joints, _ = training
    posed = part.vertices(bodies.rotations[:20], bodies.betas[:20], bodies.translation[:20])
    once, twice, heavy = (Statistics(part.n_vertices) for _ in range(3))
    once.add(posed, joints[:20])
    twice.add(posed[:13], joints[:13])
    twice.add(posed[13:], joints[13:20])
    heavy.add(np.delete(posed, 3, axis=0), np.delete(joints[:20], 3, axis=0))
    heavy.add(posed[3:5], joints[3:5], weights=np.array([1.0, 0.0]))
    assert (twice.frames, heavy.frames, heavy.frames_added, heavy.total_weight) == (20, 20, 21, 20.0)
    for other in (twice, heavy, joined([once])):
        np.testing.assert_array_equal(once.gram[0], other.gram[0])
        np.testing.assert_array_equal(once.cross[0], other.cross[0])
        np.testing.assert_array_equal(once.square[0], other.square[0])
    half = Statistics(part.n_vertices)
    half.add(posed, joints[:20], weights=np.full(20, 0.5))
    # Coordinates of less weight are rounded again: by half a step, sqrt(2) of it in the doubled sum.
    assert np.abs(2 * half.gram[0] - once.gram[0]).max() < 60 * 2**0.5 * GRID_M


@pytest.mark.parametrize("robust", ["none", "huber"])
def test_threads_change_no_bit(part, training, robust):
    """Chunks are added in another order by every run of several threads."""
    bodies, joints, _ = training
    some = []
    for begin in range(0, 900, 150):
        share = slice(begin, begin + 150)
        poses = Record({key: values[share] for key, values in bodies.items()}, {"rows": "x"})
        some += sequences(poses, joints[share])
    chosen = settings("eliminated", candidates_m=0.15, robust=robust, robust_passes=1)
    one, four = (fit(part, some, chosen, workers=workers) for workers in (1, 4))
    np.testing.assert_array_equal(one.weights, four.weights)
    assert one.about == four.about


def test_candidates_lie_near_their_joint(part, exact):
    bodies, joints = exact
    centre = expected_joints(part)
    fitted = fit(part, sequences(bodies, joints), settings("absolute", 1, 1, 100.0, candidates_m=0.25))
    row, vertex = np.nonzero(fitted.weights)
    assert np.linalg.norm(part.template[vertex] - centre[row], axis=1).max() <= 0.25
    assert fitted.weights.shape == (17, part.n_vertices)
    with pytest.raises(DataError, match=r"no vertex is left for .*pelvis.*candidates_m 0\.01"):
        fit(part, sequences(bodies, joints), settings("absolute", candidates_m=0.01))


def test_capped_rows_are_optimal_on_their_support(part, exact):
    bodies, joints = exact
    vertices = part.vertices(bodies.rotations, bodies.betas, bodies.translation).astype(np.float64)
    centre = vertices.mean(axis=1, keepdims=True)
    matrix = (vertices - centre).transpose(0, 2, 1).reshape(-1, part.n_vertices)
    fitted = fit(part, sequences(bodies, joints), settings("absolute", max_vertices=5))
    for row, joint in zip(fitted.weights, (joints - centre).transpose(1, 0, 2), strict=True):
        used = np.flatnonzero(row)
        assert len(used) <= 5
        stacked = np.concatenate([matrix[:, used], np.full((1, len(used)), np.sqrt(400))])
        target = np.append(joint.reshape(-1), np.sqrt(400))
        assert np.abs(matrix[:, used] @ (row[used] - nnls(stacked, target)[0])).max() < 1e-6  # metres
    # Six vertices are enough for what six vertices made.
    whole = fit(part, sequences(bodies, joints), settings("absolute", max_vertices=6))
    assert distance_mm(np.matmul(whole.weights, vertices), joints) < 0.05


@pytest.mark.parametrize("translation", ["absolute", "eliminated"])
@pytest.mark.parametrize("most", [0, 7])
def test_symmetric_fit_is_that_to_all_frames_and_their_mirror_images(part, training, translation, most):
    bodies, joints, unseen = training
    posed = part.vertices(bodies.rotations[:200], bodies.betas[:200], bodies.translation[:200])
    fitted = fit(
        part,
        sequences(Record({k: v[:200] for k, v in bodies.items()}, bodies.attrs), joints[:200]),
        settings(translation, symmetric=True, max_vertices=most),
    )
    assert np.array_equal(fitted.weights, mirrored(fitted.weights, part.mirror))
    if most:
        assert np.count_nonzero(fitted.weights, axis=1).max() <= most
        return
    flip = [-1, 1, 1]
    both = Statistics(part.n_vertices, groups=groups(settings(translation)))
    both.add(posed, joints[:200])
    both.add(posed[:, part.mirror] * flip, joints[:200][:, MIRRORED_ROWS] * flip)
    other = fit_regressor(both, settings(translation))
    assert distance_mm(other.apply(unseen), fitted.apply(unseen)) < 0.01


def test_support_of_a_file_is_kept_to(part, planted, exact, tmp_path):
    """On the planted support the planted weights are the only ones."""
    np.save(tmp_path / "J.npy", planted)
    options = settings("absolute", support=str(tmp_path / "J.npy"))
    fitted = fit(part, sequences(*exact), options).weights
    assert not fitted[planted == 0].any()
    assert np.abs(fitted - planted).max() < 0.01


@pytest.mark.parametrize(
    ("translation", "option"),
    [
        ("absolute", {"drop_above_m": 0.08}),
        ("absolute", {"robust": "geman_mcclure"}),
        ("absolute", {"robust": "huber", "robust_scale_m": 0.01}),
        ("eliminated", {"robust": "huber", "drop_above_m": 0.08, "robust_passes": 2}),
    ],
)
def test_wrong_bodies_are_found_and_weigh_little(part, planted, training, translation, option):
    """Every tenth body belongs to another frame."""
    bodies, joints, unseen = training
    few = slice(0, 500)
    wrong = np.arange(500) % 10 == 0
    rotations = bodies.rotations[few].copy()
    rotations[wrong] = np.roll(rotations[wrong], 1, axis=0)
    mixed = record(rotations, bodies.betas[few], bodies.translation[few])
    data = sequences(mixed, joints[few])
    plain, careful = (fit(part, data, settings(translation, **o)) for o in ({}, option))
    truth = np.matmul(planted, unseen)
    assert distance_mm(careful.apply(unseen), truth) < 0.6 * distance_mm(plain.apply(unseen), truth)
    assert careful.about["frames_dropped"] == (wrong.sum() if "drop_above_m" in option else 0)


def test_options_that_cannot_be_met_are_refused(part, exact):
    bodies, joints = exact
    data = sequences(bodies, joints)
    with pytest.raises(ShapeError, match="every one of 400 frames"):
        fit(part, sequences(bodies, joints + 0.05), settings("absolute", drop_above_m=1e-4))
    with pytest.raises(TypeError, match="not an iterator"):
        fit(part, iter(data), settings("absolute", robust="huber"))
    with pytest.raises(DataError, match="needs a body file with `mirror`"):
        fit(replace(part, mirror=None), data, settings("absolute", symmetric=True))
    with pytest.raises(DataError, match="candidates_m needs a body with SMPL's skeleton"):
        other = replace(part, joint_names=tuple(f"joint_{k}" for k in range(24)))
        fit(other, data, settings("absolute", candidates_m=0.2))
    with pytest.raises(ValidationError, match="a middle joint has both sides"):
        settings("absolute", symmetric=True, max_vertices=1)
    with pytest.raises(ValidationError, match="leaves out every frame that robust_scale_m"):
        settings("absolute", robust="huber", robust_scale_m=0.05, drop_above_m=0.04)


def test_bad_input_is_refused(part, training):
    bodies, joints, _ = training
    stats = Statistics(part.n_vertices)
    posed = part.vertices(bodies.rotations[:2], bodies.betas[:2])
    with pytest.raises(ShapeError, match="expected"):
        stats.add(posed, joints[:3])
    with pytest.raises(UnitError, match="joints extend over"):
        stats.add(posed, 1000 * joints[:2])
    with pytest.raises(ShapeError, match="no frames"):
        fit_regressor(stats, settings("absolute"))
    with pytest.raises(ShapeError, match="do not fit 'eliminated'"):
        stats.add(posed, joints[:2])
        fit_regressor(stats, settings("eliminated"))
    with pytest.raises(StoreError, match="not the same frames"):
        fit(part, [(bodies, Record({"joints_cam": joints}, {"rows": "y"}))], settings("absolute"))
    with pytest.raises(ShapeError, match="6890"):
        Regressor(np.zeros((17, 6890))).apply(np.zeros((2, 100, 3)))


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e30])
def test_one_point_or_frame_that_is_no_body_is_refused(part, training, value):
    """Each would give a regressor of zeros, or of one vertex."""
    bodies, joints, _ = training
    posed = part.vertices(bodies.rotations[:3], bodies.betas[:3])
    stats = Statistics(part.n_vertices)
    spoilt = posed.copy()
    spoilt[1, 40, 2] = value
    with pytest.raises(UnitError, match=r"vertices extend over .* in frame 1"):
        stats.add(spoilt, joints[:3])
    spoilt = posed.copy()
    spoilt[2] *= 1000
    with pytest.raises(UnitError, match=r"vertices extend over .* in frame 2"):
        stats.add(spoilt, joints[:3])
    with pytest.raises(DataError, match="weights are negative or not finite"):
        stats.add(posed, joints[:3], np.array([1, 1, -value]))
    with pytest.raises(ShapeError, match=r"weights have shape \(2,\)"):
        stats.add(posed, joints[:3], np.ones(2))
    with pytest.raises(DataError, match="joints is complex"):
        stats.add(posed, joints[:3] + 1j)
    assert stats.frames_added == 0 and not stats.cross[0].any()


def test_rows_that_do_not_sum_to_one_are_refused(part, training):
    """Labels 1.3 times as far apart as the bodies' joints, and little that holds the sums."""
    bodies, joints, _ = training
    centre = joints.mean(axis=1, keepdims=True)
    stretched = Record({"joints_cam": centre + 1.3 * (joints - centre)}, {"rows": "x"})
    with pytest.raises(SolverError, match="rows sum to"):
        fit(part, [(bodies, stretched)], settings("absolute", sum_weight=0.01))


def test_labels_far_from_the_bodies_are_refused(part, training):
    bodies, joints, _ = training
    stats = Statistics(part.n_vertices)
    stats.add(
        part.vertices(bodies.rotations, bodies.betas, bodies.translation), joints + np.array([0, 0, 50])
    )
    with pytest.raises(SolverError, match=r"rows sum to .*worst \w+: (.|\n)*whether the bodies are of"):
        fit_regressor(stats, settings("absolute"))
