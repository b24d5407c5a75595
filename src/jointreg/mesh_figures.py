"""Figures of the mesh: which vertices a joint regressor reads, seen from the front and the side."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from jointreg.figures import SERIES, STYLE
from jointreg.table_text import regressor_name

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
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        extent = np.ptp(template, axis=0) + 2 * MARGIN
        across = min(len(regressors), PER_ROW)
        rows = -(-len(regressors) // across)
        ratios = [extent @ np.abs(right) for right, _ in VIEWS.values()] * across
        height = 3.8
        figure = Figure(
            figsize=(height * sum(ratios) / extent[1] * 0.88, height * rows), layout="constrained"
        )
        axes = figure.subplots(rows, len(ratios), width_ratios=ratios, squeeze=False)
        panels = [(name, view) for name in regressors for view in VIEWS]
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        for axis, (name, view) in zip(axes.flat, panels, strict=False):
            weights = regressors[name]
            draw_mesh(axis, template, faces, view)
            _support(axis, template, weights, view, least)
            if view == "front":
                vertices = int((weights > least).any(axis=0).sum())
                axis.set_title(f"{regressor_name(name)}: {vertices} vertices", fontsize=10)
            axis.set_aspect("equal")
            axis.set_axis_off()
    return figure


def body_views(meshes: Mapping[str, np.ndarray], faces: np.ndarray) -> Figure:
    """Meshes side by side, each from the front and the side, to one scale.

    Args:
        meshes: title -> vertices, y up, facing +z, metres, (V, 3).
        faces: (F, 3).
    """
    with mpl.rc_context(STYLE | {"axes.grid": False}):
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
                axis.set_title(title, fontsize=10)
    return figure


def mesh_rows(rows: Mapping[str, np.ndarray], faces: np.ndarray) -> Figure:
    """One row of meshes a name, from the front, all to one scale, over a line for the floor.

    Args:
        rows: name -> vertices, y up, facing +z, the floor at y = 0, metres, (N, V, 3).
        faces: (F, 3).
    """
    with mpl.rc_context(STYLE | {"axes.grid": False}):
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
            line[0].text(-0.1, 0.4, name, transform=line[0].transAxes, ha="right", fontsize=10)
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
            flat[:, 0], flat[:, 1], s=4 + 60 * line[chosen], color=colour, alpha=0.8, linewidths=0
        )
        joint, _ = project((line @ template)[None], view)
        axis.plot(*joint.T, "o", markersize=5, markerfacecolor="none", color="black", mew=0.8)
