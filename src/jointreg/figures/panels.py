"""One panel with a body over its image: outlines, shades, joints, and the window that is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from jointreg.config.joint_sets import H36M, JointSet
from jointreg.figures.style import COLOURS

AROUND_PX = 6
"""Crop pixels left free around the bodies of `ablations`."""
OPACITY = 0.85
"""Of a shaded body."""
THIN = 1.1
"""Points of a mask's outline that must not hide the rim of a shaded body."""


@dataclass(frozen=True)
class DrawnBody:
    """One body over a frame. S is the side of the crop."""

    covered: np.ndarray
    """Covered share of each crop pixel, (S, S), 0..1, from `silhouette.meshes.mesh_coverage`."""
    shade: np.ndarray
    """Brightness and covered share, 0..1, (k S, k S, 2), from `figures.shading.shaded`."""
    joints_px: np.ndarray
    """Joints regressed from the body, crop pixels, (J, 2)."""


@dataclass(frozen=True)
class DrawnFrame:
    """One frame and the bodies over it. S is the side of the crop; positions are crop pixels."""

    title: str
    crop: np.ndarray
    """RGB, (S, S, 3) uint8."""
    mask: np.ndarray
    """Person, (S, S) uint8, probability x 255."""
    labels_px: np.ndarray
    """Labelled joints, (J, 2)."""
    bodies: Mapping[str, DrawnBody]
    """By name: `initial`, and `refined` or the variants."""
    joint_set: JointSet = H36M
    """What the labels are."""

    def iou(self, name: str) -> float:
        """Overlap of a body with the mask at one half; 0 where both are empty."""
        body, person = self.bodies[name].covered >= 0.5, self.mask >= 128
        return float((person & body).sum() / max((person | body).sum(), 1))


def show_frame(axis: Axes, frame: DrawnFrame, title: str, width: float = 2.2) -> None:
    """The crop with the outline of its mask, `width` points wide."""
    axis.imshow(frame.crop, interpolation="nearest")
    show_outline(axis, frame.mask / 255.0, COLOURS["mask"], width)
    axis.set_title(title)
    axis.set_axis_off()
    side = len(frame.crop)
    axis.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5))


def show_shaded(axis: Axes, body: DrawnBody, colour: str, opacity: float = OPACITY) -> None:
    """The body in a colour over the crop, under the outline of the mask."""
    light, cover = body.shade[..., :1], body.shade[..., 1:]
    picture = np.concatenate([light * to_rgb(colour), opacity * cover], axis=2)
    side = len(body.covered)
    extent = (-0.5, side - 0.5, side - 0.5, -0.5)
    axis.imshow(picture, extent=extent, interpolation="antialiased")


def show_joints(
    axis: Axes, labels: np.ndarray, joints: np.ndarray, colour: str, size: float = 3.0
) -> None:
    """Labels as circles, regressed joints as dots, and the way between them; `size` in points."""
    axis.plot(*np.stack([labels, joints]).transpose(2, 0, 1), color=colour, linewidth=1.0)
    axis.plot(*labels.T, **label_mark(size))
    axis.plot(*joints.T, "o", color=colour, markersize=size, markeredgecolor="black", mew=0.4)


def show_outline(axis: Axes, covered: np.ndarray, colour: str, width: float) -> None:
    """Where the covered share (S, S) crosses one half, `width` points wide on a black rim."""
    if covered.min() < 0.5 <= covered.max():
        axis.contour(covered, levels=[0.5], colors="black", linewidths=width + 0.6, alpha=0.6)
        axis.contour(covered, levels=[0.5], colors=colour, linewidths=width)


def show_skeleton(axis: Axes, joints: np.ndarray, joint_set: JointSet = H36M) -> None:
    """Limbs and joints (J, 2), crop pixels, in the colour of labels."""
    for line in joint_set.lines:
        axis.plot(*joints[list(line)].T, color=COLOURS["label"], linewidth=1.0, alpha=0.8)
    axis.plot(*joints.T, "o", color=COLOURS["label"], markersize=3, markeredgecolor="black", mew=0.5)


def label_mark(size: float) -> dict[str, Any]:
    """A labelled joint: white with a black rim."""
    return {
        "marker": "o",
        "color": COLOURS["label"],
        "markeredgecolor": "black",
        "markeredgewidth": 0.6,
        "linestyle": "none",
        "markersize": size,
    }


def show_window(axis: Axes, frame: DrawnFrame, width: int, height: int) -> None:
    """Show a window of that size around the frame's mask and bodies."""
    left, top = _corner(frame, width, height)
    axis.set(xlim=(left - 0.5, left + width - 0.5), ylim=(top + height - 0.5, top - 0.5))


def common_window(frames: Sequence[DrawnFrame]) -> tuple[int, int]:
    """Width and height, crop pixels, that hold mask and bodies of every frame."""
    boxes = np.array([_box(frame) for frame in frames])
    side = len(frames[0].crop)
    width, height = np.minimum((boxes[:, 1] - boxes[:, 0]).max(axis=0) + 2 * AROUND_PX, side)
    return int(width), int(height)


def _corner(frame: DrawnFrame, width: int, height: int) -> tuple[int, int]:
    """Left and top pixel of a window of that size around a frame's mask and bodies."""
    low, high = _box(frame)
    corner = (low + high - np.array([width, height])) // 2
    left, top = np.clip(corner, 0, len(frame.crop) - np.array([width, height]))
    return int(left), int(top)


def _box(frame: DrawnFrame) -> np.ndarray:
    """First column and row of mask and bodies, and the ones after the last; the whole crop if empty."""
    inside = frame.mask >= 128
    for body in frame.bodies.values():
        inside = inside | (body.covered >= 0.5)
    pixels = np.argwhere(inside)[:, ::-1]
    if not len(pixels):
        return np.array([(0, 0), inside.shape])
    return np.array([pixels.min(axis=0), pixels.max(axis=0) + 1])
