"""The report's answer, from the tables: which regressor, by how much, what MPJPE cannot tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean

from jointreg.config.settings import REFERENCE
from jointreg.report.html import minus
from jointreg.tables.names import METRIC_NAMES, SIMULATED, regressor_name

REGRESSORS = ("std", "spin", "opt")

TRUTH = {
    "joint_error_true_joints": "Joints read off true bodies, people outside the fit",
    "joint_error_true_joints_root_aligned": "The same, both skeletons moved to the pelvis as MPJPE does",
}
"""Rows of diagnostics.csv that judge a regressor, and their names here."""


@dataclass(frozen=True)
class Line:
    """One yardstick: its name, and each regressor's value in mm."""

    name: str
    values: dict[str, float]

    @property
    def best(self) -> str:
        """The regressor with the smallest value as printed; the first of equal ones."""
        return min(self.values, key=lambda name: round(self.values[name], 1))


def lines(
    table_1: Sequence[Mapping[str, str]], diagnosis: Sequence[Mapping[str, str]] = ()
) -> list[Line]:
    """MPJPE and PA-MPJPE, means over methods, then the errors against the truth where there is one.

    Args:
        table_1: rows of table_1.csv.
        diagnosis: rows of diagnostics.csv.
    """
    methods = _methods(table_1)
    found = []
    for metric, name in METRIC_NAMES.items():
        values = {
            regressor: [
                float(row["value_mm"])
                for row in table_1
                if row["regressor"] == regressor and row["metric"] == metric
            ]
            for regressor in REGRESSORS
        }
        means = {regressor: fmean(all_of) for regressor, all_of in values.items() if all_of}
        whose = methods[0] if len(methods) == 1 else f"mean of {len(methods)} methods"
        found.append(Line(f"{name}, {whose}", means))
    for metric, name in TRUTH.items():
        means = {
            row["regressor"]: float(row["value"])
            for row in diagnosis
            if row["metric"] == metric
            and row["regressor"] in REGRESSORS
            and (row["regressor"] != "opt" or row["variant"] == REFERENCE)
        }
        found.append(Line(name, {name: means[name] for name in REGRESSORS if name in means}))
    return [line for line in found if len(line.values) > 1]


def lead(table_1: Sequence[Mapping[str, str]], diagnosis: Sequence[Mapping[str, str]] = ()) -> str:
    """The answer in a few sentences, HTML."""
    known = lines(table_1, diagnosis)
    if not known:
        return "<p>This run scores one regressor only: there is nothing to compare.</p>"
    scored = known[0]
    truth = next((line for line in known if line.name == TRUTH["joint_error_true_joints"]), None)
    if truth is None:
        finding = (
            f"MPJPE puts {regressor_name(scored.best)} first. How much of a lower MPJPE is a better "
            "regressor, and how much the estimators' bias that a refitted one absorbs, MPJPE alone "
            "cannot say, and this run has no truth to compare with."
        )
    else:
        best = truth.best
        others = [
            f"{x:.1f} mm for {regressor_name(name)}" for name, x in truth.values.items() if name != best
        ]
        finding = (
            f"Nearest to the truth is <b>{regressor_name(best)}</b>: joints read off true bodies are "
            f"{truth.values[best]:.1f} mm off, against {' and '.join(others)}. "
        ) + (
            f"MPJPE would have chosen {regressor_name(scored.best)}."
            if scored.best != best
            else "MPJPE chooses the same one here, which it need not."
        )
    methods = _methods(table_1)
    pairs = (("std", "opt"), ("std", "spin"), ("spin", "opt"))
    changes = [said for pair in pairs if (said := _change(table_1, *pair))]
    whose = methods[0] if len(methods) == 1 else f"{len(methods)} methods"
    note = f"<p>MPJPE of {escape(whose)} changes {', '.join(changes)}.</p>" if changes else ""
    if any(method.startswith(SIMULATED) for method in methods):
        note += (
            "<p>The methods of this run are <b>simulated estimators</b> on the open data set, not SPIN, "
            "VIBE or MEVA: how far their error falls is a property of the generator.</p>"
        )
    return f'<p class="finding">{finding}</p>{note}'


def answer_table(
    table_1: Sequence[Mapping[str, str]], diagnosis: Sequence[Mapping[str, str]] = ()
) -> str:
    """Every yardstick as a row with bars, the smallest value marked, HTML."""
    known = lines(table_1, diagnosis)
    names = [name for name in REGRESSORS if any(name in line.values for line in known)]
    heads = "".join(f'<th scope="col">{regressor_name(name)}</th>' for name in names)
    body = []
    for line in known:
        most = max(line.values.values())
        cells = ""
        for name in names:
            if name not in line.values:
                cells += "<td></td>"
                continue
            best = ' class="best"' if name == line.best else ""
            share = f'style="--share:{100 * line.values[name] / most:.1f}%"'
            cells += f'<td{best}>{line.values[name]:.1f}<span class="bar"><i {share}></i></span></td>'
        body.append(f'<tr><th scope="row">{escape(line.name)}</th>{cells}</tr>')
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Yardsticks"><table class="answer">'
        "<caption>mm; the smallest of a row is marked</caption>"
        f'<thead><tr><th scope="col" class="text">Yardstick</th>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _methods(table_1: Sequence[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(row["method"] for row in table_1))


def _change(table_1: Sequence[Mapping[str, str]], reference: str, regressor: str) -> str:
    """Range of the change of MPJPE over the methods, in words; empty where one was not scored."""
    of = {
        (row["method"], row["regressor"]): float(row["value_mm"])
        for row in table_1
        if row["metric"] == "mpjpe"
    }
    changes = [
        of[method, regressor] - of[method, reference]
        for method in _methods(table_1)
        if (method, regressor) in of and (method, reference) in of
    ]
    if not changes:
        return ""
    low, high = (minus(f"{end(changes):+.1f}") for end in (min, max))
    span = low if low == high else f"{low} to {high}"
    return f"by {span} mm from {regressor_name(reference)} to {regressor_name(regressor)}"
