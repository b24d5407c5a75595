"""3D points from calibrated cameras: synchronise, triangulate robustly, check by reprojection."""

from collections.abc import Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from jointreg.errors import DataError, ShapeError
from jointreg.geometry.camera import Camera

CAP_PX = 50.0
"""Epipolar distances count at most this much when cameras are synchronised, so that one wrong landmark
does not decide."""


class Triangulated(NamedTuple):
    """Points P from views of C cameras. P may be any leading shape."""

    points_world: np.ndarray
    """(*P, 3) metres; NaN where fewer than two cameras observe the point."""
    residual_px: np.ndarray
    """Distance from the observed to the projected point, (C, *P) px; NaN where unobserved."""
    used: np.ndarray
    """Whether the observation was used, (C, *P) bool."""


def undistort(camera: Camera, points_px: np.ndarray) -> np.ndarray:
    """Distorted image pixels to normalised coordinates (x/z, y/z), (..., 2) -> (..., 2).

    Newton's method on `Camera.distort`; NaN stays NaN.
    """
    k = camera.intrinsics
    y = (points_px[..., 1] - k[1, 2]) / k[1, 1]
    x = (points_px[..., 0] - k[0, 2] - k[0, 1] * y) / k[0, 0]
    target = np.stack([x, y], axis=-1).astype(float)
    guess, small = target.copy(), 1e-6
    for _ in range(8):
        error = camera.distort(guess) - target
        columns = [
            (camera.distort(guess + step) - camera.distort(guess - step)) / (2 * small)
            for step in (np.array([small, 0.0]), np.array([0.0, small]))
        ]
        (a, c), (b, d) = (np.moveaxis(column, -1, 0) for column in columns)
        determinant = a * d - b * c
        ex, ey = error[..., 0], error[..., 1]
        guess = guess - np.stack([d * ex - b * ey, a * ey - c * ex], -1) / determinant[..., None]
    return guess


def triangulate(
    cameras: Sequence[Camera],
    points_px: np.ndarray,
    weights: np.ndarray,
    *,
    outlier_px: float,
    least_weight: float = 0.1,
) -> Triangulated:
    """Weighted least squares of the reprojection error, without cameras that disagree.

    Every set of at least three cameras (two where no more observe the point) is triangulated linearly
    (DLT). The set with the lowest truncated cost sum_c w_c min(r_c^2, outlier_px^2) over *all* cameras
    is chosen. Its members within `outlier_px` refine the point by Gauss-Newton through the lenses.

    Args:
        cameras: C calibrated cameras.
        points_px: observations, (C, *P, 2) distorted image pixels; NaN where unobserved.
        weights: confidence of each observation, (C, *P), 0 for unobserved.
        outlier_px: residual beyond which an observation counts as wrong.
        least_weight: observations below it are not used.

    Raises:
        ShapeError: arrays that do not fit together.
        DataError: fewer than two cameras.

    Source: Hartley & Zisserman, Multiple View Geometry, 12.2; truncated cost: Torr & Zisserman,
    MLESAC, 2000.
    """
    points_px, weights = np.asarray(points_px, float), np.asarray(weights, float)
    if points_px.shape[:-1] != weights.shape or points_px.shape[-1] != 2:
        raise ShapeError(
            f"observations have shape {points_px.shape}, expected {(*weights.shape, 2)} as the weights",
            "give one weight for each observation",
        )
    if len(cameras) != len(points_px) or len(cameras) < 2:
        raise DataError(
            f"{len(cameras)} cameras for {len(points_px)} sets of observations, expected one each, two "
            "or more",
            "film with two cameras or more, and calibrate each",
        )
    shape, count = weights.shape[1:], len(cameras)
    points_px, weights = points_px.reshape(count, -1, 2), weights.reshape(count, -1)
    observed = np.isfinite(points_px).all(-1) & (weights >= least_weight)
    weights = np.where(observed, weights, 0.0)
    rows = _dlt_rows(cameras, points_px, weights)
    best = np.full((weights.shape[1], 3), np.nan)
    lowest = np.full(weights.shape[1], np.inf)
    for members in _subsets(count):
        enough = observed[members].all(0)
        if len(members) == 2:  # a pair fits almost anything: only where there is no third view
            enough &= observed.sum(0) == 2
        if not enough.any():
            continue
        guess = np.full_like(best, np.nan)
        guess[enough] = _dlt(rows[members][:, enough])
        residual = _residuals(cameras, guess, points_px)
        cost = _cost(residual, weights, outlier_px)
        better = enough & (cost < lowest)
        best[better], lowest[better] = guess[better], cost[better]
    residual = _residuals(cameras, best, points_px)
    used = observed & (residual <= outlier_px)
    used |= observed & (used.sum(0) < 2)  # no two agree: use all, the residual shows it
    best = _refine(cameras, points_px, np.where(used, weights, 0.0), best)
    residual = np.where(observed, _residuals(cameras, best, points_px), np.nan)
    return Triangulated(
        best.reshape(*shape, 3), residual.reshape(count, *shape), used.reshape(count, *shape)
    )


