"""Exact, differentiable silhouettes of closed meshes from their contour edges alone.

A closed, consistently oriented mesh needs no z-buffer and no triangle filling. The faces that turn
their positive side to the image cover every inside point at least once; their common boundary is the
contour (some 900 of SMPL's 20,664 edges). The signed area under each contour edge, cut exactly at the
pixel grid, goes into a column buffer; a prefix sum down the columns is the number of layers A over
each pixel, averaged over its area. The coverage is C = min(A, 1), except in pixels that can contain 0
and 2 layers at once: there the pieces of contour are compared with each other, and the area under
those that bound the covered part is C. A point counts as covered if any face projects onto it,
including where the mesh intersects itself. The gradient is taken over the same pieces. Both are exact
to rounding, with one known exception: of crumpled meshes whose vertices all lie on a grid of half
pixels, one in thirteen had a wrong pixel. There vertices lie on edges of other faces. A shift by a
millionth of a pixel avoids it.

Pixel (row y, column x) covers [x - 0.5, x + 0.5] x [y - 0.5, y + 0.5]. Parts of the mesh outside the
image are clipped; loss outside the image is not counted. Kernels run on the CPU and process sixteen
frames side by side where SIMD helps. They give the same numbers for any number of frames and threads.

Tensors of points are fastest when frames are innermost in memory (as `jointreg.body.skinning` makes
them); any layout gives the same numbers.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from jointreg.errors import ConfigError, ShapeError
from jointreg.silhouette import drawing
from jointreg.silhouette._numba_kernels import LARGEST_PX
from jointreg.silhouette.topology import PointsError, Topology, check_points

__all__ = ["BACKENDS", "PointsError", "Topology", "coverage", "silhouette_gradients", "silhouette_l2"]

if TYPE_CHECKING:
    import torch

BACKENDS = ("numba", "warp", "pytorch3d", "one_face")
"""Ways to draw. `numba`: exact areas, CPU. `warp`: the same on CPU or CUDA. `pytorch3d`: the reference
code's soft rasteriser. `one_face`: our emulation of `pytorch3d`."""


def coverage(
    points_px: "torch.Tensor",
    topology: Topology,
    size: int | tuple[int, int],
    *,
    backend: str = "numba",
    depth: "torch.Tensor | None" = None,
) -> "torch.Tensor":
    """Share of every pixel that the projected mesh covers, differentiable in the points.

    Args:
        points_px: projected vertices, pixels, (N, V, 2) float32 or float64.
        topology: edges and faces of the mesh.
        size: side of a square image, or (height, width), pixels.
        backend: one of `BACKENDS`. `pytorch3d` and `one_face` draw the reference code's opacity,
            about 0.5 to 0.6 inside the mesh, in place of the covered share.
        depth: depth of the vertices along the view, metres, (N, V). It decides which face is nearest
            and has no gradient. `pytorch3d` and `one_face` need it, the others ignore it.

    Returns:
        (N, H, W) in [0, 1] to rounding, of the dtype and on the device of `points_px`.

    Raises:
        ShapeError: the points or depths do not fit the topology, or are not float32 or float64, or
            the size is not one or two positive integers.
        PointsError: a point is not finite, or farther than 1e9 px from the image.
        ConfigError: no such backend, or its package is not installed, or it needs `depth`.

    Source: paper III, Eq. 4 (C of theta), by exact areas instead of a soft rasteriser.
    """
    _check(points_px, topology, backend)
    return _covered(points_px, topology, *_image_size(size), backend, depth)


