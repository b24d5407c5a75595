"""The report's answer, from the tables: which regressor, by how much, and what MPJPE cannot show.

The sentences are in assets/lead.html and assets/limits.html.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from jointreg.config.settings import RECOMMENDED
from jointreg.tables.names import METRIC_NAMES, SIMULATED, TABLE_1, regressor_name

REGRESSORS = ("std", "spin", "opt", RECOMMENDED)
PAIRS = (("std", "opt"), ("std", "spin"), ("spin", "opt"))
"""Changes of MPJPE that the answer gives, from the first to the second."""

TRUTH = {
    "joint_error_true_joints": "Joints read off true bodies, people outside the fit",
    "joint_error_true_joints_root_aligned": "The same, both skeletons moved to the pelvis as MPJPE does",
}
"""Metric of diagnostics.csv that judges a regressor -> its name in the report."""

Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Yardstick:
    """One measure of the regressors."""

    name: str
    errors_mm: dict[str, float]
    """Regressor -> mean error."""

    @property
    def best(self) -> str:
        """The regressor with the smallest error as printed; the first of equal ones."""
        return min(self.errors_mm, key=lambda name: round(self.errors_mm[name], 1))


@dataclass(frozen=True)
class Answer:
    """The numbers of the answer."""

    yardsticks: tuple[Yardstick, ...]
    """Measures that compare at least two regressors."""
    changes: tuple[str, ...]
    """Range of the change of MPJPE over the methods for each of `PAIRS`, in words."""
    methods: tuple[str, ...]
    """Methods of Table I."""
    has_truth: bool
    """Whether the run has a comparison with the truth."""
    fitted: bool = False
    """Whether all bodies were fitted to the labels that score them: errors then choose no regressor."""

    @property
    def regressors(self) -> list[str]:
        """Regressors that any yardstick measures."""
        return [name for name in REGRESSORS if any(name in one.errors_mm for one in self.yardsticks)]

    @property
    def truth(self) -> Yardstick | None:
        """The yardstick that decides: joints read off true bodies."""
        name = TRUTH["joint_error_true_joints"]
        return next((one for one in self.yardsticks if one.name == name), None)

    @property
    def has_recommended(self) -> bool:
        """Whether the recommended J_opt is among them."""
        return RECOMMENDED in self.regressors

    @property
    def simulated(self) -> bool:
        """Whether any method is a simulated estimator."""
        return any(method.startswith(SIMULATED) for method in self.methods)


def answer_from(table_1: Rows, diagnosis: Rows = (), *, fitted: bool = False) -> Answer:
    """MPJPE and PA-MPJPE as means over methods, then the errors against the truth if there is one.

    Args:
        table_1: rows of table_1.csv.
        diagnosis: rows of diagnostics.csv; none where the data set has no truth.
        fitted: see `Answer.fitted`.
    """
    methods = tuple(dict.fromkeys(row["method"] for row in table_1))
    yardsticks = [_mean_error(table_1, metric, methods) for metric in METRIC_NAMES]
    yardsticks += [_error_against_truth(diagnosis, metric) for metric in TRUTH]
    return Answer(
        yardsticks=tuple(one for one in yardsticks if len(one.errors_mm) > 1),
        changes=tuple(words for pair in PAIRS if (words := _change(table_1, methods, *pair))),
        methods=methods,
        has_truth=bool(diagnosis),
        fitted=fitted,
    )


def _mean_error(table_1: Rows, metric: str, methods: Sequence[str]) -> Yardstick:
    """One metric of Table I, the mean over the methods that every regressor was scored with."""
    errors = {
        (row["method"], row["regressor"]): float(row["value_mm"])
        for row in table_1
        if row["metric"] == metric and row["regressor"] in REGRESSORS
    }
    regressors = [name for name in REGRESSORS if any(name == regressor for _, regressor in errors)]
    scored = [one for one in methods if all((one, regressor) in errors for regressor in regressors)]
    over = scored[0] if len(scored) == 1 else f"mean of {len(scored)} methods"
    means = {name: fmean(errors[one, name] for one in scored) for name in regressors if scored}
    return Yardstick(f"{METRIC_NAMES[metric]}, {over}", means)


def _error_against_truth(diagnosis: Rows, metric: str) -> Yardstick:
    """One metric of the diagnosis, for the regressors of Table I."""
    errors = {}
    for row in diagnosis:
        name = row["regressor"] if row["regressor"] != "opt" else f"opt_{row['variant']}"
        if row["metric"] == metric and name in TABLE_1:
            errors[TABLE_1[name]] = float(row["value"])
    return Yardstick(TRUTH[metric], {name: errors[name] for name in REGRESSORS if name in errors})


def _change(table_1: Rows, methods: Sequence[str], reference: str, regressor: str) -> str:
    """Range of the change of MPJPE over the methods, in words; empty where one was not scored."""
    errors = {
        (row["method"], row["regressor"]): float(row["value_mm"])
        for row in table_1
        if row["metric"] == "mpjpe"
    }
    changes = [
        errors[method, regressor] - errors[method, reference]
        for method in methods
        if (method, regressor) in errors and (method, reference) in errors
    ]
    if not changes:
        return ""
    low, high = (f"{end(changes):+.1f}".replace("-", "\N{MINUS SIGN}") for end in (min, max))
    span = low if low == high else f"{low} to {high}"
    return f"by {span} mm from {regressor_name(reference)} to {regressor_name(regressor)}"
