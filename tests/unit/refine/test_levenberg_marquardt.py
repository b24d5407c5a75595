from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from project import ROOT

from jointreg.config import Optimize, read_yaml
from jointreg.errors import ConfigError, DataError, SolverError
from jointreg.geometry.camera import project_pinhole
from jointreg.geometry.rotations import from_axis_angle
from jointreg.refine import Sample, levenberg_marquardt, refine_sample
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.energies import balance_energies
from jointreg.refine.loop import term_factors
from jointreg.silhouette import Topology, coverage

FRAMES = 6
CONFIG = read_yaml(ROOT / "config" / "config.yaml")
ADAM = Optimize(**CONFIG["optimize"] | {"adversarial": 0.0, "store_every": 1})
SETTINGS = ADAM.model_copy(update={"solver": "lm", "start": "joints", "iterations": 12})
ARRAYS = ("rotations", "betas", "translation", "energies")


@pytest.fixture(scope="module")
def scene(body, make_bodies):
    """True bodies with exact labels and masks, and bodies of a method that errs."""
    generator = np.random.default_rng(17)
    turn, betas, translation = make_bodies(generator, FRAMES)
    regressor = body.joint_regressor[:17].astype(np.float64)
    intrinsics = np.tile([[430.0, 0, 111.5], [0, 430, 111.5], [0, 0, 1]], (FRAMES, 1, 1))
    intrinsics[:, :2, 2] -= 430 * translation[:, :2] / translation[:, 2:]
    vertices = body.vertices(turn, betas, translation)
    points = torch.from_numpy(project_pinhole(vertices, intrinsics))
    masks = (coverage(points, Topology(body.faces), 224).numpy() * 255).round().astype(np.uint8)
    wrong = from_axis_angle(generator.normal(0, 0.1, (FRAMES, 24, 3)))
    bodies = {
        "rotations": (turn @ wrong).astype(np.float32),
        "betas": (betas + generator.normal(0.6, 0.4, betas.shape)).astype(np.float32),
    }
    sample = Sample(bodies, np.einsum("jv,nvc->njc", regressor, vertices), masks, intrinsics)
    return SimpleNamespace(
        body=body,
        sample=sample,
        regressor=regressor,
        vertices=vertices,
        weights=balance_energies(body, sample, regressor),
    )


@pytest.fixture(scope="module")
def discriminator():
    return Discriminator.create(torch.Generator().manual_seed(0))


def run(scene, *, settings=SETTINGS, network=None, rows=slice(None), regressor=None, **fields):
    """Refine; `fields` are of the sample or of the settings."""
    ours = {name: fields.pop(name) for name in list(fields) if name in Sample.__dataclass_fields__}
    return refine_sample(
        scene.body,
        replace(scene.sample, **ours).part(rows),
        scene.regressor if regressor is None else regressor,
        settings=settings.model_copy(update=fields),
        weights=scene.weights,
        discriminator=network,
    )


def totals(scene, refined, settings=SETTINGS):
    """Weighted energies, (N, S)."""
    return refined.energies.astype(np.float64) @ np.array(term_factors(settings, scene.weights))


def vertex_error(scene, refined):
    vertices = scene.body.vertices(refined.rotations, refined.betas, refined.translation)
    return np.linalg.norm(vertices - scene.vertices, axis=2).mean(axis=1)


def test_energies_never_rise(scene, discriminator):
    for network, factor in ((None, 0.0), (discriminator, 1.0)):
        refined = run(scene, network=network, adversarial=factor)
        np.testing.assert_array_equal(refined.iterations, np.arange(13))
        fallen = totals(scene, refined, SETTINGS.model_copy(update={"adversarial": factor}))
        assert (np.diff(fallen, axis=1) <= 1e-6 * fallen[:, 1:]).all()
        assert (fallen[:, -1] < 0.9 * fallen[:, 0]).all()


