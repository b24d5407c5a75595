"""Label offsets and betas of a subject, fitted while its bodies are refined."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cameras_around import centred, in_cameras, masks_of, views_around
from project import ROOT

from jointreg.config import Optimize, read_yaml
from jointreg.errors import ConfigError, DataError, ShapeError
from jointreg.geometry.rotations import from_axis_angle
from jointreg.labels import offsets as model
from jointreg.refine import Sample, refine_sample
from jointreg.refine.energies import CPU, Terms, balance_energies
from jointreg.refine.label_offsets import LabelOffsets, limb_frames
from jointreg.refine.parameters import OwnBodies
from jointreg.refine.targets import checked_targets
from jointreg.skeleton import H36M_17, H36M_AS_SMPL, SMPL_24

MOMENTS, CAMERAS = 12, 2
CONFIG = read_yaml(ROOT / "config" / "config.yaml")
VARIANTS = CONFIG["variant_settings"]
# As many steps as lower the limbs' error to a fifth, whatever the processor.
LENGTH = {"iterations": 20, "store_every": 50}
FAST = Optimize(**CONFIG["optimize"] | VARIANTS["recommended_start"] | LENGTH)
SETTINGS = FAST.model_copy(update={"solver": "adam", "start": "bodies", "iterations": 120})
BOTH = pytest.mark.parametrize("settings", [SETTINGS, FAST], ids=["adam", "lm"])


def regressor_at(body, shift):
    """A joint is the mean of the 20 vertices nearest to its skeleton joint plus `shift` (3,) metres."""
    rest = body.joint_regressor @ body.template
    rows = np.zeros((17, body.n_vertices))
    for row, name in zip(rows, H36M_17, strict=True):
        joint = rest[SMPL_24.index(H36M_AS_SMPL[name])] + shift
        row[np.argsort(np.linalg.norm(body.template - joint, axis=1))[:20]] = 1 / 20
    return rows


@pytest.fixture(scope="module")
def person(body, make_bodies):
    """Twelve moments of one person before two cameras, with exact labels and masks.

    `regressor` reads the labelled joints, `biased` joints that lie some two centimetres beside them.
    """
    generator = np.random.default_rng(5)
    turn, betas, translation = make_bodies(generator, MOMENTS)
    betas[:] = 0.6 * betas[0]
    world = body.vertices(turn, betas, translation).astype(np.float64)
    moment, camera = (index.ravel() for index in np.meshgrid(range(MOMENTS), range(CAMERAS)))
    views = views_around(world, moment, camera, [[0, 0, 0], [0, 1.4, 0]])
    vertices = in_cameras(views, world[moment])
    intrinsics = centred(vertices)
    masks = masks_of(vertices, body.faces, intrinsics)
    rotations = turn[moment].copy()
    rotations[:, 0] = views.rotation @ rotations[:, 0]
    wrong = from_axis_angle(generator.normal(0, 0.06, (len(moment), 24, 3)))
    bodies = {"rotations": rotations @ wrong, "betas": betas[moment] + 0.4}
    regressor, biased = regressor_at(body, 0), regressor_at(body, [0.01, 0.015, -0.02])
    joints = np.einsum("jv,nvc->njc", regressor, vertices)
    sample = Sample(bodies, joints, masks, intrinsics, np.ones(len(moment)), views)
    return SimpleNamespace(
        body=body,
        sample=sample,
        vertices=vertices,
        regressor=regressor,
        biased=biased,
        limbs=model.limb_frames(body, rotations, betas[moment]),
        weights=balance_energies(body, sample, biased),
    )


def refine(person, sample=None, settings=SETTINGS, **options):
    return refine_sample(
        person.body,
        person.sample if sample is None else sample,
        person.biased,
        settings=settings,
        weights=person.weights,
        **options,
    )


@pytest.fixture(scope="module", params=[SETTINGS, FAST], ids=["adam", "lm"])
def fitted(person, request):
    """Settings of each solver, and what it gives."""
    return request.param, refine(person, settings=request.param)


def limb_error(person, refined):
    """Mean over frames of the joints' errors in the limbs' frames; its length, mean over joints."""
    apart = person.body.vertices(**refined.bodies()) - person.vertices
    return np.linalg.norm(
        np.einsum("njac,nja->jc", person.limbs, person.regressor @ apart) / len(apart), axis=1
    ).mean()


def test_frames_of_limbs_are_those_of_the_model(person):
    rotations = torch.from_numpy(person.sample.bodies["rotations"])
    frames = limb_frames(rotations, person.body.parents)
    other = model.limb_frames(person.body, rotations.numpy(), person.sample.bodies["betas"])
    np.testing.assert_allclose(frames.numpy(), other, atol=1e-6)


def test_a_bias_of_the_regressor_leaves_the_limbs(person, fitted):
    settings, refined = fitted
    plain = refine(person, settings=settings.model_copy(update={"label_offsets": "none"}))
    assert limb_error(person, plain) > 0.008
    assert limb_error(person, refined) < 0.2 * limb_error(person, plain)
    assert np.ptp(refined.betas, axis=0).max() == 0


def test_offsets_are_the_mean_residual_of_the_refined_bodies(person, fitted):
    """Adam renews them in closed form, Levenberg-Marquardt comes to rest there."""
    settings, refined = fitted
    tolerance = 2e-6
    if settings.solver == "lm":
        refined = refine(person, settings=settings.model_copy(update={"iterations": 60}))
        tolerance = 3e-4
    joints = person.biased @ person.body.vertices(**refined.bodies())
    limbs = model.limb_frames(person.body, refined.rotations, refined.betas)
    mean = np.einsum("njac,nja->jc", limbs, person.sample.joints_cam - joints) / len(joints)
    np.testing.assert_allclose(refined.offsets, mean * MOMENTS / (MOMENTS + 1), atol=tolerance)


def test_labels_with_a_wrong_constant_give_the_bodies_of_right_labels(person, fitted):
    settings, refined = fitted
    constant = np.zeros((17, 3))
    constant[H36M_17.index("left_knee")] = [0.03, -0.04, 0.0]
    labels = person.sample.joints_cam + np.einsum("njac,jc->nja", person.limbs, constant)
    wrong = refine(person, replace(person.sample, joints_cam=labels), settings)
    moved = wrong.offsets - refined.offsets
    assert np.linalg.norm(moved - constant, axis=1).max() < 0.012
    apart = np.linalg.norm(
        person.body.vertices(**wrong.bodies()) - person.body.vertices(**refined.bodies()), axis=2
    )
    assert apart.mean() < 0.004


def test_the_gradient_goes_through_the_limbs_and_not_through_the_offsets(person):
    part = person.sample.part(slice(0, 2))
    terms = Terms(person.body, person.biased, (1.0, 0, 0, 0))
    targets = checked_targets(person.body, part, person.biased)
    start = np.random.default_rng(0).normal(0, 0.02, (17, 3))
    bodies = {**part.bodies, "translation": np.tile([0.0, 0.1, 4.5], (2, 1))}
    unknowns = OwnBodies(person.body, bodies, CPU)

    def energy(theta, betas):
        unknowns.theta, unknowns.betas = theta, betas
        offsets = LabelOffsets(start, person.body.parents, 2, CPU)
        return terms.energies(unknowns.pose(slice(0, 2)), targets, slice(0, 2), offsets=offsets).sum()

    theta, betas = (value.clone().requires_grad_(True) for value in unknowns.parameters)
    energy(theta, betas).backward()
    for at in range(0, theta.shape[1], 5):
        step = torch.zeros_like(theta)
        step[1, at] = 1e-6
        with torch.no_grad():
            slope = (energy(theta + step, betas) - energy(theta - step, betas)) / 2e-6
        assert slope == pytest.approx(float(theta.grad[1, at]), abs=1e-6, rel=1e-5)


def weaker(person):
    """Samples that determine less: name -> sample."""
    sample = person.sample
    none = np.where(np.arange(len(sample)) % 2, 0, sample.scores)
    masks = np.where(none[:, None, None] > 0, sample.masks, 0).astype(np.uint8)
    empty = np.where(np.arange(len(sample))[:, None, None] % 2, 0, sample.masks).astype(np.uint8)
    return {
        "one frame": sample.part(slice(0, 1)),
        "one camera": sample.part(slice(0, MOMENTS)),
        "no mask in half of the frames": replace(sample, masks=masks, scores=none),
        "nobody in half of the masks": replace(sample, masks=empty),
    }


@pytest.mark.parametrize("name", ["one frame", "one camera", "no mask in half of the frames"])
@BOTH
def test_what_determines_less_gives_a_weaker_answer(person, name, settings):
    sample = weaker(person)[name]
    settings = settings.model_copy(update={"iterations": min(settings.iterations, 40)})
    refined = refine(person, sample, settings)
    assert all(np.isfinite(value).all() for value in refined.bodies().values())
    assert np.linalg.norm(refined.offsets, axis=1).max() < 0.15
    start = refine(person, sample, SETTINGS.model_copy(update={"iterations": 1}))
    errors = []
    for bodies in (start.bodies(), refined.bodies()):
        apart = person.body.vertices(**bodies)
        errors.append(np.linalg.norm(apart - person.vertices[: len(apart)], axis=2).mean())
    assert errors[1] < errors[0]


@BOTH
def test_masks_with_nobody_give_finite_bodies(person, settings):
    settings = settings.model_copy(update={"iterations": min(settings.iterations, 20)})
    refined = refine(person, weaker(person)["nobody in half of the masks"], settings)
    assert all(np.isfinite(value).all() for value in (*refined.bodies().values(), refined.offsets))


@BOTH
def test_no_frames_keep_the_offsets_of_the_start(person, settings):
    offsets = np.full((17, 3), 0.01)
    refined = refine(person, person.sample.part(slice(0, 0)), settings, offsets=offsets)
    assert refined.rotations.shape == (0, 24, 3, 3)
    np.testing.assert_array_equal(refined.offsets, offsets)


def test_one_body_keeps_half_of_the_pull_of_its_labels():
    offsets = LabelOffsets(np.zeros((17, 3)), np.array([-1, *range(23)]), 1, CPU)
    turn, apart = torch.eye(3).expand(1, 24, 3, 3).double(), torch.full((1, 17, 3), 0.04).double()
    for step, expected in ((4, 0.0), (5, 0.02)):
        offsets.predict(torch.zeros(1, 17, 3).double(), turn, apart)
        offsets.renew(step)
        np.testing.assert_allclose(offsets.values, expected)


def test_a_joint_without_labels_is_refused(person):
    labels = person.sample.joints_cam.copy()
    labels[:, H36M_17.index("right_wrist")] = np.nan
    with pytest.raises(DataError, match="joints_cam are not finite"):
        refine(person, replace(person.sample, joints_cam=labels))


@pytest.mark.parametrize(
    ("offsets", "error", "words"),
    [
        (np.zeros((16, 3)), ShapeError, r"shape \(16, 3\)"),
        (np.full((17, 3), np.nan), DataError, "offset of pelvis is not finite"),
    ],
)
def test_wrong_offsets_are_refused(person, offsets, error, words):
    with pytest.raises(error, match=words):
        refine(person, offsets=offsets)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"joint_frame": "root_relative"}, "label_offsets need joint_frame 'absolute'"),
        ({"camera": "weak_perspective"}, "label_offsets need camera 'calibrated'"),
        ({"joint": 0.0}, "joint is 0"),
        (
            {"solver": "lm", "multiview": False, "share_betas": "none"},
            "label_offsets is 'subject', which the solver 'lm' does not do",
        ),
        ({"solver": "lm", "keypoints": 1.0}, "keypoints is 1.0, which the solver 'lm' does not do"),
        ({"start": "refined", "adversarial": 1.0}, "start is 'refined', but adversarial is 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(person, changes, words):
    settings = SETTINGS.model_copy(update=changes)
    with pytest.raises(ConfigError, match=words):
        refine(person, settings=settings, discriminator=SimpleNamespace())


def test_a_second_round_goes_on_where_the_first_ended(person):
    first = refine(person, settings=SETTINGS.model_copy(update={"iterations": 30}))
    settings = SETTINGS.model_copy(update={"start": "refined", "iterations": 1, "learning_rate": 1e-9})
    again = refine(
        person, replace(person.sample, bodies=first.bodies()), settings, offsets=first.offsets
    )
    for name, value in first.bodies().items():
        np.testing.assert_allclose(again.bodies()[name], value, atol=1e-6)
    start, end = again.energies[:, 0].mean(axis=0), first.energies[:, -1].mean(axis=0)
    np.testing.assert_allclose(start, end, rtol=0.02, atol=1e-9)  # with offsets a step younger


@pytest.mark.parametrize(
    ("translation", "words"),
    [(None, "bodies have no translation"), ([0.0, 0.0, -4.0], "expected z > 0")],
)
def test_a_start_that_is_no_refined_body_is_refused(person, translation, words):
    bodies = dict(person.sample.bodies)
    if translation is not None:
        bodies["translation"] = np.tile(translation, (len(person.sample), 1))
    with pytest.raises(DataError, match=words):
        refine(
            person,
            replace(person.sample, bodies=bodies),
            SETTINGS.model_copy(update={"start": "refined"}),
        )


def test_offsets_less_their_mean_over_training_subjects():
    training = np.random.default_rng(0).normal(size=(3, 17, 3))
    moved = [model.without_mean(own, training) for own in training]
    np.testing.assert_allclose(np.sum(moved, axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(moved[0] - moved[1], training[0] - training[1], atol=1e-12)
