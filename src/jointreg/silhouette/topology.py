"""The input of a silhouette: a closed mesh and its projected vertices."""

from typing import Any

import numpy as np

from jointreg.errors import DataError, ShapeError
from jointreg.silhouette._numba_kernels import LARGEST_PX

LARGEST_INDEX = 2**31 - 2
"""Kernels count vertices in int32."""


class Topology:
    """Edges of a closed triangle mesh, each with its two faces.

    Args:
        faces: vertex indices, (F, 3) integers, every face oriented alike (all seen from outside
            anti-clockwise, or all clockwise).

    Raises:
        ShapeError: not (F, 3).
        DataError: an index beyond int32, a face repeats a vertex, an edge does not have exactly two
            faces (open or non-manifold mesh), or both faces run through an edge in the same direction.
    """

    faces: np.ndarray
    """(F, 3) int32."""
    edges: np.ndarray
    """First vertex, second vertex, face that runs first to second, face that runs back; (E, 4) int32."""
    n_vertices: int
    """One more than the highest vertex used."""

    def __init__(self, faces: np.ndarray) -> None:
        faces = np.asarray(faces)
        if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) == 0 or faces.dtype.kind not in "iu":
            raise ShapeError(f"faces are {faces.dtype} of shape {faces.shape}, expected integers (F, 3)")
        if faces.min() < 0 or faces.max() > LARGEST_INDEX:
            raise DataError(
                f"faces contain vertex indices {faces.min()} to {faces.max()}, expected 0 to "
                f"{LARGEST_INDEX} at most"
            )
        self.faces = np.ascontiguousarray(faces, dtype=np.int32)
        self.edges = _paired_edges(self.faces)
        self.n_vertices = int(self.faces.max()) + 1


class PointsError(DataError):
    """A frame's projected vertices are unusable; `frame` is its row."""

    def __init__(self, frame: int) -> None:
        super().__init__(
            f"row {frame}: projected vertices are not finite or beyond {LARGEST_PX:g} px, expected "
            "pixels of a body wholly in front of the camera",
            "check the translation (metres, z forward) and rotations of that body",
        )
        self.frame = frame


def check_points(points: Any, topology: Topology) -> None:
    """Refuse projected vertices, an array or a tensor, that do not fit a mesh.

    Raises:
        ShapeError: not (N, at least `topology.n_vertices`, 2) float32 or float64.
    """
    if points.ndim != 3 or points.shape[2] != 2 or points.shape[1] < topology.n_vertices:
        raise ShapeError(
            f"points have shape {tuple(points.shape)}, expected (N, at least {topology.n_vertices}, 2)"
        )
    if str(points.dtype).removeprefix("torch.") not in ("float32", "float64"):
        raise ShapeError(f"points are {points.dtype}, expected float32 or float64")


def _paired_edges(faces: np.ndarray) -> np.ndarray:
    """Pairs of half-edges as `Topology.edges`, in the order of their first faces."""
    degenerate = (faces == np.roll(faces, 1, axis=1)).any(axis=1)
    if degenerate.any():
        row = int(np.argmax(degenerate))
        raise DataError(
            f"face {row} uses a vertex twice: {faces[row].tolist()}; {degenerate.sum()} such faces",
            "remove degenerate faces from the mesh",
        )
    start = faces.ravel().astype(np.int64)
    end = np.roll(faces, -1, axis=1).ravel().astype(np.int64)
    face = np.repeat(np.arange(len(faces)), 3)
    key = np.minimum(start, end) * (faces.max() + 1) + np.maximum(start, end)
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    if (counts != 2).any():
        worst = first[np.argmax(counts != 2)]
        raise DataError(
            f"mesh is open or not manifold: edge {start[worst]}-{end[worst]} has "
            f"{counts[np.argmax(counts != 2)]} faces, expected 2; {(counts != 2).sum()} such edges",
            "close the holes: the silhouette needs a watertight mesh",
        )
    order = np.argsort(key, kind="stable").reshape(-1, 2)
    order = order[np.argsort(order[:, 0])]
    one, two = order[:, 0], order[:, 1]
    same = start[one] == start[two]
    if same.any():
        row = int(np.argmax(same))
        raise DataError(
            f"faces {face[one[row]]} and {face[two[row]]} run through edge "
            f"{start[one[row]]}-{end[one[row]]} in the same direction; {same.sum()} such edges",
            "orient all faces alike",
        )
    return np.stack([start[one], end[one], face[one], face[two]], axis=1).astype(np.int32)
