"""Figures: arrays in, a matplotlib Figure out. No file is opened; `save` writes what the caller asks.

One style for all; colours after Okabe and Ito, told apart with any colour vision. No pyplot, so that
no state outlives a call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jointreg.skeleton import H36M_17, LIMBS
from jointreg.table_text import METRIC_NAMES, regressor_name
from jointreg.tables import MM_METRICS, display_name

if TYPE_CHECKING:
    import pandas as pd

    from jointreg.sequences import Method

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "svg.hashsalt": "jointreg",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}
"""The one style sheet."""

COLOURS: dict[str, str] = {
    "std": "#D55E00",
    "spin": "#0072B2",
    "opt": "#009E73",
    "initial": "#D55E00",
    "refined": "#56B4E9",
    "mask": "#F0E442",
    "label": "#FFFFFF",
}
"""Colour of each regressor and of each thing in an overlay."""

MARKERS: dict[str, str] = {"std": "s", "spin": "D", "opt": "o"}

SERIES = ("#009E73", "#0072B2", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of things without a colour of their own."""


@dataclass(frozen=True)
class Example:
    """One frame of an overlay. S is the side of the crop; positions are crop pixels."""

    title: str
    crop: np.ndarray
    """RGB, (S, S, 3) uint8."""
    mask: np.ndarray
    """Person, (S, S) uint8, probability x 255."""
    labels_px: np.ndarray
    """Labelled joints, (17, 2)."""
    initial: np.ndarray
    """Coverage by the initial body, (S, S), 0..1; see `agreement.rendered`."""
    refined: np.ndarray
    """Coverage by the refined body, (S, S), 0..1."""
    initial_px: np.ndarray
    """Joints regressed from the initial body, (17, 2)."""
    refined_px: np.ndarray
    """Joints regressed from the refined body, (17, 2)."""


def overlay(examples: Sequence[Example], title: str = "") -> Figure:
    """Rows of frames: the input, and the body before and after refinement over mask and labels."""
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        rows = len(examples)
        figure = Figure(figsize=(7.6, 2.55 * rows + 0.85), layout="constrained")
        axes = figure.subplots(rows, 3, squeeze=False)
        for row, example in zip(axes, examples, strict=True):
            inside = [example.initial >= 0.5, example.refined >= 0.5]
            seen = example.mask >= 128
            iou = [(seen & one).sum() / max((seen | one).sum(), 1) for one in inside]
            panels: list[tuple[str, np.ndarray | None, np.ndarray | None, str]] = [
                (example.title, None, None, "mask"),
                (f"initial, IoU {iou[0]:.2f}", example.initial, example.initial_px, "initial"),
                (f"refined, IoU {iou[1]:.2f}", example.refined, example.refined_px, "refined"),
            ]
            for axis, (name, covered, joints, colour) in zip(row, panels, strict=True):
                _frame(axis, example, name)
                if covered is not None and joints is not None:
                    _contour(axis, covered, COLOURS[colour], 1.3)
                    _joints(axis, example.labels_px, joints, COLOURS[colour])
                else:
                    _skeleton(axis, example.labels_px)
        figure.legend(handles=_overlay_legend(), loc="outside lower center", ncols=5, fontsize=8)
        if title:
            figure.suptitle(title)
    return figure


