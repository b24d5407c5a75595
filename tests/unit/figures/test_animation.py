"""The moving picture begins with the first body, ends with the last, and keeps every moment."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jointreg.figures import style
from jointreg.figures.animation import Fit, animate, save_gif
from jointreg.figures.panels import DrawnBody, DrawnFrame

SIDE = 64
MOMENTS = 4


def square(left: int) -> np.ndarray:
    covered = np.zeros((SIDE, SIDE))
    covered[20:40, left : left + 20] = 1
    return covered


@pytest.fixture(scope="module")
def fit() -> Fit:
    """A bright square that moves from left to right over a black crop, to a mask on the right."""
    shown = [square(left) for left in np.linspace(2, 42, MOMENTS).astype(int)]
    joints = np.full((17, 2), 60.0)
    bodies = [DrawnBody(s, np.stack([np.ones_like(s), s], axis=2), joints) for s in shown]
    frame = DrawnFrame(
        title="S1 Walking, camera 54138969, frame 3",
        crop=np.zeros((SIDE, SIDE, 3), np.uint8),
        mask=(255 * square(42)).astype(np.uint8),
        labels_px=joints,
        bodies={},
    )
    falling = np.geomspace(1, 0.01, MOMENTS)
    energies = {"joint": falling, "silhouette": falling**0.5}
    return Fit(frame, bodies, np.arange(MOMENTS) * 3, energies)


@pytest.fixture(scope="module")
def pictures(fit: Fit) -> np.ndarray:
    return animate(fit)


def blue(picture: np.ndarray) -> np.ndarray:
    """Pixels in the colour of a refined body over black."""
    colour = np.array([int(style.COLOURS["refined"][k : k + 2], 16) for k in (1, 3, 5)])
    return np.abs(picture[:450].astype(float) - 0.85 * colour).max(axis=2) < 12


def test_every_moment_shows_its_body_where_it_is(pictures: np.ndarray, fit: Fit) -> None:
    assert pictures.shape == (MOMENTS, 630, 460, 3)
    left = 0.01 * 460
    scale = 0.98 * 460 / SIDE
    for picture, body in zip(pictures, fit.bodies, strict=True):
        columns = np.flatnonzero(blue(picture).sum(axis=0) > 50)
        inside = np.flatnonzero(body.covered.any(axis=0))
        assert columns[0] == pytest.approx(left + scale * inside[0], abs=3)
        assert columns[-1] == pytest.approx(left + scale * (inside[-1] + 1), abs=3)


def test_the_gif_keeps_moments_size_and_times_and_loops(tmp_path: Path, pictures: np.ndarray) -> None:
    save_gif(pictures, tmp_path / "fit.gif", step_ms=80, first_ms=500, last_ms=900)
    with Image.open(tmp_path / "fit.gif") as gif:
        assert (gif.n_frames, gif.size) == (MOMENTS, (460, 630))
        assert gif.info["loop"] == 0
        found, times = [], []
        for moment in range(MOMENTS):
            gif.seek(moment)
            found.append(np.asarray(gif.convert("RGB")))
            times.append(gif.info["duration"])
    assert times == [500, 80, 80, 900]
    for ours, read in zip(pictures, found, strict=True):
        assert np.abs(ours.astype(int) - read).mean() < 2
        assert (blue(ours) == blue(read)).mean() > 0.999


def test_the_gif_keeps_the_colours_of_thin_lines(tmp_path: Path) -> None:
    """Colours of the curves survive next to a picture of many thousand colours."""
    noise = np.random.default_rng(0).integers(0, 255, (2, 200, 200, 3), dtype=np.uint8)
    colours = [style.SERIES[0], style.COLOURS["mask"]]
    planted = np.array([[int(name[k : k + 2], 16) for k in (1, 3, 5)] for name in colours])
    noise[:, 7, :2] = planted
    save_gif(noise, tmp_path / "noise.gif")
    with Image.open(tmp_path / "noise.gif") as gif:
        read = np.asarray(gif.convert("RGB"))
    np.testing.assert_array_equal(read[7, :2], planted)


def test_the_same_fit_gives_the_same_bytes(tmp_path: Path, pictures: np.ndarray, fit: Fit) -> None:
    save_gif(pictures, tmp_path / "a.gif")
    save_gif(animate(fit), tmp_path / "b.gif")
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
