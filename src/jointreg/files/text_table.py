"""Rows as aligned text, for terminals and logs."""

from collections.abc import Iterable, Sequence

GAP = "  "
"""Between two columns."""


def text_table(rows: Iterable[Sequence[object]], align: str = "", rule: bool = False) -> str:
    """One line a row, cells of a column equally wide, without blanks at the end of a line.

    Args:
        rows: cells, the heading first; every row has the same number of them.
        align: one letter a column, `l` for left and `r` for right; left where letters are missing.
        rule: draw a line of hyphens below the heading.

    Raises:
        ValueError: rows of different lengths, or another letter in `align`.
    """
    lines = aligned_lines(rows, align, GAP)
    if rule and lines:
        lines.insert(1, "-" * len(lines[0]))
    return "\n".join(line.rstrip() for line in lines)


def aligned_lines(rows: Iterable[Sequence[object]], align: str = "", gap: str = GAP) -> list[str]:
    """The lines of `text_table`, all equally long."""
    columns = [[str(cell) for cell in column] for column in zip(*rows, strict=True)]
    if set(align) - {"l", "r"}:
        raise ValueError(f"align is {align!r}, expected letters `l` and `r`")
    padded = []
    for column, side in zip(columns, align.ljust(len(columns), "l"), strict=False):
        width = max(map(len, column))
        padded.append([cell.rjust(width) if side == "r" else cell.ljust(width) for cell in column])
    return [gap.join(cells) for cells in zip(*padded, strict=True)]
