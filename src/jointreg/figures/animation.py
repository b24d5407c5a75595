"""One fit as a moving picture: the body on its way from the initial to the refined one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from jointreg.figures.panels import (
    THIN,
    DrawnBody,
    DrawnFrame,
    show_frame,
    show_joints,
    show_shaded,
)
from jointreg.figures.style import COLOURS, SERIES, STYLE, line_look

SIZE_IN = (4.6, 6.3)
DPI = 100
LEAST = 1e-4
"""Weighted energies below this are drawn as this: the axis is logarithmic."""


@dataclass(frozen=True)
class Fit:
    """One frame's refinement, T moments of it."""

    frame: DrawnFrame
    """What the body is fitted to; its `bodies` are not drawn."""
    bodies: Sequence[DrawnBody]
    """T bodies, the initial one first."""
    iterations: np.ndarray
    """Adam steps before each moment, (T,)."""
    energies: Mapping[str, np.ndarray]
    """Term -> weighted energy at each moment, (T,)."""


def animate(fit: Fit) -> np.ndarray:
    """A picture of every moment: the body over the crop, below it the energies up to there.

    Returns:
        RGB, (T, 630, 460, 3) uint8.
    """
    with mpl.rc_context(STYLE):
        scene = _Scene(fit)
        return np.stack([scene.picture(moment) for moment in range(len(fit.bodies))])


def save_gif(
    pictures: np.ndarray,
    path: str | Path,
    *,
    step_ms: int = 80,
    first_ms: int = 800,
    last_ms: int = 2000,
) -> None:
    """Write pictures (T, H, W, 3) uint8 as a GIF that loops, without dither; same pictures, same bytes.

    All share one palette, so that what does not move costs nothing: the colours of
    `figures.style`, which thin lines need, and others from the first and the last picture.
    """
    images = [Image.fromarray(picture) for picture in pictures]
    ends = Image.fromarray(np.concatenate([pictures[0], pictures[-1]]))
    ours = [
        round(255 * part)
        for name in dict.fromkeys([*SERIES, *COLOURS.values()])
        for part in to_rgb(name)
    ]
    others = ends.quantize(colors=255 - len(ours) // 3, method=Image.Quantize.MEDIANCUT)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*ours, *(others.getpalette() or [])])
    first, *rest = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
    durations = [first_ms, *[step_ms] * (len(images) - 2), last_ms]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0, optimize=False)


class _Scene:
    """The figure, of which only what moves is drawn anew from moment to moment."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        figure = Figure(figsize=SIZE_IN, dpi=DPI)
        self.canvas = FigureCanvasAgg(figure)
        self.title = figure.text(0.5, 0.988, "", ha="center", va="top")
        self.over = figure.add_axes((0.01, 0.245, 0.98, 0.98 * SIZE_IN[0] / SIZE_IN[1]))
        show_frame(self.over, fit.frame, "", THIN)
        self.still = set(self.over.get_children())
        below = figure.add_axes((0.14, 0.072, 0.82, 0.16))
        self.reached = []
        for index, (term, values) in enumerate(fit.energies.items()):
            look = line_look(index)
            below.plot(fit.iterations, values, linewidth=1, alpha=0.3, **look)
            (line,) = below.plot([], [], linewidth=1.6, label=term, **look)
            (dot,) = below.plot([], [], "o", color=SERIES[index], markersize=4)
            self.reached.append((values, line, dot))
        together = np.maximum(np.stack(list(fit.energies.values())), LEAST)
        below.set(xlim=(0, fit.iterations[-1]), xlabel="iteration", yscale="log")
        below.set_ylabel("weighted energy")
        below.set_ylim(together.min() / 2, together.max() * 6)  # room for the legend
        below.legend(loc="upper right", ncols=len(fit.energies))

    def picture(self, moment: int) -> np.ndarray:
        """One moment as RGB, (H, W, 3) uint8."""
        fit, body = self.fit, self.fit.bodies[moment]
        steps = fit.iterations
        self.title.set_text(f"{fit.frame.title}: iteration {steps[moment]} of {steps[-1]}")
        for artist in set(self.over.get_children()) - self.still:
            artist.remove()
        show_shaded(self.over, body, COLOURS["refined"])
        show_joints(self.over, fit.frame.labels_px, body.joints_px, COLOURS["joint"])
        for values, line, dot in self.reached:
            line.set_data(steps[: moment + 1], values[: moment + 1])
            dot.set_data(steps[moment : moment + 1], values[moment : moment + 1])
        self.canvas.draw()
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()
