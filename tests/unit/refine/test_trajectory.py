"""A trajectory is the refinement of `refine_sample`, from its start to its end."""

import numpy as np
import pytest
import torch
from project import ROOT

from jointreg.body import Body
from jointreg.config import Optimize, read_yaml
from jointreg.errors import ShapeError
from jointreg.geometry.camera import project_pinhole
from jointreg.refine import refine_sample, start_translation
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.losses import EnergyWeights
from jointreg.refine.sample import Sample
from jointreg.refine.trajectory import trace

CONFIG = read_yaml(ROOT / "config" / "config.yaml")
SETTINGS = Optimize(**CONFIG["optimize"] | {"iterations": 20})
WEIGHTS = EnergyWeights(joint=13.0, silhouette=5e-4, adversarial=4.0, keypoints=1e-3)


def test_the_way_begins_at_the_start_and_ends_at_the_refined_body(body: Body, sample: Sample) -> None:
    regressor = body.joint_regressor[:17]
    discriminator = Discriminator.create(torch.Generator().manual_seed(0))
    terms = {"settings": SETTINGS, "weights": WEIGHTS, "discriminator": discriminator}
    alone = sample.part(slice(1, 2))
    trajectory = trace(body, alone, regressor, **terms, moments=10)
    np.testing.assert_array_equal(trajectory.iterations, np.arange(0, 21, 2))
    assert {len(value) for value in trajectory.bodies.values()} == {11}

    begin = start_translation(body, sample.bodies, sample.joints_cam, regressor)
    np.testing.assert_allclose(trajectory.bodies["translation"][0], begin[1], atol=1e-6)
    np.testing.assert_allclose(
        trajectory.bodies["rotations"][0], sample.bodies["rotations"][1], atol=1e-6
    )
    assert not trajectory.bodies["betas"][0].any()

    for iterations in (10, 20):  # constant steps: fewer iterations are the same trajectory, cut short
        terms["settings"] = SETTINGS.model_copy(update={"iterations": iterations, "store_every": 2})
        refined = refine_sample(body, alone, regressor, **terms)
        for name, value in refined.bodies().items():
            np.testing.assert_array_equal(trajectory.bodies[name][iterations // 2], value[0])
    assert list(trajectory.energies) == ["joint", "silhouette", "adversarial"]
    for found, weight, energy in zip(
        trajectory.energies.values(), (13, 5e-4, 4), refined.energies[0].T, strict=False
    ):
        np.testing.assert_allclose(found, weight * energy, rtol=1e-6)


def test_bodies_seen_by_the_networks_camera_come_back_to_the_crops(body: Body, sample: Sample) -> None:
    """Through the crop's camera each moment shows the pelvis close to the one before."""
    settings = SETTINGS.model_copy(
        update={"camera": "weak_perspective", "keypoints": 1.0, "adversarial": 0.0, "silhouette": 0.0}
    )
    alone = sample.part(slice(0, 1))
    regressor = body.joint_regressor[:17]
    trajectory = trace(body, alone, regressor, settings=settings, weights=WEIGHTS)
    pelvis = regressor[:1] @ body.vertices(**trajectory.bodies)
    pixels = project_pinhole(pelvis, np.repeat(alone.intrinsics, len(pelvis), axis=0))[:, 0]
    assert np.abs(np.diff(pixels, axis=0)).max() < 10
    depth = trajectory.bodies["translation"][:, 2]
    assert np.ptp(depth) < 0.3 * depth.mean()


def test_one_frame_at_a_time(body: Body, sample: Sample) -> None:
    with pytest.raises(ShapeError, match="has 2 frames, expected 1"):
        trace(body, sample, body.joint_regressor[:17], settings=SETTINGS, weights=WEIGHTS)
