"""Figures as files. No figure uses pyplot, so that no state outlives a call."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from jointreg.figures.style import STYLE


def save(figure: Figure, *paths: str | Path, dpi: int = 150) -> None:
    """Write PNG, SVG or PDF by each path's ending; the same figure gives the same bytes.

    Places are found once, for all files, and kept: that takes as long as to draw.
    """
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}
    with mpl.rc_context(STYLE):
        figure.draw_without_rendering()
        figure.set_layout_engine(None)
        for path in map(Path, paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=dpi, metadata=dates.get(path.suffix))
