"""Figures of the mesh: which vertices a joint regressor reads, seen from the front and the side."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from jointreg.figures.style import COLOURS, PAGE_IN, PICTURE, SERIES, SMALL_PT, regressor_look
from jointreg.tables.names import regressor_name

VIEWS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "front": ((1, 0, 0), (0, 0, 1)),
    "side": ((0, 0, -1), (1, 0, 0)),
}
"""Name -> axis of the T-pose that points right in the picture, axis that points to the viewer."""

PER_ROW = 3
"""Regressors side by side; more go into another row."""

MARGIN = 0.05
"""Room around the body, metres."""


def regressor_support(
    template: np.ndarray, faces: np.ndarray, regressors: Mapping[str, np.ndarray], least: float = 1e-3
) -> Figure:
    """The vertices of each regressor on the T-pose: dots as large as their weight, by joint.

    Vertices on the far side are drawn too. A ring marks the joint that the row reads off the T-pose.

    Args:
        template: T-pose, y up, facing +z, metres, (V, 3).
        faces: (F, 3).
        regressors: name -> weights (17, V); drawn in this order.
        least: smaller weights are not drawn.
    """
    with mpl.rc_context(PICTURE):
        extent = np.ptp(template, axis=0) + 2 * MARGIN
        across = min(len(regressors), PER_ROW)
        rows = -(-len(regressors) // across)
        ratios = [extent @ np.abs(right) for right, _ in VIEWS.values()] * across
        width = PAGE_IN * across / PER_ROW
        height = rows * (width * extent[1] / sum(ratios) + 0.35)
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, len(ratios), width_ratios=ratios, squeeze=False)
        panels = [(name, view) for name in regressors for view in VIEWS]
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        for axis, (name, view) in zip(axes.flat, panels, strict=False):
            weights = regressors[name]
            draw_mesh(axis, template, faces, view)
            _support(axis, template, weights, view, least)
            if view == "front":
                vertices = int((weights > 0).any(axis=0).sum())
                axis.set_title(f"{regressor_name(name)}\n{vertices} vertices")
            axis.set_aspect("equal")
            axis.set_axis_off()
    return figure


def joint_marks(template: np.ndarray, faces: np.ndarray, joints: Mapping[str, np.ndarray]) -> Figure:
    """Where regressors put the joints of one body in T-pose, from the front and the side.

    Lines lead from the joints of the last name, whatever the others are compared with.

    Args:
        template: T-pose, y up, facing +z, metres, (V, 3).
        faces: (F, 3).
        joints: name of a regressor, or `true` -> joints, metres, (17, 3).
    """
    with mpl.rc_context(PICTURE):
        box = np.stack([template.min(axis=0) - MARGIN, template.max(axis=0) + MARGIN])
        figure, axes = _two_views(box, PAGE_IN)
        *compared, last = joints
        for axis, view in zip(axes, VIEWS, strict=True):
            draw_mesh(axis, template, faces, view)
            target, _ = project(joints[last], view)
            for name in compared:
                points, _ = project(joints[name], view)
                for pair in zip(points, target, strict=True):
                    axis.plot(*np.stack(pair).T, color=COLOURS[name], linewidth=0.7)
                axis.plot(*points.T, **_small(name))
            axis.plot(*target.T, **_small(last))
        handles = [mpl.lines.Line2D([], [], label=_title(name), **_small(name)) for name in joints]
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def errors_on_body(
    template: np.ndarray,
    faces: np.ndarray,
    joints: np.ndarray,
    errors_mm: Mapping[str, np.ndarray],
) -> Figure:
    """The mean error of each joint as a disc of that radius around it, to the scale of the body.

    Args:
        template: T-pose, y up, facing +z, metres, (V, 3).
        faces: (F, 3).
        joints: centres of the discs, metres, (17, 3).
        errors_mm: name of a regressor -> mean errors, (17,) mm.
    """
    with mpl.rc_context(PICTURE):
        reach = np.max(list(errors_mm.values()), axis=0)[:, None] / 1000
        low = np.minimum(template.min(axis=0) - MARGIN, (joints - reach).min(axis=0))
        high = np.maximum(template.max(axis=0) + MARGIN, (joints + reach).max(axis=0))
        box = np.stack([low, high])
        figure, axes = _two_views(box, PAGE_IN / 3 * len(errors_mm), len(errors_mm))
        panels = [(name, view) for name in errors_mm for view in VIEWS]
        for axis, (name, view) in zip(axes, panels, strict=True):
            draw_mesh(axis, template, faces, view)
            centres, _ = project(joints, view)
            for centre, error in zip(centres, errors_mm[name], strict=True):
                colour = COLOURS[name]
                axis.add_patch(
                    Circle((centre[0], centre[1]), error / 1000, facecolor=(*to_rgb(colour), 0.35),
                           edgecolor=colour, linewidth=0.7)
                )  # fmt: skip
            if view == "front":
                axis.set_title(_title(name))
            _show(axis, box, view)
        left, bottom = axes[0].get_xlim()[0] + 0.1, axes[0].get_ylim()[0] + 0.05
        axes[0].plot([left, left + 0.1], [bottom, bottom], color="black", linewidth=1.2)
        axes[0].text(left + 0.05, bottom + 0.03, "100 mm", ha="center", fontsize=SMALL_PT)
    return figure


def _two_views(box: np.ndarray, width: float, times: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of that width in inches with `times` pairs of panels, front and side, to one scale.

    Args:
        box: lowest and highest corner of the part that is drawn, metres, (2, 3).
        width: of the figure.
        times: pairs.
    """
    extent = np.ptp(box, axis=0)
    ratios = [extent @ np.abs(right) for right, _ in VIEWS.values()] * times
    figure = Figure(figsize=(width, width * extent[1] / sum(ratios) + 0.3), layout="constrained")
    axes = list(figure.subplots(1, len(ratios), width_ratios=ratios, squeeze=False)[0])
    for axis in axes:
        axis.set_aspect("equal")
        axis.set_axis_off()
    return figure, axes