def synchronise(
    cameras: Sequence[Camera], tracks_px: np.ndarray, weights: np.ndarray, *, max_shift: int
) -> tuple[np.ndarray, np.ndarray]:
    """Frame offsets between videos of one motion, from landmarks that move.

    Moment n of the take is frame n + offset_c of camera c; the smallest offset is 0. For every pair of
    cameras and every shift, each landmark has a signed distance from its epipolar line in every frame.
    The landmark's median over time is subtracted, because constant distances have other causes: networks
    place a joint differently in front and back views, and calibrations are a little off. The pair's cost
    is the mean magnitude of the difference, at most `CAP_PX`. The offsets with the smallest sum over all
    pairs are returned.

    Args:
        cameras: C calibrated cameras.
        tracks_px: (C, N, J, 2) distorted image pixels, NaN where unobserved.
        weights: (C, N, J) confidences; observations below 0.5 are left out.
        max_shift: largest offset between two cameras that is tried, frames.

    Returns:
        Offsets (C,) in whole frames, and the pairs' cost at each shift, (C, C, 2 max_shift + 1) px
        (shift of the second camera of the pair against the first, from -max_shift).

    Raises:
        DataError: too few frames for `max_shift`, or two cameras that share too few landmarks.
    """
    count, frames = tracks_px.shape[:2]
    if frames <= 2 * max_shift:
        raise DataError(
            f"{frames} frames are too few to try shifts of up to {max_shift} frames",
            "lower triangulate.max_shift",
        )
    points = np.stack([undistort(c, p) for c, p in zip(cameras, tracks_px, strict=True)])
    points[np.asarray(weights) < 0.5] = np.nan
    shifts = np.arange(-max_shift, max_shift + 1)
    cost = np.zeros((count, count, len(shifts)))
    for a, b in combinations(range(count), 2):
        for index, shift in enumerate(shifts.tolist()):
            start, stop = max(0, -shift), min(frames, frames - shift)
            first, second = points[a, start:stop], points[b, start + shift : stop + shift]
            distance = sampson(cameras[a], cameras[b], first, second)
            known = distance[:, np.isfinite(distance).sum(0) >= 5]
            if not known.size:
                raise DataError(
                    f"cameras {cameras[a].name} and {cameras[b].name} share no landmark for five frames",
                    "leave one of them out of the sequence table",
                )
            centred = np.abs(known - np.nanmedian(known, axis=0))
            cost[a, b, index] = np.nanmean(np.minimum(centred, CAP_PX))
            cost[b, a, len(shifts) - 1 - index] = cost[a, b, index]
    return _best_offsets(cost, max_shift), cost


def _best_offsets(cost: np.ndarray, max_shift: int) -> np.ndarray:
    """Coordinate descent over the offsets, from every camera's own best shifts to the others."""
    count = len(cost)

    def total(offsets: np.ndarray) -> float:
        pairs = combinations(range(count), 2)
        apart = [(a, b, offsets[b] - offsets[a]) for a, b in pairs]
        if any(abs(shift) > max_shift for _, _, shift in apart):
            return np.inf
        return float(sum(cost[a, b, shift + max_shift] for a, b, shift in apart))

    candidates = []
    for reference in range(count):
        offsets = cost[reference].argmin(axis=-1) - max_shift
        offsets[reference] = 0
        for _, moving in product(range(2 * count), range(count)):
            options = np.repeat(offsets[None], 2 * max_shift + 1, axis=0)
            options[:, moving] = offsets.min() + np.arange(-max_shift, max_shift + 1)
            values = [total(option) for option in options]
            if min(values) < total(offsets):
                offsets = options[int(np.argmin(values))]
        candidates.append((total(offsets), tuple(int(o) for o in offsets - offsets.min())))
    return np.array(min(candidates)[1])


