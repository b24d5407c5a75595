"""Clothes of a subject as a shell of unknown thickness."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cameras_around import centred, in_cameras, masks_of, views_around
from project import ROOT

from jointreg.body.skinning import Skinner
from jointreg.body.skinning_torch import PlainSkinner
from jointreg.config import Optimize, read_yaml
from jointreg.errors import ConfigError, DataError, ShapeError
from jointreg.geometry.rotations import from_axis_angle
from jointreg.refine import Sample, Views, refine_sample
from jointreg.refine.energies import CPU, Terms, balance_energies
from jointreg.refine.parameters import SharedBodies
from jointreg.refine.shell import PARTS, Shell, shell_directions, shell_skinner
from jointreg.refine.targets import checked_targets
from jointreg.skeleton import SMPL_24

MOMENTS, CAMERAS = 8, 2
CONFIG = read_yaml(ROOT / "config" / "config.yaml")
DRESSED = {"shell": "subject", "shape_prior": 0.01, "store_every": 100}
FAST = Optimize(**CONFIG["optimize"] | CONFIG["variant_settings"]["recommended_start"] | DRESSED)
SETTINGS = FAST.model_copy(update={"solver": "adam", "start": "bodies", "iterations": 100})
WORN_M = np.array([0.02, 0.012, 0.025, 0.015, 0.0, 0.018, 0.008])


def normals_of(vertices, faces):
    """Unit normals of posed meshes, sums over the faces around each vertex, (N, V, 3)."""
    a, b, c = (vertices[:, faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    summed = np.zeros_like(vertices)
    for mesh, face_normals in zip(summed, across, strict=True):
        np.add.at(mesh, faces, face_normals[:, None])
    return summed / np.linalg.norm(summed, axis=2, keepdims=True)


def shares_of(body):
    """How far a vertex belongs to each part, (V, P); to the head behind a plane through its middle."""
    shares = np.stack(
        [
            sum(body.skinning_weights[:, SMPL_24.index(name)] for name in names)
            for names in PARTS.values()
        ],
        axis=1,
    )
    head = list(PARTS).index("head")
    ends = [f(body.template[shares[:, head] > 0.5], axis=0) for f in (np.min, np.max)]
    forward, up = np.cos(np.pi / 6), np.sin(np.pi / 6)
    before = (body.template - np.mean(ends, axis=0)) @ [0, -up, forward]
    shares[:, head] *= np.interp(before, [-0.015, 0.015], [1, 0])
    return shares


@pytest.fixture(scope="module")
def person(body, make_bodies):
    """One person in clothes, eight moments before two cameras; labels are exact.

    The clothes are the posed mesh, moved along its own normals.
    """
    generator = np.random.default_rng(5)
    rotations, betas, translation = make_bodies(generator, MOMENTS)
    betas[:] = 0.6 * betas[0]
    skin = body.vertices(rotations, betas, translation).astype(np.float64)
    cloth = skin + normals_of(skin, body.faces) * (shares_of(body) @ WORN_M)[:, None]
    moment, camera = (index.ravel() for index in np.meshgrid(range(MOMENTS), range(CAMERAS)))
    views = views_around(skin, moment, camera, [[0, 0, 0], [0, 1.4, 0]])
    seen = in_cameras(views, skin[moment])
    intrinsics = centred(seen)
    masks = masks_of(in_cameras(views, cloth[moment]), body.faces, intrinsics)
    regressor = body.joint_regressor[:17].astype(np.float64)
    turned = rotations[moment].copy()
    turned[:, 0] = views.rotation @ turned[:, 0]
    wrong = from_axis_angle(generator.normal(0, 0.06, (len(moment), 24, 3)))
    bodies = {"rotations": turned @ wrong, "betas": betas[moment] + 0.4}
    sample = Sample(bodies, regressor @ seen, masks, intrinsics, np.ones(len(moment)), views)
    return sample, regressor, seen


def test_the_shell_lies_off_the_skin_by_its_thickness_and_leaves_the_skeleton(body, make_bodies):
    rotations, betas, translation = make_bodies(np.random.default_rng(1), 3)
    pose = [torch.from_numpy(value.astype(np.float64)) for value in (rotations, betas, translation)]
    shell = Shell(WORN_M, CPU)
    skin = Skinner(body).vertices(*pose).numpy()
    moved = shell_skinner(body, Skinner).vertices(*shell.worn(tuple(pose))).detach().numpy() - skin
    share = shares_of(body)
    bare = share.sum(axis=1) == 0
    assert bare.sum() > 500
    assert np.abs(moved[:, bare]).max() < 1e-12
    along = (moved * normals_of(skin, body.faces)).sum(axis=2)
    for part, (name, thickness) in enumerate(zip(PARTS, WORN_M, strict=True)):
        whole = share[:, part] > 0.98
        assert np.median(along[:, whole]) == pytest.approx(max(thickness, 1e-4), rel=0.03), name
        # Between the toes a pose turns the normals of some vertices over.
        inwards = along[:, whole] < -1e-3
        assert inwards.mean() < (0.01 if name == "feet" else 1e-12)
    torch_only = shell_skinner(body, PlainSkinner).vertices(*shell.worn(tuple(pose)))
    np.testing.assert_allclose(torch_only.detach().numpy(), skin + moved, atol=1e-12)


def test_hair_leaves_face_neck_and_throat_bare(body):
    """Landmarks of the open body's surface by their place in T-pose, metres: y is up, z forward."""
    moved = np.linalg.norm(shell_directions(body)[:, :, list(PARTS).index("head")], axis=1)
    rest = dict(zip(SMPL_24, body.joint_regressor @ body.template, strict=True))
    head = body.template[body.skinning_weights[:, SMPL_24.index("head")] > 0.5]
    top, back, front = head[:, 1].max(), head[:, 2].min(), head[:, 2].max()
    near = {
        "nose": body.template[:, 2] > front - 0.01,
        "throat": (np.abs(body.template[:, 1] - rest["neck"][1]) < 0.01)
        & (np.abs(body.template[:, 0]) < 0.03)
        & (body.template[:, 2] > rest["neck"][2]),
        "crown": body.template[:, 1] > top - 0.01,
        "back of the head": (body.template[:, 2] < back + 0.01) & (body.template[:, 1] > top - 0.15),
    }
    assert all(where.any() for where in near.values())
    shown = {name: moved[where] for name, where in near.items()}
    assert max(shown["nose"].max(), shown["throat"].max()) == 0
    assert min(shown["crown"].min(), shown["back of the head"].min()) > 0.85


