"""Resampling of full images into person crops: undistorted, and antialiased when it shrinks."""

from dataclasses import dataclass

import cv2
import numpy as np

from jointreg.arrays import on_grid
from jointreg.geometry.camera import Camera, crop_intrinsics, crop_maps, to_pixels
from jointreg.stores.schemas import CROP

BOX_STEP_PX = 2.0**-10
"""Boxes lie on this grid, so that the last bits of labels and cameras, which differ between processors,
do not reach the crops."""


@dataclass(frozen=True)
class Sampler:
    """Where `factor` x `factor` samples of each crop pixel lie in a distorted image."""

    x: np.ndarray
    """Column in the image, (CROP * factor, CROP * factor) float32."""
    y: np.ndarray
    """Row in the image, same shape."""
    factor: int

    def __call__(self, image: np.ndarray, left: int = 0, top: int = 0) -> np.ndarray:
        """Resample an image, or a window of it whose top-left pixel is (`left`, `top`).

        Bilinear at every sample, then the mean of a crop pixel's samples. Outside the image is 0.
        Returns (CROP, CROP) or (CROP, CROP, channels), the image's dtype.
        """
        x, y = (self.x - left, self.y - top) if left or top else (self.x, self.y)
        fine = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        return fine if self.factor == 1 else cv2.resize(fine, (CROP, CROP), interpolation=cv2.INTER_AREA)

    def window(self, width: int, height: int, space: int = 0) -> tuple[int, int, int, int]:
        """Left, top, right, bottom (exclusive) of the image's part in the crop, `space` px wider."""
        left, top = int(np.floor(self.x.min())) - space, int(np.floor(self.y.min())) - space
        right, bottom = int(np.ceil(self.x.max())) + 1 + space, int(np.ceil(self.y.max())) + 1 + space
        return (
            min(max(left, 0), width - 1),
            min(max(top, 0), height - 1),
            max(min(right, width), 1),
            max(min(bottom, height), 1),
        )


def sampler(camera: Camera, crop_k: np.ndarray) -> Sampler:
    """Sampling positions of one crop with pinhole matrix `crop_k` (3, 3).

    A crop pixel has as many samples a side as image pixels fall on it. Positions come from `crop_maps`
    on the crop's own grid, interpolated linearly: over one crop pixel the lens distortion departs from
    a straight line by under 0.001 image pixels.
    """
    factor = int(max(1, np.ceil(camera.intrinsics[0, 0] / crop_k[0, 0] - 1e-6)))
    wider = np.array(crop_k, dtype=np.float64)
    wider[:2, 2] += 1  # one pixel more on every side, so that the outermost samples are interpolated too
    x, y = (_finer(grid, factor) for grid in crop_maps(camera, wider, CROP + 2))
    return Sampler(x, y, factor)


def _finer(grid: np.ndarray, factor: int) -> np.ndarray:
    """Interpolated to so many samples a pixel, without the outermost pixels."""
    size = len(grid) * factor, len(grid) * factor
    fine = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR) if factor > 1 else grid
    return fine[factor:-factor, factor:-factor]


def person_box(
    joints_cam: np.ndarray, intrinsics: np.ndarray, margin_m: float
) -> tuple[float, float, float]:
    """Square box around the projected joints in undistorted image pixels.

    Args:
        joints_cam: labels of one frame, camera frame, metres, (J, 3), all in front of the camera.
        intrinsics: K of the camera, px, (3, 3).
        margin_m: space around the joints, metres at the person's mean depth.

    Returns:
        Left, top and side of the box: outer edges, px, multiples of `BOX_STEP_PX`.
    """
    projected = to_pixels(joints_cam[:, :2] / joints_cam[:, 2:], intrinsics)
    margin = intrinsics[0, 0] * margin_m / joints_cam[:, 2].mean()
    low, high = projected.min(axis=0) - margin, projected.max(axis=0) + margin
    side = float((high - low).max())
    left, top, side = on_grid(np.array([*(low + high - side) / 2, side]), BOX_STEP_PX).tolist()
    return left, top, side


def person_intrinsics(joints_cam: np.ndarray, intrinsics: np.ndarray, margin_m: float) -> np.ndarray:
    """K (3, 3) of the crop of `person_box`."""
    left, top, side = person_box(joints_cam, intrinsics, margin_m)
    return crop_intrinsics(intrinsics, left, top, side, CROP)
