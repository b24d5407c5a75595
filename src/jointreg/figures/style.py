"""How figures look: sizes, type, colours, markers and dashes. The one home; no figure sets its own.

Made for a paper in two columns: a figure is `COLUMN_IN` or `PAGE_IN` wide and is printed at that size,
so type is 7 or 8 points. Colours after Okabe and Ito, darkened where they would stand under 3:1 against
white; series also
differ in marker or dashes, for print in grey.
"""

from typing import Any

from jointreg.tables.names import TABLE_1

COLUMN_IN = 3.4
"""Width of a figure in one column, inches."""
PAGE_IN = 7.0
"""Width of a figure across both columns, inches."""
PAGE_HEIGHT_IN = 9.4
"""The most height of a figure, inches."""

TEXT_PT = 8
SMALL_PT = 7
"""The smallest type of any figure, points."""

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": TEXT_PT,
    "axes.titlesize": TEXT_PT,
    "axes.labelsize": TEXT_PT,
    "xtick.labelsize": SMALL_PT,
    "ytick.labelsize": SMALL_PT,
    "legend.fontsize": SMALL_PT,
    "figure.titlesize": TEXT_PT,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "svg.hashsalt": "jointreg",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}
"""matplotlib's settings for every figure."""

PICTURE: Any = STYLE | {"axes.grid": False}
"""The same for panels that are pictures."""

COLOURS: dict[str, str] = {
    "std": "#D55E00",
    "spin": "#0072B2",
    "opt": "#009E73",
    "recommended": "#B0639A",
    "given": "#000000",
    "true": "#000000",
    "initial": "#D55E00",
    "refined": "#3A93D0",
    "mask": "#F0E442",
    "label": "#FFFFFF",
    "joint": "#000000",
    "reference": "#7F7F7F",
}
"""Colour of each regressor and of each thing in an overlay; `reference`: lines at 0 and 1/2."""

OUTLINED = ("mask", "label")
"""Colours that are drawn with a black rim only: they show on photographs and on white."""

MARKERS: dict[str, str] = {
    "std": "s",
    "spin": "D",
    "opt": "o",
    "recommended": "P",
    "given": "^",
    "true": "x",
}

SERIES = ("#009E73", "#0072B2", "#D55E00", "#B0639A", "#A66A00", "#3A93D0", "#000000", "#7F7F7F")
"""Colours of things without a colour of their own."""
DASHES = ("-", "--", "-.", ":")
SHAPES = ("o", "s", "D", "^", "v", "P")


def line_look(index: int) -> dict[str, Any]:
    """Colour and dashes of a line; the first 32 differ, neighbours in both."""
    again, colour = divmod(index, len(SERIES))
    return {"color": SERIES[colour], "linestyle": DASHES[(colour + again) % len(DASHES)]}


def shape_look(index: int) -> dict[str, Any]:
    """Colour and marker of a series of points; the first 24 differ, neighbours in both."""
    again, colour = divmod(index, len(SERIES))
    return {"color": SERIES[colour], "marker": SHAPES[(colour + again) % len(SHAPES)]}


def regressor_look(regressor: str, *, hollow: bool = False) -> dict[str, Any]:
    """Colour and marker of a regressor; variants of J_opt beyond Table I are triangles."""
    key = TABLE_1.get(regressor, regressor)
    colour = COLOURS[key] if key in MARKERS else SERIES[3 + sum(regressor.encode()) % 3]
    return {
        "marker": MARKERS.get(key, "v"),
        "color": colour,
        "markerfacecolor": "white" if hollow else colour,
        "linestyle": "none",
    }
