"""Exact, differentiable silhouettes of closed meshes from their contour edges alone.

A closed, consistently oriented mesh needs no z-buffer and no triangle filling. The faces that turn
their positive side to the image cover every inside point at least once; their common boundary is
the contour (some 900 of SMPL's 20,664 edges). The signed area under each contour edge, cut exactly
at the pixel grid, goes into a column buffer; a prefix sum down the columns is the number of layers
A over each pixel, averaged over its area; C = min(A, 1) is the coverage. It is exact but for pixels
crossed by two contours, where layers add up instead of uniting. The gradient walks the same edges.

Pixel (row y, column x) covers [x - 0.5, x + 0.5] x [y - 0.5, y + 0.5]. Parts of the mesh outside the
image are clipped; loss outside the image is not counted. Kernels run on the CPU, sixteen frames
side by side where that gives SIMD, deterministic for any number of frames and threads.

Tensors of points are fastest when frames are innermost in memory (as `jointreg.skinning` makes
them); any layout gives the same numbers.
"""

from typing import Any

import numpy as np
import torch

from jointreg import _contour
from jointreg.errors import DataError, ShapeError


class Topology:
    """Edges of a closed triangle mesh with the two faces beside each.

    Args:
        faces: vertex indices, (F, 3) integers, every face oriented alike (all seen from outside
            anti-clockwise, or all clockwise).

    Raises:
        ShapeError: not (F, 3).
        DataError: a face repeats a vertex, an edge does not have exactly two faces (open or
            non-manifold mesh), or the two run through it in the same direction.
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
        if faces.min() < 0:
            raise DataError(f"faces hold vertex index {faces.min()}, expected indices from 0")
        self.faces = np.ascontiguousarray(faces, dtype=np.int32)
        self.edges = _paired_edges(self.faces)
        self.n_vertices = int(self.faces.max()) + 1


class PointsError(DataError):
    """A frame's projected vertices are unusable; `frame` is its row."""

    def __init__(self, frame: int) -> None:
        super().__init__(
            f"row {frame}: projected vertices are not finite, expected pixels of a body wholly in "
            "front of the camera",
            "check the translation (metres, z forward) and rotations of that body",
        )
        self.frame = frame


def coverage(points_px: torch.Tensor, topology: Topology, size: int | tuple[int, int]) -> torch.Tensor:
    """Share of every pixel that the projected mesh covers, differentiable in the points.

    Args:
        points_px: projected vertices, pixels, (N, V, 2) float32 or float64.
        topology: of the mesh.
        size: side of a square image, or (height, width), pixels.

    Returns:
        (N, H, W) in [0, 1] to rounding, of the dtype of `points_px`.

    Raises:
        ShapeError: the points do not fit the topology, or are not float32 or float64.
        PointsError: a point is not finite.

    Source: paper III, Eq. 4 (C of theta), by exact areas instead of a soft rasteriser.
    """
    _check_points(points_px, topology)
    height, width = (size, size) if isinstance(size, int) else size
    return _Coverage.apply(points_px, topology, int(height), int(width))


def silhouette_l2(points_px: torch.Tensor, topology: Topology, mask: np.ndarray) -> torch.Tensor:
    """Squared difference of mask and coverage, summed over pixels; loss and gradient in one pass.

    Equal to `((mask / 255 - coverage(...)) ** 2).sum((1, 2))`, some times faster.

    Args:
        points_px: projected vertices, pixels, (N, V, 2) float32 or float64.
        topology: of the mesh.
        mask: probability of person x 255, (N, H, W) uint8; NumPy array or CPU tensor.

    Returns:
        One sum a frame, (N,), unit: pixels. Differentiable in `points_px`, once.

    Raises:
        ShapeError: arrays do not fit each other, or the mask is not uint8.
        PointsError: a point is not finite.

    Source: paper III, Eq. 4.
    """
    _check_points(points_px, topology)
    mask = np.ascontiguousarray(mask)
    if mask.dtype != np.uint8 or mask.ndim != 3 or len(mask) != len(points_px):
        raise ShapeError(
            f"mask is {mask.dtype} of shape {mask.shape}, expected uint8 ({len(points_px)}, H, W)"
        )
    return _SilhouetteL2.apply(points_px, topology, mask)


class _Coverage(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, topology: Topology, height: int, width: int) -> Any:
        frames_last = _frames_last(points)
        image = np.empty((len(points), height, width), dtype=frames_last.dtype)
        _raise_bad(_contour.cover(frames_last, topology.faces, topology.edges, image))
        covered = torch.from_numpy(image)
        ctx.topology = topology
        ctx.save_for_backward(points, covered)
        return covered.to(points.device)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        points, covered = ctx.saved_tensors
        image = np.where(covered.numpy() < 1, grad.detach().cpu().numpy(), 0)
        frames_last = _frames_last(points)
        out = np.zeros_like(frames_last)
        _contour.pull_back(frames_last, ctx.topology.faces, ctx.topology.edges, image, out)
        return torch.from_numpy(out).permute(2, 0, 1).to(points.device), None, None, None


class _SilhouetteL2(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, topology: Topology, mask: np.ndarray) -> Any:
        frames_last = _frames_last(points)
        loss = np.empty(len(points), dtype=frames_last.dtype)
        grad = np.zeros_like(frames_last)
        _raise_bad(_contour.l2(frames_last, topology.faces, topology.edges, mask, loss, grad))
        ctx.save_for_backward(torch.from_numpy(grad))
        return torch.from_numpy(loss).to(points.device)

    @staticmethod
    def backward(ctx: Any, grad_loss: torch.Tensor) -> Any:
        (grad,) = ctx.saved_tensors
        return (grad * grad_loss.cpu()).permute(2, 0, 1).to(grad_loss.device), None, None


def _frames_last(points: torch.Tensor) -> np.ndarray:
    """(N, V, 2) tensor as a contiguous (V, 2, N) array; no copy where memory already lies so."""
    return points.detach().cpu().permute(1, 2, 0).contiguous().numpy()


def _raise_bad(frame: int) -> None:
    if frame >= 0:
        raise PointsError(frame)


def _check_points(points: torch.Tensor, topology: Topology) -> None:
    if points.ndim != 3 or points.shape[2] != 2 or points.shape[1] < topology.n_vertices:
        raise ShapeError(
            f"points have shape {tuple(points.shape)}, expected (N, at least {topology.n_vertices}, 2)"
        )
    if points.dtype not in (torch.float32, torch.float64):
        raise ShapeError(f"points are {points.dtype}, expected float32 or float64")


def _paired_edges(faces: np.ndarray) -> np.ndarray:
    """Match the half-edges of all faces, in the order of the first face of each."""
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
