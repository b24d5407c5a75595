"""What bodies are compared with: labels, masks and cameras of a sample, checked."""

from dataclasses import dataclass

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.errors import DataError, ShapeError
from jointreg.geometry.camera import project_pinhole
from jointreg.plausible import DEPTH_M
from jointreg.refine.contour import edge_distances
from jointreg.refine.sample import Sample
from jointreg.refine.weak_camera import weak_perspective


@dataclass(frozen=True)
class Targets:
    """What the bodies of N frames are compared with."""

    joints: torch.Tensor
    """Labels, camera frame, metres, (N, J, 3)."""
    keypoints: torch.Tensor
    """Labels in the crop, pixels, (N, J, 2)."""
    masks: np.ndarray | torch.Tensor
    """(N, H, W) uint8."""
    intrinsics: np.ndarray
    """K of the camera that bodies are seen through, pixels, (N, 3, 3)."""
    has_mask: torch.Tensor
    """1 for a frame with a mask, 0 for one without, (N,)."""
    pixel_weights: np.ndarray | None = None
    """Factors on the squared differences of silhouettes, (N, H, W); None for 1."""

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.joints)

    def block(self, rows: slice, device: torch.device) -> "Targets":
        """Some of the frames, on the device where they are refined."""
        masks = self.masks[rows]
        return Targets(
            self.joints[rows].to(device),
            self.keypoints[rows].to(device),
            masks if device.type == "cpu" else torch.as_tensor(masks).to(device),
            self.intrinsics[rows],
            self.has_mask[rows].to(device),
            None if self.pixel_weights is None else self.pixel_weights[rows],
        )


def checked_targets(
    body: Body,
    sample: Sample,
    regressor: np.ndarray,
    *,
    weak: bool = False,
    dilation_px: int = 0,
    robust_px: float = 0.0,
) -> Targets:
    """Check a sample and a regressor, and make the targets of the sample's bodies.

    Args:
        body: the body model.
        sample: the frames.
        regressor: reads the joints in E_joint, (J, V).
        weak: bodies are seen through the networks' camera, not through the sample's.
        dilation_px: radius that masks are widened by.
        robust_px: as for `robust_weights`; 0 gives all pixels the same weight.

    Raises:
        ShapeError: arrays of other shapes than `Sample` and the body ask for, or masks not of uint8.
        DataError: an array is not finite.
        UnitError: labels in millimetres.
    """
    joints_cam, intrinsics = sample.joints_cam, sample.intrinsics
    count, joints = len(sample), len(regressor)
    scores = np.ones(count) if sample.scores is None else np.asarray(sample.scores)
    expected = {
        "rotations": (sample.bodies["rotations"], (count, len(body.parents), 3, 3)),
        "betas": (sample.bodies["betas"], (count, body.n_betas)),
        "joints_cam": (joints_cam, (count, joints, 3)),
        "intrinsics": (intrinsics, (count, 3, 3)),
        "regressor": (regressor, (joints, body.n_vertices)),
        "masks": (sample.masks, (count, *np.shape(sample.masks)[1:3])),
        "scores": (scores, (count,)),
    }
    for name, (value, shape) in expected.items():
        if np.shape(value) != shape:
            raise ShapeError(
                f"{name} have shape {np.shape(value)}, expected {shape}",
                f"give bodies, labels, masks and cameras of the same {count} frames, and a regressor of "
                f"{joints} joints of this body",
            )
        if name != "masks" and not np.isfinite(value).all():
            row = np.argwhere(~np.isfinite(value))[0].tolist()
            raise DataError(f"{name} are not finite at index {row}")
    masks = np.ascontiguousarray(sample.masks)
    if masks.dtype != np.uint8:
        raise ShapeError(
            f"masks are {masks.dtype}, expected uint8 (probability x 255)",
            "np.round(255 * masks).astype(np.uint8) for probabilities of 0 to 1",
        )
    if count:
        depth = float(np.median(np.abs(joints_cam[..., 2])))
        DEPTH_M.require(
            depth,
            f"joints_cam have a median depth of {depth:.0f} m",
            "labels are probably in millimetres: divide by 1000",
        )
    masks = dilated(masks, dilation_px)
    return Targets(
        torch.from_numpy(np.array(joints_cam, dtype=np.float64)),
        torch.from_numpy(project_pinhole(np.asarray(joints_cam, dtype=np.float64), intrinsics)),
        masks,
        weak_perspective(count, masks.shape[1:3]) if weak else np.asarray(intrinsics),
        torch.from_numpy((scores > 0).astype(np.float64)),
        robust_weights(masks, robust_px) if robust_px else None,
    )


def robust_weights(masks: np.ndarray, distance_px: float) -> np.ndarray:
    """Weights of pixels that fall with their distance from the mask's edge: 1 / (1 + (d / distance)^2).

    A contour that lies x away from the edge then costs distance atan(x / distance) for each pixel of
    its length, not x: what a mask lacks or has too much pulls a body by a bounded amount.

    Args:
        masks: (N, H, W) uint8.
        distance_px: above 0.

    Returns:
        (N, H, W) float32, at most 1.
    """
    return 1 / (1 + (edge_distances(masks) / np.float32(distance_px)) ** 2)


def dilated(masks: np.ndarray, radius_px: int) -> np.ndarray:
    """Masks (N, H, W) uint8 widened by a disk; with radius 0 unchanged."""
    if radius_px == 0:
        return masks
    import cv2

    side = np.arange(-radius_px, radius_px + 1)
    disk = (side[:, None] ** 2 + side**2 <= radius_px**2).astype(np.uint8)
    return np.stack([cv2.dilate(mask, disk) for mask in masks]) if len(masks) else masks
