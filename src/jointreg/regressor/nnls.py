"""Non-negative least squares on Gram matrices, rows coupled or not, by an active set.

Source: Lawson and Hanson, Solving Least Squares Problems, 1974, on the Gram matrix as in Bro and de
Jong, J. Chemometrics 1997. Here several vertices enter at once, one a row. A step that does not lower
the sum is undone. Sums have one order on every processor, because a Gram matrix amplifies their last
digits by its condition number, 1e6 and more.
"""

import math
from collections.abc import Sequence

import numpy as np

from jointreg.errors import SolverError
from jointreg.exact import COMPILED, kernel, product

Terms = Sequence[tuple[np.ndarray, np.ndarray]]
"""Pairs of coupling (J, J), symmetric positive definite, and gram (V, V), symmetric semi-definite."""

ALONE = np.ones((1, 1))
"""Coupling of a single row."""
MOST_STEPS = 20_000
"""Limit on the steps of a solve. Fits of 17 rows take 20 to 500."""
OPTIMAL = 1e-10
"""A gradient of up to this part of the targets counts as zero."""
_PANEL = 32
"""Rows that `_solve` eliminates while they are in the cache."""
STUCK = 1e-6
"""A gradient above this part of the targets at the end is a failure of the solver, not rounding."""


def solve_nnls(
    terms: Terms,
    target: np.ndarray,
    sum_weight: float,
    *,
    allowed: np.ndarray | None = None,
    start: np.ndarray | None = None,
    most_steps: int = MOST_STEPS,
    optimal: float = OPTIMAL,
) -> np.ndarray:
    """Solve coupled rows of non-negative least squares, exactly up to rounding.

    min over W >= 0 of  sum_terms sum_jk coupling_jk W_j gram W_k^T  -  2 sum_j target_j W_j^T
                        + sum_weight sum_j (sum_i W_ji - 1)^2

    Args:
        terms: couplings and Grams.
        target: (J, V), in the unit of the Grams.
        sum_weight: weight of the squared difference between each row sum and 1, in the unit of the
            Grams.
        allowed: entries that may be positive, (J, V) bool; None for all.
        start: a non-negative guess, (J, V), zero where not allowed; None starts from zero.
        most_steps: limit on the steps.
        optimal: a gradient of up to this part of the targets, sum weight included, counts as zero.

    Returns:
        (J, V) float64: no change of a single allowed entry lowers the sum.

    Raises:
        SolverError: the step limit was reached, equations have no solution, or the result is no optimum.
    """
    weights = np.zeros(target.shape) if start is None else start.astype(np.float64)
    passive = weights > 0
    _descend(terms, target, sum_weight, weights, passive)
    scale = float(np.abs(target).max() + sum_weight)
    lowest = _value(target, sum_weight, weights)
    useless = np.zeros(target.shape, dtype=bool)
    together = True
    for _ in range(most_steps):
        gradient = target - sum_weight * (weights.sum(axis=1, keepdims=True) - 1)
        for coupling, gram in terms:
            gradient -= product(coupling, _times(weights, gram))
        gradient[passive] = -np.inf
        if allowed is not None:
            gradient[~allowed] = -np.inf
        steepest = gradient.max()
        gradient[useless] = -np.inf
        entering = gradient.argmax(axis=1)
        slope = gradient[np.arange(len(gradient)), entering]
        rows = np.flatnonzero(slope > optimal * scale)
        if not len(rows):
            if steepest > STUCK * scale:
                raise SolverError(
                    f"NNLS is stuck: relative gradient {steepest / scale:.1g}, expected <= {STUCK:g}",
                    "raise sum_weight, or restrict the vertices (candidates_m)",
                )
            return weights
        if not together:  # a single vertex always lowers the sum, up to rounding
            rows = rows[[slope[rows].argmax()]]
        trial, its_passive = weights.copy(), passive.copy()
        its_passive[rows, entering[rows]] = True
        _descend(terms, target, sum_weight, trial, its_passive)
        value = _value(target, sum_weight, trial)
        if value < lowest - 4 * np.finfo(float).eps * abs(lowest):
            weights, passive, lowest, together = trial, its_passive, value, True
            useless[:] = False
        elif together and len(rows) > 1:
            together = False
        else:
            useless[rows, entering[rows]] = True  # numerically identical to vertices in the set
    raise SolverError(
        f"NNLS did not settle in {most_steps} steps",
        "raise sum_weight, or restrict the vertices (candidates_m)",
    )


