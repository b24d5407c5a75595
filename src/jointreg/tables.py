"""The numbers of the tables: tidy rows in, one tidy frame a table out (printed by `table_text`).

Source of the layout: paper, Table I. Differences between regressors are paired per cluster = subject x
action x take, all cameras together: frames of one take, and its four views, are not independent.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from jointreg.errors import ConfigError, DataError
from jointreg.sequences import Method

if TYPE_CHECKING:
    import pandas as pd

Average = Literal["frames", "actions"]

TABLE_1: dict[str, str] = {"std": "std", "spin": "spin", "opt_full": "opt", "given": "given"}
"""Regressors of Table I: name in the evaluation -> name in the table. `given`: joints, no regressor."""

MM_METRICS = ("mpjpe", "pa_mpjpe")

FEWEST_CLUSTERS = 8
"""No interval under this many clusters: it would not cover what it promises."""

CLUSTER = ["subject", "action", "take"]

SIMULATED = "sim_"
"""Prefix of the methods that are simulated estimators."""


class Change(NamedTuple):
    """A paired difference with its 95 % interval; the interval is NaN under `FEWEST_CLUSTERS`."""

    mean: float
    low: float
    high: float
    clusters: int


def read_rows(paths: Iterable[str | Path]) -> "pd.DataFrame":
    """Join the tidy CSV files of `evaluate`; names stay text, also those that look like numbers.

    Raises:
        DataError: there is no file, or a row stands twice.
    """
    import pandas as pd

    names = dict.fromkeys(["method", "regressor", *CLUSTER, "metric"], str)
    frames = [pd.read_csv(path, dtype=names) for path in paths]
    if not frames:
        raise DataError(
            "no evaluations to put into a table", "name at least one method and test sequence"
        )
    rows = pd.concat(frames, ignore_index=True)
    twice = rows.duplicated(list(names))
    if twice.any():
        raise DataError(f"evaluation rows stand twice, first: {rows[twice].iloc[0].to_dict()}")
    return rows


def read_paper(path: str | Path) -> "pd.DataFrame":
    """Read the paper's values: columns method, regressor, metric, value_mm, source."""
    import pandas as pd

    return pd.read_csv(path, comment="#")


def display_name(method: str, methods: Mapping[str, Method] | None = None) -> str:
    """How a method is called in tables and figures. Simulated ones always say that they are."""
    if method.startswith(SIMULATED):
        return f"{method} (simulated)"
    known = (methods or {}).get(method)
    return known.label if known is not None else method


def cluster_weights(clusters: "pd.DataFrame", average: Average) -> np.ndarray:
    """Weight of each cluster in the protocol's mean; they sum to 1.

    Args:
        clusters: one row a cluster with the columns action and frames.
        average: "frames": every frame weighs the same; "actions": every action does, and within an
            action every frame, over all subjects.
    """
    frames = clusters["frames"].to_numpy(dtype=np.float64)
    if average == "frames":
        return frames / frames.sum()
    of_action = clusters.groupby("action")["frames"].transform("sum").to_numpy(dtype=np.float64)
    return frames / of_action / clusters["action"].nunique()


def mean_with_interval(values: np.ndarray, weights: np.ndarray) -> Change:
    """Weighted mean over clusters and its t interval, 95 %.

    The variance is that of a ratio estimator, n / (n - 1) sum w^2 (x - mean)^2; with equal weights the
    interval is Student's.

    Args:
        values: one number a cluster, (n,).
        weights: not negative, sum 1, (n,).
    """
    mean, count = float(weights @ values), len(values)
    if count < FEWEST_CLUSTERS:
        return Change(mean, np.nan, np.nan, count)
    from scipy.special import stdtrit

    variance = count / (count - 1) * float((weights**2) @ (values - mean) ** 2)
    reach = float(stdtrit(count - 1, 0.975)) * np.sqrt(variance)
    return Change(mean, mean - reach, mean + reach, count)


def paired_change(
    rows: "pd.DataFrame", regressor: str, reference: str, average: Average, value: str = "value_mm"
) -> Change:
    """Error with `regressor` minus error with `reference`; negative: `regressor` is better.

    Args:
        rows: tidy rows of one method and one metric.
        regressor: name in the column `regressor`.
        reference: the other one.
        average: the protocol's mean; the change is the difference of the two means it gives.
        value: the column to compare.

    Raises:
        DataError: the two were not scored on the same frames.
    """
    one, other = (
        rows[rows["regressor"] == name].set_index(CLUSTER).sort_index()
        for name in (regressor, reference)
    )
    if not one.index.equals(other.index) or not one["frames"].equals(other["frames"]):
        raise DataError(
            f"'{regressor}' and '{reference}' were not scored on the same frames, so cannot be paired",
            "evaluate all regressors in one job",
        )
    difference = (one[value] - other[value]).to_numpy(dtype=np.float64)
    return mean_with_interval(difference, cluster_weights(one.reset_index(), average))


