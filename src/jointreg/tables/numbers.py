"""The numbers of the tables: tidy rows in, one tidy frame a table out (cells by `grids`).

Source of the layout: paper, Table I. Differences between regressors are paired per cluster = subject x
action x take, all cameras together: frames of one take, and its four views, are not independent.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from jointreg.config.methods import Method
from jointreg.errors import ConfigError, DataError
from jointreg.evaluation.intervals import Change, mean_with_interval
from jointreg.files.csv_rows import read_table

if TYPE_CHECKING:
    import pandas as pd

    from jointreg.stores.schema import Record

from jointreg.tables.names import ACTIONS, ALL, MEAN, SIMULATED, TABLE_1

Average = Literal["frames", "actions"]

PAIRS = (("spin", "std"), ("opt", "std"), ("opt", "spin"))
"""Regressors of Table I that are compared: the error with the first less that with the second."""

MM_METRICS = ("mpjpe", "pa_mpjpe")

CLUSTER = ["subject", "action", "take"]


def read_rows(paths: Iterable[str | Path]) -> "pd.DataFrame":
    """Join the tidy CSV files of `evaluate`.

    Raises:
        DataError: there is no file, or a row stands twice.
    """
    import pandas as pd

    frames = [read_table(path) for path in paths]
    if not frames:
        raise DataError(
            "no evaluations to put into a table", "name at least one method and test sequence"
        )
    rows = pd.concat(frames, ignore_index=True)
    twice = rows.duplicated(["method", "regressor", *CLUSTER, "metric"])
    if twice.any():
        raise DataError(f"evaluation rows stand twice, first: {rows[twice].iloc[0].to_dict()}")
    return rows


def read_paper_values(path: str | Path) -> "pd.DataFrame":
    """Read the paper's values: columns method, regressor, metric, value_mm, source, remark (or NaN)."""
    return read_table(path)


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
    clusters = one.reset_index()
    weights = cluster_weights(clusters, average)
    return mean_with_interval(difference, weights, clusters["subject"].to_numpy())


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
    paper_values: "pd.DataFrame | None" = None,
    methods: Mapping[str, Method] | None = None,
) -> "pd.DataFrame":
    """Table I: regressors std, spin and opt, the paper's value and the difference where it has one.

    The paper's row stands beside the real network it was measured with, never beside a simulated one.

    Args:
        rows: tidy rows of all methods and test subjects.
        average: the protocol's mean.
        paper_values: `read_paper_values`; None where the data is not Human3.6M.
        methods: the table of methods, which names the row of the paper for each method.

    Returns:
        The columns of `compare` against std and spin, and paper_mm and difference_mm (ours - paper's).

    Raises:
        ConfigError: a simulated method claims a row of the paper.
    """
    table = compare(_of_table_1(rows), average, ("std", "spin"))
    known: dict[tuple[str, str, str], float] = {}
    if paper_values is not None:
        known = {
            (p.method.lower(), p.regressor, p.metric): p.value_mm for p in paper_values.itertuples()
        }
    beside = [
        known.get((paper_row(e.method, methods), e.regressor, e.metric), np.nan)
        for e in table.itertuples()
    ]
    table.insert(table.columns.get_loc("clusters") + 1, "paper_mm", beside)
    table.insert(
        table.columns.get_loc("paper_mm") + 1, "difference_mm", table["value_mm"] - table["paper_mm"]
    )
    return table


def changes(rows: "pd.DataFrame", average: Average) -> "pd.DataFrame":
    """Every paired difference between the regressors of Table I, and each subject alone.

    Returns:
        Columns subject (`all` first), method, regressor, reference, metric, change_mm, low_mm, high_mm
        (NaN without an interval), clusters.
    """
    import pandas as pd

    chosen = _of_table_1(rows)
    subjects = list(dict.fromkeys(chosen["subject"]))
    pairs = []
    for subject in [ALL, *(subjects if len(subjects) > 1 else [])]:
        of_subject = chosen if subject == ALL else chosen[chosen["subject"] == subject]
        for (method, metric), part in of_subject.groupby(["method", "metric"], sort=False):
            known = set(part["regressor"]) if metric in MM_METRICS else set()
            for regressor, reference in PAIRS:
                if {regressor, reference} <= known:
                    change = paired_change(part, regressor, reference, average)
                    pairs.append((subject, method, regressor, reference, metric, *change))
    columns = ["subject", "method", "regressor", "reference", "metric"]
    return pd.DataFrame(pairs, columns=[*columns, "change_mm", "low_mm", "high_mm", "clusters"])


def by_subject(rows: "pd.DataFrame", average: Average) -> "pd.DataFrame":
    """Table I for each test subject alone: as `summarise`, with a column subject in front."""
    chosen = _of_table_1(rows[rows["metric"].isin(MM_METRICS)])
    table = summarise(chosen, average, ("subject", "method", "regressor", "metric"))
    return table.drop(columns="value_percent")


