"""Tables as cells: frames of `jointreg.tables.numbers` and of the diagnosis in, a
`tables.render.Grid` out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jointreg.config.methods import Method
from jointreg.config.settings import REFERENCE
from jointreg.evaluation.intervals import ENOUGH_CLUSTERS, FEWEST_CLUSTERS
from jointreg.tables.names import (
    ACTIONS,
    ALL,
    MEAN,
    METRIC_NAMES,
    SIMULATED,
    TABLE_1,
    display_name,
    regressor_name,
)
from jointreg.tables.numbers import MM_METRICS, PAIRS, paper_row
from jointreg.tables.render import Cell, Grid

if TYPE_CHECKING:
    import pandas as pd


Methods = Mapping[str, Method]
Groups = list[tuple[str, tuple[str, ...]]]

PERCENT = ("pck150", "auc")

TRUTH_COLUMNS = {
    "true joints": ("joint_error_true_joints", "joint_error_true_joints_root_aligned"),
    "labels": ("joint_error_labels", "joint_error_labels_root_aligned"),
}
"""What the joints of a regressor are compared with -> metrics as it stands and root-aligned."""


def all_grids(
    tables: "Mapping[str, pd.DataFrame]",
    *,
    captions: Mapping[str, tuple[str, str]],
    paper: "pd.DataFrame | None" = None,
    methods: Methods | None = None,
) -> dict[str, Grid]:
    """Every table of `tables.numbers.all_tables` as cells with its caption.

    Args:
        tables: name -> numbers.
        captions: name -> what stands above and below the table, `tables.render.caption_of`.
        paper: as `table_1`.
        methods: the table of methods, for names.
    """
    grids = {
        "table_1": table_1(tables["table_1"], paper, methods),
        "changes": changes(tables["changes"], methods),
        "by_subject": by_subject(tables["by_subject"], methods),
        "by_action": by_action(tables["by_action"], methods),
        "by_joint": by_joint(tables["by_joint"], methods),
        "pck_auc": pck_auc(tables["pck_auc"], methods),
        "ablation": ablation(tables["ablation"], methods),
    }
    grids["table_1"] = replace(grids["table_1"], note=grids["changes"].note)
    return {name: captioned(grid, *captions[name]) for name, grid in grids.items()}


def captioned(grid: Grid, above: str, below: str) -> Grid:
    """A table with its caption; what its numbers say stands first below it."""
    return replace(grid, caption=above, note=f"{grid.note} {below}".strip())


def table_1(
    table: "pd.DataFrame", paper: "pd.DataFrame | None" = None, methods: Methods | None = None
) -> Grid:
    """Table I: errors by regressor; the paper's values and ours less the paper's below a real network.

    The paper's other rows follow at the end. Where our rows are simulated they name the *real* network,
    because the two are not to be compared.
    """
    regressors = _regressors(table)
    simulated = any(name.startswith(SIMULATED) for name in table["method"])
    groups: Groups = [("", ("Method",)), *((regressor_name(r), _names(MM_METRICS)) for r in regressors)]
    theirs = {} if paper is None else dict(list(paper.groupby("method", sort=False)))
    lines, beside = [], set()
    for method in table["method"].unique():
        ours = _by_key(table[table["method"] == method])
        lines.append((Cell(display_name(method, methods)), *_errors(ours, regressors)))
        row = next((name for name in theirs if name.lower() == paper_row(method, methods)), None)
        if row is not None:
            beside.add(row)
            lines.append(_paper_line(f"{row}, paper", theirs[row], regressors))
            differences = [ours.get((r, m)) for r in regressors for m in MM_METRICS]
            cells = [_number(row, "difference_mm", "+z.1f") for row in differences]
            lines.append((Cell("ours - paper", "reference"), *(Cell(c, "reference") for c in cells)))
    for row, values in theirs.items():
        if row not in beside:
            lines.append(
                _paper_line(f"paper: real {row}" if simulated else f"{row}, paper", values, regressors)
            )
    return Grid(tuple(groups), tuple(lines))


def changes(table: "pd.DataFrame", methods: Methods | None = None) -> Grid:
    """Paired changes between regressors with their intervals, all subjects and each alone."""
    pairs = [p for p in PAIRS if ((table["regressor"] == p[0]) & (table["reference"] == p[1])).any()]
    named = {pair: " - ".join(map(regressor_name, pair)) for pair in pairs}
    groups: Groups = [
        ("", ("Method", "Subjects", "Clusters")),
        *((named[pair], _names(MM_METRICS)) for pair in pairs),
    ]
    lines = []
    for (method, subject), part in table.groupby(["method", "subject"], sort=False):
        found = {(r["regressor"], r["reference"], r["metric"]): r for _, r in part.iterrows()}
        cells = [
            _change(found.get((*pair, metric)), ("change_mm", "low_mm", "high_mm"))
            for pair in pairs
            for metric in MM_METRICS
        ]
        names = (display_name(method, methods), subject, str(int(part["clusters"].max())))
        lines.append((*map(Cell, names), *cells))
    lines.sort(key=lambda line: line[1].text != ALL)
    return Grid(tuple(groups), tuple(lines), note=verdict(table, methods), wide=True)


def verdict(table: "pd.DataFrame", methods: Methods | None = None) -> str:
    """Whether J_opt and J_spin differ, in plain sentences; empty where they were not compared.

    Args:
        table: from `tables.numbers.changes`.
        methods: the table of methods, for names.
    """
    chosen = (table["regressor"] == "opt") & (table["reference"] == "spin")
    compared = table[chosen & (table["subject"] == ALL)]
    if compared.empty:
        return ""
    clusters = int(compared["clusters"].min())
    if compared["low_mm"].isna().any():
        largest = compared["change_mm"].abs().max()
        few = "1 cluster does" if clusters == 1 else f"{clusters} clusters do"
        return (
            f"Whether J_opt and J_spin differ, {few} not say: {FEWEST_CLUSTERS}, two a "
            f"subject, are the fewest for an interval. The largest change is {largest:.1f} mm."
        )
    sentences = []
    for metric, part in compared.groupby("metric", sort=False):
        signs = {
            "lower": part[part["high_mm"] < 0],
            "higher": part[part["low_mm"] > 0],
            "undecided (the interval holds 0)": part[(part["low_mm"] <= 0) & (part["high_mm"] >= 0)],
        }
        said = [
            f"{what} for {', '.join(display_name(m, methods) for m in rows['method'])}"
            for what, rows in signs.items()
            if len(rows)
        ]
        sentences.append(f"{METRIC_NAMES[metric]} with J_opt less that with J_spin: {'; '.join(said)}.")
    if clusters < ENOUGH_CLUSTERS:
        sentences.append(
            f"These are {clusters} clusters: with fewer than {ENOUGH_CLUSTERS} an interval may cover "
            "less than it says."
        )
    return " ".join(sentences)


def by_subject(table: "pd.DataFrame", methods: Methods | None = None) -> Grid:
    """Table I of each test subject."""
    regressors = _regressors(table)
    groups: Groups = [
        ("", ("Subject", "Method")),
        *((regressor_name(r), _names(MM_METRICS)) for r in regressors),
    ]
    lines = [
        (Cell(subject), Cell(display_name(method, methods)), *_errors(_by_key(part), regressors))
        for (subject, method), part in table.groupby(["subject", "method"], sort=False)
    ]
    return Grid(tuple(groups), tuple(lines))


def by_action(table: "pd.DataFrame", methods: Methods | None = None) -> Grid:
    """A row a metric, method and regressor, a column an action; the best regressor of each is bold."""
    actions = list(dict.fromkeys(table["action"]))
    regressors = _regressors(table)
    groups: Groups = [
        ("", ("Metric", "Method", "Regressor")),
        *(("", (ACTIONS.get(a, a),)) for a in actions),
    ]
    values = table.set_index(["metric", "method", "regressor", "action"])["value_mm"].to_dict()
    lines = []
    for metric in MM_METRICS:
        for method in table["method"].unique():
            known = [r for r in regressors if (metric, method, r, MEAN) in values]
            texts = [
                [_text(values.get((metric, method, r, action))) for r in known] for action in actions
            ]
            columns = [_marked(column) for column in texts]
            for k, regressor in enumerate(known):
                names = METRIC_NAMES[metric], display_name(method, methods), regressor_name(regressor)
                lines.append((*map(Cell, names), *(column[k] for column in columns)))
    return Grid(tuple(groups), tuple(lines), wide=True)


def by_joint(table: "pd.DataFrame", methods: Methods | None = None) -> Grid:
    """MPJPE by joint: a row a joint, a group of columns a method."""
    part = table[table["metric"] == "mpjpe"]
    values = part.set_index(["joint", "method", "regressor"])["value_mm"].to_dict()
    outside = set(part.loc[~part["in_mean"], "joint"])
    shown = {m: _regressors(part[part["method"] == m]) for m in part["method"].unique()}
    groups: Groups = [("", ("Joint",))]
    groups += [(display_name(m, methods), tuple(map(regressor_name, rs))) for m, rs in shown.items()]
    lines = []
    for joint in part["joint"].unique():
        name = joint.replace("_", " ") + (" (not in the mean)" if joint in outside else "")
        cells = [_marked([_text(values.get((joint, m, r))) for r in rs]) for m, rs in shown.items()]
        lines.append((Cell(name), *(cell for group in cells for cell in group)))
    return Grid(tuple(groups), tuple(lines), wide=True)


def pck_auc(table: "pd.DataFrame", methods: Methods | None = None) -> Grid:
    """PCK@150 and AUC of every method by regressor, percent; the largest is bold."""
    regressors = _regressors(table)
    groups: Groups = [("", ("Method",)), *((regressor_name(r), _names(PERCENT)) for r in regressors)]
    lines = [
        (
            Cell(display_name(method, methods)),
            *_errors(_by_key(part), regressors, PERCENT, "value_percent", least=False),
        )
        for method, part in table.groupby("method", sort=False)
    ]
    return Grid(tuple(groups), tuple(lines))


def ablation(table: "pd.DataFrame", methods: Methods | None = None) -> Grid:
    """Every regressor, J_opt of each variant included, and its paired change from J_opt of `full`."""
    groups: Groups = [("", ("Method", "Regressor"))]
    groups += [(METRIC_NAMES[metric], ("mm", "less J_opt (full)")) for metric in MM_METRICS]
    lines = []
    for method, part in table.groupby("method", sort=False):
        found, names = _by_key(part), list(dict.fromkeys(part["regressor"]))
        texts = {m: _marked([_number(found.get((r, m)), "value_mm") for r in names]) for m in MM_METRICS}
        ends = tuple(f"change_from_opt_full_{end}mm" for end in ("", "low_", "high_"))
        for k, regressor in enumerate(names):
            cells = []
            for metric in MM_METRICS:
                row = found.get((regressor, metric))
                cells += [texts[metric][k], _change(row, ends) if regressor != "opt_full" else Cell("")]
            lines.append((Cell(display_name(method, methods)), Cell(regressor_name(regressor)), *cells))
    return Grid(tuple(groups), tuple(lines), wide=True)


def diagnostics(table: "pd.DataFrame") -> Grid:
    """Regressors on the true bodies of the test subjects, from diagnostics.csv."""
    rows = table[table["method"] == "truth"]
    values = {(r.regressor, r.variant, r.metric): r.value for r in rows.itertuples()}
    names = list(dict.fromkeys((r, v) for r, v, _ in values))
    order = ("std", "spin", "opt", "true")
    names.sort(key=lambda name: (order.index(name[0]) if name[0] in order else 9, name[1] != REFERENCE))
    groups: Groups = [("", ("Regressor",))]
    groups += [(against, ("as it stands", "root-aligned")) for against in TRUTH_COLUMNS]
    columns = []
    for metrics in TRUTH_COLUMNS.values():
        for metric in metrics:
            texts = [_text(values.get((*name, metric))) for name in names]
            fitted = _marked(
                [text for text, name in zip(texts, names, strict=True) if name[0] != "true"]
            )
            columns.append([*fitted, *map(Cell, texts[len(fitted) :])])
    lines = []
    for k, (regressor, variant) in enumerate(names):
        name = "true regressor" if regressor == "true" else regressor_name(regressor)
        name += "" if regressor != "opt" else f" ({variant.replace('_', ' ')})"
        lines.append((Cell(name), *(column[k] for column in columns)))
    return Grid(tuple(groups), tuple(lines))


def variants(table: "pd.DataFrame") -> Grid:
    """Refined bodies of all variants against the truth, from variants.csv."""
    metrics = list(dict.fromkeys(table["metric"]))
    found = {(row["bodies"], row["metric"]): row for _, row in table.iterrows()}
    groups: Groups = [("", ("Bodies",)), *((_metric_title(m), ("value", "less full")) for m in metrics)]
    lines = []
    for bodies in dict.fromkeys(table["bodies"]):
        cells = []
        for metric in metrics:
            row = found[bodies, metric]
            digits = 3 if row["unit"] == "1" else 1
            ends = ("change_from_full", "change_low", "change_high")
            cells += [Cell(f"{row['value']:.{digits}f}"), _change(row, ends, digits)]
        lines.append((Cell(bodies.replace("_", " ")), *cells))
    return Grid(tuple(groups), tuple(lines), wide=True)


def _metric_title(metric: str) -> str:
    unit = "" if "iou" in metric else ", mm"
    return metric.replace("_", " ").replace("iou", "IoU").replace("t pose", "T-pose") + unit


def _names(metrics: Iterable[str]) -> tuple[str, ...]:
    return tuple(METRIC_NAMES[metric] for metric in metrics)


def _regressors(table: "pd.DataFrame") -> list[str]:
    return [name for name in TABLE_1.values() if name in set(table["regressor"])]


def _by_key(table: "pd.DataFrame") -> "dict[tuple[str, str], pd.Series]":
    return {(row["regressor"], row["metric"]): row for _, row in table.iterrows()}


def _text(value: float | None, form: str = "z.1f") -> str:
    """A number as printed, zero without a minus; a dash where there is none."""
    return "-" if value is None or np.isnan(value) else f"{value:{form}}"


def _number(row: "pd.Series | None", column: str, form: str = "z.1f") -> str:
    return "-" if row is None else _text(row[column], form)


def _marked(texts: Sequence[str], least: bool = True) -> list[Cell]:
    """Cells of numbers that compete: the smallest as printed is `best`, or the largest, but no tie."""
    numbers = [float(text) for text in texts if text != "-"]
    best = (min if least else max)(numbers, default=0.0)
    marked = len(set(numbers)) > 1
    return [Cell(t, "best" if marked and t != "-" and float(t) == best else "plain") for t in texts]


def _errors(
    ours: "Mapping[tuple[str, str], pd.Series]",
    regressors: Sequence[str],
    metrics: Sequence[str] = MM_METRICS,
    column: str = "value_mm",
    least: bool = True,
) -> list[Cell]:
    """The metrics of each regressor, the best of every metric marked."""
    columns = [_marked([_number(ours.get((r, m)), column) for r in regressors], least) for m in metrics]
    return [cells[k] for k in range(len(regressors)) for cells in columns]


def _paper_line(name: str, values: "pd.DataFrame", regressors: Sequence[str]) -> tuple[Cell, ...]:
    theirs = _by_key(values)
    texts = [_number(theirs.get((r, m)), "value_mm") for r in regressors for m in MM_METRICS]
    return (Cell(name, "reference"), *(Cell(text, "reference") for text in texts))


def _change(row: "pd.Series | None", ends: tuple[str, ...], digits: int = 1) -> Cell:
    """A change and, where there is one, its interval; `ends`: columns of mean, low and high end."""
    middle, low, high = ends
    if row is None or np.isnan(row[middle]):
        return Cell("-" if row is None else "")
    form = f"+z.{digits}f"
    text = _text(row[middle], form)
    if np.isfinite(row[low]):
        text += f" [{_text(row[low], form)}, {_text(row[high], form)}]"
    return Cell(text)
