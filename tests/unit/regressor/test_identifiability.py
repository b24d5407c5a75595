"""What the data determine: distances of known shapes, ranks of known motions, spreads of known noise."""

from dataclasses import replace

import numpy as np
import pytest

from jointreg.body import load_body
from jointreg.body.model import part_of
from jointreg.config import load, read_yaml
from jointreg.regressor import fit
from jointreg.regressor.identifiability import COLUMNS, identifiability_rows, surface_distance
from jointreg.skeleton import H36M_17
from jointreg.stores import Record


@pytest.fixture(scope="module")
def settings(root):
    return load(read_yaml(root / "config/config.yaml")).fit_regressor_opt


@pytest.fixture(scope="module")
def part():
    """The open body with every tenth vertex and the skeleton's, and the whole body's surface."""
    whole = load_body("open")
    chosen = np.arange(0, whole.n_vertices, 10)
    skeleton = np.flatnonzero(whole.joint_regressor.any(axis=0))
    small = part_of(whole, np.union1d(chosen, skeleton))
    return replace(small, faces=np.zeros((1, 3), dtype=np.int32))


def test_distance_from_a_box_is_signed():
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    square = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    faces = np.array([triangle for a, b, c, d in square for triangle in ([a, b, c], [a, c, d])])
    points = [[0.5, 0.5, 0.5], [0.5, 0.5, 0.9], [2.0, 0.5, 0.5], [2.0, 2.0, 0.5], [-1.0, -1.0, -1.0]]
    expected = [-0.5, -0.1, 1.0, np.sqrt(2), np.sqrt(3)]
    assert surface_distance(points, corners, faces) == pytest.approx(expected, abs=1e-12)


def test_skeleton_lies_inside_the_open_body(body):
    distance = surface_distance(body.joint_regressor @ body.template, body.template, body.faces)
    assert distance.max() < 0
    assert distance.min() > -0.15


@pytest.fixture(scope="module")
def subjects(part, make_bodies):
    """Five subjects with 200 bodies each; labels with 10 mm of noise."""
    generator = np.random.default_rng(4)
    planted = np.zeros((17, part.n_vertices))
    for row in planted:
        row[generator.choice(part.n_vertices, 4, replace=False)] = 0.25
    sequences = []
    for _ in range(5):
        rotations, betas, translation = make_bodies(generator, 200)
        bodies = {"rotations": rotations, "betas": betas, "translation": translation}
        joints = planted @ part.vertices(rotations, betas, translation).astype(np.float64)
        joints += generator.normal(0, 0.01 / np.sqrt(3), joints.shape)
        sequences.append((Record(bodies, {"rows": ""}), Record({"joints_cam": joints}, {"rows": ""})))
    return planted, sequences


def test_noise_is_measured_and_its_effect_foretold(part, subjects, settings, make_bodies):
    planted, sequences = subjects
    regressor = fit(part, sequences, settings)
    rows = identifiability_rows(part, sequences, list("abcde"), regressor, settings)
    assert rows == identifiability_rows(part, sequences, list("abcde"), regressor, settings, workers=3)
    assert [row["joint"] for row in rows] == list(H36M_17)
    assert all(set(row) == set(COLUMNS) for row in rows)
    column = {name: np.array([row[name] for row in rows]) for name in COLUMNS[1:]}
    # 10 mm of noise: a little less is left in the fit, a little more on subjects outside it.
    assert np.abs(column["residual_mm"] - 10).max() < 0.6
    assert np.allclose(column["residual_mm"], regressor.about["absolute_residual_rms_mm"], atol=1e-3)
    assert (column["held_out_mm"] > column["residual_mm"]).all()
    assert np.abs(column["held_out_mm"] - 10).max() < 0.8
    # The jackknife tells the true error of the predicted joints, to a factor.
    unseen = part.vertices(*make_bodies(np.random.default_rng(5), 200))
    error = 1e3 * np.sqrt(np.square((regressor.weights - planted) @ unseen).sum(axis=2).mean(axis=0))
    ratio = np.sqrt(np.mean(column["people_mm"] ** 2) / np.mean(error**2))
    assert 0.6 < ratio < 1.7
    shares = regressor.weights / regressor.weights.sum(axis=1, keepdims=True)
    assert np.allclose(column["effective_vertices"], 1 / np.square(shares).sum(axis=1))


def test_rank_counts_what_moves(part, subjects, settings):
    """A rigid body centred on its mean has three independent directions, if it never changes shape."""
    _, ((bodies, _), *_) = subjects
    turns = bodies.rotations.copy()
    turns[:, 1:] = np.eye(3)
    still = Record(bodies | {"rotations": turns, "betas": 0 * bodies.betas}, {"rows": ""})
    joints = part.joints(still.rotations, still.betas, still.translation)[:, :17]
    sequences = [(still, Record({"joints_cam": joints}, {"rows": ""}))]
    regressor = fit(part, sequences, settings)
    rows = identifiability_rows(part, sequences, ["a"], regressor, settings)
    assert {row["rank"] for row in rows} == {3}
    assert rows[0]["held_out_mm"] is None
    assert rows[0]["people_mm"] is None


def test_a_subject_with_one_frame_shows_as_a_spread_and_not_as_a_singular_matrix(
    part, subjects, settings
):
    _, (first, (bodies, frames), *_) = subjects
    one = Record({name: value[:1] for name, value in bodies.items()}, bodies.attrs)
    labels = Record({"joints_cam": frames.joints_cam[:1]}, frames.attrs)
    sequences = [first, (one, labels)]
    rows = identifiability_rows(part, sequences, ["a", "b"], fit(part, sequences, settings), settings)
    spread = np.array([row["people_mm"] for row in rows])
    assert np.isfinite(spread).all()
    assert spread.min() > 2  # of 10 mm of noise one frame leaves nearly all
