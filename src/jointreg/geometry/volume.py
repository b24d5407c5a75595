"""Volume of triangle meshes."""

import numpy as np


def volume(meshes: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Volume inside closed meshes, (N, V, 3) metres -> (N,) cubic metres; negative if faces look inward.

    Args:
        meshes: vertices.
        faces: indices of vertices, (F, 3).
    """
    corners = [[meshes[:, rows, axis].astype(np.float64) for axis in range(3)] for rows in faces.T]
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = corners
    doubled = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return doubled.sum(axis=1) / 6
