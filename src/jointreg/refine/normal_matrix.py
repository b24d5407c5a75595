"""Sums of rows and damped steps for Levenberg-Marquardt, frame by frame, float64.

By hand instead of by LAPACK: sums have one order on every machine, and a frame's step does not depend on
how many frames are solved beside it. Inner loops add one row to another, which compilers make SIMD of
without changing a sum's order.
"""

import numpy as np
from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")


@kernel
def add_rows(rows: np.ndarray, scale: np.ndarray, matrix: np.ndarray) -> None:
    """Add sum_r scale_r row_r row_r^T to the upper triangle of `matrix` (P, P).

    Shapes: rows (R, P), scale (R,).
    """
    count, size = rows.shape
    whole = count - count % 4
    for r in range(0, whole, 4):  # four at once: a sum is loaded and stored once for them
        one, two, three, four = rows[r], rows[r + 1], rows[r + 2], rows[r + 3]
        for i in range(size):
            a, b, c, d = one[i], two[i], three[i], four[i]
            if a != 0 or b != 0 or c != 0 or d != 0:
                a, b, c, d = a * scale[r], b * scale[r + 1], c * scale[r + 2], d * scale[r + 3]
                target = matrix[i]
                for j in range(i, size):
                    target[j] += a * one[j] + b * two[j] + c * three[j] + d * four[j]
    for r in range(whole, count):
        row = rows[r]
        for i in range(size):
            a = scale[r] * row[i]
            if a != 0:
                for j in range(i, size):
                    matrix[i, j] += a * row[j]


@kernel
def damped_steps(
    matrices: np.ndarray,
    gradients: np.ndarray,
    damping: np.ndarray,
    units: np.ndarray,
    which: np.ndarray,
) -> np.ndarray:
    """Solve (H + damping diag(units)) step = -g for the frames `which` by Cholesky, (len(which), P).

    Of the matrices (N, P, P) only the upper triangles are read. They are positive semidefinite and the
    damping and `units` (P,) are positive, so that no pivot vanishes.
    """
    size = gradients.shape[1]
    steps, upper = np.empty((len(which), size)), np.empty((size, size))
    for s in range(len(which)):
        n, step = which[s], steps[s]
        for i in range(size):
            for j in range(i, size):
                upper[i, j] = matrices[n, i, j]
            upper[i, i] += damping[n] * units[i]
            step[i] = -gradients[n, i]
        for k in range(size):
            pivot, top = 1 / np.sqrt(upper[k, k]), upper[k, k:]
            for j in range(size - k):
                top[j] *= pivot
            step[k] *= pivot
            for i in range(k + 1, size):
                factor = upper[k, i]
                if factor != 0:
                    target, source = upper[i, i:], upper[k, i:]
                    for j in range(size - i):
                        target[j] -= factor * source[j]
                    step[i] -= factor * step[k]
        for k in range(size - 1, -1, -1):
            total = step[k]
            for j in range(k + 1, size):
                total -= upper[k, j] * step[j]
            step[k] = total / upper[k, k]
    return steps
