"""Procrustes alignment: the similarity that moves one set of points onto another.

Source: Umeyama, Least-squares estimation of transformation parameters between two point patterns,
PAMI 1991. The scale is trace / variance of the source, as in SPIN's evaluation.
"""

from typing import NamedTuple

import numpy as np

from jointreg.arrays import real_array, require_finite
from jointreg.errors import ShapeError

POINT_LIKE = 1e-20
"""Variance in square metres under which all points of a frame count as one point."""


class Similarity(NamedTuple):
    """One map a frame: x -> scale * rotation @ x + translation."""

    scale: np.ndarray
    """Not negative, shape (N,)."""
    rotation: np.ndarray
    """Proper rotations, determinant +1, shape (N, 3, 3)."""
    translation: np.ndarray
    """Unit of the target, shape (N, 3)."""

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Map (N, P, 3) points, P as you like, with the map of their frame."""
        turned = np.einsum("nab,npb->npa", self.rotation, points)
        return self.scale[:, None, None] * turned + self.translation[:, None]


def fit_similarity(source: np.ndarray, target: np.ndarray) -> Similarity:
    """Least-squares similarity of every frame: min sum_p |s R source_p + t - target_p|^2, det R = +1.

    Degenerate frames have a smallest residual too, but no unique rotation: points on a line
    get one of the best rotations, and a source that is a single point gets R = 1, s = 1. Reflections
    are never used, even where they would fit better.

    Args:
        source: points to be moved, (N, P, 3).
        target: where they belong, same shape and order.

    Raises:
        ShapeError: the arrays differ in shape or are not (N, P, 3) with P >= 1.
        DataError: an array is not finite, or is complex or masked.
    """
    source = real_array(source, "source").astype(np.float64, copy=False)
    target = real_array(target, "target").astype(np.float64, copy=False)
    if source.shape != target.shape or source.ndim != 3 or source.shape[2] != 3 or source.shape[1] < 1:
        raise ShapeError(
            f"alignment needs two arrays (N, P, 3) of one shape, found {source.shape} and {target.shape}"
        )
    require_finite(source, "source")
    require_finite(target, "target")
    source_mean, target_mean = source.mean(axis=1), target.mean(axis=1)
    source_centred, target_centred = source - source_mean[:, None], target - target_mean[:, None]
    variance = np.einsum("npa,npa->n", source_centred, source_centred)
    covariance = np.einsum("npa,npb->nab", target_centred, source_centred)
    left, singular, right = np.linalg.svd(covariance)
    sign = np.ones_like(singular)
    # The axis of least spread pays for the determinant: that costs the smallest residual.
    sign[:, 2] = np.where(np.linalg.det(left) * np.linalg.det(right) < 0, -1.0, 1.0)
    point_like = variance <= POINT_LIKE * source.shape[1]
    scale = np.where(
        point_like, 1.0, (singular * sign).sum(axis=1) / np.where(point_like, 1.0, variance)
    )
    rotation = (left * sign[:, None]) @ right
    rotation[point_like] = np.eye(3)
    turned_mean = np.einsum("nab,nb->na", rotation, source_mean)
    return Similarity(scale, rotation, target_mean - scale[:, None] * turned_mean)


def align(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Move every frame of `source` onto `target` by its similarity, (N, P, 3) -> (N, P, 3) float64."""
    return fit_similarity(source, target).apply(np.asarray(source, dtype=np.float64))
