"""Arithmetic that gives the same bits on every processor.

IEEE 754 fixes +, -, *, / and the square root to the last bit. Between processors differ: the order in
which BLAS, torch and NumPy add, whether they fuse a product with a sum, and the C library's exp and
log. Here sums have one order (`product`), or are exact, so that no order matters
(`jointreg.arrays.on_grid`), and exp and log are polynomials. Numba fuses and reorders nothing unless
`fastmath` allows it.
"""

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np

COMPILED = importlib.util.find_spec("numba") is not None
"""Whether numba is installed. The commands of `jointreg` do without it; last bits may then differ."""
if COMPILED:
    from numba import njit


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled by numba, or as it stands where numba is not installed."""
    return njit(cache=True, nogil=True, error_model="numpy")(function) if COMPILED else function


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left @ right, each sum in the order of the columns of `left`; its zeros cost nothing.

    (N, K) and (K, M) -> (N, M).
    """
    if not COMPILED:
        return left @ right
    out = np.zeros((len(left), right.shape[1]), dtype=np.result_type(left, right))
    _product(np.ascontiguousarray(left), np.ascontiguousarray(right), out)
    return out


def exp(values: np.ndarray) -> np.ndarray:
    """Exponential of float64 numbers of any shape, to 1e-15; beyond +-700 that of +-700."""
    out = np.empty(values.shape)
    _exp(np.ascontiguousarray(values).reshape(-1), out.reshape(-1))
    return out


def log(values: np.ndarray) -> np.ndarray:
    """Natural logarithm of positive float64 numbers of any shape, to 1e-15."""
    out = np.empty(values.shape)
    _log(np.ascontiguousarray(values).reshape(-1), out.reshape(-1))
    return out


@kernel
def _product(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    for i in range(left.shape[0]):
        for k in range(left.shape[1]):
            factor = left[i, k]
            if factor != 0:
                for j in range(right.shape[1]):
                    out[i, j] += factor * right[k, j]


@kernel
def _exp(values: np.ndarray, out: np.ndarray) -> None:
    """2^k times the Taylor series of the rest, which is at most ln(2) / 2."""
    for i in range(len(values)):
        value = min(max(values[i], -700.0), 700.0)
        twos = math.floor(value * 1.4426950408889634 + 0.5)
        rest = (value - twos * 0.693147180369123816490) - twos * 1.90821492927058770002e-10
        total = 1.0
        for n in range(14, 0, -1):
            total = 1.0 + rest * total / n
        out[i] = math.ldexp(total, int(twos)) if values[i] == values[i] else values[i]


@kernel
def _log(values: np.ndarray, out: np.ndarray) -> None:
    """log(m 2^k) = k ln(2) + 2 artanh((m - 1) / (m + 1)), m between the roots of 1/2 and 2."""
    for i in range(len(values)):
        part, twos = math.frexp(values[i])
        if part < 0.7071067811865476:
            part, twos = 2 * part, twos - 1
        ratio = (part - 1) / (part + 1)
        total = 0.0
        for n in range(23, 0, -2):
            total = total * ratio * ratio + 1.0 / n
        out[i] = twos * 1.90821492927058770002e-10 + 2 * ratio * total + twos * 0.693147180369123816490
