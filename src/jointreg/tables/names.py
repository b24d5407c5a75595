"""How tables and figures call regressors, metrics and methods."""

import re
from collections.abc import Mapping

from jointreg.config.methods import Method
from jointreg.config.settings import RECOMMENDED, REFERENCE_REGRESSOR

REGRESSOR_NAMES: dict[str, str] = {
    "std": "J_std",
    "spin": "J_spin",
    "opt": "J_opt",
    RECOMMENDED: f"J_opt ({RECOMMENDED})",
    "given": "joints as given",
}
"""How tables and figures call the regressors of Table I; J_opt of a variant is `J_opt (variant)`."""

METRIC_NAMES: dict[str, str] = {
    "mpjpe": "MPJPE",
    "pa_mpjpe": "PA-MPJPE",
    "pck150": "PCK@150",
    "auc": "AUC",
}

TITLES: dict[str, str] = {
    "table_1": "Table I",
    "changes": "changes between regressors",
    "by_subject": "errors by subject",
    "by_action": "errors by action",
    "by_joint": "errors by joint",
    "pck_auc": "PCK and AUC",
}
"""Headings of tables in the report, where the name of the file with blanks for `_` would not do."""


def regressor_name(regressor: str) -> str:
    """`std` -> J_std, `opt_no_silhouette` -> J_opt (no silhouette)."""
    if regressor.startswith("opt_"):
        return f"J_opt ({regressor.removeprefix('opt_').replace('_', ' ')})"
    return REGRESSOR_NAMES.get(regressor, regressor)


_REGRESSOR = re.compile(r"\bJ_([a-z]+)")

TABLE_1: dict[str, str] = {
    "std": "std",
    "spin": "spin",
    REFERENCE_REGRESSOR: "opt",
    f"opt_{RECOMMENDED}": RECOMMENDED,
    "given": "given",
}
"""Regressors of Table I: name in the evaluation -> name in the table. `given`: joints, no regressor."""

ACTIONS: dict[str, str] = {
    "Directions": "Dir.",
    "Discussion": "Disc.",
    "Eating": "Eat",
    "Greeting": "Greet",
    "Phoning": "Phone",
    "Photo": "Photo",
    "Posing": "Pose",
    "Purchases": "Purch.",
    "Sitting": "Sit",
    "SittingDown": "SitD.",
    "Smoking": "Smoke",
    "Waiting": "Wait",
    "WalkDog": "WalkD.",
    "Walking": "Walk",
    "WalkTogether": "WalkT.",
}
"""Human3.6M's actions in the order papers print, with the heads of their columns."""

MEAN = "mean"
"""Stands for an action or joint in the rows of the protocol's mean over all of them."""

ALL = "all"
"""Stands for a subject in the rows of all test subjects together."""

SIMULATED = "sim_"
"""Prefix of the methods that are simulated estimators."""


def display_name(method: str, methods: Mapping[str, Method] | None = None) -> str:
    """How a method is called in tables and figures. The name of a simulated one always contains that."""
    if method.startswith(SIMULATED):
        return f"{method} (simulated)"
    known = (methods or {}).get(method)
    return known.label if known is not None else method
