import json
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cameras_around import centred, in_cameras, masks_of, views_around
from imitated_machines import MACHINES
from project import ROOT

from jointreg.config import Optimize, TrainDiscriminator, read_yaml
from jointreg.errors import ConfigError, DataError, ShapeError, SolverError, UnitError
from jointreg.geometry.camera import project_pinhole
from jointreg.geometry.rotations import from_axis_angle
from jointreg.refine import Sample, refine_sample, start_translation
from jointreg.refine.adversarial import has_settled, train_discriminator
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.energies import balance_energies
from jointreg.refine.loop import step_size
from jointreg.refine.losses import TERMS, EnergyWeights
from jointreg.refine.targets import dilated
from jointreg.refine.weak_camera import move_to_camera, weak_perspective
from jointreg.silhouette import Topology, coverage
from jointreg.skeleton import H36M_17, H36M_AS_SMPL, SMPL_24

FRAMES = 10
CONFIG = read_yaml(ROOT / "config" / "config.yaml")
SETTINGS = Optimize(
    **CONFIG["optimize"] | {"iterations": 40, "batch": 16, "adversarial": 0.0, "store_every": 15}
)
REFERENCE_CODE = CONFIG["variant_settings"]["reference_code"]


@pytest.fixture(scope="module")
def scene(body, make_bodies):
    """True bodies with exact labels and masks, and bodies of a method that errs."""
    generator = np.random.default_rng(11)
    turn, betas, translation = make_bodies(generator, FRAMES)
    rest = body.joint_regressor @ body.template
    regressor = np.zeros((17, body.n_vertices))
    for row, name in zip(regressor, H36M_17, strict=True):
        joint = rest[SMPL_24.index(H36M_AS_SMPL[name])]
        row[np.argsort(np.linalg.norm(body.template - joint, axis=1))[:20]] = 1 / 20
    intrinsics = np.tile([[430.0, 0, 111.5], [0, 430, 111.5], [0, 0, 1]], (FRAMES, 1, 1))
    intrinsics[:, :2, 2] -= 430 * translation[:, :2] / translation[:, 2:]
    vertices = body.vertices(turn, betas, translation)
    points = torch.from_numpy(project_pinhole(vertices, intrinsics))
    masks = (coverage(points, Topology(body.faces), 224).numpy() * 255).round().astype(np.uint8)
    wrong = from_axis_angle(generator.normal(0, 0.08, (FRAMES, 24, 3)))
    bodies = {
        "rotations": (turn @ wrong).astype(np.float32),
        "betas": (betas + generator.normal(0.6, 0.4, betas.shape)).astype(np.float32),
    }
    joints = np.einsum("jv,nvc->njc", regressor, vertices)
    sample = Sample(bodies, joints, masks, intrinsics)
    return SimpleNamespace(
        body=body,
        bodies=bodies,
        joints=joints,
        keypoints=project_pinhole(joints, intrinsics),
        intrinsics=intrinsics,
        masks=masks,
        regressor=regressor,
        vertices=vertices,
        translation=translation,
        sample=sample,
        arguments=(body, sample, regressor),
        weights=balance_energies(body, sample, regressor),
    )


@pytest.fixture(scope="module")
def discriminator():
    return Discriminator.create(torch.Generator().manual_seed(0))


def run(scene, discriminator=None, *, scores=None, rows=slice(None), **changes):
    return refine_sample(
        scene.body,
        replace(scene.sample, scores=scores).part(rows),
        scene.regressor,
        settings=SETTINGS.model_copy(update=changes),
        weights=scene.weights,
        discriminator=discriminator,
    )


def vertex_error(scene, refined):
    """Mean distance to the true vertices, metres, (N,)."""
    found = scene.body.vertices(refined.rotations, refined.betas, refined.translation)
    return np.linalg.norm(found - scene.vertices, axis=2).mean(axis=1)


