"""Projection and crops against OpenCV."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from jointreg.geometry.camera import Camera, crop_intrinsics, crop_maps, project_pinhole
from jointreg.geometry.rotations import from_axis_angle
from jointreg.labels.triangulation import undistort


@pytest.fixture
def camera():
    return Camera(
        name="54138969",
        rotation=from_axis_angle(np.array([0.3, -1.2, 0.4])),
        translation=np.array([0.2, -0.1, 5.0]),
        intrinsics=np.array([[1145.0, 0, 512.5], [0, 1143.8, 515.5], [0, 0, 1]]),
        distortion=np.array([-0.207, 0.2478, -0.00098, -0.0014, -0.0031]),
        size=(1000, 1002),
    )


def test_projection_with_distortion_agrees_with_opencv(camera, generator):
    world = generator.uniform(-1, 1, (40, 3))
    rotation_vector = cv2.Rodrigues(camera.rotation)[0]
    theirs, _ = cv2.projectPoints(
        world, rotation_vector, camera.translation, camera.intrinsics, camera.distortion
    )
    ours = camera.project(camera.from_world(world))
    assert np.abs(ours - theirs[:, 0]).max() < 1e-8
    assert np.abs(camera.to_world(camera.from_world(world)) - world).max() < 1e-12


def test_crop_maps_lead_back_to_where_the_lens_puts_a_point(camera, generator):
    """A point seen in the crop lies, through the map, where the distorted camera sees it."""
    points = generator.uniform([-0.5, -0.5, 4], [0.5, 0.5, 6], (30, 3))
    crop_k = crop_intrinsics(camera.intrinsics, left=300.25, top=310.5, side=420.0, size=224)
    in_crop = project_pinhole(points[None], crop_k[None])[0]
    inside = ((in_crop > 2) & (in_crop < 221)).all(1)
    assert inside.sum() > 10
    map_x, map_y = crop_maps(camera, crop_k, 224)
    u, v = (in_crop[inside, axis].astype(np.float32)[None] for axis in (0, 1))
    seen = np.stack([cv2.remap(m, u, v, cv2.INTER_LINEAR)[0] for m in (map_x, map_y)], axis=1)
    # cv2.remap interpolates on a grid of 1/32 px; the maps' slope is about 2.
    assert np.abs(seen - camera.project(points[inside])).max() < 0.07


def test_crop_edges_map_to_edges():
    crop_k = crop_intrinsics(np.eye(3), left=99.5, top=49.5, side=448.0, size=224)
    # Pixels 100 and 101 of the image make pixel 0 of the crop: their common edge is its centre.
    assert np.allclose(crop_k @ [100.5, 50.5, 1], [0, 0, 1])
    assert np.allclose(crop_k @ [99.5 + 448, 49.5 + 448, 1], [223.5, 223.5, 1])


@pytest.mark.parametrize("count", [8, 12])
def test_rational_and_thin_prism_lenses_agree_with_opencv(camera, generator, count):
    lens = generator.uniform(-0.1, 0.1, count)
    lens[2:4] /= 100
    camera = replace(camera, distortion=lens)
    points = generator.uniform([-1, -1, 3], [1, 1, 6], (40, 3))
    theirs, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.intrinsics, lens)
    assert np.abs(camera.project(points) - theirs[:, 0]).max() < 1e-8


def test_fisheye_lenses_agree_with_opencv_up_to_the_edge(camera, generator):
    lens = np.array([-0.05, 0.02, -0.01, 0.002])
    camera = replace(camera, distortion=lens, fisheye=True)
    points = generator.uniform([-9, -9, 2], [9, 9, 6], (40, 3))
    points[0] = [0, 0, 2]
    theirs, _ = cv2.fisheye.projectPoints(
        points[:, None], np.zeros(3), np.zeros(3), camera.intrinsics, lens
    )
    assert np.abs(camera.project(points) - theirs[:, 0]).max() < 1e-8
    near = points[np.linalg.norm(points[:, :2] / points[:, 2:], axis=1) < 1.5]
    back = undistort(camera, camera.project(near))
    assert np.abs(back - near[:, :2] / near[:, 2:]).max() < 1e-9
