"""Tables of the page that a click on a heading sorts."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SortableCell:
    """A cell: the number it sorts by, and what is printed."""

    value: Any
    """int or float; the text itself in a column of text; empty for no value."""
    printed: str


@dataclass(frozen=True)
class SortableTable:
    """Headings and rows of cells."""

    columns: tuple[tuple[str, bool], ...]
    """Heading, and whether the column is one of numbers."""
    rows: tuple[tuple[SortableCell, ...], ...]


def sortable_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> SortableTable:
    """A table that prints rounded numbers and sorts by exact ones.

    Args:
        columns: headings.
        rows: cells. Text that is a number counts as one; `nan` and nothing are empty cells.
    """
    values = [[_value(cell) for cell in row] for row in rows]
    formats = [_format([row[k] for row in values]) for k in range(len(columns))]
    return SortableTable(
        tuple((name.replace("_", " "), bool(form)) for name, form in zip(columns, formats, strict=True)),
        tuple(
            tuple(_cell(value, form) for value, form in zip(row, formats, strict=True)) for row in values
        ),
    )


def read_csv(path: str | Path) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of a CSV file."""
    with Path(path).open(newline="", encoding="utf-8") as stream:
        columns, *rows = csv.reader(stream)
    return columns, rows


def _cell(value: Any, form: str) -> SortableCell:
    if value is None:
        return SortableCell("", "")
    return SortableCell(value, form % value if form else str(value))


def _value(cell: Any) -> Any:
    """A cell as int, float, text or None for nothing."""
    if not isinstance(cell, str):
        return None if isinstance(cell, float) and not math.isfinite(cell) else cell
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        number = float(cell)
    except ValueError:
        return cell or None
    return number if math.isfinite(number) else None


def _format(values: Sequence[Any]) -> str:
    """Format of the numbers of a column, one for all so that points align; empty for text."""
    known = [value for value in values if value is not None]
    if not known or any(isinstance(value, str) for value in known):
        return ""
    if all(isinstance(value, int) for value in known):
        return "%d"
    largest = max(map(abs, known))
    return "%.2e" if largest >= 1e5 else f"%.{1 if largest >= 1000 else 2 if largest >= 10 else 3}f"
