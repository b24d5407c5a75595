"""Numbers on a grid: sums of their products are exact. `jointreg.exact` loads numba, this does not."""

import numpy as np

DIGITS = 53
"""Binary digits of float64."""


def on_grid(values: np.ndarray, step: float) -> np.ndarray:
    """Values rounded to multiples of `step`, a power of two.

    Products of such values are multiples of its square. Their sums are exact, in any order and fused or
    not, as long as they stay below 2**DIGITS times that square.
    """
    rounded = np.multiply(values, 1 / step)
    np.rint(rounded, out=rounded)
    rounded *= step
    return rounded
