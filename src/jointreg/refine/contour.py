"""The silhouette energy's curvature, read off the contour: rows and weights for Levenberg-Marquardt.

The energy is the squared difference of mask and coverage. A length l of contour that lies d pixels from
the mask's edge costs about l d^2 while d is below a pixel, and l d beyond. Its second derivative along
the contour's normal is then 2 l at the edge; beyond, l / d is the curvature of the parabola by which
l d is minimised (iteratively reweighted least squares). Lengths and normals come with the silhouette's
gradient. The distance is that of a vertex from the nearest edge of its mask. This overestimates the
curvature, because a body moves its contour along the mask's edge, too. `SHARE` corrects for it.
"""

import cv2
import numpy as np
from numba import njit

from jointreg.threads import one_opencv_thread

SHARE = 0.4
"""Factor on the curvature. With it a step lowers the energy by what the quadratic model promises."""

EVERY = 3
"""Every third vertex of the contour stands for its neighbours; every eighth is too few."""

INSIDE = 128
"""Masks are probabilities x 255; their edge is where they pass one half."""

kernel = njit(cache=True, nogil=True, error_model="numpy")


@one_opencv_thread()
def edge_distances(masks: np.ndarray) -> np.ndarray:
    """Distance of each pixel from the mask's edge, (N, H, W) uint8 -> (N, H, W) float32 pixels.

    0 on both sides of the edge. In a mask without an edge every pixel is H + W from one.
    """
    distances = np.full(masks.shape, sum(masks.shape[1:]), dtype=np.float32)
    around = np.ones((3, 3), np.uint8)
    for mask, distance in zip(masks, distances, strict=True):
        inside = (mask >= INSIDE).view(np.uint8)
        edge = cv2.dilate(inside, around) != cv2.erode(inside, around)
        if edge.any():
            away = np.logical_not(edge).view(np.uint8)
            distance[:] = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_3)
    return distances


def contour_rows(
    area: np.ndarray,
    points: np.ndarray,
    vertices: np.ndarray,
    intrinsics: np.ndarray,
    distances: np.ndarray,
    which: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows and weights of the silhouette energy's matrix.

    Args:
        area: gradient of the covered area, from `silhouette_gradients`, (V, 2, N).
        points: projected vertices, pixels, (V, 2, N).
        vertices: the same in the camera frame, metres, (V, 3, N).
        intrinsics: pinhole K, pixels, (N, 3, 3).
        distances: from `edge_distances`, (N, H, W).
        which: frames to do.

    Returns:
        For each frame: vertices on the contour (R,), how the coordinate along the normal in the image
        changes with their place in the camera frame (R, 3) px/m, and the curvature of the energy along
        it (R,) 1/px.
    """
    counts, listed = _contour_vertices(area)
    return [
        _directions(n, listed[n, : counts[n] : EVERY], area, points, vertices, intrinsics, distances)
        for n in which
    ]


@kernel
def _contour_vertices(area: np.ndarray) -> tuple:
    """Number of vertices on each contour (N,), and their list (N, V)."""
    count, frames = area.shape[0], area.shape[2]
    counts, listed = np.zeros(frames, np.int64), np.empty((frames, count), np.int32)
    for v in range(count):
        for n in range(frames):
            if area[v, 0, n] != 0 or area[v, 1, n] != 0:
                listed[n, counts[n]] = v
                counts[n] += 1
    return counts, listed


@kernel
def _directions(
    n: int,
    chosen: np.ndarray,
    area: np.ndarray,
    points: np.ndarray,
    vertices: np.ndarray,
    intrinsics: np.ndarray,
    distances: np.ndarray,
) -> tuple:
    height, width = distances.shape[1], distances.shape[2]
    directions, curvature = np.empty((len(chosen), 3)), np.empty(len(chosen))
    k = intrinsics[n]
    for r in range(len(chosen)):
        v = chosen[r]
        across, down = np.float64(area[v, 0, n]), np.float64(area[v, 1, n])
        length = np.sqrt(across * across + down * down)
        across, down = across / length, down / length
        column = min(max(int(points[v, 0, n] + 0.5), 0), width - 1)
        row = min(max(int(points[v, 1, n] + 0.5), 0), height - 1)
        away = distances[n, row, column]
        curvature[r] = SHARE * EVERY * length * (2 - away if away < 1 else 1 / away)
        x, y, z = vertices[v, 0, n], vertices[v, 1, n], vertices[v, 2, n]
        along_x, along_y = across * k[0, 0] / z, (across * k[0, 1] + down * k[1, 1]) / z
        directions[r, 0], directions[r, 1] = along_x, along_y
        directions[r, 2] = -(along_x * x + along_y * y) / z
    return chosen, directions, curvature
