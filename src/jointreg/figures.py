"""Figures: arrays in, a matplotlib Figure out. No file is opened; `save` writes what the caller asks.

One style for all; colours after Okabe and Ito, told apart with any colour vision. No pyplot, so that
no state outlives a call.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jointreg.skeleton import H36M_17
from jointreg.table_text import METRIC_NAMES, REGRESSOR_NAMES, regressor_name
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
    "joint": "#000000",
}
"""Colour of each regressor and of each thing in an overlay."""

MARKERS: dict[str, str] = {"std": "s", "spin": "D", "opt": "o"}

SERIES = ("#009E73", "#0072B2", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
"""Colours of things without a colour of their own."""


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
    regressors = [name for name in REGRESSOR_NAMES if name in set(table["regressor"])]
    lines = [(display_name(m, methods), table[table["method"] == m]) for m in table["method"].unique()]
    ours = len(lines)
    if paper is not None:
        whole = paper.groupby("method", sort=False).filter(
            lambda p: set(regressors) - {"given"} <= set(p["regressor"])
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