def test_planted_bodies_are_recovered_better_than_by_a_hundred_steps_of_adam(scene):
    start = run(scene, settings=ADAM, iterations=1, learning_rate=1e-12)
    adam, ours = run(scene, settings=ADAM, iterations=100), run(scene, iterations=30)
    assert vertex_error(scene, ours).mean() < 0.2 * vertex_error(scene, start).mean()
    assert vertex_error(scene, ours).mean() < vertex_error(scene, adam).mean()
    assert totals(scene, ours)[:, -1].mean() < totals(scene, adam)[:, -1].mean()


def test_both_solvers_end_at_the_same_energy(scene):
    rows = slice(0, 2)
    adam = totals(scene, run(scene, settings=ADAM, rows=rows, iterations=300))
    ours = totals(scene, run(scene, rows=rows, iterations=60))
    assert (np.abs(ours[:, -1] - adam[:, -1]) < 0.01 * adam[:, 0]).all()


def test_stored_energies_are_those_of_the_bodies(scene, discriminator):
    refined = run(scene, network=discriminator, adversarial=1.0, keypoints=1.0)
    outputs = discriminator(torch.from_numpy(refined.rotations), torch.from_numpy(refined.betas))
    adversarial = (1 - outputs).square().mean(dim=1)
    np.testing.assert_allclose(refined.energies[:, -1, 2], adversarial, rtol=1e-4)
    vertices = scene.body.vertices(refined.rotations, refined.betas, refined.translation)
    joints = np.einsum("jv,nvc->njc", scene.regressor, vertices)
    joint = np.square(joints - scene.sample.joints_cam).sum(axis=(1, 2))
    np.testing.assert_allclose(refined.energies[:, -1, 0], joint, rtol=1e-2, atol=1e-7)
    points = torch.from_numpy(project_pinhole(vertices, scene.sample.intrinsics))
    covered = coverage(points, Topology(scene.body.faces), 224).numpy()
    silhouette = np.square(covered - scene.sample.masks / 255).sum(axis=(1, 2))
    np.testing.assert_allclose(refined.energies[:, -1, 1], silhouette, rtol=2e-3)
    pixels = project_pinhole(joints, scene.sample.intrinsics)
    pixels -= project_pinhole(scene.sample.joints_cam, scene.sample.intrinsics)
    np.testing.assert_allclose(refined.energies[:, -1, 3], (pixels**2).sum((1, 2)), rtol=1e-2)


def test_a_frame_depends_neither_on_its_batch_nor_on_the_order(scene):
    together, apart = run(scene), [run(scene, batch=batch) for batch in (1, 4)]
    backwards = run(scene, rows=np.arange(FRAMES)[::-1])
    for name in ARRAYS:
        for one in apart:
            np.testing.assert_array_equal(getattr(together, name), getattr(one, name))
        np.testing.assert_array_equal(getattr(together, name), getattr(backwards, name)[::-1])


def test_same_input_same_bits_for_any_number_of_threads(scene, discriminator):
    one = run(scene, network=discriminator, adversarial=1.0, iterations=4)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        two = run(scene, network=discriminator, adversarial=1.0, iterations=4)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_converged_frames_stay_where_they_are(scene, monkeypatch):
    """With a generous share: each frame leaves at a step of its own, the others go on."""
    monkeypatch.setattr(levenberg_marquardt, "ENOUGH", 0.15)
    refined, again = run(scene, iterations=30), run(scene, iterations=20)
    np.testing.assert_array_equal(refined.energies[:, 20], refined.energies[:, 30])
    for name in ARRAYS[:3]:
        np.testing.assert_array_equal(getattr(refined, name), getattr(again, name))
    moving = (np.diff(refined.energies[..., 0], axis=1) != 0).sum(axis=1)
    assert moving.min() < moving.max() < 20


def test_the_start_on_the_joints_saves_adam_three_quarters_of_the_energy(scene):
    bodies = run(scene, settings=ADAM, iterations=1)
    joints = run(scene, settings=ADAM, start="joints", iterations=1)
    assert totals(scene, joints)[:, 0].mean() < 0.25 * totals(scene, bodies)[:, 0].mean()