def energy_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    terms: Sequence[str] = ("joint, m²", "silhouette, px", "adversarial"),
) -> Figure:
    """Energies over the iterations: median over frames with the middle half shaded.

    A term that a variant does not have (stored as zeros) is left out.

    Args:
        curves: variant -> iterations (S,) and energies (frames, S, 3), as in `stores.ENERGIES`.
        terms: name and unit of the three energies.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.1), layout="constrained")
        axes = figure.subplots(1, len(terms))
        for k, (axis, term) in enumerate(zip(axes, terms, strict=True)):
            largest = 0.0
            for colour, (iterations, energies) in zip(SERIES, curves.values(), strict=False):
                if not energies[..., k].any():
                    continue
                low, middle, high = np.quantile(energies[..., k], [0.25, 0.5, 0.75], axis=0)
                axis.fill_between(iterations, low, high, color=colour, alpha=0.15, linewidth=0)
                axis.plot(iterations, middle, color=colour)
                largest = max(largest, float(high.max()))
            axis.set(title=term, xlabel="iteration")
            axis.set_ylim(0, 1.05 * largest if largest > 0 else 1)
        axes[0].set_ylabel("energy before weighting")
        handles = [
            mpl.lines.Line2D([], [], color=colour, label=variant.replace("_", " "))
            for colour, variant in zip(SERIES, curves, strict=False)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=max(len(curves), 1))
    return figure


def table_1_plot(
    table: "pd.DataFrame",
    methods: "Mapping[str, Method] | None" = None,
    paper: "pd.DataFrame | None" = None,
) -> Figure:
    """Table I as dots: errors on the left, paired changes from J_std with intervals on the right.

    Args:
        table: from `tables.table_1`.
        methods: the table of methods, for labels.
        paper: the paper's values; rows that are known whole, as hollow marks on lines of their own.
    """
    regressors = [name for name in ("std", "spin", "opt") if name in set(table["regressor"])]
    lines = [(display_name(m, methods), table[table["method"] == m]) for m in table["method"].unique()]
    ours = len(lines)
    if paper is not None:
        whole = paper.groupby("method", sort=False).filter(
            lambda p: set(regressors) <= set(p["regressor"])
        )
        lines += [(f"paper: real {m}", part) for m, part in whole.groupby("method", sort=False)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 1.9 + 0.55 * len(lines) * 2), layout="constrained")
        axes = figure.subplots(2, 2, sharey="row", width_ratios=(3, 2))
        for row, metric in zip(axes, MM_METRICS, strict=True):
            for y, (_, part) in enumerate(lines):
                part = part[part["metric"] == metric].set_index("regressor")
                for k, regressor in enumerate(r for r in regressors if r in part.index):
                    at = y + 0.22 * (k - 1)
                    look = _mark(regressor, hollow=y >= ours)
                    row[0].plot(part.loc[regressor, "value_mm"], at, **look)
                    if y < ours and regressor != "std" and "std" in part.index:
                        _interval(row[1], part.loc[regressor], at, look)
            row[0].set(title=METRIC_NAMES[metric], xlabel="mm")
            row[0].set_yticks(range(len(lines)), [name for name, _ in lines])
            row[0].set_ylim(len(lines) - 0.5, -0.5)
            row[1].axvline(0, color="#888888", linewidth=0.8)
            row[1].set(
                title=f"{METRIC_NAMES[metric]}, change from J_std",
                xlabel="mm, line: 95 % interval",
            )
        handles = [
            mpl.lines.Line2D([], [], label=regressor_name(r), **_mark(r, hollow=False))
            for r in regressors
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def joint_errors(
    means_mm: Mapping[str, Mapping[str, np.ndarray]], methods: "Mapping[str, Method] | None" = None
) -> Figure:
    """Mean error of every joint, one panel a method.

    Args:
        means_mm: method -> regressor -> mean root-aligned error of the 17 joints, (17,) mm.
        methods: the table of methods, for labels.
    """
    with mpl.rc_context(STYLE):
        count = len(means_mm)
        columns = min(count, 2)
        rows = -(-count // columns)
        figure = Figure(figsize=(4.6 * columns, 3.9 * rows + 0.4), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for axis in axes.flat[count:]:
            axis.set_visible(False)
        for axis, (method, regressors) in zip(axes.flat, means_mm.items(), strict=False):
            for k, (regressor, values) in enumerate(regressors.items()):
                look = _mark(regressor, hollow=False) | {
                    "markersize": 4.5,
                    "label": regressor_name(regressor),
                }
                axis.plot(
                    values, np.arange(len(H36M_17)) + 0.2 * (k - (len(regressors) - 1) / 2), **look
                )
            axis.set_yticks(range(len(H36M_17)), [name.replace("_", " ") for name in H36M_17])
            axis.set_ylim(len(H36M_17) - 0.5, -0.5)
            axis.set_xlim(left=0)
            axis.tick_params(labelbottom=True)
            axis.set(title=display_name(method, methods), xlabel="error after root alignment, mm")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=max(len(handles), 1))
    return figure


def save(figure: Figure, path: str | Path, dpi: int = 150) -> None:
    """Write PNG, SVG or PDF by the path's ending; the same figure gives the same bytes."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}
    with mpl.rc_context(STYLE):
        figure.savefig(path, dpi=dpi, metadata=dates.get(path.suffix))


