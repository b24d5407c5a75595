"""Errors as dots: tables in, a matplotlib Figure out, in the style of `jointreg.figures.style`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jointreg.figures.style import COLOURS, PAGE_IN, STYLE, regressor_look
from jointreg.tables.names import METRIC_NAMES, REGRESSOR_NAMES, display_name, regressor_name
from jointreg.tables.numbers import MM_METRICS

if TYPE_CHECKING:
    import pandas as pd

    from jointreg.config.methods import Method


PANELS_ACROSS = 2
"""Methods side by side."""


def table_1_plot(
    table: "pd.DataFrame",
    methods: "Mapping[str, Method] | None" = None,
    paper_values: "pd.DataFrame | None" = None,
) -> Figure:
    """Table I as dots: errors, and to the right of them paired changes from J_std with intervals.

    Where the table has no J_std, there are no changes from it.

    Args:
        table: from `tables.numbers.table_1`.
        methods: the table of methods, for labels.
        paper_values: from `tables.numbers.read_paper_values`; rows without gaps in the regressors
            that the paper has are drawn as hollow marks on lines of their own.
    """
    regressors = [name for name in REGRESSOR_NAMES if name in set(table["regressor"])]
    lines = [(display_name(m, methods), table[table["method"] == m]) for m in table["method"].unique()]
    ours = len(lines)
    if paper_values is not None:
        needed = set(regressors) & set(paper_values["regressor"])
        whole = paper_values.groupby("method", sort=False).filter(
            lambda part: needed <= set(part["regressor"])
        )
        lines += [(f"paper: real {m}", part) for m, part in whole.groupby("method", sort=False)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PAGE_IN, 1.3 + 0.3 * len(lines) * 2), layout="constrained")
        ratios = (3, 2) if "std" in regressors else (1,)
        axes = figure.subplots(2, len(ratios), sharey="row", width_ratios=ratios, squeeze=False)
        for row, metric in zip(axes, MM_METRICS, strict=True):
            for y, (_, part) in enumerate(lines):
                part = part[part["metric"] == metric].set_index("regressor")
                drawn = [regressor for regressor in regressors if regressor in part.index]
                for k, regressor in enumerate(drawn):
                    at = y + 0.22 * (k - (len(drawn) - 1) / 2)
                    look = regressor_look(regressor, hollow=y >= ours)
                    row[0].plot(part.loc[regressor, "value_mm"], at, **look)
                    if y < ours and regressor != "std" and "std" in part.index:
                        _interval(row[1], part.loc[regressor], at, look)
            row[0].set(title=METRIC_NAMES[metric], xlabel="mm")
            row[0].set_yticks(range(len(lines)), [name for name, _ in lines])
            row[0].set_ylim(len(lines) - 0.5, -0.5)
            if len(row) == 1:
                continue
            row[1].axvline(0, color=COLOURS["reference"], linewidth=0.8)
            row[1].set(
                title=f"{METRIC_NAMES[metric]}, change from J_std",
                xlabel="mm, line: 95 % interval",
            )
        handles = [
            mpl.lines.Line2D([], [], label=regressor_name(r), **regressor_look(r, hollow=False))
            for r in regressors
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def errors_by(table: "pd.DataFrame", by: str, methods: "Mapping[str, Method] | None" = None) -> Figure:
    """MPJPE of every joint or action, one panel a method, one mark a regressor.

    Args:
        table: from `tables.numbers.by_joint` or `tables.numbers.by_action`.
        by: the column whose values are the rows of the figure: `joint` or `action`.
        methods: the table of methods, for labels.
    """
    table = table[table["metric"] == "mpjpe"]
    names, drawn = list(table[by].unique()), list(table["method"].unique())
    across = min(len(drawn), PANELS_ACROSS)
    lines = -(-len(drawn) // across)
    with mpl.rc_context(STYLE):
        size = (PAGE_IN * max(across, 1) / PANELS_ACROSS, lines * (0.55 + 0.15 * len(names)) + 0.2)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(lines, across, squeeze=False, sharey=True)
        for axis in axes.flat[len(drawn) :]:
            axis.set_visible(False)
        used = {}
        for axis, method in zip(axes.flat, drawn, strict=False):
            part = table[table["method"] == method]
            regressors = list(part["regressor"].unique())
            for k, regressor in enumerate(regressors):
                values = part[part["regressor"] == regressor].set_index(by)["value_mm"]
                at = np.array([names.index(name) for name in values.index])
                look = used[regressor] = regressor_look(regressor) | {
                    "markersize": 3.5,
                    "label": regressor_name(regressor),
                }
                axis.plot(values, at + 0.2 * (k - (len(regressors) - 1) / 2), clip_on=False, **look)
            axis.set_yticks(range(len(names)), [str(name).replace("_", " ") for name in names])
            axis.set_ylim(len(names) - 0.5, -0.5)
            axis.set(title=display_name(method, methods), xlabel="MPJPE, mm")
        low, high = table["value_mm"].min(), table["value_mm"].max()
        room = 0.04 * (high - low)
        for axis in axes.flat:
            axis.set_xlim(0 if low < 0.3 * high else low - room, high + room)
        handles = [mpl.lines.Line2D([], [], **look) for look in used.values()]
        figure.legend(handles=handles, loc="outside lower center", ncols=max(len(handles), 1))
    return figure


def _interval(axis: Axes, row: "pd.Series", at: float, look: Mapping[str, Any]) -> None:
    """One paired change and, where there is one, its interval."""
    middle = row["change_from_std_mm"]
    axis.plot(middle, at, **look)
    low, high = row["change_from_std_low_mm"], row["change_from_std_high_mm"]
    if np.isfinite(low):
        axis.plot([low, high], [at, at], color=look["color"], linewidth=1.5)
