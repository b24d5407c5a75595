"""Planted regressors of any joint set, with noise and missing labels."""

import numpy as np
import pytest
from meshes import finer

from jointreg.body import load_body
from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import DataError
from jointreg.exchange.meshes import Mesh
from jointreg.exchange.placement import expected_joints
from jointreg.regressor.mirror import mirror_of_mesh
from jointreg.regressor.own_candidates import LEAST_FRAMES, candidates, fit_own_candidates

NOISE_M = 0.01
FRAMES, UNSEEN = 1280, 64
LIMBS = tuple(name for name in JOINT_SETS["lsp_14"].joints if name not in ("neck", "head_top"))
NAMES = {12: LIMBS, 24: JOINT_SETS["smpl_24"].joints, 70: JOINT_SETS["mhr_70"].joints}


@pytest.fixture(scope="module")
def meshes(make_bodies):
    """A body of 18,439 vertices and its posed vertices, (FRAMES + UNSEEN, V, 3) float32.

    Meshes of fewer vertices are the first of them: the fit does not see how they are joined.
    """
    mesh, generator = finer(load_body("open"), 18_439), np.random.default_rng(3)
    return mesh, np.concatenate(
        [mesh.vertices(*make_bodies(generator, 64)) for _ in range(0, FRAMES + UNSEEN, 64)]
    )


def planted(mesh, count, vertices, generator):
    """Six vertices around the place of each joint, among the first of the mesh, (joints, vertices)."""
    joints = JOINT_SETS["lsp_14" if count == 12 else "smpl_24" if count == 24 else "mhr_70"]
    places = dict(zip(joints.joints, expected_joints(mesh, joints), strict=True))
    return planted_near(mesh, [places[name] for name in NAMES[count]], generator, vertices)


def planted_near(mesh, places, generator, vertices=None):
    template = mesh.template[:vertices]
    weights = np.zeros((len(places), len(template)))
    for row, place in zip(weights, places, strict=True):
        near = np.argsort(np.linalg.norm(template - place, axis=1))[:60]
        row[generator.choice(near, 6, replace=False)] = generator.dirichlet(np.ones(6))
    return weights


@pytest.mark.parametrize(("count", "vertices"), [(12, 6890), (24, 13_718), (70, 18_439)])
def test_a_planted_regressor_predicts_unseen_bodies_within_a_millimetre(meshes, count, vertices):
    """10 mm of noise, one label in ten missing: 10 sqrt(15 / 3456) = 0.7 mm a joint of 15 weights.

    The other six pairs of 12, 24, 70 joints and these meshes: 0.62 to 0.75 mm, run by hand.
    """
    mesh, posed = meshes
    posed, generator = posed[:, :vertices], np.random.default_rng(count)
    truth = planted(mesh, count, vertices, generator)
    used = np.flatnonzero(truth.any(axis=0))
    labels = truth[:, used] @ posed[:FRAMES, used].astype(np.float64)
    labels += generator.normal(0, NOISE_M / np.sqrt(3), labels.shape)
    labels[generator.random(labels.shape[:2]) < 0.1] = np.nan
    frames = [(posed[at : at + 64], labels[at : at + 64]) for at in range(0, FRAMES, 64)]
    fitted = fit_own_candidates(frames, NAMES[count])
    assert fitted.joint_names == NAMES[count] and (fitted.weights >= 0).all()
    assert fitted.weights.shape == truth.shape and np.abs(fitted.weights.sum(axis=1) - 1).max() < 0.01
    away = 1e3 * np.linalg.norm((fitted.weights - truth) @ posed[FRAMES:], axis=2).mean(axis=0)
    assert away.max() < 1, fitted.joint_names[away.argmax()]
    residuals = list(fitted.about["residual_rms_mm"].values())
    assert np.allclose(residuals, 10, atol=0.6)
    assert np.allclose(list(fitted.about["labelled_frames"].values()), 0.9 * FRAMES, atol=60)


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
    chosen, total = candidates([(frames, joint[:, None])])
    assert total == 20 and chosen.shape == (1, 512) and 7 in chosen and 3 not in chosen


def test_most_vertices_are_kept_to(generator):
    mesh = generator.normal(size=(30, 600, 3))
    weights = generator.dirichlet(np.full(600, 0.02))
    fitted = fit_own_candidates([(mesh, (weights @ mesh)[:, None])], ("one",), max_vertices=3)
    assert np.count_nonzero(fitted.weights) <= 3


def test_too_few_labels_and_an_iterator(generator):
    mesh = generator.normal(size=(30, 600, 3))
    labels = mesh[:, :2].copy()
    labels[LEAST_FRAMES - 1 :, 1] = np.nan
    with pytest.raises(DataError, match=r"b: labels in fewer than 10"):
        fit_own_candidates([(mesh, labels)], ("a", "b"))
    with pytest.raises(TypeError, match="read twice"):
        fit_own_candidates(iter([(mesh, labels)]), ("a", "b"))


def test_a_symmetric_fit_treats_both_sides_alike_and_halves_the_noise(body, make_bodies):
    """A planted regressor that is its own mirror image: two sides are twice the frames."""
    generator, joints = np.random.default_rng(5), JOINT_SETS["h36m_17"]
    mirror = mirror_of_mesh(Mesh(body.template.astype(np.float64), body.faces), joints)
    assert np.array_equal(mirror.vertices, body.mirror)
    truth = planted_near(body, expected_joints(body, joints), generator)
    truth = (truth + truth[mirror.joints][:, mirror.vertices]) / 2
    posed = body.vertices(*make_bodies(generator, 240)).astype(np.float64)
    labels = truth @ posed + generator.normal(0, 0.02, (240, 17, 3))
    labels[:60, 4] = np.nan
    frames = [(posed[at : at + 20], labels[at : at + 20]) for at in range(0, 200, 20)]
    options = {"max_vertices": 8, "reference": body.template}
    plain = fit_own_candidates(frames, joints.joints, **options)
    alike = fit_own_candidates(frames, joints.joints, mirror=mirror, **options)
    assert np.array_equal(alike.weights, alike.weights[mirror.joints][:, mirror.vertices])
    assert np.count_nonzero(alike.weights, axis=1).max() <= 8
    away = [
        np.sqrt(np.square((fitted.weights - truth) @ posed[200:]).sum(axis=2).mean())
        for fitted in (plain, alike)
    ]
    assert away[1] < 0.85 * away[0]
    errors = [np.mean(list(one.about["standard_error_mm"].values())) for one in (plain, alike)]
    assert errors[1] < 0.9 * errors[0]


def test_a_mesh_that_is_not_its_own_mirror_image(body):
    moved = body.template.astype(np.float64)
    moved[100] += (0.01, 0, 0)
    with pytest.raises(DataError, match="has no counterpart on the other side"):
        mirror_of_mesh(Mesh(moved, body.faces), JOINT_SETS["coco_17"])
