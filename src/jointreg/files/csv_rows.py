"""Tidy rows as CSV: one place that decides how numbers are written, and what is read as text."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

NAMES = (
    *("method", "regressor", "reference", "variant", "bodies", "subject", "split", "action", "take"),
    *("camera", "joint", "metric", "quantity", "unit"),
)
"""Columns of text."""
_NO_NUMBER = ("", "nan")


def write_rows(path: str | Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows with six decimals (a nanometre in mm), so that the same numbers give the same bytes."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: f"{v:.6f}" if isinstance(v, float) else v for key, v in row.items()})


def read_table(path: str | Path) -> "pd.DataFrame":
    """Read rows; names stay text, also those that look like numbers or, as `null`, like nothing."""
    import pandas as pd

    columns = pd.read_csv(path, nrows=0, comment="#").columns
    return pd.read_csv(
        path,
        comment="#",
        dtype=dict.fromkeys(NAMES, str),
        keep_default_na=False,
        na_values={column: _NO_NUMBER for column in columns if column not in NAMES},
    )
