"""Bodies over the images: arrays in, a matplotlib Figure out, in the style of
`jointreg.figures.style`."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from jointreg.figures.panels import (
    THIN,
    DrawnFrame,
    common_window,
    label_mark,
    show_frame,
    show_joints,
    show_outline,
    show_shaded,
    show_skeleton,
    show_window,
)
from jointreg.figures.style import (
    COLOURS,
    COLUMN_IN,
    PAGE_HEIGHT_IN,
    PAGE_IN,
    PICTURE,
    SMALL_PT,
    regressor_look,
)
from jointreg.tables.names import regressor_name

LEGEND_IN = 0.35
JOINTS_ACROSS = 4
"""Panels of `joint_estimates` side by side."""
ACROSS = 6
"""Panels side by side at that width, at most."""


def overlay(frames: Sequence[DrawnFrame], title: str = "") -> Figure:
    """Rows of frames: the input, and the outlines of its bodies over mask and labels.

    Args:
        frames: all with the same names of bodies, `initial` and `refined`.
        title: over all.
    """
    with mpl.rc_context(PICTURE):
        rows = len(frames)
        figure = Figure(figsize=(PAGE_IN, 2.4 * rows + 0.6), layout="constrained")
        axes = figure.subplots(rows, 3, squeeze=False)
        for row, frame in zip(axes, frames, strict=True):
            show_frame(row[0], frame, frame.title)
            show_skeleton(row[0], frame.labels_px, frame.joint_set)
            for axis, (name, body) in zip(row[1:], frame.bodies.items(), strict=True):
                show_frame(axis, frame, f"{name}, IoU {frame.iou(name):.2f}")
                show_outline(axis, body.covered, COLOURS[name], 1.3)
                show_joints(axis, frame.labels_px, body.joints_px, COLOURS[name])
        handles = _legend("mask", "initial", "refined")
        figure.legend(handles=handles, loc="outside lower center", ncols=5)
        if title:
            figure.suptitle(title)
    return figure


def ablations(frames: Sequence[DrawnFrame]) -> Figure:
    """Rows of frames: the input, and the shaded body of every variant, with the mask's outline.

    All panels show the same number of crop pixels. Frames with many bodies take several lines. Frames
    that do not fit on a page are left out, but never the first.

    Args:
        frames: all with the same names of bodies: `initial`, then the variants.
    """
    names = list(frames[0].bodies)
    lines = -(-(1 + len(names)) // ACROSS)
    across = -(-(1 + len(names)) // lines)
    width, height = common_window(frames)
    line_in = (PAGE_IN - 0.4) / across * height / width + 0.19
    frames = frames[: max(1, int((PAGE_HEIGHT_IN - LEGEND_IN) / (lines * line_in)))]
    rows = lines * len(frames)
    with mpl.rc_context(PICTURE):
        figure = Figure(
            figsize=(PAGE_IN, rows * line_in + LEGEND_IN),
            layout=_tight(),
        )
        axes = figure.subplots(rows, across, squeeze=False)
        for first, frame in zip(range(0, rows, lines), frames, strict=True):
            panels = axes[first : first + lines].ravel()
            show_frame(panels[0], frame, "input", THIN)
            show_skeleton(panels[0], frame.labels_px, frame.joint_set)
            panels[0].text(
                -0.05, 0.5, frame.title, transform=panels[0].transAxes, rotation=90,
                ha="right", va="center", ma="center", fontsize=SMALL_PT,
            )  # fmt: skip
            for axis, name in zip(panels[1:], names, strict=False):
                body, colour = frame.bodies[name], COLOURS[name if name == "initial" else "refined"]
                show_frame(axis, frame, f"{name.replace('_', ' ')}: {frame.iou(name):.3f}", THIN)
                show_shaded(axis, body, colour)
                show_joints(axis, frame.labels_px, body.joints_px, COLOURS["joint"])
            for axis in panels[1 + len(names) :]:
                axis.set_visible(False)
            for axis in panels:
                show_window(axis, frame, width, height)
                axis.title.set(fontsize=SMALL_PT)
        handles = _legend("mask", joint=COLOURS["joint"])
        handles.append(mpl.lines.Line2D([], [], linestyle="none", label="number: IoU of body and mask"))
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def teaser(frame: DrawnFrame) -> Figure:
    """One frame in one column: the input, the initial and the refined body over it.

    Args:
        frame: with the bodies `initial` and `refined`.
    """
    return _strip([frame], ("input", "initial", "refined"), COLUMN_IN)


def triplets(frames: Sequence[DrawnFrame]) -> Figure:
    """Input, person mask and the refined body rendered alone, two frames side by side.

    Args:
        frames: with the body `refined`.
    """
    return _strip(frames, ("input", "mask", "render"), PAGE_IN, beside=2)


def joint_estimates(frames: Sequence[DrawnFrame]) -> Figure:
    """Joints that regressors read off one and the same body, and the labels; one frame a panel.

    Args:
        frames: the bodies of each are one body under the names of regressors; joints differ.
    """
    with mpl.rc_context(PICTURE):
        width, height = common_window(frames)
        panel = PAGE_IN / JOINTS_ACROSS
        lines = -(-len(frames) // JOINTS_ACROSS)
        size = (
            panel * min(len(frames), JOINTS_ACROSS),
            lines * (panel * height / width + 0.3) + LEGEND_IN,
        )
        figure = Figure(figsize=size, layout=_tight())
        axes = figure.subplots(lines, min(len(frames), JOINTS_ACROSS), squeeze=False)
        for axis in axes.flat[len(frames) :]:
            axis.set_visible(False)
        for axis, frame in zip(axes.flat, frames, strict=False):
            axis.imshow(0.5 + frame.crop / 510, interpolation="nearest")
            axis.set_axis_off()
            axis.set_title(frame.title, fontsize=SMALL_PT)
            for name, body in frame.bodies.items():
                axis.plot(
                    *np.stack([frame.labels_px, body.joints_px]).transpose(2, 0, 1),
                    color=COLOURS[name], linewidth=0.8,
                )  # fmt: skip
                axis.plot(*body.joints_px.T, **regressor_look(name) | {"markersize": 4.0})
            axis.plot(*frame.labels_px.T, **label_mark(2.0))
            show_window(axis, frame, width, height)
        handles = [
            mpl.lines.Line2D([], [], label=regressor_name(name), **regressor_look(name))
            for name in frames[0].bodies
        ]
        handles.append(mpl.lines.Line2D([], [], label="labelled joint", **label_mark(2.5)))
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _strip(
    frames: Sequence[DrawnFrame], kinds: Sequence[str], width_in: float, beside: int = 1
) -> Figure:
    """Panels of some kinds for every frame, `beside` frames in a row, all to one scale."""
    with mpl.rc_context(PICTURE):
        width, height = common_window(frames)
        across = len(kinds) * beside
        lines = -(-len(frames) // beside)
        line_in = width_in / across * height / width + 0.2
        lines = max(1, min(lines, int(PAGE_HEIGHT_IN / line_in)))
        figure = Figure(figsize=(width_in, lines * line_in), layout=_tight())
        axes = figure.subplots(lines, across, squeeze=False)
        slots = axes.reshape(lines * beside, len(kinds))
        for panels in slots[len(frames) :]:
            for axis in panels:
                axis.set_visible(False)
        for panels, frame in zip(slots, frames, strict=False):
            for axis, kind in zip(panels, kinds, strict=True):
                _panel(axis, frame, kind)
                show_window(axis, frame, width, height)
    return figure


def _panel(axis: Axes, frame: DrawnFrame, kind: str) -> None:
    """One panel: the input, its mask, a body over the input, or the refined body alone."""
    axis.set_axis_off()
    axis.set_title(kind, fontsize=SMALL_PT)
    if kind == "mask":
        axis.imshow(frame.mask, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        return
    if kind == "render":
        axis.imshow(np.full_like(frame.crop, 255))
        show_shaded(axis, frame.bodies["refined"], COLOURS["refined"], opacity=1.0)
        return
    axis.imshow(frame.crop, interpolation="nearest")
    if kind in frame.bodies:
        show_shaded(axis, frame.bodies[kind], COLOURS[kind])
        show_joints(axis, frame.labels_px, frame.bodies[kind].joints_px, COLOURS["joint"], 2.0)


def _tight() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.05, wspace=0.01, hspace=0.01)


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
