"""Planted regressors of any joint set, with noise and missing labels."""

import numpy as np
import pytest
from meshes import finer

from jointreg.body import load_body
from jointreg.errors import DataError
from jointreg.exchange.joint_sets import JOINT_SETS
from jointreg.exchange.placement import expected_joints
from jointreg.regressor.own_candidates import LEAST_FRAMES, candidates, fit_own_candidates

NOISE_M = 0.01


def planted(mesh, joints, generator):
    """Six vertices around the place of each joint."""
    weights = np.zeros((len(joints.joints), mesh.n_vertices))
    for row, place in zip(weights, expected_joints(mesh, joints), strict=True):
        near = np.argsort(np.linalg.norm(mesh.template - place, axis=1))[:60]
        row[generator.choice(near, 6, replace=False)] = generator.dirichlet(np.ones(6))
    return weights


@pytest.mark.parametrize(("name", "vertices"), [("smpl_24", 6890), ("coco_17", 13_718)])
def test_a_planted_regressor_predicts_unseen_bodies(make_bodies, name, vertices):
    """10 mm of noise, one label in ten missing, 600 frames: a millimetre, as 10 sqrt(20 / 1620) says."""
    generator = np.random.default_rng(3)
    body = load_body("open")
    mesh = body if vertices == body.n_vertices else finer(body, vertices)
    joints = JOINT_SETS[name]
    truth = planted(mesh, joints, generator)
    frames = []
    for _ in range(15):
        posed = mesh.vertices(*make_bodies(generator, 40)).astype(np.float64)
        labels = truth @ posed + generator.normal(0, NOISE_M / np.sqrt(3), (40, len(truth), 3))
        labels[generator.random(labels.shape[:2]) < 0.1] = np.nan
        frames.append((posed, labels))
    fitted = fit_own_candidates(frames, joints.joints)
    assert fitted.joint_names == joints.joints and (fitted.weights >= 0).all()
    assert fitted.weights.shape == truth.shape and np.abs(fitted.weights.sum(axis=1) - 1).max() < 0.01
    posed = mesh.vertices(*make_bodies(generator, 30)).astype(np.float64)
    away = 1e3 * np.linalg.norm((fitted.weights - truth) @ posed, axis=2).mean(axis=0)
    assert away.mean() < 1 and away.max() < 2
    residuals = list(fitted.about["residual_rms_mm"].values())
    assert np.allclose(residuals, 10, atol=0.6)
    assert np.allclose(list(fitted.about["labelled_frames"].values()), 540, atol=40)


def test_exact_labels_give_the_planted_regressor(make_bodies):
    """Of the face, the crown and the wrists also, whose vertices lie a millimetre apart."""
    generator = np.random.default_rng(8)
    body, joints = load_body("open"), JOINT_SETS["h36m_17"]
    truth = np.zeros((17, body.n_vertices))
    for row, place in zip(truth, expected_joints(body, joints), strict=True):
        near = np.argsort(np.linalg.norm(body.template - place, axis=1))[:40]
        row[generator.choice(near, 4, replace=False)] = generator.dirichlet(np.full(4, 5.0))
    posed = body.vertices(*make_bodies(generator, 200)).astype(np.float64)
    fitted = fit_own_candidates([(posed, truth @ posed)], joints.joints, max_vertices=4)
    assert np.abs(fitted.weights - truth).max() < 1e-4


def test_candidates_are_the_vertices_that_stay_near(generator):
    """A vertex that is near in one frame and far in others is none."""
    mesh = generator.normal(size=(6000, 3))
    frames = np.repeat(mesh[None], 20, axis=0) + generator.normal(size=(20, 1, 3))
    joint = frames[:, 7].copy()
    frames[1:, 3] = joint[1:] + 40
    frames[0, 3] = joint[0]
    chosen = candidates([(frames, joint[:, None])])
    assert chosen.shape == (1, 512) and 7 in chosen and 3 not in chosen


def test_most_vertices_are_kept_to(generator):
    mesh = generator.normal(size=(30, 600, 3))
    weights = generator.dirichlet(np.full(600, 0.02))
    fitted = fit_own_candidates([(mesh, (weights @ mesh)[:, None])], ("one",), max_vertices=3)
    assert np.count_nonzero(fitted.weights) <= 3


def test_too_few_labels_and_an_iterator(generator):
    mesh = generator.normal(size=(30, 600, 3))
    labels = mesh[:, :2].copy()
    labels[LEAST_FRAMES - 1 :, 1] = np.nan
    with pytest.raises(DataError, match=r"joints \[1\] have labels in fewer than 10"):
        fit_own_candidates([(mesh, labels)], ("a", "b"))
    with pytest.raises(TypeError, match="read twice"):
        fit_own_candidates(iter([(mesh, labels)]), ("a", "b"))
