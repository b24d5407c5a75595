"""How the refinement went, as curves and dots: arrays in, a matplotlib Figure out.

In the style of `jointreg.figures.style`. Lines differ in colour and in dashes, so that they can be told
apart in grey.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jointreg.config.settings import REFERENCE
from jointreg.figures.style import COLOURS, PAGE_IN, SERIES, STYLE, line_look

if TYPE_CHECKING:
    import pandas as pd


TERM_TITLES = ("joint, m²", "silhouette, px", "adversarial", "keypoints, px²")
"""Name and unit of the energies, in the order of `refine.losses.TERMS`."""
BOUNDED = TERM_TITLES.index("adversarial")
"""The one energy that does not fall by orders of magnitude."""
CHANCE_LOSS = 0.5
"""Loss of a discriminator that answers 1/2 (`refine.losses.discriminator_loss`)."""
METRICS_ACROSS = 3
LINEAR = {"mm": 1.0, "1": 0.01}
"""Changes up to this size are drawn linearly, larger ones by their logarithm, by unit."""


@dataclass(frozen=True)
class DiscriminatorTraining:
    """How the training of one discriminator went, R rounds."""

    losses: np.ndarray
    """Loss before every step of each round and after its last, (R, steps + 1)."""
    right: np.ndarray
    """Share of outputs on the right side of 1/2 after each round, on initial and on refined, (R, 2)."""


def energy_curves(curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Energies over the iterations: median over frames with the middle half shaded.

    A term that a variant does not have (stored as zeros) has no line, and no panel where no variant
    has it.

    Args:
        curves: variant -> iterations (S,) and energies (frames, S, 4), as in `stores.ENERGIES`.
    """
    shown = [
        k for k in range(len(TERM_TITLES)) if any(found[..., k].any() for _, found in curves.values())
    ]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PAGE_IN, 2.4), layout="constrained")
        axes = figure.subplots(1, max(len(shown), 1), squeeze=False)[0]
        for axis, k in zip(axes, shown, strict=False):
            for index, (iterations, energies) in enumerate(curves.values()):
                if not energies[..., k].any():
                    continue
                look = line_look(index)
                low, middle, high = np.quantile(energies[..., k], [0.25, 0.5, 0.75], axis=0)
                axis.fill_between(iterations, low, high, color=look["color"], alpha=0.15, linewidth=0)
                axis.plot(iterations, middle, **look)
            axis.set(
                title=TERM_TITLES[k], xlabel="iteration", yscale="linear" if k == BOUNDED else "log"
            )
        axes[0].set_ylabel("energy before weighting")
        _name_lines(figure, list(curves))
    return figure


def discriminator_curves(trainings: Mapping[str, DiscriminatorTraining]) -> Figure:
    """Loss over all Adam steps, and the share of right answers after every round.

    Args:
        trainings: by variant; not all variants have a discriminator.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PAGE_IN, 2.4), layout="constrained")
        loss, initial, refined = figure.subplots(1, 3, width_ratios=(2, 1, 1))
        loss.axhline(CHANCE_LOSS, color=COLOURS["reference"], linewidth=0.8)
        borders: set[int] = set()
        for index, training in enumerate(trainings.values()):
            look = line_look(index)
            rounds, values = training.losses.shape
            steps = np.arange(rounds)[:, None] * (values - 1) + np.arange(values)
            loss.plot(steps.ravel(), training.losses.ravel(), **look)
            borders.update(steps[1:, 0].tolist())
            for axis, share in zip((initial, refined), training.right.T, strict=True):
                axis.plot(np.arange(1, rounds + 1), share, marker="o", markersize=3.5, **look)
                axis.set_xlim(0.5, rounds + 0.5)
        for border in sorted(borders):
            loss.axvline(border, color=COLOURS["reference"], linewidth=0.8, linestyle=":")
        loss.set(title="loss; 0.5: undecided, dotted: a round begins", xlabel="step")
        loss.set_ylim(0, 1.1 * loss.dataLim.y1)
        initial.set_ylabel("share of right answers")
        for axis, what in ((initial, "initial"), (refined, "refined")):
            axis.axhline(0.5, color=COLOURS["reference"], linewidth=0.8)
            axis.set(title=f"{what} bodies", xlabel="round", ylim=(0, 1))
            axis.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True, min_n_ticks=1))
        _name_lines(figure, list(trainings))
    return figure


def variant_changes(table: "pd.DataFrame") -> Figure:
    """Paired changes from `full` with their intervals, a row a variant, a panel a metric.

    Args:
        table: from `diagnosis.variants.variant_rows`.
    """
    rows = [name for name in table["bodies"].unique() if name != REFERENCE]
    metrics = list(table["metric"].unique())
    lines = -(-len(metrics) // METRICS_ACROSS)
    with mpl.rc_context(STYLE):
        size = (PAGE_IN, lines * (0.75 + 0.19 * len(rows)))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(lines, METRICS_ACROSS, sharey=True, squeeze=False)
        for axis in axes.flat[len(metrics) :]:
            axis.set_visible(False)
        for axis, metric in zip(axes.flat, metrics, strict=False):
            part = table[table["metric"] == metric].set_index("bodies")
            unit = str(part["unit"].iloc[0])
            axis.axvline(0, color=COLOURS["reference"], linewidth=0.8)
            for y, name in enumerate(rows):
                _change(axis, part.loc[name], y)
            axis.set_xscale("symlog", linthresh=LINEAR[unit])
            axis.xaxis.set_major_formatter("{x:g}")
            better = "right" if "iou" in metric.split("_") else "left"
            axis.set(
                title=metric.replace("_", " ").replace("iou", "IoU").replace("t pose", "T-pose"),
                xlabel=f"{'mm; ' if unit == 'mm' else ''}{better} of 0 is better",
                yticks=range(len(rows)),
                yticklabels=[name.replace("_", " ") for name in rows],
                ylim=(len(rows) - 0.5, -0.5),
            )
    return figure


def _change(axis: Axes, row: "pd.Series", y: int) -> None:
    """One change and, where there is one, its interval; hollow where the interval holds 0."""
    low, high = row["change_low"], row["change_high"]
    known = bool(np.isfinite(low))
    if known:
        axis.plot([low, high], [y, y], color=SERIES[1], linewidth=1.5)
    clear = known and low * high > 0
    axis.plot(
        row["change_from_full"], y, "o", color=SERIES[1],
        markerfacecolor=SERIES[1] if clear else "white",
    )  # fmt: skip


def _name_lines(figure: Figure, names: Sequence[str]) -> None:
    """A legend below, at most six names in a row."""
    handles = [
        mpl.lines.Line2D([], [], label=name.replace("_", " "), **line_look(index))
        for index, name in enumerate(names)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(max(len(names), 1), 6))
