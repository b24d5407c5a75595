"""Input pictures of SPIN, VIBE and MEVA: a square around the person, cut by each method's own rule.

Every rule except `prepared` cuts the distorted frame, as the authors do. The size of the square follows
from a box around the body. On Human3.6M the authors' box came from a mask or a detector. Ours is the box
of the labelled joints, grown to the skin (`SKIN_M`), so that it depends on no other stage. Source of the
rules: the code published with the papers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from jointreg.datasets.recording import Recording
from jointreg.datasets.video import videos
from jointreg.stores.schemas import CROP

SKIN_M = ((0.085, 0.025), (0.085, 0.11))
"""How far the body reaches beyond its outermost joints: left and up, right and down, metres. Means over
1800 views of the open body in fifteen actions; the longer side of the box then errs by 2 % (1 sd)."""

Cut = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray]]
"""(image (H, W, 3) uint8, centre (2,) px, side px) -> crop (CROP, CROP, 3) float32 in 0-1, and the map
from image to crop pixels, (2, 2): the scales along x and y, then the shifts that are added."""


class Rule(NamedTuple):
    """One way to cut."""

    factor: float
    """Side of the square, as a multiple of the longer side of the box."""
    cut: Cut
    smoothed: bool = False
    """Whether boxes are smoothed over all frames of a recording, including unused ones."""


def network_crops(
    frames: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    recordings: Sequence[Recording],
    crop: str,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Input picture of a network for every frame.

    Args:
        frames: arrays of `stores.FRAMES`, at least `arrays_for` this crop.
        facts: attributes of that store.
        recordings: the recordings that the frames were cut from; not used by `prepared`.
        crop: `prepared` or a key of `RULES`.

    Yields:
        Row of the frames, image (CROP, CROP, 3) float32 RGB in 0-1, and pinhole matrix of that image, px
        (3, 3). The matrix ignores the lens, except that the ray through the middle is exact.

    Raises:
        DataError: a recording of the frames is missing, or a video is damaged.
    """
    if crop == "prepared":
        for row, (image, matrix) in enumerate(
            zip(frames["crops"], frames["crop_intrinsics"], strict=True)
        ):
            yield row, image.astype(np.float32) / 255, matrix
        return
    rule = RULES[crop]
    for recording, rows, images in videos(frames, facts, recordings):
        boxes = body_boxes(recording)
        boxes = (smoothed(_filled(boxes)) if rule.smoothed else boxes)[frames["frame"][rows].astype(int)]
        for row, (x, y, side), image in zip(rows.tolist(), boxes, images, strict=True):
            picture, to_crop = rule.cut(image, np.array([x, y]), rule.factor * side)
            yield row, picture, _pinhole(recording, to_crop)


def arrays_for(crop: str) -> list[str]:
    """Arrays of `stores.FRAMES` that a rule needs. Only `prepared` needs crops, most of the store."""
    identity = ["take", "camera", "frame"]
    return [*identity, "crops", "crop_intrinsics"] if crop == "prepared" else identity


def body_boxes(recording: Recording) -> np.ndarray:
    """Boxes around the body in all frames: middle x, y and longer side, image px, (N, 3)."""
    joints_cam = recording.joints_cam
    pixels = recording.camera.project(joints_cam)
    pixels_a_metre = recording.camera.intrinsics[0, 0] / joints_cam[:, :, 2].mean(axis=1)
    low = pixels.min(axis=1) - pixels_a_metre[:, None] * SKIN_M[0]
    high = pixels.max(axis=1) + pixels_a_metre[:, None] * SKIN_M[1]
    return np.column_stack([(low + high) / 2, (high - low).max(axis=1)])


def _filled(boxes: np.ndarray) -> np.ndarray:
    """Boxes (N, 3), interpolated linearly in frames without labels."""
    missing = ~np.isfinite(boxes).all(axis=1)
    if missing.any():
        number, there = np.arange(len(boxes)), np.flatnonzero(~missing)
        boxes = np.column_stack([np.interp(number, there, column[there]) for column in boxes.T])
    return boxes


def smoothed(boxes: np.ndarray) -> np.ndarray:
    """Boxes (N, 3) of consecutive frames smoothed as in MEVA.

    A median over 11 frames is followed by a Gaussian of standard deviation 8 frames.
    """
    middle = median_filter(boxes, size=(11, 1), mode="nearest")
    return gaussian_filter1d(middle, 8, axis=0, mode="nearest")


