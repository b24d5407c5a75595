"""Shared by the tests of refinement: a sample of two frames."""

import numpy as np
import pytest

from jointreg.body import Body
from jointreg.refine import Sample


@pytest.fixture(scope="module")
def sample(body: Body, make_bodies) -> Sample:
    """Two frames of bodies without betas, labels of bodies with them, and a square for a mask."""
    rotations, betas, translation = make_bodies(np.random.default_rng(3), 2)
    joints = body.joint_regressor[:17] @ body.vertices(rotations, betas, translation)
    intrinsics = np.tile([[430.0, 0, 111.5], [0, 430, 111.5], [0, 0, 1]], (2, 1, 1))
    intrinsics[:, :2, 2] -= 430 * translation[:, :2] / translation[:, 2:]
    masks = np.zeros((2, 224, 224), np.uint8)
    masks[:, 60:200, 80:140] = 255
    bodies = {"rotations": rotations, "betas": np.zeros_like(betas), "translation": translation}
    return Sample(bodies, joints, masks, intrinsics, np.ones(2))
