"""A mean over clusters and its 95 % interval, conditional on fixed subjects.

A cluster is a take of one subject and action with all its cameras. The subjects are fixed, not a sample
of people. Differences between them are not noise, so the variance is the one within subjects. Clusters
have unequal sizes and differences are skewed. Two corrections keep the coverage near 95 %:

- The variance is unbiased under unequal weights, and Student's degrees of freedom belong to that
  variance (Bell & McCaffrey 2002, one mean for each subject).
- Each end is the outer one of Student's interval and of Hall's, whose cubic transformation makes the
  studentised mean symmetric (Hall 1992, J. R. Stat. Soc. B 54, 221). At 30 clusters Student's interval
  alone covers 92 % of exponential differences, and Hall's alone 93 % of heavy-tailed ones.

With at least `ENOUGH_CLUSTERS` clusters 93-97 % of the intervals cover the truth for normal,
heavy-tailed and skewed differences (tests/unit/evaluation/test_intervals.py).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FEWEST_CLUSTERS = 8
"""With fewer clusters there is no interval, because its coverage would be too low."""
ENOUGH_CLUSTERS = 30
"""With fewer clusters tables show a warning. The coverage of 93-97 % is tested from here on."""


class Change(NamedTuple):
    """A paired difference with its 95 % interval. The interval is NaN where there is none."""

    mean: float
    low: float
    high: float
    clusters: int


def mean_with_interval(
    values: np.ndarray, weights: np.ndarray, subjects: Sequence[str] | np.ndarray | None = None
) -> Change:
    """Weighted mean over clusters and its 95 % interval.

    Args:
        values: one number for each cluster, (n,).
        weights: not negative, sum 1, (n,).
        subjects: subject of each cluster, (n,); None for one subject. With equal weights, one subject
            and no skewness the interval is Student's.

    Returns:
        The mean, NaN of no clusters; no interval with fewer than `FEWEST_CLUSTERS` clusters or a single
        one of a subject.
    """
    count = len(values)
    mean = float(weights @ values) if count else np.nan
    strata = _strata(count, subjects)
    if count < FEWEST_CLUSTERS or min(map(len, strata)) < 2:
        return Change(mean, np.nan, np.nan, count)
    low, high = interval(values, weights, subjects)
    return Change(mean, float(low), float(high), count)


def interval(
    values: np.ndarray, weights: np.ndarray, subjects: Sequence[str] | np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the 95 % interval of `mean_with_interval`, for any number of data sets.

    Args:
        values: one number for each cluster, (..., n). Each subject has at least two clusters.
        weights: as in `mean_with_interval`, (n,).
        subjects: as in `mean_with_interval`, (n,).

    Returns:
        Low and high end, each (...).
    """
    from scipy.special import stdtrit

    values, weights = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    residual_of = np.eye(len(weights))
    for rows in _strata(len(weights), subjects):
        residual_of[np.ix_(rows, rows)] -= weights[rows] / weights[rows].sum()
    residual = values @ residual_of.T
    # Expected square and cube of a residual relative to those of one cluster's deviation.
    share = weights**2 / (residual_of**2).sum(axis=1)
    variance = residual**2 @ share
    form = residual_of.T @ (share[:, None] * residual_of)
    freedom = np.trace(form) ** 2 / np.sum(form**2)
    cubes = (residual_of**3).sum(axis=1)
    known = np.abs(cubes) > 1e-9
    third = residual[..., known] ** 3 @ (weights[known] ** 3 / cubes[known])
    error, quantile = np.sqrt(variance), float(stdtrit(freedom, 0.975))
    skewness = third / np.where(variance > 0, variance, 1) ** 1.5
    below, above = _untransformed(quantile, skewness), -_untransformed(-quantile, skewness)
    mean = values @ weights
    return mean - error * np.maximum(below, quantile), mean + error * np.maximum(above, quantile)


def _strata(count: int, subjects: Sequence[str] | np.ndarray | None) -> list[np.ndarray]:
    """Indices of the clusters of each subject."""
    owner = np.zeros(count) if subjects is None else np.asarray(subjects)
    return [np.flatnonzero(owner == one) for one in np.unique(owner)]


def _untransformed(quantile: float, skewness: np.ndarray) -> np.ndarray:
    """The studentised mean that Hall's transformation takes to a quantile."""
    none = np.abs(skewness) < 1e-6
    used = np.where(none, 1.0, skewness)
    return np.where(none, quantile, 3 / used * (np.cbrt(1 + used * (quantile - used / 6)) - 1))
