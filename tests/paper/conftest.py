"""PyTorch3D and Mask R-CNN themselves, in an environment of their own: `make test-paper-backends`."""

import numpy as np
import pytest
import torch

from jointreg.body import load_body
from jointreg.geometry.rotations import from_axis_angle


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Both sides are timed and compared in a single thread."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def people():
    """Two open bodies, one with crossing limbs, one partly outside the picture.

    Vertices, camera frame, metres, (2, 6890, 3) float64, and K of their 224 px crops, (2, 3, 3).
    """
    generator = np.random.default_rng(3)
    pose = generator.normal(0, 0.35, (2, 24, 3))
    pose[:, 0] = [[0, 0, 0], [0.5, 0, 0]]
    rotations = from_axis_angle(pose)
    rotations[:, 0] = np.diag([1.0, -1.0, -1.0]) @ rotations[:, 0]
    translation = np.array([[0, 0, 3.5], [0.9, 0.6, 3]])
    vertices = load_body("open").vertices(rotations, generator.normal(size=(2, 10)), translation)
    intrinsics = np.array([[370.0, 0, 111.5], [0, 365, 108.25], [0, 0, 1]])
    return vertices.astype(np.float64), np.tile(intrinsics, (2, 1, 1))
