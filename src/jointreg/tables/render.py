"""Tables as text: Markdown, LaTeX (booktabs), an HTML fragment and plain columns for a terminal.

All are written from the same cells (`Grid`). Cells come from `jointreg.tables.grids`, numbers from
`jointreg.tables.numbers`.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from markupsafe import Markup, escape

from jointreg.files.templates import fill_html
from jointreg.files.text_table import aligned_lines
from jointreg.tables.names import _REGRESSOR

FORMS = ("md", "tex", "html", "txt")
"""Endings of the printed forms of a table, beside its CSV."""

_MINUS = re.compile(r"(?<!\w)-(?=\d)|(?<= )-(?= )")
"""A hyphen that stands for a minus."""

Style = Literal["plain", "best", "reference"]

Groups = list[tuple[str, tuple[str, ...]]]
"""Heading of each group of columns, and the headings of its columns."""


@dataclass(frozen=True)
class Cell:
    """One cell of a printed table."""

    text: str
    style: Style = "plain"
    """`best`: of its row and metric, bold; `reference`: not ours, italic."""


@dataclass(frozen=True)
class Grid:
    """A printed table before it gets a format: groups of columns, and rows of cells."""

    groups: tuple[tuple[str, tuple[str, ...]], ...]
    """Heading of each group and of the columns under it; the first group names the rows."""
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    """What the table shows and under which protocol; stands above."""
    note: str = ""
    """What the numbers say and how they are to be read; stands below."""
    wide: bool = False
    """Takes both columns of a two-column page."""

    @property
    def labels(self) -> int:
        """Number of the columns that name a row."""
        return len(self.groups[0][1])


def write_forms(base: str | Path, grid: Grid) -> None:
    """Write a table in all `FORMS`: `base` with each ending. LaTeX's label is `tab:<name>`."""
    base = Path(base)
    base.parent.mkdir(parents=True, exist_ok=True)
    texts = {
        "md": to_markdown(grid),
        "tex": to_latex(grid, f"tab:{base.name}"),
        "html": to_html(grid),
        "txt": to_text(grid),
    }
    for form in FORMS:
        base.with_name(f"{base.name}.{form}").write_text(texts[form], encoding="utf-8")


def caption_of(source: str, protocol: str) -> tuple[str, str]:
    """What stands above and below a printed table.

    Above: the first paragraph of its caption file and the first sentence of the protocol, which names
    every choice. Below: the rest of the protocol, how the numbers are to be read. What else the file
    says is of the columns of the CSV, for the report.

    Args:
        source: text of a file of workflow/report, reStructuredText.
        protocol: from `evaluation.protocol.protocol_sentence`.
    """
    first = re.sub(r"``|[*][*]", "", " ".join(source.strip().split("\n\n")[0].split()))
    choices, dot, rest = protocol.partition(". ")
    return f"{first} {choices}{dot.strip()}", rest


def to_markdown(grid: Grid) -> str:
    """GitHub Markdown with the caption above; one heading line, since Markdown has no spans."""
    heads = [f"{group} {column}".strip() for group, columns in grid.groups for column in columns]
    wrap = {"plain": "{}", "best": "**{}**", "reference": "*{}*"}
    rules = ["---"] * grid.labels + ["---:"] * (len(heads) - grid.labels)
    lines = [heads, rules] + [
        [wrap[cell.style].format(_markdown(cell.text)) if cell.text else "" for cell in row]
        for row in grid.rows
    ]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join(filter(None, [grid.caption, table, grid.note])) + "\n"


def to_html(grid: Grid) -> str:
    """An HTML fragment, one `table` with its caption, and the note below in a paragraph.

    Every heading has its `scope`, so that a screen reader can name the column and row of a number. Text
    is escaped; there is no style beyond alignment.
    """
    return fill_html("tables/assets/table.html", grid=grid, typeset=_typeset)


