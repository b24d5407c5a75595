"""The exact silhouette on the CPU: torch functions around the kernels of `jointreg._contour`."""

from typing import Any

import numpy as np
import torch

from jointreg import _contour
from jointreg.topology import PointsError, Topology


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
    def forward(ctx: Any, points: torch.Tensor, topology: Topology, mask: torch.Tensor) -> Any:
        frames_last = _frames_last(points)
        loss = np.empty(len(points), dtype=frames_last.dtype)
        grad = np.zeros_like(frames_last)
        pixels = mask.cpu().numpy()
        _raise_bad(_contour.l2(frames_last, topology.faces, topology.edges, pixels, loss, grad))
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
