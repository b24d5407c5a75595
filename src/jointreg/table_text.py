"""Tables as text: Markdown, LaTeX (booktabs) and plain columns for a terminal, and their captions.

All three are written from the same cells. The frames come from `jointreg.tables`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jointreg.config import Evaluate
from jointreg.evaluation import joints_in_words
from jointreg.sequences import Method
from jointreg.tables import FEWEST_CLUSTERS, MM_METRICS, SIMULATED, TABLE_1, display_name

if TYPE_CHECKING:
    import pandas as pd

REGRESSOR_NAMES: dict[str, str] = {
    "std": "J_std",
    "spin": "J_spin",
    "opt": "J_opt",
    "given": "joints as given",
}
"""How tables and figures call the regressors of Table I; J_opt of a variant is `J_opt (variant)`."""

METRIC_NAMES: dict[str, str] = {"mpjpe": "MPJPE", "pa_mpjpe": "PA-MPJPE"}

Style = Literal["plain", "best", "reference"]


@dataclass(frozen=True)
class Cell:
    """One cell of a printed table."""

    text: str
    style: Style = "plain"
    """`best`: smallest of its row and metric, bold; `reference`: not ours, italic."""


@dataclass(frozen=True)
class Grid:
    """A printed table before it gets a format: groups of columns, and rows of cells."""

    groups: tuple[tuple[str, tuple[str, ...]], ...]
    """Heading of each group and of the columns under it; the first column has the group ''."""
    rows: tuple[tuple[Cell, ...], ...]


def regressor_name(regressor: str) -> str:
    """`std` -> J_std, `opt_no_silhouette` -> J_opt (no silhouette)."""
    if regressor.startswith("opt_"):
        return f"J_opt ({regressor.removeprefix('opt_').replace('_', ' ')})"
    return REGRESSOR_NAMES.get(regressor, regressor)


def table_1_grid(
    table: "pd.DataFrame",
    paper: "pd.DataFrame | None" = None,
    methods: Mapping[str, Method] | None = None,
) -> Grid:
    """Table I as cells: errors by regressor, paired changes, and lines of the paper's own values.

    A paper line names the real network; where our rows are simulated it says so, because the two are
    not to be compared.
    """
    regressors = [name for name in TABLE_1.values() if name in set(table["regressor"])]
    simulated = any(name.startswith(SIMULATED) for name in table["method"])
    groups: list[tuple[str, tuple[str, ...]]] = [("", ("Method",))]
    groups += [(regressor_name(r), tuple(METRIC_NAMES.values())) for r in regressors]
    pairs = [p for p in (("opt", "std"), ("opt", "spin")) if set(p) <= set(regressors)]
    groups += [
        (f"{regressor_name(a)} - {regressor_name(b)}", tuple(METRIC_NAMES.values())) for a, b in pairs
    ]
    lines = []
    for method in table["method"].unique():
        ours = _by_key(table[table["method"] == method])
        line = [Cell(display_name(method, methods)), *_error_cells(ours, regressors)]
        line += [_change_cell(ours.get((a, metric)), b) for a, b in pairs for metric in MM_METRICS]
        lines.append(tuple(line))
    theirs_of = {} if paper is None else dict(list(paper.groupby("method", sort=False)))
    for method, values in theirs_of.items():
        theirs = _by_key(values)
        name = f"paper: real {method}" if simulated else f"{method}, paper"
        cells = [Cell(_number(theirs.get((r, m))), "reference") for r in regressors for m in MM_METRICS]
        empty = [Cell("")] * (len(pairs) * len(MM_METRICS))
        lines.append((Cell(name, "reference"), *cells, *empty))
    return Grid(tuple(groups), tuple(lines))


def to_markdown(grid: Grid, caption: str = "") -> str:
    """GitHub Markdown with the caption above; one heading line, since Markdown has no spans."""
    heads = [f"{group} {column}".strip() for group, columns in grid.groups for column in columns]
    wrap = {"plain": "{}", "best": "**{}**", "reference": "*{}*"}
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for row in grid.rows:
        cells = [wrap[cell.style].format(cell.text) if cell.text else "" for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return (f"{caption}\n\n" if caption else "") + "\n".join(lines) + "\n"


def to_text(grid: Grid, caption: str = "", width: int = 100) -> str:
    """Aligned columns for a terminal, the best marked by `*`, the caption below.

    Groups that would pass `width` characters go into another block under the first.
    """
    import textwrap

    blocks = [_text_block(grid, chosen) for chosen in _fitting_groups(grid, width)]
    note = f"\n{textwrap.fill(caption, width)}\n" if caption else ""
    return "\n".join(blocks) + "* smallest of its row and metric\n" + note


def to_latex(grid: Grid, caption: str = "", label: str = "") -> str:
    """A table environment; needs the package booktabs."""
    count = sum(len(names) for _, names in grid.groups)
    wrap = {"plain": "{}", "best": "\\textbf{{{}}}", "reference": "\\textit{{{}}}"}
    heads, rules, start = [], [], 1
    for group, names in grid.groups:
        heads.append(f"\\multicolumn{{{len(names)}}}{{c}}{{{_latex(group)}}}" if group else "")
        if group:
            rules.append(f"\\cmidrule(lr){{{start}-{start + len(names) - 1}}}")
        start += len(names)
    lines = [
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{_latex(caption)}}}",
        *([f"\\label{{{label}}}"] if label else []),
        f"\\begin{{tabular}}{{l{'r' * (count - 1)}}}",
        "\\toprule",
        " & ".join(heads) + " \\\\",
        "".join(rules),
        " & ".join(_latex(name) for _, names in grid.groups for name in names) + " \\\\",
        "\\midrule",
    ]
    for row in grid.rows:
        cells = [wrap[c.style].format(_latex(c.text)) if c.text else "" for c in row]
        lines.append(" & ".join(cells) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", "\\end{table}"]) + "\n"


def protocol_sentence(
    protocol: Evaluate,
    *,
    subjects: Sequence[str],
    cameras: Sequence[str],
    frame_step: int,
    skip_damaged: bool,
    simulated: bool,
    fitted: bool = False,
    networks: str = "",
    given: bool = False,
    damaged: str = "",
    kept_only: bool = False,
    labels: str = "",
) -> str:
    """The protocol in words, for every caption.

    Args:
        protocol: joints, root and mean.
        subjects: those the errors are means over.
        cameras: likewise.
        frame_step: every n-th video frame was used.
        skip_damaged: sequences of the table of damaged ones were left out.
        simulated: some methods are simulated estimators.
        fitted: some methods were fitted to the labels that they are scored with.
        networks: what the networks among the methods were shown.
        given: some methods deliver joints and no bodies.
        damaged: the table of damaged sequences.
        kept_only: the data set holds some frames only (h36m-fetch).
        labels: what the labels are, where they are not motion capture.
    """
    step = {1: "every frame", 2: "every 2nd frame", 3: "every 3rd frame"}.get(
        frame_step, f"every {frame_step}th frame"
    )
    if kept_only and frame_step == 1:
        step = "all frames that h36m-fetch kept"
    left_out = f"left out ({damaged})" if damaged else "left out"
    mean = {"frames": "mean over frames", "actions": "mean over the means of the actions"}
    sentences = [
        f"Protocol: {joints_in_words(protocol)}; MPJPE after moving both skeletons to the "
        f"{protocol.root.replace('_', ' ')}, PA-MPJPE after the best similarity of each frame on the "
        f"same joints; {_plural('subject', subjects)}; {_plural('camera', cameras)}; {step}; "
        f"damaged sequences {left_out if skip_damaged else 'included'}; {mean[protocol.average]}.",
        "Changes between regressors are paired over clusters (subject x action x take, all cameras "
        "together) with 95 % t intervals on cluster means, "
        f"none under {FEWEST_CLUSTERS} clusters; they are conditional on "
        f"{'this subject' if len(subjects) == 1 else f'these {len(subjects)} subjects'}.",
        "How much of a lower error is the old regressor's fault and how much the estimators' own bias "
        "that a refitted regressor absorbs, MPJPE alone cannot say.",
    ]
    if simulated:
        sentences.append(
            "Methods called sim_* are simulated estimators, not the networks: how far their error "
            "falls from J_std to J_opt is a property of the generator of this data set."
        )
    if fitted:
        sentences.append(
            "The bodies were themselves fitted to the labels that score them: these numbers show that "
            "the pipeline runs on real pictures, not that a regressor or a method is better."
        )
    if networks:
        sentences.append(networks)
    if given:
        sentences.append(
            "Methods under `joints as given` deliver joints and no bodies: no regressor applies to "
            "them, and their errors say nothing of J_std, J_spin or J_opt."
        )
    if labels:
        sentences.append(f"Labels: {' '.join(labels.split())}")
    return " ".join(sentences)


def _columns(grid: Grid, group: int) -> list[list[str]]:
    """Heading and cells of the columns of one group, one character kept for the mark of the best."""
    start = sum(len(names) for _, names in grid.groups[:group])
    columns = []
    for k, name in enumerate(grid.groups[group][1], start=start):
        cells = [row[k].text + ("*" if row[k].style == "best" else " ") for row in grid.rows]
        columns.append([name + " ", *cells])
    return columns


def _widths(grid: Grid, group: int) -> list[int]:
    """Width of each column of a group, gap included; a long group heading widens its last one."""
    widths = [max(map(len, column)) + 1 for column in _columns(grid, group)]
    widths[-1] += max(len(grid.groups[group][0]) + 1 - sum(widths), 0)
    return widths


def _fitting_groups(grid: Grid, width: int) -> list[list[int]]:
    """Indices of the groups in each block: as many as fit, at least one; the first is in all."""
    first = sum(_widths(grid, 0))
    blocks: list[list[int]] = [[]]
    used = first
    for group in range(1, len(grid.groups)):
        needed = sum(_widths(grid, group))
        if blocks[-1] and used + needed > width:
            blocks.append([])
            used = first
        blocks[-1].append(group)
        used += needed
    return blocks


def _text_block(grid: Grid, groups: Sequence[int]) -> str:
    """The first column and some groups as lines; rows that are empty there are left out."""
    label = sum(_widths(grid, 0))
    head, body = " " * label, [cell.ljust(label) for cell in _columns(grid, 0)[0]]
    for group in groups:
        widths = _widths(grid, group)
        head += grid.groups[group][0].center(sum(widths))
        for column, width in zip(_columns(grid, group), widths, strict=True):
            body = [line + cell.rjust(width) for line, cell in zip(body, column, strict=True)]
    names, *lines = [line.rstrip() for line in body]
    lines = [line for line in lines if len(line) > label]
    return "\n".join([head.rstrip(), names, "-" * len(names), *lines]) + "\n"


def _by_key(table: "pd.DataFrame") -> dict[tuple[str, str], "pd.Series"]:
    return {(row["regressor"], row["metric"]): row for _, row in table.iterrows()}


def _number(row: "pd.Series | None") -> str:
    return "-" if row is None else f"{row['value_mm']:.1f}"


def _error_cells(ours: Mapping[tuple[str, str], "pd.Series"], regressors: Sequence[str]) -> list[Cell]:
    """MPJPE and PA-MPJPE of each regressor, the smallest as printed marked."""
    texts = {(r, m): _number(ours.get((r, m))) for r in regressors for m in MM_METRICS}
    cells = []
    for (_, metric), text in texts.items():
        numbers = [float(t) for (_, m), t in texts.items() if m == metric and t != "-"]
        best = len(numbers) > 1 and text != "-" and float(text) == min(numbers)
        cells.append(Cell(text, "best" if best else "plain"))
    return cells


def _change_cell(row: "pd.Series | None", reference: str) -> Cell:
    if row is None:
        return Cell("-")
    change, low, high = (row[f"change_from_{reference}_{end}mm"] for end in ("", "low_", "high_"))
    if low != low:  # NaN: too few clusters.
        return Cell(f"{change:+.1f}")
    return Cell(f"{change:+.1f} [{low:+.1f}, {high:+.1f}]")


def _plural(noun: str, names: Sequence[str]) -> str:
    return f"{noun}{'' if len(names) == 1 else 's'} {', '.join(names)}"


def _latex(text: str) -> str:
    """Escape what LaTeX reads as commands; a minus before a digit or between spaces becomes one."""
    import re

    for plain, escaped in {"\\": "", "&": "\\&", "%": "\\%", "_": "\\_", "#": "\\#"}.items():
        text = text.replace(plain, escaped)
    return re.sub(r"(?<![\w])-(?=\d)|(?<= )-(?= )", "$-$", text)