def sampson(first: Camera, second: Camera, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Signed first-order distance of two views of a point from each other's epipolar lines.

    Args:
        first, second: the two cameras.
        a, b: normalised coordinates of the point in each, (..., 2).

    Returns:
        Pixels at the cameras' mean focal length, (...).

    Source: Hartley & Zisserman, Multiple View Geometry, 11.4.3.
    """
    rotation = second.rotation @ first.rotation.T
    tx, ty, tz = second.translation - rotation @ first.translation
    essential = np.array([[0, -tz, ty], [tz, 0, -tx], [-ty, tx, 0]]) @ rotation
    lines = a @ essential[:, :2].T + essential[:, 2]
    back = b @ essential[:2] + essential[2]
    error = (b * lines[..., :2]).sum(-1) + lines[..., 2]
    scale = np.sqrt((lines[..., :2] ** 2).sum(-1) + (back[..., :2] ** 2).sum(-1))
    focal = (first.intrinsics[0, 0] + second.intrinsics[0, 0]) / 2
    return focal * error / scale


def _subsets(count: int) -> list[list[int]]:
    """All cameras; sets of at least three with up to two left out; pairs."""
    cameras = range(count)
    sizes = [size for size in range(count, max(count - 3, 2), -1) if size >= 3] + [2]
    return [list(members) for size in sizes for members in combinations(cameras, size)]


def _dlt_rows(cameras: Sequence[Camera], points_px: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Two weighted equations in homogeneous X for each view, (C, P, 2, 4); zero where unobserved."""
    rows = np.zeros((*weights.shape, 2, 4))
    for camera, image, weight, row in zip(cameras, points_px, weights, rows, strict=True):
        matrix = np.column_stack([camera.rotation, camera.translation])
        normalised = np.where(weight[:, None] > 0, undistort(camera, image), 0.0)
        row[:] = normalised[..., None] * matrix[2] - matrix[:2]
        row *= np.sqrt(weight)[:, None, None]
    return rows


def _dlt(rows: np.ndarray) -> np.ndarray:
    """Least squares in inhomogeneous form, (C, P, 2, 4) -> (P, 3)."""
    system = rows.transpose(1, 0, 2, 3).reshape(rows.shape[1], -1, 4)
    normal = system[..., :3].swapaxes(-1, -2) @ system[..., :3] + 1e-12 * np.eye(3)
    right = system[..., :3].swapaxes(-1, -2) @ -system[..., 3:]
    return np.linalg.solve(normal, right)[..., 0]


def _residuals(cameras: Sequence[Camera], points_world: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """Pixels between observed and projected, (C, P); infinite behind a camera, NaN where unknown."""
    residuals = []
    for camera, image in zip(cameras, points_px, strict=True):
        points_cam = camera.from_world(points_world)
        ahead = points_cam[:, 2] > 0.05
        points_cam[~ahead & np.isfinite(points_cam[:, 2])] = [0.0, 0.0, 1.0]
        distance = np.linalg.norm(camera.project(points_cam) - image, axis=-1)
        residuals.append(np.where(ahead | ~np.isfinite(points_world[:, 0]), distance, np.inf))
    return np.array(residuals)


def _cost(residual: np.ndarray, weights: np.ndarray, outlier_px: float) -> np.ndarray:
    truncated = np.minimum(np.nan_to_num(residual, nan=np.inf), outlier_px) ** 2
    ranked = truncated + 1e-6 * np.minimum(np.nan_to_num(residual, nan=0.0, posinf=1e6), 1e6)
    return (weights * ranked).sum(0)


def _refine(
    cameras: Sequence[Camera], points_px: np.ndarray, weights: np.ndarray, points_world: np.ndarray
) -> np.ndarray:
    """Gauss-Newton on the weighted squared reprojection error, derivatives by central differences."""
    points, small = points_world.copy(), 1e-4
    known = np.isfinite(points).all(1) & ((weights > 0).sum(0) >= 2)
    if not known.any():
        return points
    image, weight, x = points_px[:, known], weights[:, known], points[known]
    for _ in range(5):
        normal, right = np.tile(1e-9 * np.eye(3), (len(x), 1, 1)), np.zeros((len(x), 3))
        for camera, observed, w in zip(cameras, image, weight, strict=True):
            use = (w > 0) & (camera.from_world(x)[:, 2] > 0.05)
            if not use.any():
                continue
            project = lambda p, camera=camera: camera.project(camera.from_world(p))  # noqa: E731
            jacobian = np.stack(
                [(project(x[use] + s) - project(x[use] - s)) / (2 * small) for s in small * np.eye(3)],
                -1,
            )
            error = observed[use] - project(x[use])
            scaled = jacobian * w[use, None, None]
            normal[use] += scaled.swapaxes(-1, -2) @ jacobian
            right[use] += (scaled * error[..., None]).sum(1)
        x = x + np.linalg.solve(normal, right[..., None])[..., 0]
    points[known] = x
    return points
