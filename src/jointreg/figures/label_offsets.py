"""Figure of label offsets: arrows on the body in T-pose, where the limbs' frames are the body's own."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jointreg.figures.mesh import MARGIN, VIEWS, draw_mesh, project
from jointreg.figures.style import COLOURS, PAGE_IN, PICTURE, SMALL_PT
from jointreg.files.csv_rows import read_table

PER_ROW = 4
"""Subjects side by side."""

TIMES = 20
"""Arrows are drawn this much longer than the offsets are."""


def read_arrows(table: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The table offsets.csv as `offset_arrows` takes it; titles name the subject and its split."""
    rows = read_table(table)
    return {
        f"{subject}, {split}": (
            part[["x_mm", "y_mm", "z_mm"]].to_numpy() / 1000,
            part["error_mm"].to_numpy() / 1000,
        )
        for (subject, split), part in rows.groupby(["subject", "split"], sort=False)
    }


def offset_arrows(
    template: np.ndarray,
    faces: np.ndarray,
    joints: np.ndarray,
    offsets: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> Figure:
    """Each subject from the front and the side: an arrow a joint, twenty times too long.

    An arrow whose offset is not twice as long as its standard error is drawn pale.

    Args:
        template: T-pose, y up, facing +z, metres, (V, 3).
        faces: (F, 3).
        joints: where the arrows begin, (17, 3) metres.
        offsets: title -> offsets (17, 3) metres and standard errors of the vectors (17,).
    """
    with mpl.rc_context(PICTURE):
        extent = np.ptp(template, axis=0) + 2 * MARGIN
        across = min(len(offsets), PER_ROW)
        rows = -(-len(offsets) // across)
        ratios = [extent @ np.abs(right) for right, _ in VIEWS.values()] * across
        height = PAGE_IN / PER_ROW * extent[1] / (sum(ratios) / across)
        width = PAGE_IN * across / PER_ROW
        figure = Figure(figsize=(width, rows * (height + 0.2)), layout="constrained")
        axes = figure.subplots(rows, len(ratios), width_ratios=ratios, squeeze=False)
        panels = [(title, view) for title in offsets for view in VIEWS]
        for axis in axes.flat:
            axis.set_axis_off()
            axis.set_aspect("equal")
        for axis, (title, view) in zip(axes.flat, panels, strict=False):
            values, error = offsets[title]
            clear = np.linalg.norm(values, axis=1) > 2 * error
            draw_mesh(axis, template, faces, view)
            begin, _ = project(joints, view)
            along, _ = project(TIMES * values, view)
            for chosen, opacity in ((~clear, 0.4), (clear, 1.0)):
                axis.quiver(
                    *begin[chosen].T, *along[chosen].T, color=COLOURS["std"], alpha=opacity,
                    angles="xy", scale_units="xy", scale=1, units="height", width=0.009,
                    headwidth=3, headlength=3, headaxislength=3, minlength=0, minshaft=1.5,
                )  # fmt: skip
            axis.plot(*begin.T, ".", color="black", markersize=2.5)
            if view == "front":
                axis.set_title(title)
        _scale(axes.flat[0])
    return figure


def _scale(axis: Axes) -> None:
    """A bar as long as an arrow of 10 mm, at the lower left."""
    left, low = axis.get_xlim()[0] + 0.05, axis.get_ylim()[0] + 0.05
    axis.plot([left, left + TIMES * 0.01], [low, low], color="black", linewidth=1.5)
    axis.text(left + TIMES * 0.005, low + 0.03, "10 mm", ha="center", fontsize=SMALL_PT)
