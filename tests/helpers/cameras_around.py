"""People before cameras that stand around them, for tests of the refinement."""

import numpy as np
import torch

from jointreg.geometry.camera import project_pinhole
from jointreg.geometry.rotations import from_axis_angle
from jointreg.refine import Views
from jointreg.silhouette import Topology, coverage

SIZE, FOCAL_PX = 224, 430.0


def views_around(
    world: np.ndarray,
    moment: np.ndarray,
    camera: np.ndarray,
    turns: np.ndarray,
    aside: np.ndarray | float = 0.0,
) -> Views:
    """Cameras that are turned about the middle of all meshes.

    Args:
        world: meshes of the moments, metres, (M, V, 3).
        moment, camera: of each frame, (N,).
        turns: axis-angle vector of each camera, (C, 3).
        aside: added to the translation of each camera, metres, (C, 1).
    """
    middle, rotation = world.mean(axis=(0, 1)), from_axis_angle(np.asarray(turns, dtype=np.float64))
    move = aside + middle - rotation @ middle
    return Views(moment, rotation[camera], move[camera])


def in_cameras(views: Views, meshes: np.ndarray) -> np.ndarray:
    """Meshes of all frames in their cameras, metres, (N, V, 3), from those in the world."""
    return np.einsum("nij,nvj->nvi", views.rotation, meshes) + views.translation[:, None]


def centred(vertices: np.ndarray) -> np.ndarray:
    """Intrinsics that put each mesh (N, V, 3) into the middle of its picture, pixels, (N, 3, 3)."""
    middle = (SIZE - 1) / 2
    intrinsics = np.tile(
        [[FOCAL_PX, 0, middle], [0, FOCAL_PX, middle], [0, 0, 1]], (len(vertices), 1, 1)
    )
    centre = vertices.mean(axis=1)
    intrinsics[:, :2, 2] -= FOCAL_PX * centre[:, :2] / centre[:, 2:]
    return intrinsics


def masks_of(vertices: np.ndarray, faces: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Exact masks of meshes, probability x 255, (N, SIZE, SIZE) uint8."""
    points = torch.from_numpy(project_pinhole(vertices, intrinsics))
    return (coverage(points, Topology(faces), SIZE).numpy() * 255).round().astype(np.uint8)
