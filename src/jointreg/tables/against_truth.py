"""Tables of the comparison with the truth: frames of the diagnosis in, a `tables.render.Grid` out."""

from typing import TYPE_CHECKING

from jointreg.config.settings import REFERENCE
from jointreg.tables.cells import change_cell, marked, printed
from jointreg.tables.names import regressor_name
from jointreg.tables.render import Cell, Grid, Groups

if TYPE_CHECKING:
    import pandas as pd


TRUTH_COLUMNS = {
    "true joints": ("joint_error_true_joints", "joint_error_true_joints_root_aligned"),
    "labels": ("joint_error_labels", "joint_error_labels_root_aligned"),
}
"""What the joints of a regressor are compared with -> metrics as it stands and root-aligned."""


def diagnostics(table: "pd.DataFrame") -> Grid:
    """Regressors on the true bodies of the test subjects, from diagnostics.csv."""
    rows = table[table["method"] == "truth"]
    values = {(r.regressor, r.variant, r.metric): r.value for r in rows.itertuples()}
    names = list(dict.fromkeys((r, v) for r, v, _ in values))
    order = ("std", "spin", "opt", "true")
    names.sort(key=lambda name: (order.index(name[0]) if name[0] in order else 9, name[1] != REFERENCE))
    columns_of = [(against, ("as it stands", "root-aligned")) for against in TRUTH_COLUMNS]
    groups: Groups = [("", ("Regressor",)), *columns_of]
    columns = []
    for metrics in TRUTH_COLUMNS.values():
        for metric in metrics:
            texts = [printed(values.get((*name, metric))) for name in names]
            fitted = marked([text for text, name in zip(texts, names, strict=True) if name[0] != "true"])
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
    by_key = {(row["bodies"], row["metric"]): row for _, row in table.iterrows()}
    groups: Groups = [("", ("Bodies",)), *((_metric_title(m), ("value", "less full")) for m in metrics)]
    lines = []
    for bodies in dict.fromkeys(table["bodies"]):
        cells = []
        for metric in metrics:
            row = by_key[bodies, metric]
            digits = 3 if row["unit"] == "1" else 1
            ends = ("change_from_full", "change_low", "change_high")
            cells += [Cell(f"{row['value']:.{digits}f}"), change_cell(row, ends, digits)]
        lines.append((Cell(bodies.replace("_", " ")), *cells))
    return Grid(tuple(groups), tuple(lines), wide=True)


def _metric_title(metric: str) -> str:
    unit = "" if "iou" in metric else ", mm"
    return metric.replace("_", " ").replace("iou", "IoU").replace("t pose", "T-pose") + unit
