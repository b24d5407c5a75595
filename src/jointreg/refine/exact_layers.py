"""Layers of the discriminator whose sums are exact, and functions of torch that are alike everywhere.

The factors of a matrix product are rounded to about 21 binary digits below the largest of their row or
column, so that its sums fit into float64 without rounding. They are then the same in any order of
addition: on every processor, and for a frame in any batch. Gradients pass the rounding unchanged.
"""

import math
from typing import Any

import numpy as np
import torch

from jointreg import exact
from jointreg.arrays import DIGITS

_EXPONENT = 0x7FF0000000000000
"""The bits of a positive float64 that give its power of two."""
_LEAST = 1e-200
"""Smaller numbers are rounded as if the largest were this."""
_CUT = 1.5 * 2.0 ** (DIGITS - 1)
"""Added to a number and subtracted again, this many steps round it to a multiple of the step."""


def rounded(
    values: torch.Tensor, dim: int | tuple[int, int], terms: int, factors: int = 2
) -> torch.Tensor:
    """Values on a grid on which sums of products are exact.

    Args:
        values: float64.
        dim: the values along these dimensions share a grid, which their largest decides.
        terms: number of products in a sum.
        factors: number of factors in a product.
    """
    if not values.numel():
        return values
    digits = (DIGITS - math.ceil(math.log2(max(terms, 1)))) // factors
    cut = _CUT * 2.0 ** (1 - digits)
    if values.device.type == "cpu":
        plain = values.detach().contiguous()
        if dim == -2:
            columns = plain.view(-1, *plain.shape[-2:]).numpy()
            return torch.from_numpy(_rounded_columns(columns, cut)).view(values.shape)
        row = plain.shape[-1] if dim == -1 else plain.shape[-2] * plain.shape[-1]
        return torch.from_numpy(_rounded_rows(plain.view(-1, row).numpy(), cut)).view(values.shape)
    return _rounded_by_torch(values, dim, cut)


def _rounded_by_torch(values: torch.Tensor, dim: int | tuple[int, int], cut: float) -> torch.Tensor:
    """The same on any device."""
    largest = values.abs().amax(dim, keepdim=True).clamp_min(_LEAST)
    shift = (largest.view(torch.int64) & _EXPONENT).view(torch.float64) * cut
    return (values + shift) - shift


@exact.kernel
def _rounded_rows(values: np.ndarray, cut: float) -> np.ndarray:
    """The same for each row of (N, K), in one pass over its memory."""
    out = np.empty(values.shape)
    for n in range(values.shape[0]):
        largest = _LEAST
        for k in range(values.shape[1]):
            largest = max(largest, abs(values[n, k]))
        shift = math.ldexp(0.5, math.frexp(largest)[1]) * cut
        for k in range(values.shape[1]):
            out[n, k] = (values[n, k] + shift) - shift
    return out


@exact.kernel
def _rounded_columns(values: np.ndarray, cut: float) -> np.ndarray:
    """The same for each column of (G, N, K)."""
    out, shift = np.empty(values.shape), np.empty(values.shape[2])
    for g in range(values.shape[0]):
        shift[:] = _LEAST
        for n in range(values.shape[1]):
            for k in range(values.shape[2]):
                shift[k] = max(shift[k], abs(values[g, n, k]))
        for k in range(values.shape[2]):
            shift[k] = math.ldexp(0.5, math.frexp(shift[k])[1]) * cut
        for n in range(values.shape[1]):
            for k in range(values.shape[2]):
                out[g, n, k] = (values[g, n, k] + shift[k]) - shift[k]
    return out


def rounded_weight(weight: torch.Tensor) -> torch.Tensor:
    """The weight (..., M, K) of a layer on a grid: results and gradients of `linear` are exact sums."""
    return rounded(weight, (-2, -1), max(weight.shape[-2:]))


def linear(
    values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, on_grid: torch.Tensor
) -> torch.Tensor:
    """values @ on_grid^T + bias with exact sums; (..., N, K) -> (..., N, M).

    Args:
        values: (..., N, K).
        weight: gets the gradient, (..., M, K).
        bias: (..., M).
        on_grid: `rounded_weight(weight)`.
    """
    return _Linear.apply(values, weight, bias, on_grid)


def sigmoid(values: torch.Tensor) -> torch.Tensor:
    """1 / (1 + exp(-values))."""
    return 1 / (1 + exp(-values))


def exp(values: torch.Tensor) -> torch.Tensor:
    """Exponential, differentiable."""
    return values.exp() if values.device.type != "cpu" else _Exp.apply(values)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        values: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        on_grid: torch.Tensor,
    ) -> torch.Tensor:
        ctx.save_for_backward(values, on_grid)
        terms = max(on_grid.shape[-2:])
        return rounded(values, -1, terms) @ on_grid.transpose(-2, -1) + bias[..., None, :]

    @staticmethod
    def backward(ctx: Any, pull: torch.Tensor) -> Any:
        values, on_grid = ctx.saved_tensors
        count, terms = pull.shape[-2], max(on_grid.shape[-2:])
        to_values = to_weight = to_bias = None
        if ctx.needs_input_grad[0]:
            to_values = rounded(pull, -1, terms) @ on_grid
        if ctx.needs_input_grad[1]:
            to_weight = rounded(pull, -2, count).transpose(-2, -1) @ rounded(values, -2, count)
            to_bias = rounded(pull, -2, count, factors=1).sum(-2)
        return to_values, to_weight, to_bias, None


class _Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        result = torch.from_numpy(exact.exp(values.detach().numpy()))
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, pull: torch.Tensor) -> Any:
        (result,) = ctx.saved_tensors
        return pull * result
