"""Tables of errors as cells: frames of `jointreg.tables.numbers` in, a `tables.render.Grid` out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jointreg.config.methods import Method
from jointreg.evaluation.intervals import ENOUGH_CLUSTERS, FEWEST_CLUSTERS
from jointreg.tables.cells import change_cell, marked, printed, printed_value
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
from jointreg.tables.render import Cell, Grid, Groups

if TYPE_CHECKING:
    import pandas as pd

Methods = Mapping[str, Method]

PERCENT = ("pck150", "auc")


def all_grids(
    tables: "Mapping[str, pd.DataFrame]",
    *,
    captions: Mapping[str, tuple[str, str]],
    paper_values: "pd.DataFrame | None" = None,
    methods: Methods | None = None,
) -> dict[str, Grid]:
    """Every table of `tables.numbers.all_tables` as cells with its caption.

    Args:
        tables: name -> numbers.
        captions: name -> what stands above and below the table, `tables.render.caption_of`.
        paper_values: from `tables.numbers.read_paper_values`; None: no rows of the paper.
        methods: the table of methods, for names.
    """
    grids = {
        "table_1": table_1(tables["table_1"], paper_values, methods),
        "changes": changes(tables["changes"], methods),
        "by_subject": by_subject(tables["by_subject"], methods),
        "by_action": by_action(tables["by_action"], methods),
        "by_joint": by_joint(tables["by_joint"], methods),
        "pck_auc": pck_auc(tables["pck_auc"], methods),
        "ablation": ablation(tables["ablation"], methods),
    }
    note = f"{grids['changes'].note} {grids['table_1'].note}".strip()
    grids["table_1"] = replace(grids["table_1"], note=note)
    return {name: captioned(grid, *captions[name]) for name, grid in grids.items()}


def captioned(grid: Grid, above: str, below: str) -> Grid:
    """A table with its caption above and, after its own note, with more text below."""
    return replace(grid, caption=above, note=f"{grid.note} {below}".strip())


def table_1(
    table: "pd.DataFrame", paper_values: "pd.DataFrame | None" = None, methods: Methods | None = None
) -> Grid:
    """Table I: errors by regressor; the paper's values and ours less the paper's below a real network.

    The paper's other rows follow at the end. Where our rows are simulated they name the *real* network,
    because the two are not to be compared. The note holds the remarks on the paper's values.
    """
    regressors = _regressors(table)
    simulated = any(name.startswith(SIMULATED) for name in table["method"])
    groups: Groups = [("", ("Method",)), *((regressor_name(r), _names(MM_METRICS)) for r in regressors)]
    of_paper = {} if paper_values is None else dict(list(paper_values.groupby("method", sort=False)))
    lines, beside = [], set()
    for method in table["method"].unique():
        ours = _by_key(table[table["method"] == method])
        lines.append((Cell(display_name(method, methods)), *_errors(ours, regressors)))
        row = next((name for name in of_paper if name.lower() == paper_row(method, methods)), None)
        if row is not None:
            beside.add(row)
            lines.append(_paper_line(f"{row}, paper", of_paper[row], regressors))
            differences = [ours.get((r, m)) for r in regressors for m in MM_METRICS]
            cells = [printed_value(row, "difference_mm", "+z.1f") for row in differences]
            lines.append((Cell("ours - paper", "reference"), *(Cell(c, "reference") for c in cells)))
    for row, values in of_paper.items():
        if row not in beside:
            name = f"paper: real {row}" if simulated else f"{row}, paper"
            lines.append(_paper_line(name, values, regressors))
    remarks = [] if paper_values is None else paper_values["remark"].dropna()
    return Grid(tuple(groups), tuple(lines), note=" ".join(remarks))


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
        by_pair = {(r["regressor"], r["reference"], r["metric"]): r for _, r in part.iterrows()}
        cells = [
            change_cell(by_pair.get((*pair, metric)), ("change_mm", "low_mm", "high_mm"))
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
        parts = [
            f"{what} for {', '.join(display_name(m, methods) for m in rows['method'])}"
            for what, rows in signs.items()
            if len(rows)
        ]
        sentences.append(f"{METRIC_NAMES[metric]} with J_opt less that with J_spin: {'; '.join(parts)}.")
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
                [printed(values.get((metric, method, r, action))) for r in known] for action in actions
            ]
            columns = [marked(column) for column in texts]
            for k, regressor in enumerate(known):
                names = METRIC_NAMES[metric], display_name(method, methods), regressor_name(regressor)
                lines.append((*map(Cell, names), *(column[k] for column in columns)))
    return Grid(tuple(groups), tuple(lines), wide=True)


def by_joint(table: "pd.DataFrame", methods: Methods | None = None) -> Grid:
    """MPJPE by joint: a row a joint, a group of columns a method."""
    part = table[table["metric"] == "mpjpe"]
    values = part.set_index(["joint", "method", "regressor"])["value_mm"].to_dict()
    outside = set(part.loc[~part["in_mean"], "joint"])
    by_method = {m: _regressors(part[part["method"] == m]) for m in part["method"].unique()}
    groups: Groups = [("", ("Joint",))]
    groups += [(display_name(m, methods), tuple(map(regressor_name, rs))) for m, rs in by_method.items()]
    lines = []
    for joint in part["joint"].unique():
        name = joint.replace("_", " ") + (" (not in the mean)" if joint in outside else "")
        cells = [marked([printed(values.get((joint, m, r))) for r in rs]) for m, rs in by_method.items()]
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
        by_key, names = _by_key(part), list(dict.fromkeys(part["regressor"]))
        texts = {
            m: marked([printed_value(by_key.get((r, m)), "value_mm") for r in names]) for m in MM_METRICS
        }
        ends = tuple(f"change_from_opt_full_{end}mm" for end in ("", "low_", "high_"))
        for k, regressor in enumerate(names):
            cells = []
            for metric in MM_METRICS:
                row = by_key.get((regressor, metric))
                cells += [
                    texts[metric][k],
                    change_cell(row, ends) if regressor != "opt_full" else Cell(""),
                ]
            lines.append((Cell(display_name(method, methods)), Cell(regressor_name(regressor)), *cells))
    return Grid(tuple(groups), tuple(lines), wide=True)


def _names(metrics: Iterable[str]) -> tuple[str, ...]:
    return tuple(METRIC_NAMES[metric] for metric in metrics)


def _regressors(table: "pd.DataFrame") -> list[str]:
    return [name for name in TABLE_1.values() if name in set(table["regressor"])]


def _by_key(table: "pd.DataFrame") -> "dict[tuple[str, str], pd.Series]":
    return {(row["regressor"], row["metric"]): row for _, row in table.iterrows()}


def _errors(
    ours: "Mapping[tuple[str, str], pd.Series]",
    regressors: Sequence[str],
    metrics: Sequence[str] = MM_METRICS,
    column: str = "value_mm",
    least: bool = True,
) -> list[Cell]:
    """The metrics of each regressor, the best of every metric marked."""
    columns = [
        marked([printed_value(ours.get((r, m)), column) for r in regressors], least) for m in metrics
    ]
    return [cells[k] for k in range(len(regressors)) for cells in columns]


def _paper_line(name: str, values: "pd.DataFrame", regressors: Sequence[str]) -> tuple[Cell, ...]:
    by_key = _by_key(values)
    texts = [printed_value(by_key.get((r, m)), "value_mm") for r in regressors for m in MM_METRICS]
    return (Cell(name, "reference"), *(Cell(text, "reference") for text in texts))