def silhouette_l2(
    points_px: "torch.Tensor",
    topology: Topology,
    mask: "np.ndarray | torch.Tensor",
    *,
    backend: str = "numba",
    depth: "torch.Tensor | None" = None,
    blur_px: float = 0.0,
    uncovered: float = 1.0,
    weights: "np.ndarray | torch.Tensor | None" = None,
) -> "torch.Tensor":
    """Squared difference of mask and coverage, summed over pixels.

    Equal to `((mask / 255 - coverage(...)) ** 2).sum((1, 2))`, several times faster with `numba`
    and `warp`, whose kernels compute loss and gradient in one pass. Not with blur, `uncovered` or
    weights, which take two passes.

    Args:
        points_px: projected vertices, pixels, (N, V, 2) float32 or float64.
        topology: edges and faces of the mesh.
        mask: probability of person x 255, (N, H, W) uint8; NumPy array or tensor.
        backend: as in `coverage`.
        depth: as in `coverage`.
        blur_px: standard deviation of a Gaussian that the difference is blurred with before it is
            squared (0 outside the image), so that a body far from its mask is pulled towards it.
            Sensible: 12, then 4, then 0.
        uncovered: factor on the squares where the mask is above the coverage. Below 1 a mask that is
            larger than its body costs less than one that is smaller.
        weights: factors on the squares, (N, H, W); None for 1.

    Returns:
        One sum a frame, (N,), unit: pixels. Differentiable in `points_px`, once.

    Raises:
        ShapeError: arrays do not fit each other, or the mask is not uint8.
        PointsError: a point is not finite, or farther than 1e9 px from the image.
        ConfigError: as in `coverage`, or `blur_px` or `uncovered` is negative.

    Source: paper III, Eq. 4.
    """
    _check(points_px, topology, backend)
    mask = _checked_mask(mask, points_px)
    if not (math.isfinite(blur_px) and blur_px >= 0):
        raise ConfigError(f"blur_px is {blur_px}, expected pixels, at least 0")
    if not (math.isfinite(uncovered) and uncovered >= 0):
        raise ConfigError(f"uncovered is {uncovered}, expected a factor, at least 0")
    plain = blur_px == 0 and uncovered == 1 and weights is None
    if plain and backend == "numba":
        from jointreg.silhouette import _numba_backend

        return _numba_backend.l2(points_px, topology, mask)
    if plain and backend == "warp":
        from jointreg.silhouette import _warp_backend

        return _warp_backend.l2(points_px, topology, mask)
    height, width = mask.shape[1:]
    covered = _covered(points_px, topology, height, width, backend, depth)
    residual = mask.to(covered) / 255 - covered
    if blur_px > 0:
        down, across = (_gaussian(length, blur_px).to(residual) for length in (height, width))
        residual = down @ residual @ across
    squares = residual.square()
    if uncovered != 1:
        squares = squares.where(residual <= 0, uncovered * squares)
    if weights is not None:
        squares = squares * _checked_weights(weights, squares)
    return squares.sum(dim=(1, 2))


def silhouette_gradients(
    points_px: np.ndarray, topology: Topology, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`silhouette_l2` by the backend `numba`, for solvers that need more than its gradient.

    Args:
        points_px: projected vertices, pixels, frames innermost: (V, 2, N) float32 or float64.
        topology: edges and faces of the mesh.
        mask: probability of person x 255, (N, H, W) uint8.

    Returns:
        The energy (N,); its gradient (V, 2, N); and the gradient of the covered area, (V, 2, N) px. The
        last has the direction of the contour's outward normal at a vertex, and its norm is the length of
        contour that moves with the vertex. Parts of the contour that others cover do not count, nor
        those in pixels that agree with the mask.

    Raises:
        ShapeError: arrays do not fit each other, or the mask is not uint8.
        PointsError: a point is not finite.
    """
    frames = points_px.transpose(2, 0, 1)
    check_points(frames, topology)
    mask = np.ascontiguousarray(mask)
    _check_mask(mask, len(frames))
    return drawing.l2_and_gradients(points_px, topology, mask)


def _covered(
    points: "torch.Tensor",
    topology: Topology,
    height: int,
    width: int,
    backend: str,
    depth: "torch.Tensor | None",
) -> "torch.Tensor":
    """Coverage from checked arguments. A backend's packages are imported where it is used."""
    if backend == "numba":
        from jointreg.silhouette import _numba_backend

        return _numba_backend.coverage(points, topology, height, width)
    if backend == "warp":
        from jointreg.silhouette import _warp_backend

        return _warp_backend.coverage(points, topology, height, width)
    depth = _checked_depth(depth, points, backend)
    if backend == "pytorch3d":
        from jointreg.silhouette import _pytorch3d_backend

        return _pytorch3d_backend.coverage(points, depth, topology, height, width)
    from jointreg.silhouette import _one_face_backend

    return _one_face_backend.coverage(points, depth, topology, height, width)


def _gaussian(length: int, deviation: float) -> "torch.Tensor":
    """Blur along one axis as a symmetric matrix, 0 outside: (length, length) float64.

    For blurs as wide as the useful ones a product with this matrix costs less than a convolution.
    """
    import torch

    reach = math.ceil(8 * deviation) + 1
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / deviation) ** 2)
    place = torch.arange(length, dtype=torch.float64)
    distance = (place[:, None] - place) / deviation
    return torch.exp(-0.5 * distance**2) / weights.sum()