def to_latex(grid: Grid, label: str = "") -> str:
    """A table environment; needs the packages booktabs and graphicx.

    A table that is wider than its column is scaled down to it.
    """
    count = sum(len(names) for _, names in grid.groups)
    wrap = {"plain": "{}", "best": "\\textbf{{{}}}", "reference": "\\textit{{{}}}"}
    heads, rules, start = [], [], 1
    for group, names in grid.groups:
        end = start + len(names) - 1
        heads.append(f"\\multicolumn{{{len(names)}}}{{c}}{{{_latex(group)}}}")
        if group:
            rules.append(f"\\cmidrule(lr){{{start}-{end}}}")
        start = end + 1
    body = [
        " & ".join(wrap[c.style].format(_latex(c.text)) if c.text else "" for c in row) + " \\\\"
        for row in grid.rows
    ]
    kind = "table*" if grid.wide else "table"
    # PA-MPJPE, six times in a row of Table I, would not fit into a column.
    short = {"PA-MPJPE": "PA"} if any(group for group, _ in grid.groups) else {}
    columns = [short.get(name, name) for _, names in grid.groups for name in names]
    caption = grid.caption + (" PA: PA-MPJPE." if short and "PA" in columns else "")
    note = f"\\par\\smallskip\\parbox{{\\linewidth}}{{\\scriptsize {_latex(grid.note)}}}"
    lines = [
        "% needs \\usepackage{booktabs} and \\usepackage{graphicx}",
        f"\\begin{{{kind}}}",
        "\\centering",
        f"\\caption{{{_latex(caption)}}}",
        *([f"\\label{{{label}}}"] if label else []),
        "\\par\\smallskip\\footnotesize",
        "\\setlength{\\tabcolsep}{3pt}",
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
        f"\\begin{{tabular}}{{{'l' * grid.labels}{'r' * (count - grid.labels)}}}",
        "\\toprule",
        *([" & ".join(heads) + " \\\\", "".join(rules)] if rules else []),
        " & ".join(map(_latex, columns)) + " \\\\",
        "\\midrule",
        *body,
        "\\bottomrule",
        "\\end{tabular}}",
        *([note] if grid.note else []),
        f"\\end{{{kind}}}",
    ]
    return "\n".join(lines) + "\n"


def to_text(grid: Grid, width: int = 100) -> str:
    """Aligned columns for a terminal, the best marked by `*`, note and caption below.

    Groups that would pass `width` characters go into another block under the first.
    """
    names, *groups = (_group_lines(grid, group) for group in range(len(grid.groups)))
    blocks: list[list[list[str]]] = [[]]
    for lines in groups:
        used = sum(len(part[0]) for part in (names, *blocks[-1]))
        if blocks[-1] and used + len(lines[0]) > width:
            blocks.append([])
        blocks[-1].append(lines)
    marked = any(cell.style == "best" for row in grid.rows for cell in row)
    below = ["* best of its row and metric"] if marked else []
    below += [textwrap.fill(text, width) for text in (grid.note, grid.caption) if text]
    return "\n".join(_block(names, block) for block in blocks) + "\n\n".join(below) + "\n"


def _group_lines(grid: Grid, group: int) -> list[str]:
    """Heading of a group, headings of its columns, and its cells, all lines equally long.

    The last character of each column is kept for the mark of the best.
    """
    heading, columns = grid.groups[group]
    start = sum(len(names) for _, names in grid.groups[:group])
    rows = [[f"{name} " for name in columns]]
    rows += [
        [
            cell.text + ("*" if cell.style == "best" else " ")
            for cell in row[start : start + len(columns)]
        ]
        for row in grid.rows
    ]
    if group == 0:
        lines = [f"{line} " for line in aligned_lines(rows, gap=" ")]
    else:
        right = aligned_lines(rows, "r" * len(columns), gap=" ")
        lines = [f" {line}".rjust(len(heading) + 1) for line in right]
    return [heading.center(len(lines[0])), *lines]


def _block(names: list[str], groups: list[list[str]]) -> str:
    """The names of the rows and some groups side by side, without rows that are empty there."""
    head, columns, *rows = ("".join(parts).rstrip() for parts in zip(names, *groups, strict=True))
    filled = [row for row in rows if len(row) > len(names[0])]
    return "\n".join([*filter(None, [head]), columns, "-" * len(columns), *filled]) + "\n"


def _markdown(text: str) -> str:
    """Escape what Markdown would read as a border of the table."""
    return text.replace("|", "\\|")


def _typeset(text: str) -> Markup:
    """Text escaped for HTML, regressors with their index, numbers with a minus."""
    safe = _MINUS.sub("\N{MINUS SIGN}", str(escape(text)))
    return Markup(_REGRESSOR.sub(r"J<sub>\1</sub>", safe))


_LATEX = {
    "\\": "\\textbackslash{}",
    **{mark: f"\\{mark}" for mark in "&%_#${}"},
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
}


def _latex(text: str) -> str:
    """Escape what LaTeX reads as commands; regressors become formulas, a minus a minus.

    Inside words of a caption, `sim_spin` and paths may break at their underscores and slashes.
    """
    parts = []
    for k, part in enumerate(_REGRESSOR.split(text)):
        if k % 2:
            parts.append(f"$J_\\mathrm{{{part}}}$")
            continue
        part = "".join(_LATEX.get(mark, mark) for mark in part)
        part = re.sub(r"(?<=\w)(/|\\_)(?=\w)", r"\1\\allowbreak{}", part)
        parts.append(_MINUS.sub("$-$", part))
    return "".join(parts)
