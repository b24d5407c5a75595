"""The kernels of `jointreg.silhouette._numba_kernels` on arrays of projected vertices, without torch."""

import numpy as np

from jointreg.silhouette import _numba_kernels
from jointreg.silhouette.topology import PointsError, Topology, check_points


def covered(points: np.ndarray, topology: Topology, height: int, width: int) -> np.ndarray:
    """Covered share of every pixel, (N, V, 2) px -> (N, H, W), as `silhouette.rendering.coverage`.

    Raises:
        ShapeError: the points do not fit the topology.
        PointsError: a point is not finite, or farther than 1e9 px from the image.
    """
    check_points(points, topology)
    image = np.zeros((len(points), height, width), dtype=points.dtype)
    draw(_numba_kernels.COVER, points, topology, image=image)
    return image


def l2_and_gradients(
    points: np.ndarray, topology: Topology, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum of (mask / 255 - coverage)^2, (N,); its gradient and that of the covered area, both (V, 2, N).

    Points are (V, 2, N) px, masks (N, H, W) uint8.

    Raises:
        PointsError: a point is not finite.
    """
    frames = points.transpose(2, 0, 1)
    loss, area = np.empty(len(frames), dtype=points.dtype), np.zeros_like(grouped(frames))
    grad = draw(_numba_kernels.L2, frames, topology, mask=mask, loss=loss, area=area)
    return loss, grad, area.reshape(*area.shape[:2], -1)[:, :, : len(frames)]


def draw(
    task: int,
    points: np.ndarray,
    topology: Topology,
    *,
    mask: np.ndarray | None = None,
    image: np.ndarray | None = None,
    loss: np.ndarray | None = None,
    area: np.ndarray | None = None,
) -> np.ndarray:
    """Run a task of the kernel on points (N, V, 2), px.

    Returns:
        The gradient, (V, 2, N), which `COVER` leaves at zero.

    Raises:
        PointsError: a point is not finite, or farther than 1e9 px from the image.
    """
    together = grouped(points)
    none = np.zeros((0, 0, 0), dtype=points.dtype)
    grad = np.zeros_like(together)
    frame = _numba_kernels.draw(
        task,
        len(points),
        together,
        topology.faces,
        topology.edges,
        np.zeros((0, 0, 0), dtype=np.uint8) if mask is None else mask,
        none if image is None else image,
        np.zeros(0, dtype=points.dtype) if loss is None else loss,
        grad,
        np.zeros((0, 0, 0, 0), dtype=points.dtype) if area is None else area,
    )
    if frame >= 0:
        raise PointsError(frame)
    return grad.reshape(*grad.shape[:2], -1)[:, :, : len(points)]


def grouped(points: np.ndarray) -> np.ndarray:
    """Points (N, V, 2) as a contiguous array (V, 2, groups, L), the last frame repeated to fill.

    Does not copy if the memory already has this layout and all lanes are full.
    """
    few = len(points) <= _numba_kernels.FEW_LANES
    lanes = _numba_kernels.FEW_LANES if few else _numba_kernels.LANES
    frames_last = points.transpose(1, 2, 0)
    idle = -len(points) % lanes
    if idle:
        frames_last = np.concatenate([frames_last, np.repeat(frames_last[:, :, -1:], idle, 2)], axis=2)
    return np.ascontiguousarray(frames_last).reshape(points.shape[1], 2, -1, lanes)
