"""The reference code's silhouette, emulated: PyTorch3D's soft one with no blur and one face a pixel.

The nearest face that contains a pixel's centre gives it the opacity sigmoid(d^2 / sigma), d being the
distance from the centre to that face's nearest edge; pixels in no face are 0. So the opacity
is 0.5 to 0.6 inside a mesh of small faces, whether an edge is on the contour or not, and nothing pulls
from outside the projected mesh. It serves for comparison only.

Lengths are in normalised device coordinates, 2 over the shorter side of the image per pixel.
`tests/paper` compares image and gradient with PyTorch3D's own.
"""

import math
from typing import Any

import numpy as np
import torch
from numba import njit

from jointreg.silhouette.topology import Topology

SIGMA = 1e-4
"""Softness of the opacity, squared normalised device coordinates; the reference code's value."""
TINY = 1e-8
"""PyTorch3D's guard against flat faces, compared with twice their area: those below are skipped; it is
added to the area of the others, which moves the depth of small ones."""


def coverage(
    points: torch.Tensor, depth: torch.Tensor, topology: Topology, height: int, width: int
) -> torch.Tensor:
    """Opacity of every pixel, (N, V, 2) px and (N, V) m -> (N, H, W); differentiable in the points."""
    return _OneFace.apply(points, depth, topology, height, width)


class _OneFace(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, points: torch.Tensor, depth: torch.Tensor, topology: Topology, height: int, width: int
    ) -> Any:
        nearest = np.empty((len(points), height, width), dtype=np.int32)
        image = np.empty(nearest.shape)
        _draw(_doubles(points), _doubles(depth), topology.faces, nearest, image)
        ctx.faces, ctx.nearest = topology.faces, nearest
        ctx.save_for_backward(points)
        return torch.from_numpy(image).to(points)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        (points,) = ctx.saved_tensors
        out = np.zeros(points.shape)
        _pull_back(_doubles(points), ctx.faces, ctx.nearest, _doubles(grad), out)
        return torch.from_numpy(out).to(points), None, None, None, None


def _doubles(values: torch.Tensor) -> np.ndarray:
    """Contiguous float64 on the CPU; kernels are compiled for nothing else."""
    return values.detach().cpu().double().contiguous().numpy()


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(
    points: np.ndarray, depth: np.ndarray, faces: np.ndarray, nearest: np.ndarray, image: np.ndarray
) -> None:
    """Write the nearest face of each pixel centre (-1: none) and its opacity."""
    frames, height, width = image.shape
    squared_scale = (2 / min(height, width)) ** 2
    for n in range(frames):
        nearest[n] = -1
        depths = np.full((height, width), np.inf)
        for f in range(len(faces)):
            _draw_face(points[n], depth[n], faces[f], f, squared_scale, nearest[n], depths)
        for row in range(height):
            for column in range(width):
                image[n, row, column] = 0
                if nearest[n, row, column] >= 0:
                    face = faces[nearest[n, row, column]]
                    _, _, _, dx, dy = _nearest_edge(points[n], face, row, column)
                    image[n, row, column] = _opacity((dx * dx + dy * dy) * squared_scale)


@njit(cache=True, nogil=True, error_model="numpy")
def _draw_face(
    points: np.ndarray,
    depth: np.ndarray,
    face: np.ndarray,
    index: int,
    squared_scale: float,
    nearest: np.ndarray,
    depths: np.ndarray,
) -> None:
    """Enter a face at the pixel centres strictly inside it where it is the nearest so far."""
    ax, ay = points[face[0], 0], points[face[0], 1]
    bx, by = points[face[1], 0], points[face[1], 1]
    cx, cy = points[face[2], 0], points[face[2], 1]
    area = squared_scale * ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax))
    if abs(area) <= TINY:
        return
    factor = squared_scale / (area + TINY)
    height, width = nearest.shape
    low, high = max(math.ceil(min(ay, by, cy)), 0), min(math.floor(max(ay, by, cy)), height - 1)
    left, right = max(math.ceil(min(ax, bx, cx)), 0), min(math.floor(max(ax, bx, cx)), width - 1)
    for row in range(low, high + 1):
        for column in range(left, right + 1):
            one = factor * ((column - bx) * (cy - by) - (row - by) * (cx - bx))
            two = factor * ((column - cx) * (ay - cy) - (row - cy) * (ax - cx))
            three = factor * ((column - ax) * (by - ay) - (row - ay) * (bx - ax))
            if one > 0 and two > 0 and three > 0:
                z = one * depth[face[0]] + two * depth[face[1]] + three * depth[face[2]]
                if 0 <= z < depths[row, column]:
                    depths[row, column] = z
                    nearest[row, column] = index


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest_edge(points: np.ndarray, face: np.ndarray, row: int, column: int) -> tuple:
    """The edge of a face nearest to a pixel centre.

    Returns its first and second vertex, the fraction along it of the nearest point, and the way
    from the centre to that point, x and y.
    """
    first, second, fraction, way_x, way_y = face[0], face[1], 0.0, np.inf, np.inf
    for k in range(3):
        start, end = face[k], face[(k + 1) % 3]
        x, y = points[start, 0] - column, points[start, 1] - row
        along_x, along_y = points[end, 0] - points[start, 0], points[end, 1] - points[start, 1]
        squared = along_x * along_x + along_y * along_y
        t = min(max(-(x * along_x + y * along_y) / squared, 0.0), 1.0) if squared > 0 else 0.0
        x, y = x + t * along_x, y + t * along_y
        if x * x + y * y < way_x * way_x + way_y * way_y:
            first, second, fraction, way_x, way_y = start, end, t, x, y
    return first, second, fraction, way_x, way_y


@njit(cache=True, nogil=True, error_model="numpy")
def _opacity(squared_distance: float) -> float:
    return 1 / (1 + math.exp(-squared_distance / SIGMA))


@njit(cache=True, nogil=True, error_model="numpy")
def _pull_back(
    points: np.ndarray, faces: np.ndarray, nearest: np.ndarray, image: np.ndarray, grad: np.ndarray
) -> None:
    """Add to `grad` (N, V, 2) the gradient of sum(image * opacity), `image` (N, H, W).

    A squared distance changes with the ends of its edge as its nearest point does: that point is
    where the distance is least, so its own way along the edge counts nothing.
    """
    frames, height, width = image.shape
    squared_scale = (2 / min(height, width)) ** 2
    for n in range(frames):
        for row in range(height):
            for column in range(width):
                if nearest[n, row, column] < 0 or image[n, row, column] == 0:
                    continue
                face = faces[nearest[n, row, column]]
                first, second, t, dx, dy = _nearest_edge(points[n], face, row, column)
                value = _opacity((dx * dx + dy * dy) * squared_scale)
                pull = 2 * image[n, row, column] * value * (1 - value) * squared_scale / SIGMA
                grad[n, first, 0] += pull * (1 - t) * dx
                grad[n, first, 1] += pull * (1 - t) * dy
                grad[n, second, 0] += pull * t * dx
                grad[n, second, 1] += pull * t * dy
