"""Every table in LaTeX, in a two-column document, through pdflatex: no error; Table I fits its column.

Debian: apt-get install --no-install-recommends texlive-latex-base texlive-latex-recommended
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from planted_tables import planted_grids

from jointreg.tables import render

PDFLATEX = shutil.which("pdflatex")
needs_pdflatex = pytest.mark.skipif(
    PDFLATEX is None,
    reason="pdflatex not found: apt-get install texlive-latex-base texlive-latex-recommended",
)
MOST_PT = 1.0
"""An overfull box up to this is not seen."""

DOCUMENT = r"""
\documentclass[twocolumn]{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}
%s
\end{document}
"""


def compiled(folder: Path, names: list[str]) -> str:
    """The log of a document that inputs these tables."""
    body = "\n\\clearpage\n".join(f"Text before a table.\n\\input{{{name}.tex}}" for name in names)
    (folder / "page.tex").write_text(DOCUMENT % body)
    done = subprocess.run(
        [str(PDFLATEX), "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
    )
    log = (folder / "page.log").read_text(errors="replace")
    assert done.returncode == 0, log[-3000:]
    assert (folder / "page.pdf").stat().st_size > 1_000
    return log


def overfull_pt(log: str) -> list[float]:
    return [float(found) for found in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]


@needs_pdflatex
@pytest.mark.parametrize("real", [True, False])
def test_every_table_compiles_in_two_columns(tmp_path: Path, real: bool) -> None:
    grids = planted_grids(real=real)
    for name, grid in grids.items():
        render.write_forms(tmp_path / name, grid)
    log = compiled(tmp_path, list(grids))
    assert "LaTeX Warning: Reference" not in log
    assert not [wide for wide in overfull_pt(log) if wide > 5 * MOST_PT]
    alone = compiled(tmp_path, ["table_1"])
    assert not [wide for wide in overfull_pt(alone) if wide > MOST_PT]


@needs_pdflatex
def test_the_log_would_tell_of_a_wide_box(tmp_path: Path) -> None:
    wide = "\\begin{table}\\begin{tabular}{l}" + "wide " * 40 + "\\end{tabular}\\end{table}\n"
    (tmp_path / "wide.tex").write_text(wide * 10)
    assert max(overfull_pt(compiled(tmp_path, ["wide"]))) > 100
