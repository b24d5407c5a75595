"""Numbers as cells of a printed table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jointreg.tables.render import Cell

if TYPE_CHECKING:
    import pandas as pd


def printed(value: float | None, form: str = "z.1f") -> str:
    """A number as printed, zero without a minus; a dash where there is none."""
    return "-" if value is None or np.isnan(value) else f"{value:{form}}"


def printed_value(row: "pd.Series | None", column: str, form: str = "z.1f") -> str:
    """A column of a row as printed; a dash where there is no row."""
    return "-" if row is None else printed(row[column], form)


def marked(texts: Sequence[str], least: bool = True) -> list[Cell]:
    """Cells of numbers that compete: the smallest as printed is `best`, none where all are equal.

    Args:
        texts: from `printed`.
        least: mark the smallest; False: the largest.
    """
    numbers = [float(text) for text in texts if text != "-"]
    best = (min if least else max)(numbers, default=0.0)
    differ = len(set(numbers)) > 1
    return [Cell(t, "best" if differ and t != "-" and float(t) == best else "plain") for t in texts]


def change_cell(row: "pd.Series | None", ends: tuple[str, ...], digits: int = 1) -> Cell:
    """A change with its interval, if it has one; `ends`: columns of the mean, low and high end."""
    middle, low, high = ends
    if row is None or np.isnan(row[middle]):
        return Cell("-" if row is None else "")
    form = f"+z.{digits}f"
    text = printed(row[middle], form)
    if np.isfinite(row[low]):
        text += f" [{printed(row[low], form)}, {printed(row[high], form)}]"
    return Cell(text)