def by_action(rows: "pd.DataFrame", average: Average) -> "pd.DataFrame":
    """Errors of each action over all subjects, and `mean`, the protocol's: as `summarise`, by action.

    Actions stand in the order papers print, unknown ones behind them.
    """
    import pandas as pd

    chosen = _of_table_1(rows[rows["metric"].isin(MM_METRICS)])
    # Within one action both means of a protocol are the mean over frames.
    single = summarise(chosen, "frames", ("method", "regressor", "metric", "action"))
    whole = summarise(chosen, average).assign(action=MEAN)
    table = pd.concat([single, whole], ignore_index=True).drop(columns="value_percent")
    order = [*ACTIONS, *(a for a in dict.fromkeys(table["action"]) if a not in (*ACTIONS, MEAN)), MEAN]
    keys = table["action"].map(order.index)
    return table.iloc[keys.argsort(kind="stable")].reset_index(drop=True)


def pck_auc(rows: "pd.DataFrame", average: Average) -> "pd.DataFrame":
    """PCK@150 and AUC, percent of the joints: as `summarise` without value_mm."""
    chosen = _of_table_1(rows[~rows["metric"].isin(MM_METRICS)])
    return summarise(chosen, average).drop(columns="value_mm")


def by_joint(
    errors: "Mapping[str, Sequence[Record]]", average: Average, joints: Sequence[str]
) -> "pd.DataFrame":
    """Errors of each of the 17 joints over all subjects, and `mean`, that of the protocol's joints.

    Args:
        errors: method -> stores ERRORS of all test subjects.
        average: the protocol's mean.
        joints: the protocol's joints by name; PA-MPJPE of the others is an extrapolation.

    Returns:
        Columns method, regressor, metric, joint, in_mean, value_mm, frames.
    """
    import pandas as pd

    table = []
    for method, parts in errors.items():
        actions = np.concatenate([np.array(part.attrs["actions"])[part.action] for part in parts])
        clusters = pd.DataFrame({"action": actions, "frames": 1})
        weights = cluster_weights(clusters, average)
        names = list(parts[0].attrs["joint_names"])
        inside = [name in joints for name in names]
        for metric in MM_METRICS:
            values = np.concatenate([part[metric] for part in parts], axis=1)
            for regressor, of_frames in zip(parts[0].attrs["regressors"], values, strict=True):
                if regressor not in TABLE_1:
                    continue
                means = 1000 * (weights @ of_frames.astype(np.float64))
                key = (method, TABLE_1[regressor], metric)
                rows = [*zip(names, inside, means, strict=True), (MEAN, True, means[inside].mean())]
                table += [(*key, *row, len(actions)) for row in rows]
    columns = ["method", "regressor", "metric", "joint", "in_mean", "value_mm", "frames"]
    return pd.DataFrame(table, columns=columns)


def ablation(rows: "pd.DataFrame", average: Average) -> "pd.DataFrame":
    """All regressors, `opt_<variant>` included: as `compare`, against spin and opt_full."""
    return compare(rows, average, ("spin", "opt_full"))


def all_tables(
    rows: "pd.DataFrame",
    errors: "Mapping[str, Sequence[Record]]",
    average: Average,
    joints: Sequence[str],
    *,
    paper_values: "pd.DataFrame | None" = None,
    methods: Mapping[str, Method] | None = None,
) -> "dict[str, pd.DataFrame]":
    """Every table by name, from the same evaluations; arguments as of `table_1` and `by_joint`."""
    return {
        "table_1": table_1(rows, average, paper_values=paper_values, methods=methods),
        "changes": changes(rows, average),
        "by_subject": by_subject(rows, average),
        "by_action": by_action(rows, average),
        "by_joint": by_joint(errors, average, joints),
        "pck_auc": pck_auc(rows, average),
        "ablation": ablation(rows, average),
    }


def write_csv(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV with four decimals, so that the same numbers give the same bytes."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")


def _of_table_1(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of Table I's regressors under the names they have there."""
    chosen = rows[rows["regressor"].isin(TABLE_1)].copy()
    chosen["regressor"] = chosen["regressor"].map(TABLE_1)
    return chosen


def paper_row(method: str, methods: Mapping[str, Method] | None) -> str:
    """Name of the paper's row beside which a method stands; empty for none."""
    known = (methods or {}).get(method)
    row = known.paper if known is not None else ""
    if row and method.startswith(SIMULATED):
        raise ConfigError(
            f"methods table: '{method}' is simulated but claims the paper's row '{row}'",
            "leave the column `paper` empty",
        )
    return row.lower()
