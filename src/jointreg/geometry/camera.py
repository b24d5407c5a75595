"""Calibrated cameras, their projection, and the pinhole crop of a person.

Frames of reference: `world` is the data set's room frame; `cam` has x right, y down, z forward.
Lengths are metres, image positions pixels. Pixel convention everywhere in jointreg (OpenCV's): the
centre of the top-left pixel is (0, 0), so that pixel covers [-0.5, 0.5].
"""

from dataclasses import dataclass

import numpy as np

SIZE_OF_VIDEO = (0, 0)
"""Size of a camera whose calibration names none; `datasets.calibration.fitted` replaces it."""


@dataclass(frozen=True)
class Camera:
    """One calibrated camera with one of OpenCV's lens models."""

    name: str
    rotation: np.ndarray
    """World to camera, shape (3, 3)."""
    translation: np.ndarray
    """World origin in the camera frame, metres, shape (3,): X_cam = rotation @ X_world + translation."""
    intrinsics: np.ndarray
    """Pinhole matrix K in pixels, shape (3, 3)."""
    distortion: np.ndarray
    """k1, k2, p1, p2, k3, shape (5,); with k4, k5, k6 (8,); with s1, s2, s3, s4 (12,). Fisheye: (4,)."""
    size: tuple[int, int]
    """Image width and height in pixels, or `SIZE_OF_VIDEO`."""
    fisheye: bool = False
    """Whether the lens model is OpenCV's fisheye model, with distortion k1, k2, k3, k4."""

    def from_world(self, points_world: np.ndarray) -> np.ndarray:
        """World to camera frame, (..., 3) metres -> (..., 3) metres."""
        return points_world @ self.rotation.T + self.translation

    def to_world(self, points_cam: np.ndarray) -> np.ndarray:
        """Camera to world frame, (..., 3) metres -> (..., 3) metres."""
        return (points_cam - self.translation) @ self.rotation

    def project(self, points_cam: np.ndarray) -> np.ndarray:
        """Camera frame to distorted image pixels, (..., 3) metres -> (..., 2) px."""
        normalised = points_cam[..., :2] / points_cam[..., 2:]
        return to_pixels(self.distort(normalised), self.intrinsics)

    def distort(self, normalised: np.ndarray) -> np.ndarray:
        """Normalised coordinates x/z, y/z as the lens shows them, (..., 2) -> (..., 2)."""
        return np.stack(self._distort(normalised[..., 0], normalised[..., 1]), axis=-1)

    def _distort(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lens = distort_fisheye if self.fisheye else distort
        return lens(x, y, self.distortion)


def to_pixels(normalised: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Normalised image coordinates to pixels, (..., 2) with K (..., 3, 3) broadcast -> (..., 2)."""
    return np.stack(_to_pixels(normalised[..., 0], normalised[..., 1], intrinsics), axis=-1)


def _to_pixels(x: np.ndarray, y: np.ndarray, intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (
        intrinsics[..., 0, 0] * x + intrinsics[..., 0, 1] * y + intrinsics[..., 0, 2],
        intrinsics[..., 1, 1] * y + intrinsics[..., 1, 2],
    )


def project_pinhole(points_cam: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Undistorted projection, points (N, P, 3) metres, K (N, 3, 3) px -> (N, P, 2) px."""
    return to_pixels(points_cam[..., :2] / points_cam[..., 2:], intrinsics[:, None])


def distort(x: np.ndarray, y: np.ndarray, distortion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Brown-Conrady distortion in OpenCV's order.

    Args:
        x, y: x/z and y/z, of any shape.
        distortion: k1 k2 p1 p2 k3 (5,), k4 k5 k6 (8,), s1 s2 s3 s4 (12,): rational and thin prism terms.

    Returns:
        x and y as the lens shows them.
    """
    k1, k2, p1, p2, k3 = distortion[:5]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    if len(distortion) > 5:
        k4, k5, k6 = distortion[5:8]
        radial = radial / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    bent_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    bent_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    if len(distortion) > 8:
        s1, s2, s3, s4 = distortion[8:12]
        bent_x, bent_y = bent_x + r2 * (s1 + r2 * s2), bent_y + r2 * (s3 + r2 * s4)
    return bent_x, bent_y


def distort_fisheye(
    x: np.ndarray, y: np.ndarray, distortion: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """OpenCV's fisheye model, k1 k2 k3 k4; arguments and result as of `distort`.

    The angle t to the optical axis is shown at radius t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8).
    """
    k1, k2, k3, k4 = distortion
    radius = np.sqrt(x * x + y * y)
    angle = np.arctan(radius)
    t2 = angle * angle
    bent = angle * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
    stretch = np.where(radius > 1e-8, bent / np.maximum(radius, 1e-8), 1.0)
    return x * stretch, y * stretch


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
    column = np.arange(size, dtype=np.float64)
    y = np.repeat((column[:, None] - crop_k[1, 2]) / crop_k[1, 1], size, axis=1)
    x = (column - crop_k[0, 2] - crop_k[0, 1] * y) / crop_k[0, 0]
    map_x, map_y = _to_pixels(*camera._distort(x, y), camera.intrinsics)
    return map_x.astype(np.float32), map_y.astype(np.float32)
