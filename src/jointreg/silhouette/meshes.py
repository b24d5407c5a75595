"""Silhouettes of posed bodies in their crops."""

from collections.abc import Mapping

import numpy as np

from jointreg.body.model import Body
from jointreg.geometry.camera import project_pinhole
from jointreg.stores.schemas import CROP

BATCH = 64
"""Bodies posed and rendered side by side."""


def rendered(
    body: Body, bodies: Mapping[str, np.ndarray], crop_intrinsics: np.ndarray, size: int = CROP
) -> np.ndarray:
    """Share of every crop pixel that each body covers.

    Args:
        body: the body model; its mesh is closed.
        bodies: rotations (N, 24, 3, 3), betas (N, B), translation (N, 3) metres, camera frame.
        crop_intrinsics: K of each crop, pixels, (N, 3, 3).
        size: side of the crops in pixels.

    Returns:
        (N, size, size) float32 in 0..1.

    Raises:
        DataError: a body lies behind the camera or the mesh is open.
    """
    images = np.empty((len(crop_intrinsics), size, size), dtype=np.float32)
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        vertices = body.vertices(
            bodies["rotations"][rows], bodies["betas"][rows], bodies["translation"][rows]
        )
        images[rows] = mesh_coverage(vertices, body.faces, crop_intrinsics[rows], size)
    return images


def mesh_coverage(
    vertices: np.ndarray, faces: np.ndarray, crop_intrinsics: np.ndarray, size: int = CROP
) -> np.ndarray:
    """`rendered` for meshes that are posed already: vertices (N, V, 3) metres, camera frame."""
    from jointreg.silhouette.drawing import covered
    from jointreg.silhouette.topology import Topology

    points = project_pinhole(vertices, crop_intrinsics).astype(np.float32)
    return covered(points, Topology(faces), size, size)
