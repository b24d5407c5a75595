"""Posed bodies as shaded pictures: how bright each pixel is, and how much of it the body covers."""

import numpy as np

from jointreg.geometry.camera import project_pinhole
from jointreg.geometry.rasterise import rasterise
from jointreg.stores.schemas import CROP

ZOOM = 2
"""Pixels of a shaded picture along one pixel of the crop: print is finer than a network's input."""
SAMPLES = 2
"""Samples along one pixel of the picture."""

AMBIENT = 0.3
LIGHTS = (((0.0, 0.0, -1.0), 0.45), ((-0.5, -0.7, -0.5), 0.35))
"""Direction towards the light in the camera frame, and strength: from the camera, from above left."""


def shaded(
    vertices: np.ndarray, faces: np.ndarray, crop_intrinsics: np.ndarray, size: int = CROP
) -> np.ndarray:
    """Brightness and cover of each body, lit from the camera and from above left.

    Args:
        vertices: posed meshes with outward faces, before the camera, camera frame, metres, (N, V, 3).
        faces: (F, 3).
        crop_intrinsics: K of each crop, pixels, (N, 3, 3).
        size: side of the crops, pixels.

    Returns:
        Brightness and covered share, both 0..1, (N, `ZOOM` size, `ZOOM` size, 2) float32.
    """
    points = (project_pinhole(vertices, crop_intrinsics) + 0.5) * ZOOM - 0.5
    side = ZOOM * size
    pictures = np.zeros((len(vertices), side, side, 2), dtype=np.float32)
    for picture, mesh, flat in zip(pictures, vertices, points, strict=True):
        colours = np.repeat(_brightness(mesh, faces)[:, None], 3, axis=1)
        depth = np.ascontiguousarray(mesh[:, 2], dtype=np.float64)
        hits, total = rasterise(flat, depth, colours, faces, 0, 0, side, side, SAMPLES)
        picture[..., 0] = total[..., 0] / np.maximum(hits, 1)
        picture[..., 1] = hits / SAMPLES**2
    return pictures


def _brightness(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Lambert's law at every vertex, (V, 3) -> (V,) in 0..1."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    of_faces = np.cross(b - a, c - a)
    normals = np.zeros(vertices.shape)
    for k in range(3):
        np.add.at(normals, faces[:, k], of_faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    brightness = np.full(len(vertices), AMBIENT)
    for direction, strength in LIGHTS:
        towards = np.array(direction) / np.linalg.norm(direction)
        brightness += strength * np.maximum(normals @ towards, 0)
    return np.minimum(brightness, 1.0)