def prune(
    terms: Terms,
    target: np.ndarray,
    sum_weight: float,
    weights: np.ndarray,
    most: np.ndarray,
    optimal: float = OPTIMAL,
) -> np.ndarray:
    """Limit the non-zeros of each row: drop the smallest and solve again on the rest, repeatedly.

    Args:
        terms: as `solve_nnls`.
        target: as `solve_nnls`.
        sum_weight: as `solve_nnls`.
        weights: a solution, (J, V).
        most: largest number of non-zeros of each row, (J,).
        optimal: as `solve_nnls`.

    Returns:
        (J, V), optimal for its support. Another support of that size may be better.
    """
    used = np.flatnonzero(weights.any(axis=0))
    small = [(coupling, gram[np.ix_(used, used)]) for coupling, gram in terms]
    rows, targets = weights[:, used], target[:, used]
    while (over := np.count_nonzero(rows, axis=1) > most).any():
        smallest = np.where(rows > 0, rows, np.inf).argmin(axis=1)
        rows[over, smallest[over]] = 0
        rows = solve_nnls(small, targets, sum_weight, allowed=rows > 0, start=rows, optimal=optimal)
    pruned = np.zeros_like(weights)
    pruned[:, used] = rows
    return pruned


def _value(target: np.ndarray, sum_weight: float, weights: np.ndarray) -> float:
    """The sum to minimise, up to a constant, where the gradient of positive weights is zero."""
    used = weights > 0
    return -math.fsum((target[used] + sum_weight) * weights[used])


def _times(weights: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """weights @ gram, reading only the rows of the symmetric gram with a non-zero weight."""
    support = np.flatnonzero(weights.any(axis=0))
    rows = gram if gram.flags.c_contiguous else gram.T
    return product(weights[:, support], rows[support])


def _descend(
    terms: Terms, target: np.ndarray, sum_weight: float, weights: np.ndarray, passive: np.ndarray
) -> None:
    """Minimise over the passive entries, in place. Entries that would turn negative leave the set."""
    row, vertex = np.nonzero(passive)
    block = sum_weight * (row[:, None] == row)
    for coupling, gram in terms:
        block = block + coupling[np.ix_(row, row)] * gram[np.ix_(vertex, vertex)]
    block.flat[:: len(row) + 1] *= 1 + 1e-12  # the diagonal: solvable where vertices move alike
    right, current = target[row, vertex] + sum_weight, weights[row, vertex]
    inside = np.arange(len(row))
    while len(inside):
        solution = right[inside]
        if not _solved(block[np.ix_(inside, inside)], solution):
            raise SolverError(f"NNLS: {len(inside)} equations have no solution (a pivot is zero)")
        before = current[inside]
        leaving = solution <= 0
        if not leaving.any():
            current[inside] = solution
            break
        ratio = before[leaving] / np.maximum(before[leaving] - solution[leaving], 1e-300)
        step = ratio.min()
        current[inside] = np.maximum(before + step * (solution - before), 0)
        inside = np.delete(inside, np.flatnonzero(leaving)[ratio <= step])
    weights[...] = 0
    weights[row[inside], vertex[inside]] = current[inside]
    passive[...] = weights > 0


def _solved(matrix: np.ndarray, right: np.ndarray) -> bool:
    """As `_solve`, without numba by LAPACK."""
    if COMPILED:
        return bool(_solve(matrix, right))
    try:
        right[...] = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return False
    return True


@kernel
def _solve(matrix: np.ndarray, right: np.ndarray) -> bool:
    """Solve a symmetric, positive semi-definite system in place: L D L^T without pivots.

    Args:
        matrix: (n, n), C order; its upper triangle becomes D L^T.
        right: (n,), becomes the solution.

    Returns:
        False if a pivot is zero or not finite.
    """
    size = len(matrix)
    for first in range(0, size, _PANEL):
        last = min(first + _PANEL, size)
        for i in range(first, size):
            for k in range(first, min(i, last)):
                factor = matrix[k, i] / matrix[k, k]
                for j in range(i, size):
                    matrix[i, j] -= factor * matrix[k, j]
                right[i] -= factor * right[k]
            if i < last and not abs(matrix[i, i]) > 0:
                return False
    for i in range(size - 1, -1, -1):
        total = right[i]
        for j in range(i + 1, size):
            total -= matrix[i, j] * right[j]
        right[i] = total / matrix[i, i]
    return True
