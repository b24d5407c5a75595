"""Two columns of a rotation matrix, made orthonormal: the 6D map of `jointreg.body.skinning.from_6d`.

`plain` runs on any device; `Rotations` is the same on the CPU in one kernel each way: written in
torch, some thirty operations on small arrays cost as much as projecting all vertices.
"""

from typing import Any

import numpy as np
import torch
from numba import njit

SHORTEST = 1e-12
"""Shorter columns are not made longer."""


def plain(six: torch.Tensor) -> torch.Tensor:
    """(..., 6) -> (..., 3, 3) in torch operations, with autograd."""
    columns = six.reshape(*six.shape[:-1], 3, 2)
    first = _unit(columns[..., 0])
    second = columns[..., 1]
    second = _unit(second - (first * second).sum(-1, keepdim=True) * first)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def _unit(vector: torch.Tensor) -> torch.Tensor:
    return vector / vector.square().sum(-1, keepdim=True).sqrt().clamp_min(SHORTEST)


class Rotations(torch.autograd.Function):
    """(M, 6) -> (M, 3, 3) on the CPU, differentiable once."""

    @staticmethod
    def forward(ctx: Any, six: torch.Tensor) -> torch.Tensor:
        """Gram-Schmidt."""
        values = six.detach().contiguous().numpy()
        ctx.arrays = values, _rotations(values)
        return torch.from_numpy(ctx.arrays[1])

    @staticmethod
    def backward(ctx: Any, pull: torch.Tensor) -> torch.Tensor:
        """Gradient in the six numbers."""
        six, turn = ctx.arrays
        return torch.from_numpy(_rotations_back(six, turn, pull.contiguous().numpy()))


@njit(cache=True, nogil=True, error_model="numpy")
def _rotations(six: np.ndarray) -> np.ndarray:
    out = np.empty((len(six), 3, 3), dtype=six.dtype)
    for m in range(len(six)):
        a, b, first, second = six[m, 0::2], six[m, 1::2], out[m, :, 0], out[m, :, 1]
        length = _length(a)
        for i in range(3):
            first[i] = a[i] / length
        along = _dot(first, b)
        for i in range(3):
            second[i] = b[i] - along * first[i]
        length = _length(second)
        for i in range(3):
            second[i] /= length
        _cross(first, second, out[m, :, 2])
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _rotations_back(six: np.ndarray, turn: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Chain rule through normalise(a), normalise(b - (e b) e) and the cross product."""
    out = np.empty_like(six)
    to_first, to_second = np.empty(3, dtype=six.dtype), np.empty(3, dtype=six.dtype)
    across = np.empty(3, dtype=six.dtype)
    for m in range(len(six)):
        a, b, first, second = six[m, 0::2], six[m, 1::2], turn[m, :, 0], turn[m, :, 1]
        along = _dot(first, b)
        for i in range(3):
            across[i] = b[i] - along * first[i]
        _cross(second, pull[m, :, 2], to_first)
        _cross(pull[m, :, 2], first, to_second)
        for i in range(3):
            to_first[i] += pull[m, i, 0]
            to_second[i] += pull[m, i, 1]
        _through_unit(second, _length(across), to_second)
        inward = _dot(first, to_second)
        for i in range(3):
            to_first[i] -= along * to_second[i] + inward * b[i]
            out[m, 2 * i + 1] = to_second[i] - inward * first[i]
        _through_unit(first, _length(a), to_first)
        for i in range(3):
            out[m, 2 * i] = to_first[i]
    return out


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _through_unit(unit: np.ndarray, length: float, pull: np.ndarray) -> None:
    """Gradient of normalising a vector of that length, in place."""
    outward = _dot(unit, pull)
    for i in range(3):
        pull[i] = (pull[i] - outward * unit[i]) / length


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _dot(one: np.ndarray, two: np.ndarray) -> float:
    return one[0] * two[0] + one[1] * two[1] + one[2] * two[2]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _length(vector: np.ndarray) -> float:
    return max(np.sqrt(_dot(vector, vector)), SHORTEST)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _cross(one: np.ndarray, two: np.ndarray, out: np.ndarray) -> None:
    out[0] = one[1] * two[2] - one[2] * two[1]
    out[1] = one[2] * two[0] - one[0] * two[2]
    out[2] = one[0] * two[1] - one[1] * two[0]
