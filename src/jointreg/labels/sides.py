"""Which side is left: agreement over time and between cameras.

Landmark networks sometimes mistake a person's back for the front, mostly where the face is hidden. Left
and right are then exchanged in some frames of one camera. Two facts correct this: limbs do not jump
between frames, and two views of a limb lie on each other's epipolar lines.
"""

from collections.abc import Sequence

import numpy as np

from jointreg.errors import ShapeError
from jointreg.geometry.camera import Camera
from jointreg.labels.triangulation import sampson, undistort

FAR_PX = 50.0
"""Distances count at most this much, so that one wrong landmark does not outweigh a body."""


def agree_on_sides(
    cameras: Sequence[Camera],
    tracks_px: np.ndarray,
    mirror: np.ndarray,
    *,
    rounds: int = 5,
) -> np.ndarray:
    """Frames of each camera in which left and right must be exchanged.

    Minimises the sum of epipolar distances to the other cameras and of the landmarks' motion between
    frames, one camera after the other (Viterbi over its frames). An exchange in all cameras and frames
    leaves that sum as it is. Of the two solutions the one with fewer exchanges is returned.

    Args:
        cameras: C calibrated cameras.
        tracks_px: synchronised landmarks, (C, N, J, 2) distorted image pixels; NaN where unknown.
        mirror: index of the landmark on the other side, (J,); of an unpaired landmark, its own.
        rounds: most passes over all cameras.

    Returns:
        (C, N) bool.

    Raises:
        ShapeError: arrays that do not fit together.
    """
    if tracks_px.ndim != 4 or tracks_px.shape[0] != len(cameras) or tracks_px.shape[2] != len(mirror):
        raise ShapeError(
            f"tracks have shape {tracks_px.shape}, expected {len(cameras)} cameras, frames, "
            f"{len(mirror)} landmarks and 2",
            "give one camera for each track, and one entry of mirror for each landmark",
        )
    paired = mirror != np.arange(len(mirror))
    partner = np.searchsorted(np.flatnonzero(paired), mirror[paired])
    tracks_px = tracks_px[:, :, paired]
    both = np.stack([tracks_px, tracks_px[:, :, partner]])  # (state, C, N, J, 2)
    points = np.stack([undistort(camera, both[:, c]) for c, camera in enumerate(cameras)], axis=1)
    apart = _pairwise(cameras, points)
    swapped = steady_sides(tracks_px, partner).astype(int)
    frames = np.arange(tracks_px.shape[1])
    for _ in range(rounds):
        before = swapped.copy()
        for c in range(len(cameras)):
            cost = np.zeros((len(frames), 2))
            for other in range(len(cameras)):
                if other != c:
                    same = apart[c, other]  # (relative state, N)
                    cost += np.stack([same[swapped[other], frames], same[1 - swapped[other], frames]], 1)
            swapped[c] = _viterbi(cost, _jumps(both[:, c]))
        if np.array_equal(before, swapped):
            break
    return (swapped if swapped.mean() <= 0.5 else 1 - swapped).astype(bool)


def steady_sides(tracks_px: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Frames in which to exchange sides so that no camera's landmarks jump, from time alone.

    The cameras need not be synchronised. A camera that is wrong in most frames stays wrong.

    Args:
        tracks_px: (C, N, J, 2) image pixels; NaN where unknown.
        mirror: index of the landmark on the other side, (J,).

    Returns:
        (C, N) bool.
    """
    swapped = np.empty(tracks_px.shape[:2], dtype=bool)
    for c, track in enumerate(tracks_px):
        path = _viterbi(np.zeros((len(track), 2)), _jumps(np.stack([track, track[:, mirror]])))
        swapped[c] = path if path.mean() <= 0.5 else 1 - path
    return swapped


def exchange(values: np.ndarray, swapped: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Exchange left and right where `swapped`, (C, N) bool, in (C, N, J, ...) landmarks or weights."""
    flag = swapped.reshape(*swapped.shape, *[1] * (values.ndim - 2))
    return np.where(flag, values[:, :, mirror], values)


def _pairwise(cameras: Sequence[Camera], points: np.ndarray) -> np.ndarray:
    """Mean capped epipolar distance of each frame, same (0) or exchanged (1), (C, C, 2, N) px."""
    count, frames = points.shape[1:3]
    apart = np.zeros((count, count, 2, frames))
    for a in range(count):
        for b in range(a + 1, count):
            for state in (0, 1):
                distance = np.abs(sampson(cameras[a], cameras[b], points[0, a], points[state, b]))
                capped = np.minimum(np.nan_to_num(distance, nan=FAR_PX), FAR_PX).mean(-1)
                apart[a, b, state] = apart[b, a, state] = capped
    return apart


def _jumps(both: np.ndarray) -> np.ndarray:
    """Mean capped motion into each frame, px, sides the same (0) or exchanged (1), (N, 2)."""
    jumps = np.zeros((both.shape[1], 2))
    for state in (0, 1):
        distance = np.linalg.norm(both[state, 1:] - both[0, :-1], axis=-1)
        jumps[1:, state] = np.minimum(np.nan_to_num(distance, nan=FAR_PX), FAR_PX).mean(-1)
    return jumps


def _viterbi(cost: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Cheapest path of two states, (N,): cost (N, 2) of a state, change (N, 2) to stay or to switch."""
    total, origin = cost[0].copy(), np.zeros(cost.shape, dtype=int)
    for n in range(1, len(cost)):
        steps = total[:, None] + np.array([[change[n, 0], change[n, 1]], [change[n, 1], change[n, 0]]])
        origin[n] = steps.argmin(0)
        total = steps.min(0) + cost[n]
    path = np.empty(len(cost), dtype=int)
    path[-1] = total.argmin()
    for n in range(len(cost) - 1, 0, -1):
        path[n - 1] = origin[n, path[n]]
    return path