def test_gradients_of_thickness_pose_and_shape_equal_finite_differences(body, person):
    sample, regressor, _ = person
    part = sample.part(slice(0, 2))
    shell = Shell(np.full(len(PARTS), 0.01), CPU)
    terms = Terms(body, regressor, (3.0, 1e-3, 0, 0), shell=shell)
    targets = checked_targets(body, part, regressor)
    bodies = {**part.bodies, "translation": np.tile([0.0, 0.1, 4.5], (2, 1))}
    unknowns = SharedBodies(body, bodies, Views.apart(2), CPU)
    values = [value.clone().requires_grad_(True) for value in (*unknowns.parameters, shell.unknown)]

    def energy(theta, betas, thickness):
        unknowns.theta, unknowns.betas, shell.unknown = theta, betas, thickness
        return (terms.energies(unknowns.pose(slice(0, 2)), targets, slice(0, 2)) @ terms.factors).sum()

    energy(*values).backward()
    for which, every in ((0, 7), (1, 1), (2, 1)):
        for at in range(0, values[which].shape[-1], every):
            step = [torch.zeros_like(value) for value in values]
            step[which][..., at].view(-1)[-1] = 1e-6
            with torch.no_grad():
                up, down = (
                    energy(*(v + sign * s for v, s in zip(values, step, strict=True)))
                    for sign in (1, -1)
                )
            slope = float(up - down) / 2e-6
            gradient = values[which].grad[..., at].view(-1)[-1]
            assert slope == pytest.approx(float(gradient), rel=1e-4, abs=1e-5), (which, at)


@pytest.mark.parametrize("chosen", [SETTINGS, FAST], ids=["adam", "lm"])
def test_a_planted_thickness_is_recovered_and_the_body_is_no_fatter(body, person, chosen):
    sample, regressor, skin = person
    weights = balance_energies(body, sample, regressor)
    errors = {}
    for shell in ("none", "subject"):
        settings = chosen.model_copy(update={"shell": shell})
        refined = refine_sample(body, sample, regressor, settings=settings, weights=weights)
        apart = body.vertices(**refined.bodies()) - skin
        errors[shell] = np.linalg.norm(apart, axis=2).mean()
    assert np.abs(refined.thickness - WORN_M).max() < 0.005
    assert errors["subject"] < 0.5 * errors["none"]


def test_a_further_round_goes_on_with_the_thickness_of_the_first(body, person):
    sample, regressor, _ = person
    weights = balance_energies(body, sample, regressor)
    short = SETTINGS.model_copy(update={"iterations": 10})
    first = refine_sample(body, sample, regressor, settings=short, weights=weights)
    again = SETTINGS.model_copy(update={"start": "refined", "iterations": 1, "learning_rate": 1e-9})
    second = refine_sample(
        body, replace(sample, bodies=first.bodies()), regressor, settings=again, weights=weights,
        offsets=first.offsets, thickness=first.thickness,
    )  # fmt: skip
    np.testing.assert_allclose(second.thickness, first.thickness, atol=1e-9)


@pytest.mark.parametrize(
    ("thickness", "error", "words"),
    [
        (np.zeros(4), ShapeError, r"shape \(4,\), expected \(7,\)"),
        ([0, 0, np.nan, 0, 0, 0, 0], DataError, "finite numbers"),
        ([0, 0, -0.01, 0, 0, 0, 0], DataError, "at least 0"),
    ],
)
def test_a_wrong_thickness_is_refused(body, person, thickness, error, words):
    sample, regressor, _ = person
    weights = balance_energies(body, sample, regressor)
    with pytest.raises(error, match=words):
        refine_sample(body, sample, regressor, settings=SETTINGS, weights=weights, thickness=thickness)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"share_betas": "none"}, "shell is 'subject', but share_betas is 'none'"),
        ({"silhouette": 0.0}, "shell is 'subject', but silhouette is 0"),
        (
            {"solver": "lm", "multiview": False, "share_betas": "none", "label_offsets": "none"}
            | {"shell": "none"},
            "shape_prior is 0.01, which the solver 'lm' does not do",
        ),
        ({"solver": "lm", "adversarial": 1.0}, "adversarial is 1.0, which the solver 'lm' does not do"),
    ],
)
def test_settings_that_leave_the_thickness_open_are_refused(body, person, changes, words):
    sample, regressor, _ = person
    weights = balance_energies(body, sample, regressor)
    settings = SETTINGS.model_copy(update=changes)
    with pytest.raises(ConfigError, match=words):
        refine_sample(
            body, sample, regressor, settings=settings, weights=weights, discriminator=SimpleNamespace()
        )
