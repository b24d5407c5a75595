"""Figure of a learning curve, in the style of `jointreg.figures.style`: a table in, a Figure out."""

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jointreg.figures.style import PAGE_IN, STYLE, shape_look

if TYPE_CHECKING:
    import pandas as pd


TITLES = {
    "fitted": "from labels, frames of the fit",
    "held_out": "from labels, other subjects",
    "from_all": "from the fit to everything",
    "true_joints": "from true joints",
    "true_joints_root_aligned": "the same, root-aligned",
}
"""Metric -> title: what the predicted joints' distance is taken from."""


def learning_curves(table: "pd.DataFrame") -> Figure:
    """Distance over the number of frames, a panel a metric, a colour a number of subjects.

    A pale mark is a fit; a line joins the means over the subsets of one size at each fraction. Both axes
    are logarithmic. A single frame may be fitted exactly: marks far below all means are cut off.

    Args:
        table: columns `regressor.learning_curve.COLUMNS`.
    """
    metrics = list(table["metric"].unique())
    sizes = sorted(table["n_subjects"].unique())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PAGE_IN, 2.8), layout="constrained")
        axes = figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
        for axis, metric in zip(axes, metrics, strict=True):
            of_metric = table[table["metric"] == metric]
            for at, size in enumerate(sizes):
                _curve(axis, of_metric[of_metric["n_subjects"] == size], at)
            axis.set(title=TITLES[metric], xlabel="frames of the fit", xscale="log", yscale="log")
        means = table.groupby(["metric", "n_subjects", "fraction"])["value_mm"].mean()
        axes[0].set_ylim(bottom=0.9 * means.min())
        for axis in axes:
            _plain_ticks(axis)
        axes[0].set_ylabel("distance of predicted joints, mm")
        handles = [
            mpl.lines.Line2D([], [], markersize=4, label=_name(size), **_look(at))
            for at, size in enumerate(sizes)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _curve(axis: Axes, part: "pd.DataFrame", at: int) -> None:
    look = _look(at)
    axis.plot(part["frames"], part["value_mm"], linestyle="none", alpha=0.3, markersize=3, **look)
    means = part.groupby("fraction")[["frames", "value_mm"]].mean()
    axis.plot(means["frames"], means["value_mm"], markersize=4, **look)


def _look(at: int) -> dict[str, Any]:
    return shape_look(at) | {"markeredgewidth": 0}


def _plain_ticks(axis: Axes) -> None:
    """1, 2, 5, 10 ... mm in plain figures, and more of them where curves lie within a factor of 5."""
    low, high = axis.get_ylim()
    steps = (1, 2, 5) if high > 5 * low else (1, 1.2, 1.4, 1.6, 2, 3, 4, 5, 6, 7, 8, 9)
    axis.yaxis.set_major_locator(mpl.ticker.LogLocator(subs=steps))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())


def _name(size: int) -> str:
    return f"{size} subject{'s' if size > 1 else ''}"
