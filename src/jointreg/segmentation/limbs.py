"""Where in a picture a labelled person is: the pixels near the labelled limbs."""

import cv2
import numpy as np

from jointreg.config.joint_sets import H36M, JointSet
from jointreg.datasets.recording import Recording

SURFACE_M = 0.35
"""A person's surface lies within this distance of the labelled limbs (hands, feet, loose clothes), m."""
CORE_M = 0.045
"""Pixels within this distance of a labelled limb belong to the person, metres."""


def near_limbs(recording: Recording, frame: int, radius_m: float) -> np.ndarray:
    """Pixels of a video picture within `radius_m` of the labelled limbs, (height, width) bool."""
    camera = recording.camera
    joints_cam = recording.joints_cam[frame]
    radius_px = radius_m * camera.intrinsics[0, 0] / joints_cam[:, 2].mean()
    return draw_limbs(camera.project(joints_cam), radius_px, *camera.size, recording.joint_set)


def draw_limbs(
    joints_px: np.ndarray, radius_px: float, width: int, height: int, joint_set: JointSet = H36M
) -> np.ndarray:
    """Pixels of a picture within `radius_px` of the limbs of one skeleton, (height, width) bool.

    Args:
        joints_px: (J, 2).
        radius_px: rounded to whole pixels, 1 or more.
        width, height: size of the picture.
        joint_set: what the joints are.
    """
    radius = max(1, round(radius_px))
    near = np.zeros((height, width), np.uint8)
    points, lines = joints_px.round().astype(int).tolist(), joint_set.lines
    for first, last in lines:
        cv2.line(near, points[first], points[last], 1, 2 * radius)
    for row in {row for line in lines for row in line}:
        cv2.circle(near, points[row], radius, 1, -1)
    return near.view(bool)
