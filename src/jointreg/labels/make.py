"""Rule `triangulate`: joint labels from 2D landmarks.

Cameras are synchronised, left and right agreed on, landmarks triangulated and the 17 joints derived. The
labels come from a landmark network, not from motion capture. `labels.words.LABELS_ABOUT` describes each
joint.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jointreg import config
from jointreg.datasets.calibration import fitted
from jointreg.datasets.video import require_same_rate
from jointreg.errors import DataError
from jointreg.files.atomic import replacing
from jointreg.files.text_table import text_table
from jointreg.geometry.camera import Camera
from jointreg.labels import sides
from jointreg.labels.landmarker import BLAZEPOSE_33, MIRROR_33
from jointreg.labels.triangulation import Triangulated, synchronise, triangulate
from jointreg.labels.words import LONGEST_GAP, labels_words
from jointreg.skeleton import H36M_17

_LIMBS = [
    BLAZEPOSE_33.index(f"{side}_{name}")
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]
_MIRROR = np.array([_LIMBS.index(int(MIRROR_33[landmark])) for landmark in _LIMBS])


def make_labels(
    calibration: Mapping[str, Camera],
    recording: Mapping[str, Mapping[str, np.ndarray]],
    settings: config.Triangulate,
) -> dict[str, np.ndarray]:
    """Labels of one recording from the tracks of its cameras.

    Args:
        calibration: cameras by name, see `datasets.calibration.read_calibration`.
        recording: tracks by camera name, see `labels.tracking.track_videos`.
        settings: the block `triangulate`.

    Returns:
        The arrays of a labels file, see `write_labels`; and `residual_px`, `used` (C, N, 17), the
        reprojection check of the joints that are landmarks.

    Raises:
        DataError: fewer than two cameras, a camera without calibration, too few frames, videos of other
            rates, or a joint that no two cameras show for too long.
    """
    unknown = sorted(set(recording) - set(calibration))
    if unknown:
        raise DataError(
            f"cameras {', '.join(unknown)} are not "
            f"in the calibration, which has {', '.join(sorted(calibration))}",
            "name the video files after the calibration's cameras",
        )
    names = sorted(recording)
    tracks = [recording[name] for name in names]
    cameras = [fitted(calibration[name], tuple(recording[name]["size"].tolist())) for name in names]
    frames = min(len(track["points_px"]) for track in tracks)
    rates = {name: float(recording[name]["rate"]) for name in names}
    require_same_rate(rates, frames, "triangulate")
    points = np.stack([track["points_px"][:frames] for track in tracks]).astype(float)
    weights = np.stack([track["visibility"][:frames] for track in tracks]).astype(float)
    weights[~np.isfinite(points).all(-1)] = 0
    offsets = _offsets(cameras, points, weights, settings.max_shift)
    count = min(len(t["points_px"]) - int(o) for t, o in zip(tracks, offsets, strict=True))
    windows = [slice(int(offset), int(offset) + count) for offset in offsets]
    points = np.stack([t["points_px"][w] for t, w in zip(tracks, windows, strict=True)]).astype(float)
    weights = np.stack([t["visibility"][w] for t, w in zip(tracks, windows, strict=True)]).astype(float)
    swapped = sides.agree_on_sides(cameras, points[:, :, _LIMBS], _MIRROR)
    points = sides.exchange(points, swapped, MIRROR_33)
    weights = sides.exchange(weights, swapped, MIRROR_33)
    landmarks = triangulate(cameras, points, weights, outlier_px=settings.outlier_px)
    joints = smooth(
        bridge(h36m_joints(landmarks.points_world)), settings.smoothing_hz, max(rates.values())
    )
    residual, used = _check(cameras, joints, points, landmarks)
    return {
        "joints_world": joints,
        "cameras": np.array([camera.name for camera in cameras]),
        "frame_offsets": offsets.astype(np.int64),
        "swapped": swapped,
        "residual_px": residual,
        "used": used,
        "about": np.array(labels_words(settings)),
    }


def h36m_joints(points: np.ndarray) -> np.ndarray:
    """The 17 joints from 33 landmarks, (..., 33, D) -> (..., 17, D), by `labels.words.LABELS_ABOUT`."""

    def at(name: str) -> np.ndarray:
        return points[..., BLAZEPOSE_33.index(name), :]

    def middle(name: str) -> np.ndarray:
        return (at(f"left_{name}") + at(f"right_{name}")) / 2

    pelvis, neck, ears = middle("hip"), middle("shoulder"), middle("ear")
    derived = {
        "pelvis": pelvis,
        "neck": neck,
        "spine": (pelvis + neck) / 2,
        "head_top": ears + 0.6 * (ears - neck),
    }
    return np.stack([derived[name] if name in derived else at(name) for name in H36M_17], axis=-2)


def bridge(joints: np.ndarray) -> np.ndarray:
    """Fill gaps of at most `LONGEST_GAP` frames by straight lines, (N, J, 3) -> (N, J, 3).

    Raises:
        DataError: a longer gap, or one at the start or end.
    """
    joints, times = joints.copy(), np.arange(len(joints))
    for joint in range(joints.shape[1]):
        known = np.isfinite(joints[:, joint]).all(-1)
        if known.all():
            continue
        frames = np.flatnonzero(known)
        longest = int(np.diff(frames).max(initial=1)) - 1 if len(frames) else len(joints)
        if not len(frames) or not (known[0] and known[-1]) or longest > LONGEST_GAP:
            raise DataError(
                f"joint {H36M_17[joint]}: two cameras see it in {known.sum()} of {len(joints)} frames, "
                f"longest gap {longest} frames, at most {LONGEST_GAP} are bridged",
                "film the person with more cameras, or cut the video",
            )
        for axis in range(3):
            joints[:, joint, axis] = np.interp(times, times[known], joints[known, joint, axis])
    return joints


def smooth(joints: np.ndarray, cutoff_hz: float, rate: float) -> np.ndarray:
    """Gaussian low-pass filter over time, -3 dB at `cutoff_hz`; 0 returns the joints as they are.

    `rate` is in frames a second. Human limbs move below about 6 Hz. Faster motion is jitter of the
    landmarks.

    Raises:
        DataError: the rate is not known.
    """
    if not cutoff_hz:
        return joints
    if not rate > 0:
        raise DataError(
            "the videos do not say their frame rate, which the filter needs",
            "give videos instead of pictures, or set triangulate.smoothing_hz: 0",
        )
    from scipy.ndimage import gaussian_filter1d

    sigma = rate * np.sqrt(np.log(2)) / (2 * np.pi * cutoff_hz)
    return gaussian_filter1d(joints, sigma, axis=0, mode="nearest")


def write_labels(path: str | Path, labels: Mapping[str, np.ndarray]) -> None:
    """Write a labels file: an npz of plain arrays that `datasets.multiview` reads.

    Arrays: joints_world (N, 17, 3) metres, `skeleton.H36M_17` order, calibration's frame; cameras (C,)
    names; frame_offsets (C,), moment n is frame n + offset of that camera's video; about, one text.
    `datasets.multiview` ignores further arrays, unless they mark labels as not valid or name moments.
    """
    arrays: dict[str, Any] = dict(labels)
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)


def reprojection_table(labels: Mapping[str, np.ndarray]) -> str:
    """Median reprojection error of each camera and joint, px, and the share of views used, as text."""
    names = [str(name) for name in labels["cameras"]]
    rows = [("joint", *names)]
    for joint, name in enumerate(H36M_17):
        residual, used = labels["residual_px"][:, :, joint], labels["used"][:, :, joint]
        if np.isfinite(residual).any():
            cells = [
                f"{np.nanmedian(r) if np.isfinite(r).any() else np.nan:.1f} {100 * u.mean():4.0f} %"
                for r, u in zip(residual, used, strict=True)
            ]
            rows.append((name, *cells))
    return text_table(rows, "l" + "r" * len(names))


def _offsets(
    cameras: Sequence[Camera], points: np.ndarray, weights: np.ndarray, max_shift: int
) -> np.ndarray:
    """Frame offsets of the cameras, (C,), from the limbs with steady sides."""
    limbs = points[:, :, _LIMBS]
    steady = sides.steady_sides(limbs, _MIRROR)
    return synchronise(
        cameras,
        sides.exchange(limbs, steady, _MIRROR),
        sides.exchange(weights[:, :, _LIMBS], steady, _MIRROR),
        max_shift=max_shift,
    )[0]


def _check(
    cameras: Sequence[Camera], joints: np.ndarray, points: np.ndarray, landmarks: Triangulated
) -> tuple[np.ndarray, np.ndarray]:
    """Reprojection of the final joints against the landmarks, (C, N, 17); NaN for derived joints."""
    residual = np.full((len(cameras), *joints.shape[:2]), np.nan)
    used = np.zeros(residual.shape, dtype=bool)
    for joint, name in enumerate(H36M_17):
        if name in BLAZEPOSE_33:
            landmark = BLAZEPOSE_33.index(name)
            used[:, :, joint] = landmarks.used[:, :, landmark]
            for c, camera in enumerate(cameras):
                projected = camera.project(camera.from_world(joints[:, joint]))
                residual[c, :, joint] = np.linalg.norm(projected - points[c, :, landmark], axis=-1)
    return residual, used
