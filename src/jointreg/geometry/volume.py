"""Volume of triangle meshes."""

import numpy as np


def volume(meshes: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Volume inside closed meshes, (N, V, 3) metres -> (N,) cubic metres; negative if faces look inward.

    Args:
        meshes: vertices.
        faces: indices of vertices, (F, 3).
    """
    a, b, c = (meshes[:, faces[:, corner]].astype(np.float64) for corner in range(3))
    return np.einsum("nfa,nfa->n", a, np.cross(b, c)) / 6
