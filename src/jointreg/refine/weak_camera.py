"""The weak-perspective camera of the networks, and bodies moved from one camera to another."""

import numpy as np

from jointreg.body.model import Body
from jointreg.geometry.camera import project_pinhole

WEAK_FOCAL_PX = 5000.0
"""Focal length of the weak-perspective camera, whatever the crop's size (SPIN and its successors)."""


def weak_perspective(count: int, size: tuple[int, int]) -> np.ndarray:
    """K of the networks' camera for crops of (height, width) pixels, (count, 3, 3)."""
    height, width = size
    camera = [[WEAK_FOCAL_PX, 0, (width - 1) / 2], [0, WEAK_FOCAL_PX, (height - 1) / 2], [0, 0, 1]]
    return np.tile(np.array(camera), (count, 1, 1))


def move_to_camera(
    body: Body, betas: np.ndarray, translation: np.ndarray, old: np.ndarray, new: np.ndarray
) -> np.ndarray:
    """Translation with which a body looks alike through another camera of the same orientation.

    The pelvis keeps its pixel. Its depth grows with the focal length.

    Args:
        body: the body model.
        betas: (N, B).
        translation: in the frame of the old camera, metres, (N, 3).
        old: K of the old camera, pixels, (N, 3, 3).
        new: K of the new camera, pixels, (N, 3, 3).

    Returns:
        Translation in the frame of the new camera, metres, (N, 3).
    """
    root = body.rest_joints(betas)[:, 0].astype(np.float64)
    pixels = project_pinhole((root + translation)[:, None], old)[:, 0]
    depth = (root + translation)[:, 2] * new[:, 1, 1] / old[:, 1, 1]
    rays = np.linalg.solve(new, np.concatenate([pixels, np.ones_like(pixels[:, :1])], 1)[..., None])
    return rays[..., 0] * depth[:, None] - root
