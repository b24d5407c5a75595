"""Bodies over the images: arrays in, a matplotlib Figure out, in the style of `jointreg.figures`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from jointreg.figures import COLOURS, STYLE
from jointreg.skeleton import H36M_17, LIMBS

PRINT_IN = (7.2, 9.8)
"""Width of a figure across both columns of a paper, and the most height of one, inches."""
LEGEND_IN = 0.35
ACROSS = 6
"""Panels side by side at that width, at most."""
AROUND_PX = 6
"""Crop pixels left free around the bodies of `ablations`."""
OPACITY = 0.85
"""Of a shaded body."""
THIN = 1.1
"""Points of a mask's outline that must not hide the rim of a shaded body."""


@dataclass(frozen=True)
class Drawn:
    """One body over a frame. S is the side of the crop."""

    covered: np.ndarray
    """Share of each crop pixel that the body covers, (S, S), 0..1; see `agreement.rendered`."""
    shade: np.ndarray
    """Brightness and covered share, 0..1, any multiple of (S, S) by 2; see `shading.shaded`."""
    joints_px: np.ndarray
    """Joints regressed from the body, crop pixels, (17, 2)."""


@dataclass(frozen=True)
class Example:
    """One frame and the bodies over it. S is the side of the crop; positions are crop pixels."""

    title: str
    crop: np.ndarray
    """RGB, (S, S, 3) uint8."""
    mask: np.ndarray
    """Person, (S, S) uint8, probability x 255."""
    labels_px: np.ndarray
    """Labelled joints, (17, 2)."""
    bodies: Mapping[str, Drawn]
    """By name: `initial`, and `refined` or the variants."""

    def iou(self, name: str) -> float:
        """Overlap of a body with the mask at one half; 0 where both are empty."""
        inside, seen = self.bodies[name].covered >= 0.5, self.mask >= 128
        return float((seen & inside).sum() / max((seen | inside).sum(), 1))


def overlay(examples: Sequence[Example], title: str = "") -> Figure:
    """Rows of frames: the input, and the outlines of its bodies over mask and labels.

    Args:
        examples: frames with the same names of bodies, `initial` and `refined`.
        title: over all.
    """
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        rows = len(examples)
        figure = Figure(figsize=(7.6, 2.55 * rows + 0.85), layout="constrained")
        axes = figure.subplots(rows, 3, squeeze=False)
        for row, example in zip(axes, examples, strict=True):
            show_frame(row[0], example, example.title)
            _skeleton(row[0], example.labels_px)
            for axis, (name, body) in zip(row[1:], example.bodies.items(), strict=True):
                show_frame(axis, example, f"{name}, IoU {example.iou(name):.2f}")
                _contour(axis, body.covered, COLOURS[name], 1.3)
                show_joints(axis, example.labels_px, body.joints_px, COLOURS[name])
        handles = _legend("mask", "initial", "refined")
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8)
        if title:
            figure.suptitle(title)
    return figure


def ablations(examples: Sequence[Example]) -> Figure:
    """Rows of frames: the input, and the shaded body of every variant, with the mask's outline.

    All panels show the same number of crop pixels. Frames with many bodies take several lines; of the
    examples as many are shown as fit on a page, the first at least.

    Args:
        examples: frames with the same names of bodies: `initial`, then the variants.
    """
    names = list(examples[0].bodies)
    lines = -(-(1 + len(names)) // ACROSS)
    across = -(-(1 + len(names)) // lines)
    width, height = _common_window(examples)
    line_in = (PRINT_IN[0] - 0.4) / across * height / width + 0.19
    examples = examples[: max(1, int((PRINT_IN[1] - LEGEND_IN) / (lines * line_in)))]
    rows = lines * len(examples)
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(
            figsize=(PRINT_IN[0], rows * line_in + LEGEND_IN),
            layout=ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.02, wspace=0.01, hspace=0.01),
        )
        axes = figure.subplots(rows, across, squeeze=False)
        for first, example in zip(range(0, rows, lines), examples, strict=True):
            panels = axes[first : first + lines].ravel()
            show_frame(panels[0], example, "input", THIN)
            _skeleton(panels[0], example.labels_px)
            panels[0].text(
                -0.05, 0.5, example.title, transform=panels[0].transAxes, rotation=90,
                ha="right", va="center", ma="center", fontsize=7,
            )  # fmt: skip
            for axis, name in zip(panels[1:], names, strict=False):
                body, colour = example.bodies[name], COLOURS[name if name == "initial" else "refined"]
                show_frame(axis, example, f"{name.replace('_', ' ')}: {example.iou(name):.3f}", THIN)
                show_shaded(axis, body, colour)
                show_joints(axis, example.labels_px, body.joints_px, COLOURS["joint"])
            for axis in panels[1 + len(names) :]:
                axis.set_visible(False)
            left, top = _corner(example, width, height)
            for axis in panels:
                axis.set(xlim=(left - 0.5, left + width - 0.5), ylim=(top + height - 0.5, top - 0.5))
                axis.title.set(fontsize=7.5)
        handles = _legend("mask", joint=COLOURS["joint"])
        handles.append(mpl.lines.Line2D([], [], linestyle="none", label="number: IoU of body and mask"))
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def show_frame(axis: Axes, example: Example, title: str, width: float = 2.2) -> None:
    """The crop with the outline of its mask, `width` points wide."""
    axis.imshow(example.crop, interpolation="nearest")
    _contour(axis, example.mask / 255.0, COLOURS["mask"], width)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()
    side = len(example.crop)
    axis.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5))


