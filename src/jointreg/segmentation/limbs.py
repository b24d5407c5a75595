"""Where in a picture a labelled person is: the pixels near the labelled limbs."""

import cv2
import numpy as np

from jointreg.datasets.recording import Recording
from jointreg.skeleton import H36M_17, LIMBS

SURFACE_M = 0.35
"""A person's surface lies within this distance of the labelled limbs (hands, feet, loose clothes), m."""
CORE_M = 0.045
"""Pixels within this distance of a labelled limb belong to the person, metres."""


def near_limbs(recording: Recording, frame: int, radius_m: float) -> np.ndarray:
    """Pixels of a video picture within `radius_m` of the labelled limbs, (height, width) bool."""
    camera = recording.camera
    joints_cam = recording.joints_cam[frame]
    radius_px = radius_m * camera.intrinsics[0, 0] / joints_cam[:, 2].mean()
    return draw_limbs(camera.project(joints_cam), radius_px, *camera.size)


def draw_limbs(joints_px: np.ndarray, radius_px: float, width: int, height: int) -> np.ndarray:
    """Pixels of a picture within `radius_px` of the limbs of one skeleton, (height, width) bool.

    Args:
        joints_px: `H36M_17` order, (17, 2).
        radius_px: rounded to whole pixels, 1 or more.
        width, height: size of the picture.
    """
    radius = max(1, round(radius_px))
    near = np.zeros((height, width), np.uint8)
    for upper, lower in LIMBS:
        ends = [joints_px[H36M_17.index(joint)].round().astype(int).tolist() for joint in (upper, lower)]
        cv2.line(near, ends[0], ends[1], 1, 2 * radius)
        for end in ends:
            cv2.circle(near, end, radius, 1, -1)
    return near.astype(bool)
