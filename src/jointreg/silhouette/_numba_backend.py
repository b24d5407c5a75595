"""The exact silhouette on the CPU: torch functions around `jointreg.silhouette.drawing`."""

from typing import Any

import numpy as np
import torch

from jointreg.silhouette._numba_kernels import L2, PULL
from jointreg.silhouette.drawing import covered, draw
from jointreg.silhouette.topology import Topology


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
        image = torch.from_numpy(covered(_array(points), topology, height, width))
        ctx.topology = topology
        ctx.save_for_backward(points, image)
        return image.to(points.device)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        points, image = ctx.saved_tensors
        slopes = np.where(image.numpy() < 1, _array(grad), 0)
        pulled = torch.from_numpy(draw(PULL, _array(points), ctx.topology, image=slopes))
        return pulled.permute(2, 0, 1).to(points.device), None, None, None


class _SilhouetteL2(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, topology: Topology, mask: torch.Tensor) -> Any:
        loss = torch.empty(len(points), dtype=points.dtype)
        grad = draw(L2, _array(points), topology, mask=_array(mask), loss=loss.numpy())
        ctx.save_for_backward(torch.from_numpy(grad))
        return loss.to(points.device)

    @staticmethod
    def backward(ctx: Any, grad_loss: torch.Tensor) -> Any:
        (grad,) = ctx.saved_tensors
        return (grad * grad_loss.cpu()).permute(2, 0, 1).to(grad_loss.device), None, None


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