def show_shaded(axis: Axes, body: Drawn, colour: str) -> None:
    """The body in a colour over the crop, under the outline of the mask."""
    light, cover = body.shade[..., :1], body.shade[..., 1:]
    picture = np.concatenate([light * to_rgb(colour), OPACITY * cover], axis=2)
    side = len(body.covered)
    extent = (-0.5, side - 0.5, side - 0.5, -0.5)
    axis.imshow(picture, extent=extent, interpolation="antialiased")


def show_joints(axis: Axes, labels: np.ndarray, joints: np.ndarray, colour: str) -> None:
    """Labels as circles, regressed joints as dots, and the way between them."""
    axis.plot(*np.stack([labels, joints]).transpose(2, 0, 1), color=colour, linewidth=1.2)
    axis.plot(*labels.T, "o", color=COLOURS["label"], markersize=3.5, markeredgecolor="black", mew=0.5)
    axis.plot(*joints.T, "o", color=colour, markersize=3.5, markeredgecolor="black", mew=0.5)


def _contour(axis: Axes, covered: np.ndarray, colour: str, width: float) -> None:
    if covered.min() < 0.5 <= covered.max():
        axis.contour(covered, levels=[0.5], colors="black", linewidths=width + 0.6, alpha=0.6)
        axis.contour(covered, levels=[0.5], colors=colour, linewidths=width)


def _skeleton(axis: Axes, joints: np.ndarray) -> None:
    for first, second in LIMBS:
        pair = joints[[H36M_17.index(first), H36M_17.index(second)]]
        axis.plot(*pair.T, color=COLOURS["label"], linewidth=1.0, alpha=0.8)
    axis.plot(*joints.T, "o", color=COLOURS["label"], markersize=3, markeredgecolor="black", mew=0.5)


def _common_window(examples: Sequence[Example]) -> tuple[int, int]:
    """Width and height, crop pixels, that hold mask and bodies of every example."""
    boxes = np.array([_box(example) for example in examples])
    side = len(examples[0].crop)
    width, height = np.minimum((boxes[:, 1] - boxes[:, 0]).max(axis=0) + 2 * AROUND_PX, side)
    return int(width), int(height)


def _corner(example: Example, width: int, height: int) -> tuple[int, int]:
    """Left and top pixel of a window of that size around an example's mask and bodies."""
    low, high = _box(example)
    corner = (low + high - np.array([width, height])) // 2
    left, top = np.clip(corner, 0, len(example.crop) - np.array([width, height]))
    return int(left), int(top)


def _box(example: Example) -> np.ndarray:
    """First column and row, and those behind the last, of mask and bodies; all where both are empty."""
    inside = example.mask >= 128
    for body in example.bodies.values():
        inside = inside | (body.covered >= 0.5)
    found = np.argwhere(inside)[:, ::-1]
    if not len(found):
        return np.array([(0, 0), inside.shape])
    return np.array([found.min(axis=0), found.max(axis=0) + 1])


def _legend(*outlines: str, joint: str | None = None) -> list[Any]:
    """Outlines and dots; regressed joints in one colour, or each in its body's."""
    line = mpl.lines.Line2D
    dot: dict[str, Any] = {
        "marker": "o",
        "markeredgecolor": "black",
        "linestyle": "none",
        "markersize": 5,
    }
    called = {"mask": "person mask", "initial": "initial body", "refined": "refined body"}
    regressed = "regressed joint" if joint else "regressed joint (body's colour)"
    return [
        *(line([], [], color=COLOURS[name], label=called[name], linewidth=2) for name in outlines),
        line([], [], color=COLOURS["label"], label="labelled joint", **dot),
        line([], [], color=joint or "#888888", label=regressed, **dot),
    ]
