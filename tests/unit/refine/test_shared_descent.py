"""Levenberg-Marquardt for frames that share unknowns: slopes, descent, and what must not matter."""

from types import SimpleNamespace

import numpy as np
import pytest
from cameras_around import centred, in_cameras, masks_of, views_around

from jointreg.geometry.rotations import from_axis_angle
from jointreg.refine import Sample
from jointreg.refine.bone_moments import BoneMoments
from jointreg.refine.quadratic import Quadratic
from jointreg.refine.shared_descent import CURVATURE, SharedDescent, SharedStart
from jointreg.refine.shell import PARTS
from jointreg.refine.targets import checked_targets

MOMENTS = 3
FACTORS = (3.0, 1e-3, 0.0, 0.0)


@pytest.fixture(scope="module")
def person(body, make_bodies):
    """Three moments before two cameras; the last is seen by one of them."""
    generator = np.random.default_rng(4)
    turn, betas, translation = make_bodies(generator, MOMENTS)
    betas[:] = betas[0]
    world = body.vertices(turn, betas, translation).astype(np.float64)
    moment, camera = np.array([0, 0, 1, 2, 1]), np.array([0, 1, 1, 0, 0])
    views = views_around(world, moment, camera, [[0, 0, 0], [0.1, 1.3, 0.2]])
    vertices = in_cameras(views, world[moment])
    intrinsics = centred(vertices)
    masks = masks_of(vertices, body.faces, intrinsics)
    rotations = turn[moment].copy()
    rotations[:, 0] = views.rotation @ rotations[:, 0]
    wrong = from_axis_angle(generator.normal(0, 0.06, (len(moment), 24, 3)))
    root = body.rest_joints(betas[:1])[0, 0]
    seen = np.einsum("nij,nj->ni", views.rotation, root + translation[moment])
    bodies = {
        "rotations": rotations @ wrong,
        "betas": betas[moment] + 0.4,
        "translation": seen + views.translation - root,
    }
    regressor = body.joint_regressor[:17].astype(np.float64)
    sample = Sample(bodies, regressor @ vertices, masks, intrinsics, np.ones(len(moment)), views)
    return SimpleNamespace(body=body, sample=sample, regressor=regressor, vertices=vertices)


def descent(person, batch=64, *, shell=True, offsets=True):
    sample, generator = person.sample, np.random.default_rng(0)
    moments = BoneMoments(person.body, person.regressor, len(PARTS) if shell else 0)
    shared = SharedStart(
        sample.views,
        generator.normal(0, 0.02, (17, 3)) if offsets else None,
        np.full(len(PARTS), 0.01) if shell else None,
        shape_prior=0.01,
    )
    return SharedDescent(
        person.body,
        shared,
        Quadratic(person.body, moments, FACTORS, shell=shell, curvature=CURVATURE),
        dict(sample.bodies),
        checked_targets(person.body, sample, person.regressor),
        batch,
    )


def test_the_start_is_what_the_cameras_see(person):
    """Frames of one moment show one body, which stands where each camera has it."""
    at_start = descent(person, shell=False, offsets=False).bodies()
    views = person.sample.views
    vertices = person.body.vertices(**at_start).astype(np.float64)
    world = np.einsum("nji,nvj->nvi", views.rotation, vertices - views.translation[:, None])
    np.testing.assert_allclose(world[0], world[1], atol=2e-6)
    np.testing.assert_allclose(world[2], world[4], atol=2e-6)


@pytest.mark.parametrize(("shell", "offsets"), [(True, True), (False, False)])
def test_gradients_are_slopes_of_the_total(person, shell, offsets):
    start = descent(person, shell=shell, offsets=offsets)
    model, now = start._model, start.now
    own = model.gradients
    shared = model.shared.sum(axis=0) + 2 * start._prior * start._held(now)

    def total(own_step, shared_step):
        moved = start._moved(own_step, shared_step)
        return start._total(moved, start._evaluate(moved)[0])

    generator = np.random.default_rng(1)
    for _ in range(3):
        one, two = generator.normal(size=own.shape), generator.normal(size=shared.shape)
        for a, b in ((one, 0 * two), (0 * one, two), (one, two)):
            slope = (total(1e-6 * a, 1e-6 * b) - total(-1e-6 * a, -1e-6 * b)) / 2e-6
            expected = (own * a).sum() + (shared * b).sum()
            assert slope == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_total_never_rises_and_the_bodies_come_nearer(person):
    going = descent(person)
    totals, errors = [], []
    for _ in range(12):
        totals.append(going._total(going.now, going.energies))
        apart = person.body.vertices(**going.bodies()) - person.vertices
        errors.append(np.linalg.norm(apart, axis=2).mean())
        going.step()
    assert (np.diff(totals) <= 0).all()
    assert totals[-1] < 0.05 * totals[0]
    assert errors[-1] < 0.5 * errors[0]


def test_batches_do_not_matter(person):
    together, apart = (descent(person, batch) for batch in (64, 2))
    for going in (together, apart):
        for _ in range(3):
            going.step()
    for name, value in together.bodies().items():
        np.testing.assert_array_equal(apart.bodies()[name], value)
    np.testing.assert_array_equal(apart.now.offsets, together.now.offsets)
    np.testing.assert_array_equal(apart.now.thickness, together.now.thickness)


def test_a_descent_at_rest_stays(person):
    going = descent(person)
    for _ in range(200):
        going.step()
        if going.at_rest:
            break
    assert going.at_rest
    before = going.bodies()
    going.step()
    for name, value in going.bodies().items():
        np.testing.assert_array_equal(value, before[name])