def test_root_relative_joints_may_stand_anywhere(scene):
    """Labels moved sideways, rigidly: the body takes the same pose."""
    settings = SETTINGS.model_copy(update={"joint_frame": "root_relative", "silhouette": 0.0})
    aside = np.array([0.3, 0, 0.2])
    here = run(scene, settings=settings)
    there = run(scene, settings=settings, joints_cam=scene.sample.joints_cam + aside)
    np.testing.assert_allclose(there.rotations, here.rotations, atol=1e-4)
    np.testing.assert_allclose(
        there.translation - here.translation, np.tile([0.3, 0, 0.2], (6, 1)), atol=1e-4
    )
    assert here.energies[:, -1, 0].max() < 1e-3


def test_empty_masks_leave_the_other_frames_alone(scene):
    """Half of the masks are empty, with and without a score that says so."""
    empty = np.arange(FRAMES) % 2 == 0
    masks = np.where(empty[:, None, None], 0, scene.sample.masks).astype(np.uint8)
    whole, labels = run(scene), run(scene, silhouette=0.0)
    for scores in (None, np.where(empty, 0.0, 1.0)):
        refined = run(scene, masks=masks, scores=scores)
        for name in ARRAYS:
            assert np.isfinite(getattr(refined, name)).all()
            np.testing.assert_array_equal(getattr(refined, name)[~empty], getattr(whole, name)[~empty])
        fallen = totals(scene, refined)
        assert (fallen[:, -1] <= fallen[:, 0]).all()
    np.testing.assert_allclose(refined.betas[empty], labels.betas[empty], atol=0.15)
    assert (vertex_error(scene, refined)[empty] < 0.06).all()


def test_a_joint_that_no_vertex_carries_leaves_no_singular_matrix(scene):
    """A row of zeros reads the origin whatever the body does: an energy without a slope."""
    regressor = scene.regressor.copy()
    regressor[5] = 0
    refined = run(scene, regressor=regressor, silhouette=0.0, iterations=30)
    away = np.square(scene.sample.joints_cam[:, 5]).sum(axis=1)
    assert (np.abs(refined.energies[:, -1, 0] - away) < 0.02).all()


def test_labels_that_are_not_numbers_are_refused(scene):
    labels = scene.sample.joints_cam.copy()
    labels[2, 4] = np.nan
    with pytest.raises(DataError, match=r"joints_cam are not finite at index \[2, 4, 0\]"):
        run(scene, joints_cam=labels)


def test_a_start_behind_the_camera_is_named(scene):
    labels = scene.sample.joints_cam.copy()
    labels[3, :, 2] -= labels[3, :, 2].mean() - 0.3
    with pytest.raises(SolverError, match="frame 3: the start is not wholly in front of the camera"):
        run(scene, joints_cam=labels, start="bodies", batch=2)


def test_no_frames_give_no_bodies(scene):
    refined = run(scene, rows=slice(0, 0))
    assert refined.rotations.shape == (0, 24, 3, 3)
    assert refined.energies.shape == (0, 13, 4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backend": "warp"}, "optimize: backend is 'warp'"),
        ({"camera": "weak_perspective"}, "optimize: camera is"),
        ({"blur_px": [4.0]}, "optimize: blur_px"),
        ({"decay": "cosine"}, "optimize: decay"),
        ({"camera_iterations": 3}, "optimize: camera_iterations"),
        ({"weights": "reference_code"}, "optimize: weights"),
    ],
)
def test_what_only_adam_can_do_is_refused(scene, changes, words):
    with pytest.raises(ConfigError, match=words):
        run(scene, **changes)


def test_a_gpu_is_refused(scene):
    with pytest.raises(ConfigError, match="device is 'cuda', but the solver 'lm' works with 'cpu'"):
        refine_sample(
            scene.body,
            scene.sample,
            scene.regressor,
            settings=SETTINGS,
            weights=scene.weights,
            device="cuda",
        )
