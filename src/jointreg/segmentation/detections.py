"""Detected people: their masks in a crop, and which of them is the labelled person.

Mask R-CNN gives each person a box and a coarse grid of probabilities (28 x 28) that spans the box. The
grid is read where each crop pixel lies in the video picture, lens distortion included. That is one
bilinear interpolation of the network's own numbers, without a mask of the picture's size in between.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates

from jointreg.config.joint_sets import H36M, JointSet
from jointreg.geometry.camera import Camera, crop_maps
from jointreg.segmentation.limbs import CORE_M, SURFACE_M, draw_limbs
from jointreg.stores.schemas import CROP

LEAST_AGREEMENT = 0.5
"""Agreement with the labels (`label_agreement`) from which a mask may be the labelled person's.

Perfect grids of the open data set reach 0.78 to 0.9. Shifted aside by 15 cm they reach 0.51 at most, by
30 cm 0.30."""


class People(NamedTuple):
    """N people detected in one picture, in falling order of confidence."""

    boxes: np.ndarray
    """Left, top, right, bottom of each grid: outer edges in video pixels, where (0, 0) is the centre of
    the first pixel, (N, 4)."""
    scores: np.ndarray
    """The detector's confidence, 0-1, (N,)."""
    grids: np.ndarray
    """Probability of person in M x M equal cells of the box, (N, M, M)."""


Network = Callable[[list[np.ndarray]], list[People]]
"""Pictures of one size, (height, width, 3) uint8 RGB each -> the people in each."""


def in_crop(people: People, camera: Camera, crop_k: np.ndarray) -> np.ndarray:
    """Masks of all people in the pixels of an undistorted crop.

    A grid is interpolated linearly between the centres of its cells. Beyond the outermost centres it
    falls to 0 within one cell, so that a mask has the area of its cells.

    Args:
        people: boxes in the distorted picture of `camera`.
        camera: the video's camera.
        crop_k: pinhole matrix of the crop, px, (3, 3).

    Returns:
        Probabilities, (N, CROP, CROP) float32; 0 beyond the picture.
    """
    x, y = crop_maps(camera, crop_k, CROP)
    width, height = camera.size
    beyond = (np.abs(x - (width - 1) / 2) > width / 2) | (np.abs(y - (height - 1) / 2) > height / 2)
    masks = np.empty((len(people.boxes), CROP, CROP), np.float32)
    for mask, (left, top, right, bottom), grid in zip(masks, people.boxes, people.grids, strict=True):
        rows, columns = grid.shape
        cells = [(y - top) * rows / (bottom - top) - 0.5, (x - left) * columns / (right - left) - 0.5]
        map_coordinates(grid.astype(np.float32), cells, output=mask, order=1, mode="grid-constant")
    masks[:, beyond] = 0
    return masks


def labelled_person(
    masks: np.ndarray, joints_px: np.ndarray, pixels_per_metre: float, joint_set: JointSet = H36M
) -> int | None:
    """Index of the mask (of N) that agrees best with the labels; None where none agrees.

    The detector's confidence does not count. If only another person is detected, the answer is None.

    Args:
        masks: probabilities in crop pixels, (N, H, W) 0-1.
        joints_px: labels in the crop, (J, 2).
        pixels_per_metre: scale of the crop at the person.
        joint_set: what the labels are.
    """
    if not len(masks):
        return None
    agreement = label_agreement(masks, joints_px, pixels_per_metre, joint_set)
    best = int(agreement.argmax())
    return best if agreement[best] >= LEAST_AGREEMENT else None


def label_agreement(
    masks: np.ndarray, joints_px: np.ndarray, pixels_per_metre: float, joint_set: JointSet = H36M
) -> np.ndarray:
    """How well masks (N, H, W) lie on the labelled limbs, (N,) 0-1.

    It is the mean probability on the limbs' core (`CORE_M`), times the share of the mask that is
    within `SURFACE_M` of the limbs. A mask that unites two people covers the limbs, but it extends too
    far.
    """
    height, width = masks.shape[1:]
    core, reach = (
        draw_limbs(joints_px, radius * pixels_per_metre, width, height, joint_set)
        for radius in (CORE_M, SURFACE_M)
    )
    total = masks.sum(axis=(1, 2))
    return masks[:, core].mean(axis=1) * masks[:, reach].sum(axis=1) / np.maximum(total, 1e-9)