def cut_spin(
    image: np.ndarray, centre: np.ndarray, side: float, *, stretch: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """SPIN: whole pixels, zeros outside, contrast stretched to 0-255, Pillow's antialiased bilinear."""
    from PIL import Image

    # SPIN's coordinates begin at the edge of a pixel, ours at its middle.
    low, high = (np.trunc(centre + 0.5 + sign * side / 2).astype(int) for sign in (-1, 1))
    width, height = np.maximum(high - low, 1)
    patch = np.zeros((height, width, 3))
    inside = [
        slice(max(a, 0), max(min(b, size), 0))
        for a, b, size in zip(low, high, image.shape[1::-1], strict=True)
    ]
    part = image[inside[1], inside[0]]
    top, left = max(-low[1], 0), max(-low[0], 0)
    patch[top : top + part.shape[0], left : left + part.shape[1]] = part
    if stretch:
        patch = (patch - patch.min()) * (255 / (np.ptp(patch) or 1.0)) + 0.5
    small = Image.fromarray(patch.astype(np.uint8)).resize((CROP, CROP), Image.Resampling.BILINEAR)
    scale = CROP / np.array([width, height])
    return np.asarray(small, np.float32) / 255, np.array([scale, (0.5 - low) * scale - 0.5])


def cut_warp(image: np.ndarray, centre: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
    """VIBE and MEVA: one affine map, bilinear, zeros outside; the centre goes to pixel CROP / 2."""
    scale = CROP / side
    shift = CROP / 2 - scale * (centre + 0.5)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    small = cv2.warpAffine(image, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR)
    return small.astype(np.float32) / 255, np.array([[scale, scale], shift])


def cut_reference(image: np.ndarray, centre: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Reference code: first and last pixel on the edges of the square; bilinear samples, zeros outside.

    Of the 1002 rows of some Human3.6M cameras it uses 1000.
    """
    image = image[:1000, :1000]
    scale = (CROP - 1) / side
    edge = centre - side / 2
    positions = edge[:, None] + np.arange(CROP) / scale
    across = _sampled(image.astype(np.float32), positions[1], axis=0)
    return _sampled(across, positions[0], axis=1) / 255, np.array([[scale, scale], -scale * edge])


def _sampled(image: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """Linear interpolation along an axis at `positions` px; zeros outside the image."""
    first = np.floor(positions).astype(int)
    share = (positions - first).astype(np.float32)
    parts = []
    for index, weight in ((first, 1 - share), (first + 1, share)):
        weight = np.where((index >= 0) & (index < image.shape[axis]), weight, np.float32(0))
        part = np.take(image, np.clip(index, 0, image.shape[axis] - 1), axis=axis)
        parts.append(part * (weight[:, None, None] if axis == 0 else weight[:, None]))
    return parts[0] + parts[1]


def _pinhole(recording: Recording, to_crop: np.ndarray) -> np.ndarray:
    """K of a crop that shows image pixel x at scale * x + shift, (3, 3)."""
    camera, (scale, shift) = recording.camera, to_crop
    matrix = np.diag([*scale, 1.0]) @ camera.intrinsics
    middle = ((CROP - 1) / 2 - shift) / scale
    undistort = cv2.fisheye.undistortPoints if camera.fisheye else cv2.undistortPoints
    ray = undistort(middle[None, None], camera.intrinsics, camera.distortion)[0, 0]
    matrix[:2, 2] = (CROP - 1) / 2 - matrix[:2, :2] @ ray
    return matrix


def _cut_spin_unstretched(
    image: np.ndarray, centre: np.ndarray, side: float
) -> tuple[np.ndarray, np.ndarray]:
    return cut_spin(image, centre, side, stretch=False)


RULES: dict[str, Rule] = {
    "reference_code": Rule(1.0, cut_reference),
    "spin": Rule(0.9, cut_spin),
    "spin_unstretched": Rule(0.9, _cut_spin_unstretched),
    "vibe": Rule(1.1, cut_warp),
    "meva": Rule(1.2, cut_warp, smoothed=True),
}
"""Rules by name. `evaluation.network_words.CROPS` describes them for captions."""