def _image_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width, from one number or two."""
    pair = tuple(size) if isinstance(size, tuple | list) else (size, size)
    whole = [isinstance(side, int | np.integer) and not isinstance(side, bool) for side in pair]
    if len(pair) != 2 or not all(whole) or min(pair) < 1:
        raise ShapeError(f"size is {size!r:.80}, expected pixels: an integer from 1, or (height, width)")
    return int(pair[0]), int(pair[1])


def _check(points: "torch.Tensor", topology: Topology, backend: str) -> None:
    if backend not in BACKENDS:
        raise ConfigError(f"silhouette backend is {backend!r}, expected one of {', '.join(BACKENDS)}")
    check_points(points, topology)
    if backend != "numba":  # its kernel checks the points while it reads them
        _check_finite(points)


def _checked_depth(depth: "torch.Tensor | None", points: "torch.Tensor", backend: str) -> "torch.Tensor":
    if depth is None:
        raise ConfigError(
            f"silhouette backend '{backend}' draws the nearest face and needs depth (N, V)",
            "pass the vertices' z in the camera frame, metres",
        )
    if depth.shape != points.shape[:2]:
        raise ShapeError(f"depth has shape {tuple(depth.shape)}, expected {tuple(points.shape[:2])}")
    _check_finite(depth)
    return depth


def _checked_mask(mask: "np.ndarray | torch.Tensor", points: "torch.Tensor") -> "torch.Tensor":
    """The mask as a contiguous tensor; it shares memory with a NumPy array if torch accepts that."""
    import torch

    if not isinstance(mask, torch.Tensor):
        mask = np.require(mask, requirements=["C", "W"])
    _check_mask(mask, len(points))
    return torch.as_tensor(mask).contiguous()


def _check_mask(mask: "np.ndarray | torch.Tensor", count: int) -> None:
    if str(mask.dtype).removeprefix("torch.") != "uint8" or mask.ndim != 3 or len(mask) != count:
        raise ShapeError(
            f"mask is {mask.dtype} of shape {tuple(mask.shape)}, expected uint8 ({count}, H, W)"
        )


def _checked_weights(weights: "np.ndarray | torch.Tensor", squares: "torch.Tensor") -> "torch.Tensor":
    import torch

    weights = torch.as_tensor(weights).to(squares)
    if weights.shape != squares.shape:
        raise ShapeError(
            f"weights have shape {tuple(weights.shape)}, expected {tuple(squares.shape)}",
            "give one weight for each pixel of the masks",
        )
    return weights


def _check_finite(values: "torch.Tensor") -> None:
    """Refuse a frame (row of `values`) with NaN, infinity, or a number beyond `LARGEST_PX`.

    Raises:
        PointsError: names the first such frame.
    """
    bad = ~(values.detach().abs() <= LARGEST_PX).flatten(start_dim=1).all(dim=1)
    if bad.any():
        raise PointsError(int(bad.nonzero()[0, 0]))