def _show(axis: Axes, box: np.ndarray, view: str) -> None:
    """Limit a panel to a box as `_two_views` takes it."""
    flat, _ = project(box, view)
    axis.set_xlim(flat[:, 0].min(), flat[:, 0].max())
    axis.set_ylim(flat[:, 1].min(), flat[:, 1].max())


def _title(name: str) -> str:
    return "true" if name == "true" else regressor_name(name)


def _small(name: str) -> dict[str, Any]:
    return regressor_look(name) | {"markersize": 3.0, "markeredgewidth": 0.8}


def body_views(meshes: Mapping[str, np.ndarray], faces: np.ndarray) -> Figure:
    """Meshes side by side, each from the front and the side, to one scale.

    Args:
        meshes: title -> vertices, y up, facing +z, metres, (V, 3).
        faces: (F, 3).
    """
    with mpl.rc_context(PICTURE):
        panels = [(title, view) for title in meshes for view in VIEWS]
        widths = [np.ptp(project(meshes[t], view)[0][:, 0]) + 2 * MARGIN for t, view in panels]
        low = min(mesh[:, 1].min() for mesh in meshes.values()) - MARGIN
        high = max(mesh[:, 1].max() for mesh in meshes.values()) + MARGIN
        scale = 2.6 / (high - low)
        figure = Figure(figsize=(scale * sum(widths) * 1.06, 3.0), layout="constrained")
        axes = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False)[0]
        for axis, (title, view) in zip(axes, panels, strict=True):
            draw_mesh(axis, meshes[title], faces, view)
            axis.set_ylim(low, high)
            axis.set_aspect("equal")
            axis.set_axis_off()
            if view == "front":
                axis.set_title(title)
    return figure


def mesh_rows(rows: Mapping[str, np.ndarray], faces: np.ndarray) -> Figure:
    """One row of meshes a name, from the front, all to one scale, over a line for the floor.

    Args:
        rows: name -> vertices, y up, facing +z, the floor at y = 0, metres, (N, V, 3).
        faces: (F, 3).
    """
    with mpl.rc_context(PICTURE):
        across = max(len(meshes) for meshes in rows.values())
        half, top = 0.85, 2.1
        figure = Figure(figsize=(0.95 * across + 1.2, 1.2 * len(rows)), layout="constrained")
        axes = figure.subplots(len(rows), across, squeeze=False)
        for line, (name, meshes) in zip(axes, rows.items(), strict=True):
            for axis in line:
                axis.set_axis_off()
            for axis, mesh in zip(line, meshes, strict=False):
                draw_mesh(axis, mesh, faces, "front")
                axis.axhline(0, color="0.6", linewidth=0.8)
                axis.set_xlim(-half, half)
                axis.set_ylim(-MARGIN, top)
                axis.set_aspect("equal")
            line[0].text(-0.1, 0.4, name, transform=line[0].transAxes, ha="right")
    return figure


def project(points: np.ndarray, view: str) -> tuple[np.ndarray, np.ndarray]:
    """Picture coordinates (P, 2) and nearness to the viewer (P,)."""
    right, towards = (np.array(axis) for axis in VIEWS[view])
    return np.stack([points @ right, points[:, 1]], axis=1), points @ towards


def draw_mesh(axis: Axes, template: np.ndarray, faces: np.ndarray, view: str) -> None:
    """Lambert-shaded faces that turn to the viewer, far ones first."""
    corners = template[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    facing = normal @ np.array(VIEWS[view][1])
    flat, near = project(template, view)
    order = np.argsort(near[faces].mean(axis=1))
    order = order[facing[order] > 0]
    grey = 0.62 + 0.34 * facing[order]
    shade = np.repeat(grey[:, None], 3, axis=1)
    # As pixels also in SVG and PDF: some 7,000 outlines would weigh megabytes.
    axis.add_collection(
        PolyCollection(
            flat[faces[order]], facecolors=shade, edgecolors=shade, linewidths=0.2, rasterized=True
        )
    )
    axis.set_xlim(flat[:, 0].min() - MARGIN, flat[:, 0].max() + MARGIN)
    axis.set_ylim(flat[:, 1].min() - MARGIN, flat[:, 1].max() + MARGIN)


def _support(axis: Axes, template: np.ndarray, weights: np.ndarray, view: str, least: float) -> None:
    for row, line in enumerate(weights):
        chosen = np.flatnonzero(line > least)
        colour = SERIES[row % 6]
        flat, _ = project(template[chosen], view)
        axis.scatter(
            flat[:, 0], flat[:, 1], s=1 + 18 * line[chosen], color=colour, alpha=0.8, linewidths=0
        )
        joint, _ = project((line @ template)[None], view)
        axis.plot(*joint.T, "o", markersize=3.5, markerfacecolor="none", color="black", mew=0.6)