def start_error(scene):
    translation = start_translation(scene.body, scene.bodies, scene.joints, scene.regressor)
    found = scene.body.vertices(scene.bodies["rotations"], scene.bodies["betas"], translation)
    return np.linalg.norm(found - scene.vertices, axis=2).mean(axis=1)


def test_bodies_come_to_the_truth_and_the_silhouette_helps(scene):
    start, both = start_error(scene), vertex_error(scene, run(scene, iterations=100))
    joints_only = vertex_error(scene, run(scene, iterations=100, silhouette=0.0))
    assert both.mean() < 0.2 * start.mean()
    assert (both < 0.5 * start).all()
    assert both.mean() < 0.8 * joints_only.mean()


def test_another_processor_gives_the_same_bits(scene, tmp_path):
    """Through training and refinement, which amplify the last digit of a sum to millimetres.

    The recommended variant has no such chaos: there the last digits may differ, and stay the last.

    The libraries of the second process take the paths of a processor with SSE4 alone. Not numba: the
    kernels allow it no other order of sums, and to compile them anew takes minutes.
    """
    part = scene.sample.part(slice(6))
    arrays = {name: getattr(part, name) for name in ("joints_cam", "masks", "intrinsics")}
    np.savez(tmp_path / "frames.npz", **arrays, **part.bodies, regressor=scene.regressor)
    older = {k: v for k, v in MACHINES["oldest"].items() if not k.startswith("NUMBA")}
    results = []
    for index, machine in enumerate(({}, older)):
        result = tmp_path / f"{index}.npz"
        script = ROOT / "tests/helpers/train_and_refine.py"
        subprocess.run(
            [sys.executable, script, tmp_path / "frames.npz", result],
            env=os.environ | machine,
            check=True,
        )
        results.append(dict(np.load(result)))
    one, other = results
    for name in ("regressor", "rotations", "betas", "translation", "discriminator"):
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    for name in filter(lambda name: name.startswith("recommended"), one):
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-12, err_msg=name)
    assert (one["plain_product"] != other["plain_product"]).any()  # else nothing was imitated


def test_rotations_stay_rotations(scene):
    refined = run(scene)
    turn = refined.rotations
    np.testing.assert_allclose(
        np.swapaxes(turn, -1, -2) @ turn, np.broadcast_to(np.eye(3), turn.shape), atol=1e-12
    )
    assert (np.linalg.det(turn) > 0).all()


def test_start_puts_the_joints_mean_on_the_labels(scene):
    translation = start_translation(scene.body, scene.bodies, scene.joints, scene.regressor)
    vertices = scene.body.vertices(scene.bodies["rotations"], scene.bodies["betas"], translation)
    joints = np.einsum("jv,nvc->njc", scene.regressor, vertices)
    np.testing.assert_allclose(joints.mean(axis=1), scene.joints.mean(axis=1), atol=2e-6)


def test_stored_energies_are_those_of_the_bodies(scene, discriminator):
    """First row: the start, second implementation in NumPy; last row: the bodies given back."""
    refined = run(scene, discriminator, adversarial=1.0, keypoints=1.0)
    np.testing.assert_array_equal(refined.iterations, [0, 15, 30, 40])
    assert refined.energies.shape == (FRAMES, 4, 4)
    translation = start_translation(scene.body, scene.bodies, scene.joints, scene.regressor)
    ends = (
        ((scene.bodies["rotations"], scene.bodies["betas"], translation), 0),
        (
            (refined.rotations, refined.betas, refined.translation),
            -1,
        ),
    )
    for theta, step in ends:
        vertices = scene.body.vertices(*theta)
        joints = np.einsum("jv,nvc->njc", scene.regressor, vertices)
        joint = ((joints - scene.joints) ** 2).sum(axis=(1, 2))
        points = torch.from_numpy(project_pinhole(vertices, scene.intrinsics))
        covered = coverage(points, Topology(scene.body.faces), 224).numpy()
        silhouette = ((covered - scene.masks / 255) ** 2).sum(axis=(1, 2))
        outputs = discriminator(*(torch.from_numpy(value).double() for value in theta[:2]))
        adversarial = ((1 - outputs) ** 2).mean(dim=1)
        pixels = project_pinhole(joints, scene.intrinsics) - scene.keypoints
        keypoints = (pixels**2).sum(axis=(1, 2))
        expected = np.stack([joint, silhouette, adversarial, keypoints], axis=1)
        np.testing.assert_allclose(refined.energies[:, step], expected, rtol=2e-3, atol=1e-6)


