"""Comparison of the refined bodies of all variants, with paired differences (rule diagnose).

A cluster is one take of one subject and action with all its cameras. Each cluster gives a difference
between a variant and `full` on the same frames. Intervals are over clusters (`evaluation.intervals`),
because frames of one take are not independent. What differs between subjects counts as noise here, so
intervals are wider than Table I's, which hold for its subjects only.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from jointreg.config.settings import REFERENCE
from jointreg.evaluation.intervals import mean_with_interval
from jointreg.files.text_table import text_table

COLUMNS = (
    "bodies",
    "metric",
    "value",
    "change_from_full",
    "change_low",
    "change_high",
    "clusters",
    "frames",
    "unit",
)
"""Columns of variants.csv. `bodies` is `initial` or the variant. Changes have no interval under
`evaluation.intervals.FEWEST_CLUSTERS` clusters."""


def variant_rows(
    values: Mapping[tuple[str, str], np.ndarray], clusters: np.ndarray, units: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One row for each metric and set of bodies.

    Args:
        values: (bodies, metric) -> one number for each frame, (N,), the same frames in the same order;
            NaN where the metric does not apply. `full` is among the bodies.
        clusters: number of each frame's cluster, (N,).
        units: metric -> unit.

    Returns:
        Rows with the keys `COLUMNS`: for each metric `full`, then the variants in their order, `initial`
        last.
    """
    names = list(dict.fromkeys(bodies for bodies, _ in values))
    names.sort(key=lambda name: (name != REFERENCE, name == "initial"))
    rows = []
    for metric in dict.fromkeys(metric for _, metric in values):
        for bodies in names:
            own = np.asarray(values[bodies, metric], dtype=np.float64)
            known = own[np.isfinite(own)]
            row = {
                "bodies": bodies,
                "metric": metric,
                "value": float(known.mean()) if len(known) else np.nan,
            }
            if bodies != REFERENCE:
                row |= _change(own - values[REFERENCE, metric], clusters)
            row |= {"frames": len(known), "unit": units[metric]}
            rows.append({column: row.get(column, float("nan")) for column in COLUMNS})
    return rows


def as_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """A line for each set of bodies, a column for each metric: value, change from `full`, interval."""
    rows = list(rows)
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    units = {row["metric"]: row["unit"] for row in rows}
    cells: dict[str, list[str]] = {}
    for row in rows:
        change = ""
        if np.isfinite(row["change_from_full"]):
            digits = 3 if row["unit"] == "1" else 1
            change = f" {row['change_from_full']:+.{digits}f}"
            if np.isfinite(row["change_low"]):
                change += f" [{row['change_low']:+.{digits}f}, {row['change_high']:+.{digits}f}]"
        value = f"{row['value']:.3f}" if row["unit"] == "1" else f"{row['value']:.1f}"
        cells.setdefault(row["bodies"], []).append(value + change)
    suffix = {"1": "", "mm": ", mm"}
    head = [name.replace("_", " ") + suffix[units[name]] for name in metrics]
    lines = [(bodies, *texts) for bodies, texts in cells.items()]
    return text_table([("bodies", *head), *lines]) + "\n"


def _change(difference: np.ndarray, clusters: np.ndarray) -> dict[str, float]:
    """Mean of a paired difference and its interval, clusters weighted by their number of frames."""
    valid = np.isfinite(difference)
    labels, counts = np.unique(clusters[valid], return_counts=True)
    means = np.array([difference[valid & (clusters == label)].mean() for label in labels])
    change = mean_with_interval(means, counts / max(counts.sum(), 1))
    return {
        "change_from_full": change.mean,
        "change_low": change.low,
        "change_high": change.high,
        "clusters": len(labels),
    }
