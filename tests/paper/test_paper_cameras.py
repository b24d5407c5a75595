"""PyTorch3D's cameras made from our K project to our pixels.

PyTorch3D's frame has x left, y up, z forward; its screen begins at the outer edge of the first pixel,
whose centre is (0.5, 0.5). Ours has x right, y down, and that centre is (0, 0). So points change the
sign of x and y, principal points gain half a pixel, and their screen is our pixels plus a half.
"""

import numpy as np
import pytest
import torch

from jointreg.geometry.camera import project_pinhole

pytest.importorskip("pytorch3d", reason="PyTorch3D has its own environment: make test-paper-backends")
from pytorch3d.renderer import PerspectiveCameras
from pytorch3d.utils import cameras_from_opencv_projection

TOLERANCE_PX = 1e-3
TURN = np.array([-1.0, -1.0, 1.0])


def projected(cameras, points, size):
    """PyTorch3D's screen coordinates, (N, V, 2)."""
    points = torch.tensor(points, dtype=torch.float32)
    return cameras.transform_points_screen(points, image_size=(size,) * len(points)).numpy()[..., :2]


@pytest.mark.parametrize("size", [(224, 224), (160, 224), (224, 160)])
def test_screen_space_camera(people, size):
    vertices, intrinsics = people
    cameras = PerspectiveCameras(
        focal_length=torch.tensor(intrinsics[:, [0, 1], [0, 1]], dtype=torch.float32),
        principal_point=torch.tensor(intrinsics[:, :2, 2] + 0.5, dtype=torch.float32),
        in_ndc=False,
        image_size=(size, size),
    )
    found = projected(cameras, vertices * TURN, size) - 0.5
    np.testing.assert_allclose(found, project_pinhole(vertices, intrinsics), atol=TOLERANCE_PX)


@pytest.mark.parametrize("size", [(224, 224), (160, 224), (224, 160)])
def test_camera_in_device_coordinates(people, size):
    """Focal length over half the shorter side; principal point from the middle, its sign changed."""
    vertices, intrinsics = people
    half = min(size) / 2
    middle = np.array([size[1], size[0]]) / 2
    cameras = PerspectiveCameras(
        focal_length=torch.tensor(intrinsics[:, [0, 1], [0, 1]] / half, dtype=torch.float32),
        principal_point=torch.tensor((middle - 0.5 - intrinsics[:, :2, 2]) / half, dtype=torch.float32),
    )
    found = projected(cameras, vertices * TURN, size) - 0.5
    np.testing.assert_allclose(found, project_pinhole(vertices, intrinsics), atol=TOLERANCE_PX)


def test_their_conversion_from_opencv_needs_the_half_pixel(people):
    """`cameras_from_opencv_projection` takes size / 2 for the middle: hand it K with + 0.5."""
    vertices, intrinsics = people
    shifted = intrinsics.copy()
    shifted[:, :2, 2] += 0.5
    cameras = cameras_from_opencv_projection(
        torch.eye(3).expand(2, 3, 3),
        torch.zeros(2, 3),
        torch.tensor(shifted, dtype=torch.float32),
        torch.tensor([[224, 224]] * 2),
    )
    found = projected(cameras, vertices, (224, 224)) - 0.5
    np.testing.assert_allclose(found, project_pinhole(vertices, intrinsics), atol=TOLERANCE_PX)


def test_reference_code_camera_counts_relief_double(people):
    """Weak perspective (s, tx, ty) of the reference code: SPIN's camera with doubled depth relief.

    It doubles x, y and z of the points and halves the focal length: x and y cancel, z does not.
    """
    body = people[0] - people[0].mean(axis=1, keepdims=True)
    scale, across = np.array([0.9, 1.1]), np.array([[0.03, -0.05], [-0.1, 0.08]])
    distance = 2 * 5000 / (224 * scale)
    cameras = PerspectiveCameras(
        focal_length=5000 / 224,
        T=torch.tensor(np.c_[-2 * across, distance], dtype=torch.float32),
    )
    found = projected(cameras, 2 * body * TURN, (224, 224)) - 0.5

    ours = np.tile([[5000.0, 0, 111.5], [0, 5000, 111.5], [0, 0, 1]], (2, 1, 1))
    translation = np.c_[across, distance][:, None]
    np.testing.assert_allclose(
        found, project_pinhole(body * [1, 1, 2] + translation, ours), atol=TOLERANCE_PX
    )
    spin = project_pinhole(body + translation, ours)
    assert 0.1 < np.abs(found - spin).max() < 3
