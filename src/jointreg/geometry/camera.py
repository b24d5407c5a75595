"""Calibrated cameras, their projection, and the pinhole crop of a person.

Frames of reference: `world` is the data set's room frame; `cam` has x right, y down, z forward.
Lengths are metres, image positions pixels. Pixel convention everywhere in jointreg (OpenCV's): the
centre of the top-left pixel is (0, 0), so that pixel covers [-0.5, 0.5].
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """One calibrated camera with OpenCV's five-coefficient distortion."""

    name: str
    rotation: np.ndarray
    """World to camera, shape (3, 3)."""
    translation: np.ndarray
    """World origin in the camera frame, metres, shape (3,): X_cam = rotation @ X_world + translation."""
    intrinsics: np.ndarray
    """Pinhole matrix K in pixels, shape (3, 3)."""
    distortion: np.ndarray
    """k1, k2, p1, p2, k3, shape (5,)."""
    size: tuple[int, int]
    """Image width and height in pixels."""

    def from_world(self, points_world: np.ndarray) -> np.ndarray:
        """World to camera frame, (..., 3) metres -> (..., 3) metres."""
        return points_world @ self.rotation.T + self.translation

    def to_world(self, points_cam: np.ndarray) -> np.ndarray:
        """Camera to world frame, (..., 3) metres -> (..., 3) metres."""
        return (points_cam - self.translation) @ self.rotation

    def project(self, points_cam: np.ndarray) -> np.ndarray:
        """Camera frame to distorted image pixels, (..., 3) metres -> (..., 2) px."""
        normalised = points_cam[..., :2] / points_cam[..., 2:]
        return to_pixels(distort(normalised, self.distortion), self.intrinsics)


def to_pixels(normalised: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Normalised image coordinates to pixels, (..., 2) with K (..., 3, 3) broadcast -> (..., 2)."""
    x, y = normalised[..., 0], normalised[..., 1]
    return np.stack(
        [
            intrinsics[..., 0, 0] * x + intrinsics[..., 0, 1] * y + intrinsics[..., 0, 2],
            intrinsics[..., 1, 1] * y + intrinsics[..., 1, 2],
        ],
        axis=-1,
    )


def project_pinhole(points_cam: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Undistorted projection, points (N, P, 3) metres, K (N, 3, 3) px -> (N, P, 2) px."""
    return to_pixels(points_cam[..., :2] / points_cam[..., 2:], intrinsics[:, None])


def distort(normalised: np.ndarray, distortion: np.ndarray) -> np.ndarray:
    """Brown-Conrady distortion in OpenCV's order k1 k2 p1 p2 k3, (..., 2) -> (..., 2)."""
    k1, k2, p1, p2, k3 = distortion
    x, y = normalised[..., 0], normalised[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )


def crop_intrinsics(
    intrinsics: np.ndarray, left: float, top: float, side: float, size: int
) -> np.ndarray:
    """K of the square crop that resamples `side` undistorted pixels to `size`.

    `left`, `top` are the crop's outer edge in the pixels of `intrinsics`. Edges map to edges: the
    outer edge at -0.5 of the crop is `left`. Returns (3, 3).
    """
    scale = size / side
    crop = np.array(
        [[scale, 0.0, -left * scale - 0.5], [0.0, scale, -top * scale - 0.5], [0.0, 0.0, 1.0]]
    )
    return crop @ np.asarray(intrinsics, dtype=np.float64)


def crop_maps(camera: Camera, crop_k: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where in the distorted image each crop pixel lies: x and y for cv2.remap, (size, size) each."""
    column, row = np.meshgrid(np.arange(size, dtype=np.float64), np.arange(size, dtype=np.float64))
    y = (row - crop_k[1, 2]) / crop_k[1, 1]
    x = (column - crop_k[0, 2] - crop_k[0, 1] * y) / crop_k[0, 0]
    source = to_pixels(distort(np.stack([x, y], axis=-1), camera.distortion), camera.intrinsics)
    return source[..., 0].astype(np.float32), source[..., 1].astype(np.float32)
