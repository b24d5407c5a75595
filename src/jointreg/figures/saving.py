"""Figures as files. No figure uses pyplot, so that no state outlives a call."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from jointreg.figures.style import STYLE


def save(figure: Figure, path: str | Path, dpi: int = 150) -> None:
    """Write PNG, SVG or PDF by the path's ending; the same figure gives the same bytes."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}
    with mpl.rc_context(STYLE):
        figure.savefig(path, dpi=dpi, metadata=dates.get(path.suffix))
