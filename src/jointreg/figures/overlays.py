"""Bodies over the images: arrays in, a matplotlib Figure out, in the style of
`jointreg.figures.style`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from jointreg.figures.style import (
    COLOURS,
    COLUMN_IN,
    PAGE_HEIGHT_IN,
    PAGE_IN,
    PICTURE,
    SMALL_PT,
    regressor_look,
)
from jointreg.skeleton import H36M_17, LIMBS
from jointreg.tables.names import regressor_name

LEGEND_IN = 0.35
JOINTS_ACROSS = 4
"""Panels of `joint_estimates` side by side."""
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
    """Share of each crop pixel that the body covers, (S, S), 0..1; see `silhouette.meshes.rendered`."""
    shade: np.ndarray
    """Brightness and covered share, 0..1, any multiple of (S, S) by 2; see `figures.shading.shaded`."""
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
    with mpl.rc_context(PICTURE):
        rows = len(examples)
        figure = Figure(figsize=(PAGE_IN, 2.4 * rows + 0.6), layout="constrained")
        axes = figure.subplots(rows, 3, squeeze=False)
        for row, example in zip(axes, examples, strict=True):
            show_frame(row[0], example, example.title)
            _skeleton(row[0], example.labels_px)
            for axis, (name, body) in zip(row[1:], example.bodies.items(), strict=True):
                show_frame(axis, example, f"{name}, IoU {example.iou(name):.2f}")
                _contour(axis, body.covered, COLOURS[name], 1.3)
                show_joints(axis, example.labels_px, body.joints_px, COLOURS[name])
        handles = _legend("mask", "initial", "refined")
        figure.legend(handles=handles, loc="outside lower center", ncols=5)
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
    line_in = (PAGE_IN - 0.4) / across * height / width + 0.19
    examples = examples[: max(1, int((PAGE_HEIGHT_IN - LEGEND_IN) / (lines * line_in)))]
    rows = lines * len(examples)
    with mpl.rc_context(PICTURE):
        figure = Figure(
            figsize=(PAGE_IN, rows * line_in + LEGEND_IN),
            layout=_tight(),
        )
        axes = figure.subplots(rows, across, squeeze=False)
        for first, example in zip(range(0, rows, lines), examples, strict=True):
            panels = axes[first : first + lines].ravel()
            show_frame(panels[0], example, "input", THIN)
            _skeleton(panels[0], example.labels_px)
            panels[0].text(
                -0.05, 0.5, example.title, transform=panels[0].transAxes, rotation=90,
                ha="right", va="center", ma="center", fontsize=SMALL_PT,
            )  # fmt: skip
            for axis, name in zip(panels[1:], names, strict=False):
                body, colour = example.bodies[name], COLOURS[name if name == "initial" else "refined"]
                show_frame(axis, example, f"{name.replace('_', ' ')}: {example.iou(name):.3f}", THIN)
                show_shaded(axis, body, colour)
                show_joints(axis, example.labels_px, body.joints_px, COLOURS["joint"])
            for axis in panels[1 + len(names) :]:
                axis.set_visible(False)
            for axis in panels:
                _window(axis, example, width, height)
                axis.title.set(fontsize=SMALL_PT)
        handles = _legend("mask", joint=COLOURS["joint"])
        handles.append(mpl.lines.Line2D([], [], linestyle="none", label="number: IoU of body and mask"))
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def teaser(example: Example) -> Figure:
    """One frame in one column: the input, the initial and the refined body over it.

    Args:
        example: with the bodies `initial` and `refined`.
    """
    return _strip([example], ("input", "initial", "refined"), COLUMN_IN)


def triplets(examples: Sequence[Example]) -> Figure:
    """Input, person mask and the refined body rendered alone, two frames side by side.

    Args:
        examples: with the body `refined`.
    """
    return _strip(examples, ("input", "mask", "render"), PAGE_IN, beside=2)


def joint_estimates(examples: Sequence[Example]) -> Figure:
    """Joints that regressors read off one and the same body, and the labels; one frame a panel.

    Args:
        examples: their bodies are one body under the names of regressors; joints differ.
    """
    with mpl.rc_context(PICTURE):
        width, height = _common_window(examples)
        panel = PAGE_IN / JOINTS_ACROSS
        lines = -(-len(examples) // JOINTS_ACROSS)
        size = (
            panel * min(len(examples), JOINTS_ACROSS),
            lines * (panel * height / width + 0.3) + LEGEND_IN,
        )
        figure = Figure(figsize=size, layout=_tight())
        axes = figure.subplots(lines, min(len(examples), JOINTS_ACROSS), squeeze=False)
        for axis in axes.flat[len(examples) :]:
            axis.set_visible(False)
        for axis, example in zip(axes.flat, examples, strict=False):
            axis.imshow(0.5 + example.crop / 510, interpolation="nearest")
            axis.set_axis_off()
            axis.set_title(example.title, fontsize=SMALL_PT)
            for name, body in example.bodies.items():
                axis.plot(
                    *np.stack([example.labels_px, body.joints_px]).transpose(2, 0, 1),
                    color=COLOURS[name], linewidth=0.8,
                )  # fmt: skip
                axis.plot(*body.joints_px.T, **regressor_look(name) | {"markersize": 4.0})
            axis.plot(*example.labels_px.T, **_label_mark(2.0))
            _window(axis, example, width, height)
        handles = [
            mpl.lines.Line2D([], [], label=regressor_name(name), **regressor_look(name))
            for name in examples[0].bodies
        ]
        handles.append(mpl.lines.Line2D([], [], label="labelled joint", **_label_mark(2.5)))
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _strip(
    examples: Sequence[Example], kinds: Sequence[str], width_in: float, beside: int = 1
) -> Figure:
    """Panels of some kinds for every example, `beside` examples in a row, all to one scale."""
    with mpl.rc_context(PICTURE):
        width, height = _common_window(examples)
        across = len(kinds) * beside
        lines = -(-len(examples) // beside)
        line_in = width_in / across * height / width + 0.2
        lines = max(1, min(lines, int(PAGE_HEIGHT_IN / line_in)))
        figure = Figure(figsize=(width_in, lines * line_in), layout=_tight())
        axes = figure.subplots(lines, across, squeeze=False)
        slots = axes.reshape(lines * beside, len(kinds))
        for panels in slots[len(examples) :]:
            for axis in panels:
                axis.set_visible(False)
        for panels, example in zip(slots, examples, strict=False):
            for axis, kind in zip(panels, kinds, strict=True):
                _panel(axis, example, kind)
                _window(axis, example, width, height)
    return figure


def _panel(axis: Axes, example: Example, kind: str) -> None:
    """One panel: the input, its mask, a body over the input, or the refined body alone."""
    axis.set_axis_off()
    axis.set_title(kind, fontsize=SMALL_PT)
    if kind == "mask":
        axis.imshow(example.mask, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        return
    if kind == "render":
        axis.imshow(np.full_like(example.crop, 255))
        show_shaded(axis, example.bodies["refined"], COLOURS["refined"], opacity=1.0)
        return
    axis.imshow(example.crop, interpolation="nearest")
    if kind in example.bodies:
        show_shaded(axis, example.bodies[kind], COLOURS[kind])
        show_joints(axis, example.labels_px, example.bodies[kind].joints_px, COLOURS["joint"], 2.0)


def _window(axis: Axes, example: Example, width: int, height: int) -> None:
    """Show a window of that size around the example's mask and bodies."""
    left, top = _corner(example, width, height)
    axis.set(xlim=(left - 0.5, left + width - 0.5), ylim=(top + height - 0.5, top - 0.5))


def _tight() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.05, wspace=0.01, hspace=0.01)


def _label_mark(size: float) -> dict[str, Any]:
    """A labelled joint: white with a black rim."""
    return {
        "marker": "o",
        "color": COLOURS["label"],
        "markeredgecolor": "black",
        "markeredgewidth": 0.6,
        "linestyle": "none",
        "markersize": size,
    }


def show_frame(axis: Axes, example: Example, title: str, width: float = 2.2) -> None:
    """The crop with the outline of its mask, `width` points wide."""
    axis.imshow(example.crop, interpolation="nearest")
    _contour(axis, example.mask / 255.0, COLOURS["mask"], width)
    axis.set_title(title)
    axis.set_axis_off()
    side = len(example.crop)
    axis.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5))


def show_shaded(axis: Axes, body: Drawn, colour: str, opacity: float = OPACITY) -> None:
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
    axis.plot(*labels.T, **_label_mark(size))
    axis.plot(*joints.T, "o", color=colour, markersize=size, markeredgecolor="black", mew=0.4)


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