def summarise(
    rows: "pd.DataFrame", average: Average, by: Sequence[str] = ("method", "regressor", "metric")
) -> "pd.DataFrame":
    """The protocol's mean of every group: columns `by`, value_mm, value_percent, frames, clusters.

    Groups keep the order in which they first appear. For example `by=("method", "regressor", "metric",
    "subject")` is the break-down by subject.
    """
    import pandas as pd

    table = []
    for key, group in rows.groupby(list(by), sort=False):
        weights = cluster_weights(group, average)
        table.append(
            dict(zip(by, key, strict=True))
            | {value: float(weights @ group[value]) for value in ("value_mm", "value_percent")}
            | {"frames": int(group["frames"].sum()), "clusters": len(group)}
        )
    return pd.DataFrame(table)


def compare(rows: "pd.DataFrame", average: Average, references: Sequence[str]) -> "pd.DataFrame":
    """MPJPE and PA-MPJPE of every method and regressor with paired changes against `references`.

    Returns:
        Columns method, regressor, metric, value_mm, frames, clusters, and for every reference r
        change_from_r_mm, change_from_r_low_mm, change_from_r_high_mm (NaN for r itself, for a reference
        that was not evaluated, and without an interval).
    """
    rows = rows[rows["metric"].isin(MM_METRICS)]
    table = summarise(rows, average).drop(columns="value_percent")
    for reference in references:
        changes = []
        for entry in table.itertuples():
            same = rows[(rows["method"] == entry.method) & (rows["metric"] == entry.metric)]
            known = reference in set(same["regressor"]) and reference != entry.regressor
            nothing = Change(np.nan, np.nan, np.nan, 0)
            changes.append(
                paired_change(same, entry.regressor, reference, average) if known else nothing
            )
        name = f"change_from_{reference}"
        table[f"{name}_mm"] = [change.mean for change in changes]
        table[f"{name}_low_mm"] = [change.low for change in changes]
        table[f"{name}_high_mm"] = [change.high for change in changes]
    return table


def table_1(
    rows: "pd.DataFrame",
    average: Average,
    *,
    paper: "pd.DataFrame | None" = None,
    methods: Mapping[str, Method] | None = None,
) -> "pd.DataFrame":
    """Table I: regressors std, spin and opt, the paper's value and the difference where it has one.

    The paper's row stands beside the real network it was measured with, never beside a simulated one.

    Args:
        rows: tidy rows of all methods and test subjects.
        average: the protocol's mean.
        paper: `read_paper`; None where the data is not Human3.6M.
        methods: the table of methods; says which paper row belongs to which method.

    Returns:
        The columns of `compare` against std and spin, and paper_mm and difference_mm (ours - paper's).

    Raises:
        ConfigError: a simulated method claims a row of the paper.
    """
    chosen = rows[rows["regressor"].isin(TABLE_1)].copy()
    chosen["regressor"] = chosen["regressor"].map(TABLE_1)
    table = compare(chosen, average, ("std", "spin"))
    known: dict[tuple[str, str, str], float] = {}
    if paper is not None:
        known = {(p.method.lower(), p.regressor, p.metric): p.value_mm for p in paper.itertuples()}
    beside = [
        known.get((_paper_row(e.method, methods), e.regressor, e.metric), np.nan)
        for e in table.itertuples()
    ]
    table.insert(table.columns.get_loc("clusters") + 1, "paper_mm", beside)
    table.insert(
        table.columns.get_loc("paper_mm") + 1, "difference_mm", table["value_mm"] - table["paper_mm"]
    )
    return table


def table_1_by_subject(rows: "pd.DataFrame", average: Average) -> "pd.DataFrame":
    """Table I for each test subject alone: as `compare` against std and spin, with a column subject."""
    import pandas as pd

    chosen = rows[rows["regressor"].isin(TABLE_1)].copy()
    chosen["regressor"] = chosen["regressor"].map(TABLE_1)
    parts = []
    for subject, group in chosen.groupby("subject", sort=False):
        part = compare(group, average, ("std", "spin"))
        part.insert(0, "subject", subject)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def ablation(rows: "pd.DataFrame", average: Average) -> "pd.DataFrame":
    """All regressors, `opt_<variant>` included: as `compare`, against spin and opt_full."""
    return compare(rows, average, ("spin", "opt_full"))


def write_csv(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV with four decimals, so that the same numbers give the same bytes."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")


def _paper_row(method: str, methods: Mapping[str, Method] | None) -> str:
    """Name of the paper's row beside which a method stands; empty for none."""
    known = (methods or {}).get(method)
    row = known.paper if known is not None else ""
    if row and method.startswith(SIMULATED):
        raise ConfigError(
            f"methods table: '{method}' is simulated but claims the paper's row '{row}'",
            "leave the column `paper` empty",
        )
    return row.lower()