def test_every_term_lowers_its_own_energy(scene, discriminator):
    for index, term in enumerate(TERMS):
        only = {name: float(name == term) for name in TERMS}
        energies = run(scene, discriminator, **only).energies
        assert (energies[:, -1, index] < energies[:, 0, index]).all()
        assert not np.delete(energies, index, axis=2).any()


def test_frames_without_a_mask_go_by_the_labels_alone(scene):
    scores = np.ones(FRAMES)
    scores[3] = 0
    mixed, labels = run(scene, scores=scores), run(scene, silhouette=0.0)
    np.testing.assert_allclose(mixed.betas[3], labels.betas[3], atol=2e-3)
    assert not mixed.energies[3, :, 1].any()
    assert mixed.energies[[2, 4], :, 1].all()
    seen = run(scene)
    others = np.arange(FRAMES) != 3
    np.testing.assert_array_equal(mixed.betas[others], seen.betas[others])
    assert np.abs(mixed.betas[3] - seen.betas[3]).max() > 0.01


def test_same_input_same_bits_for_any_number_of_threads(scene, discriminator):
    threads = torch.get_num_threads()
    one = run(scene, discriminator, adversarial=1.0, iterations=10)
    torch.set_num_threads(2)
    try:
        two = run(scene, discriminator, adversarial=1.0, iterations=10)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    for name in ("rotations", "betas", "translation", "energies"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("adversarial", [0.0, 1.0])
def test_path_of_a_frame_does_not_depend_on_its_batch(scene, discriminator, adversarial):
    together, *parts = (
        run(scene, discriminator, adversarial=adversarial, iterations=4, batch=batch)
        for batch in (64, 5, 1)
    )
    for apart in parts:
        for name in ("rotations", "betas", "translation"):
            np.testing.assert_array_equal(getattr(together, name), getattr(apart, name))
        # torch sums the terms of a reported energy in an order that depends on the batch.
        np.testing.assert_allclose(together.energies, apart.energies, rtol=1e-13)


def test_input_and_discriminator_are_left_alone(scene, discriminator):
    copies = [value.copy() for value in scene.bodies.values()]
    parameters = {name: value.clone() for name, value in discriminator.parameters.items()}
    run(scene, discriminator, adversarial=1.0, iterations=3)
    for before, after in zip(copies, scene.bodies.values(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert all(torch.equal(parameters[k], v) for k, v in discriminator.parameters.items())


def test_no_frames_give_no_bodies(scene):
    refined = run(scene, rows=slice(0, 0))
    assert refined.rotations.shape == (0, 24, 3, 3)
    assert refined.energies.shape == (0, 4, 4)


def test_progress_counts_frames(scene):
    calls = []
    refine_sample(
        *scene.arguments,
        settings=SETTINGS.model_copy(update={"iterations": 1, "batch": 4}),
        weights=scene.weights,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(4, 10), (8, 10), (10, 10)]


def test_weights_make_the_first_energies_equal(scene):
    energies = run(scene, iterations=1).energies[:, 0].mean(axis=0)
    assert energies[0] * scene.weights.joint == pytest.approx(1, rel=1e-4)
    assert energies[1] * scene.weights.silhouette == pytest.approx(1, rel=1e-4)
    assert scene.weights.adversarial == 4
    energies = run(scene, iterations=1, keypoints=1.0).energies[:, 0].mean(axis=0)
    assert energies[3] * scene.weights.keypoints == pytest.approx(1, rel=1e-4)


def test_weights_average_the_silhouette_over_frames_with_a_mask(scene):
    scores = np.ones(FRAMES)
    scores[[0, 7]] = 0
    weights = balance_energies(scene.body, replace(scene.sample, scores=scores), scene.regressor)
    energies = run(scene, iterations=1).energies[:, 0, 1]
    assert weights.silhouette == pytest.approx(1 / energies[scores > 0].mean(), rel=1e-4)
    assert weights.joint == scene.weights.joint
    with pytest.raises(DataError, match="none of 10 frames has a person mask"):
        balance_energies(scene.body, replace(scene.sample, scores=np.zeros(FRAMES)), scene.regressor)


def test_labels_that_bodies_were_fitted_to_weigh_no_more_than_an_estimators(scene):
    """Joints that are 9 mm off their labels count as 40 mm off."""
    joints = scene.regressor @ scene.body.vertices(**scene.bodies, translation=scene.translation)
    joints = joints + np.random.default_rng(0).normal(0, 0.009 / np.sqrt(3), joints.shape)
    fitted = replace(scene.sample, joints_cam=joints)
    weights = balance_energies(scene.body, fitted, scene.regressor)
    assert weights.joint == pytest.approx(1 / (17 * 0.04**2))


def test_alternation_uses_the_weights_it_is_given(scene):
    weights = EnergyWeights(scene.weights.joint, 1e-12, 1e-12, 1e-12)
    trained = train_discriminator(
        *scene.arguments,
        settings=TrainDiscriminator(
            frames=FRAMES, max_rounds=1, tolerance=0.0, steps=1, learning_rate=1e-3
        ),
        optimize=SETTINGS.model_copy(update={"adversarial": 1.0, "iterations": 10}),
        generator=np.random.default_rng(1),
        weights=weights,
    )
    labels = run(scene, silhouette=0.0, iterations=10).energies[:, -1].mean(axis=0)
    assert trained.weights == weights
    assert trained.energies_end[0] == pytest.approx(labels[0], rel=0.05)


def test_alternation_learns_and_repeats(scene):
    def train():
        return train_discriminator(
            *scene.arguments,
            settings=TrainDiscriminator(
                frames=FRAMES, max_rounds=2, tolerance=1.0, steps=30, learning_rate=1e-3
            ),
            optimize=SETTINGS.model_copy(update={"adversarial": 1.0, "iterations": 12}),
            generator=np.random.default_rng(1),
        )

    one, two = train(), train()
    assert one.weights == scene.weights
    assert one.losses.shape == (2, 31)
    assert (one.losses[:, -1] < 0.5).all(), "0.5 is the loss of an undecided discriminator"
    assert (one.energies_end < one.energies_start)[:3].all()
    record = json.loads(json.dumps(one.as_dict()))
    assert [turn["loss"] for turn in record["rounds"]] == one.losses[:, -1].tolist()
    assert list(record["energies_end"].values()) == one.energies_end.tolist()
    np.testing.assert_array_equal(one.losses, two.losses)
    assert (one.right.mean(axis=1) > 0.5).all()
    assert not one.settled
    assert "not settled in 2 rounds" in one.as_text()
    for name, value in one.discriminator.parameters.items():
        assert torch.equal(value, two.discriminator.parameters[name])


def test_alternation_ends_when_its_loss_has_settled(scene):
    trained = train_discriminator(
        *scene.arguments,
        settings=TrainDiscriminator(
            frames=FRAMES, max_rounds=9, tolerance=1.0, steps=2, learning_rate=1e-3
        ),
        optimize=SETTINGS.model_copy(update={"adversarial": 1.0, "iterations": 1}),
        generator=np.random.default_rng(1),
    )
    assert trained.settled
    assert trained.losses.shape == (6, 3), "six rounds are the fewest that can be compared"
    assert "settled after 6 rounds" in trained.as_text()


def test_a_loss_that_swings_settles_and_one_that_drifts_does_not():
    swing = [0.40, 0.44, 0.42, 0.44, 0.40, 0.42]
    assert has_settled(swing, 0.02)
    assert not has_settled(swing[:5], 0.02)
    drift = np.linspace(0.47, 0.37, 6)  # 0.02 a round: three rounds move by 0.06
    assert not has_settled(drift, 0.059)
    assert has_settled(drift, 0.061)
    assert has_settled([0.9, 0.1, 0.5, *swing], 0.02), "what was long ago does not count"


@pytest.mark.parametrize(
    "losses",
    [
        [0.3, 0.4, 0.5, 0.5, 0.4, 0.3],
        [0.5, 0.4, 0.3, 0.3, 0.4, 0.5],
        [0.4, 0.4, 0.47, 0.47, 0.4, 0.4],
        [0.3, 0.4, 0.5, 0.3, 0.4, 0.5],
        [0.4, 0.4, 0.4, 0.3, 0.4, 0.5],
    ],
)
def test_a_rise_and_a_fall_of_equal_means_is_no_rest(losses):
    assert np.mean(losses[:3]) == pytest.approx(np.mean(losses[3:]))
    assert not has_settled(losses, 0.02)
    assert not has_settled([0.4] * 6 + losses, 0.02)
    assert has_settled([*losses, *[0.4] * 6], 0.02)


@pytest.fixture(scope="module")
def stage(body, make_bodies):
    """Five moments of one person before three cameras: the truth, and bodies that err on their own."""
    generator = np.random.default_rng(21)
    moments, cameras = 5, 3
    turn, betas, translation = make_bodies(generator, moments)
    betas[:] = betas[0]
    world = body.vertices(turn, betas, translation).astype(np.float64)
    angle = np.array([0, 1.3, -1.5])
    turns = np.stack([0 * angle, angle, 0 * angle], axis=1)
    moment, camera = (index.ravel() for index in np.meshgrid(range(moments), range(cameras)))
    aside = np.array([0.05, 0.1, 0.2])[:, None]
    views = views_around(world, moment + 7, camera, turns, aside)
    vertices = in_cameras(views, world[moment])
    rest = body.joint_regressor @ body.template
    regressor = np.zeros((17, body.n_vertices))
    for row, name in zip(regressor, H36M_17, strict=True):
        joint = rest[SMPL_24.index(H36M_AS_SMPL[name])]
        row[np.argsort(np.linalg.norm(body.template - joint, axis=1))[:20]] = 1 / 20
    intrinsics = centred(vertices)
    masks = masks_of(vertices, body.faces, intrinsics)
    seen = turn[moment].copy()
    seen[:, 0] = views.rotation @ seen[:, 0]
    wrong = from_axis_angle(generator.normal(0, 0.08, (len(moment), 24, 3)))
    bodies = {
        "rotations": (seen @ wrong).astype(np.float32),
        "betas": (betas[moment] + generator.normal(0.4, 0.4, (len(moment), 10))).astype(np.float32),
    }
    joints = np.einsum("jv,nvc->njc", regressor, vertices)
    arguments = (body, Sample(bodies, joints, masks, intrinsics, views=views), regressor)
    return SimpleNamespace(
        body=body,
        vertices=vertices,
        views=views,
        arguments=arguments,
        weights=balance_energies(*arguments),
    )


def test_a_shared_body_is_the_same_body_in_all_cameras(stage):
    refined = refine_sample(
        *stage.arguments,
        settings=SETTINGS.model_copy(update={"multiview": True, "iterations": 5, "batch": 4}),
        weights=stage.weights,
    )
    seen = stage.body.vertices(refined.rotations, refined.betas, refined.translation)
    views = stage.views
    world = np.einsum("nji,nvj->nvi", views.rotation, seen - views.translation[:, None])
    for moment in np.unique(views.moment):
        own = world[views.moment == moment]
        np.testing.assert_allclose(own, np.broadcast_to(own[0], own.shape), atol=5e-6)
    assert np.ptp(refined.betas, axis=0).max() == 0
    assert np.ptp(world, axis=0).max() > 0.1, "moments are not one body"


def test_shared_bodies_come_closer_to_the_truth(stage):
    errors = {}
    for multiview in (False, True):
        settings = SETTINGS.model_copy(update={"multiview": multiview, "iterations": 60})
        refined = refine_sample(*stage.arguments, settings=settings, weights=stage.weights)
        errors[multiview] = vertex_error(stage, refined).mean()
    assert errors[True] < 0.65 * errors[False]


def test_shared_bodies_do_not_depend_on_the_batch(stage):
    settings = SETTINGS.model_copy(update={"multiview": True, "iterations": 8})
    one, two = (
        refine_sample(
            *stage.arguments,
            settings=settings.model_copy(update={"batch": batch}),
            weights=stage.weights,
        )
        for batch in (4, 64)
    )
    np.testing.assert_allclose(one.translation, two.translation, atol=1e-4)
    np.testing.assert_allclose(one.betas, two.betas, atol=1e-3)


def test_sharing_without_cameras_is_refused(stage):
    settings = SETTINGS.model_copy(update={"multiview": True})
    body, sample, regressor = stage.arguments
    for views, words in ((None, "moments and cameras"), (stage.views.part(slice(4)), "have shapes")):
        with pytest.raises(ShapeError, match=words):
            refine_sample(
                body,
                replace(sample, views=views),
                regressor,
                settings=settings,
                weights=stage.weights,
            )


def test_a_weak_camera_sees_the_pelvis_at_its_pixel(scene):
    generator = np.random.default_rng(0)
    betas = generator.normal(size=(FRAMES, 10))
    translation = generator.normal([0.2, 0.1, 4], 0.3, (FRAMES, 3))
    weak = weak_perspective(FRAMES, (224, 224))
    moved = move_to_camera(scene.body, betas, translation, scene.intrinsics, weak)
    shaped = scene.body.template + np.einsum("vcb,nb->nvc", scene.body.shape_directions, betas)
    pelvis = np.einsum("v,nvc->nc", scene.body.joint_regressor[0], shaped)[:, None]
    one = project_pinhole(pelvis + translation[:, None], scene.intrinsics)
    two = project_pinhole(pelvis + moved[:, None], weak)
    np.testing.assert_allclose(one, two, atol=1e-3)
    depths = (pelvis[:, 0] + moved)[:, 2] / (pelvis[:, 0] + translation)[:, 2]
    np.testing.assert_allclose(depths, 5000 / 430, rtol=1e-6)
    back = move_to_camera(scene.body, betas, moved, weak, scene.intrinsics)
    np.testing.assert_allclose(back, translation, atol=1e-5)


def test_the_reference_codes_terms_fit_the_joints_and_leave_the_depth(scene, discriminator):
    """Its joints lose the root, its 2D term keeps the body where it is seen."""
    refined = run(scene, discriminator, **REFERENCE_CODE | {"adversarial": 1.0, "iterations": 40})
    assert (refined.energies[:, -1, 0] < refined.energies[:, 0, 0]).mean() > 0.7
    vertices = scene.body.vertices(refined.rotations, refined.betas, refined.translation)
    joints = np.einsum("jv,nvc->njc", scene.regressor, vertices)
    pixels = np.linalg.norm(project_pinhole(joints, scene.intrinsics) - scene.keypoints, axis=2)
    assert pixels.mean() < 5
    depth = np.abs(joints[..., 2] - scene.joints[..., 2]).mean()
    assert depth > 2 * np.abs(run(scene).translation[:, 2] - scene.translation[:, 2]).mean()


def test_placing_moves_the_translation_alone(scene):
    """With a step size of nearly nothing afterwards, rotations and betas are the initial ones."""
    start = run(scene, iterations=1, learning_rate=1e-9)
    placed = run(scene, iterations=1, learning_rate=1e-9, camera_iterations=50)
    np.testing.assert_allclose(placed.rotations, start.rotations, atol=1e-8)
    np.testing.assert_allclose(placed.betas, start.betas, rtol=0, atol=1e-9)
    placed = run(scene, iterations=1, camera_iterations=200, keypoints=1.0)
    before = run(scene, iterations=1, keypoints=1.0)
    assert (placed.energies[:, 0, 3] < before.energies[:, 0, 3]).all()


def test_cosine_decay_goes_from_the_whole_step_to_none(scene):
    settings = SETTINGS.model_copy(update={"decay": "cosine", "iterations": 100, "learning_rate": 0.02})
    sizes = [step_size(settings, iteration) for iteration in range(100)]
    assert sizes[0] == 0.02
    assert sizes[50] == pytest.approx(0.01)
    assert 0 < sizes[99] < 1e-5
    assert np.mean(sizes) == pytest.approx(0.0101), "the sum over a cosine's half period"
    assert step_size(SETTINGS, 30) == SETTINGS.learning_rate
    two = run(scene, decay="cosine", iterations=2), run(scene, iterations=2)
    assert np.abs(two[0].betas - two[1].betas).max() == pytest.approx(0.005, rel=0.1)


def test_masks_grow_by_a_disk():
    mask = np.zeros((1, 9, 9), dtype=np.uint8)
    mask[0, 4, 4] = 200
    row, column = np.mgrid[:9, :9]
    disk = (row - 4) ** 2 + (column - 4) ** 2 <= 4
    np.testing.assert_array_equal(dilated(mask, 2)[0], np.where(disk, 200, 0))
    np.testing.assert_array_equal(dilated(mask, 0), mask)


def test_a_diverging_frame_is_named_with_its_iteration(scene):
    with pytest.raises(SolverError, match=r"frame \d, iteration 1: "):
        run(scene, learning_rate=1e4)


def test_a_gradient_that_is_not_finite_is_named(scene, discriminator):
    broken = Discriminator(
        discriminator.parameters | {"shape_3.bias": torch.full((1,), float("nan"), dtype=torch.float64)}
    )
    with pytest.raises(SolverError, match="frame 0, iteration 0: gradient is not finite"):
        run(scene, broken, adversarial=1.0)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: {"joints_cam": s.joints * 1000}, UnitError, "millimetres"),
        (lambda s: {"joints_cam": s.joints[:-1]}, ShapeError, r"rotations have shape \(10,"),
        (lambda s: {"joints_cam": s.joints * [1, 1, -1]}, DataError, "frame 0: labels put the body at"),
        (
            lambda s: {"joints_cam": np.where(s.joints > 4, np.nan, s.joints)},
            DataError,
            "joints_cam .*not fin",
        ),
        (lambda s: {"masks": s.masks / 255}, ShapeError, "masks are float64"),
        (lambda s: {"masks": s.masks[:4]}, ShapeError, "masks have shape"),
        (lambda s: {"scores": np.ones(3)}, ShapeError, "scores"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(scene, change, error, words):
    with pytest.raises(error, match=words):
        refine_sample(
            scene.body,
            replace(scene.sample, **change(scene)),
            scene.regressor,
            settings=SETTINGS,
            weights=EnergyWeights(1, 1, 4, 1),
        )


def test_a_regressor_of_another_body_is_refused(scene):
    with pytest.raises(ShapeError, match="regressor have shape"):
        balance_energies(scene.body, scene.sample, scene.regressor[:, 1:])


def test_terms_without_means_are_refused(scene):
    with pytest.raises(ConfigError, match="no discriminator"):
        run(scene, adversarial=0.5)
    with pytest.raises(ConfigError, match="are all 0"):
        run(scene, joint=0.0, silhouette=0.0, adversarial=0.0)