def _frame(axis: Axes, example: Example, title: str) -> None:
    axis.imshow(example.crop, interpolation="nearest")
    _contour(axis, example.mask / 255.0, COLOURS["mask"], 2.2)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()
    side = len(example.crop)
    axis.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5))


def _contour(axis: Axes, covered: np.ndarray, colour: str, width: float) -> None:
    if covered.min() < 0.5 <= covered.max():
        axis.contour(covered, levels=[0.5], colors="black", linewidths=width + 0.6, alpha=0.6)
        axis.contour(covered, levels=[0.5], colors=colour, linewidths=width)


def _skeleton(axis: Axes, joints: np.ndarray) -> None:
    for first, second in LIMBS:
        pair = joints[[H36M_17.index(first), H36M_17.index(second)]]
        axis.plot(*pair.T, color=COLOURS["label"], linewidth=1.0, alpha=0.8)
    axis.plot(*joints.T, "o", color=COLOURS["label"], markersize=3, markeredgecolor="black", mew=0.5)


def _joints(axis: Axes, labels: np.ndarray, joints: np.ndarray, colour: str) -> None:
    """Labels as circles, regressed joints as dots, and the way between them."""
    axis.plot(*np.stack([labels, joints]).transpose(2, 0, 1), color=colour, linewidth=1.2)
    axis.plot(*labels.T, "o", color=COLOURS["label"], markersize=3.5, markeredgecolor="black", mew=0.5)
    axis.plot(*joints.T, "o", color=colour, markersize=3.5, markeredgecolor="black", mew=0.5)


def _overlay_legend() -> list[Any]:
    line = mpl.lines.Line2D
    dot: dict[str, Any] = {
        "marker": "o",
        "markeredgecolor": "black",
        "linestyle": "none",
        "markersize": 5,
    }
    return [
        line([], [], color=COLOURS["mask"], label="person mask", linewidth=2),
        line([], [], color=COLOURS["initial"], label="initial body", linewidth=2),
        line([], [], color=COLOURS["refined"], label="refined body", linewidth=2),
        line([], [], color=COLOURS["label"], label="labelled joint", **dot),
        line([], [], color="#888888", label="regressed joint (body's colour)", **dot),
    ]


def _mark(regressor: str, *, hollow: bool) -> dict[str, Any]:
    """Marker of a regressor; variants of J_opt beyond Table I take colours from `SERIES`."""
    key = "opt" if regressor == "opt_full" else regressor
    colour = COLOURS.get(key) or SERIES[3 + sum(regressor.encode()) % 4]
    return {
        "marker": MARKERS.get(key, "^"),
        "color": colour,
        "markerfacecolor": "white" if hollow else colour,
        "linestyle": "none",
        "markersize": 6,
    }


def _interval(axis: Axes, row: "pd.Series", at: float, look: Mapping[str, Any]) -> None:
    """One paired change and, where there is one, its interval."""
    middle = row["change_from_std_mm"]
    axis.plot(middle, at, **look)
    low, high = row["change_from_std_low_mm"], row["change_from_std_high_mm"]
    if np.isfinite(low):
        axis.plot([low, high], [at, at], color=look["color"], linewidth=1.5)
