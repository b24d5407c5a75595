"""The exact silhouette on the CPU: torch functions around the kernels of
`jointreg.silhouette._numba_kernels`."""

from typing import Any

import numpy as np
import torch

from jointreg.silhouette import _numba_kernels
from jointreg.silhouette.topology import PointsError, Topology


def coverage(points: torch.Tensor, topology: Topology, height: int, width: int) -> torch.Tensor:
    """Covered share of every pixel, (N, V, 2) px -> (N, H, W); differentiable.

    Raises:
        PointsError: a point is not finite.
    """
    return _Coverage.apply(points, topology, height, width)


def l2(points: torch.Tensor, topology: Topology, mask: torch.Tensor) -> torch.Tensor:
    """Sum of (mask / 255 - coverage)^2, (N, V, 2) px and (N, H, W) uint8 -> (N,); differentiable.

    Raises:
        PointsError: a point is not finite.
    """
    return _SilhouetteL2.apply(points, topology, mask)


def l2_and_gradients(
    points: np.ndarray, topology: Topology, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`l2` of points (V, 2, N) with its gradient and that of the covered area, both (V, 2, N).

    Raises:
        PointsError: a point is not finite.
    """
    frames = torch.from_numpy(points).permute(2, 0, 1)
    loss, area = np.empty(len(frames), dtype=points.dtype), np.zeros_like(_grouped(frames))
    grad = _draw(_numba_kernels.L2, frames, topology, mask=mask, loss=loss, area=area)
    return loss, grad.numpy(), area.reshape(*area.shape[:2], -1)[:, :, : len(frames)]


class _Coverage(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, topology: Topology, height: int, width: int) -> Any:
        image = np.zeros((len(points), height, width), dtype=_grouped(points).dtype)
        _draw(_numba_kernels.COVER, points, topology, image=image)
        covered = torch.from_numpy(image)
        ctx.topology = topology
        ctx.save_for_backward(points, covered)
        return covered.to(points.device)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        points, covered = ctx.saved_tensors
        image = np.where(covered.numpy() < 1, grad.detach().cpu().numpy(), 0)
        pulled = _draw(_numba_kernels.PULL, points, ctx.topology, image=image)
        return pulled.permute(2, 0, 1).to(points.device), None, None, None


class _SilhouetteL2(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, topology: Topology, mask: torch.Tensor) -> Any:
        loss = torch.empty(len(points), dtype=points.dtype)
        ctx.save_for_backward(
            _draw(_numba_kernels.L2, points, topology, mask=mask.cpu().numpy(), loss=loss.numpy())
        )
        return loss.to(points.device)

    @staticmethod
    def backward(ctx: Any, grad_loss: torch.Tensor) -> Any:
        (grad,) = ctx.saved_tensors
        return (grad * grad_loss.cpu()).permute(2, 0, 1).to(grad_loss.device), None, None


def _draw(
    task: int,
    points: torch.Tensor,
    topology: Topology,
    *,
    mask: np.ndarray | None = None,
    image: np.ndarray | None = None,
    loss: np.ndarray | None = None,
    area: np.ndarray | None = None,
) -> torch.Tensor:
    """Run a task of the kernel. Returns the gradient, (V, 2, N), which `COVER` leaves at zero."""
    grouped = _grouped(points)
    none = np.zeros((0, 0, 0), dtype=grouped.dtype)
    grad = np.zeros_like(grouped)
    frame = _numba_kernels.draw(
        task,
        len(points),
        grouped,
        topology.faces,
        topology.edges,
        np.zeros((0, 0, 0), dtype=np.uint8) if mask is None else mask,
        none if image is None else image,
        np.zeros(0, dtype=grouped.dtype) if loss is None else loss,
        grad,
        np.zeros((0, 0, 0, 0), dtype=grouped.dtype) if area is None else area,
    )
    if frame >= 0:
        raise PointsError(frame)
    return torch.from_numpy(grad.reshape(*grad.shape[:2], -1)[:, :, : len(points)])


def _grouped(points: torch.Tensor) -> np.ndarray:
    """(N, V, 2) tensor as a contiguous array (V, 2, groups, L), the last frame repeated to fill.

    Does not copy if the memory already has this layout and all lanes are full.
    """
    few = len(points) <= _numba_kernels.FEW_LANES
    lanes = _numba_kernels.FEW_LANES if few else _numba_kernels.LANES
    frames_last = points.detach().cpu().permute(1, 2, 0)
    idle = -len(points) % lanes
    if idle:
        frames_last = torch.cat([frames_last, frames_last[:, :, -1:].expand(-1, -1, idle)], dim=2)
    return frames_last.contiguous().numpy().reshape(points.shape[1], 2, -1, lanes)
