"""Figures show the numbers they are given, say what is simulated, and save to the same bytes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from jointreg import figures, mesh_figures
from jointreg.body import load_body
from jointreg.skeleton import H36M_17


def _texts(figure: Figure) -> str:
    figure.canvas.draw()
    found = []
    for axis in figure.axes:
        found += [axis.get_title(), *(label.get_text() for label in axis.get_yticklabels())]
    return " | ".join(found)


def _disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:64, :64]
    return (np.hypot(columns - x, rows - y) < radius).astype(float)


@pytest.fixture
def example() -> figures.Example:
    generator = np.random.default_rng(0)
    joints = generator.uniform(10, 50, (17, 2))
    return figures.Example(
        title="take 1, camera 54138969, frame 5",
        crop=generator.integers(0, 255, (64, 64, 3), dtype=np.uint8),
        mask=(255 * _disc(32, 32, 20)).astype(np.uint8),
        labels_px=joints,
        initial=_disc(32, 32, 10),
        refined=_disc(32, 32, 20),
        initial_px=joints + 5,
        refined_px=joints + 1,
    )


def test_overlay_states_the_overlap_of_each_body(example: figures.Example) -> None:
    figure = figures.overlay([example, example], "S9 Walking")
    texts = _texts(figure)
    quarter = _disc(32, 32, 10).sum() / _disc(32, 32, 20).sum()
    assert f"initial, IoU {quarter:.2f}" in texts
    assert "refined, IoU 1.00" in texts
    assert "camera 54138969, frame 5" in texts
    assert len(figure.axes) == 6


def test_overlay_draws_labels_and_joints_where_they_are(example: figures.Example) -> None:
    axis = figures.overlay([example]).axes[1]
    drawn = [np.stack(line.get_data(), axis=1) for line in axis.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(drawn[0], example.labels_px)
    np.testing.assert_allclose(drawn[1], example.initial_px)
    assert axis.get_xlim() == (-0.5, 63.5)
    assert axis.get_ylim() == (63.5, -0.5)


def test_overlay_takes_an_empty_mask(example: figures.Example) -> None:
    nothing = figures.Example(**{**vars(example), "mask": np.zeros((64, 64), np.uint8)})
    assert "IoU 0.00" in _texts(figures.overlay([nothing]))


def test_energies_are_medians_and_absent_terms_have_no_line() -> None:
    generator = np.random.default_rng(1)
    iterations = np.array([0, 10, 20])
    full = generator.gamma(2.0, size=(50, 3, 3))
    without = full.copy()
    without[..., 2] = 0
    figure = figures.energy_curves(
        {"full": (iterations, full), "no_discriminator": (iterations, without)}
    )
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), np.median(full[..., 1], axis=0))
    assert [len(axis.lines) for axis in figure.axes] == [2, 2, 1]


def _table() -> pd.DataFrame:
    table = []
    for method in ("sim_spin", "vibe"):
        for k, regressor in enumerate(("std", "spin", "opt")):
            for metric, value in (("mpjpe", 60.0 - k), ("pa_mpjpe", 40.0 - k)):
                table.append(
                    {
                        "method": method,
                        "regressor": regressor,
                        "metric": metric,
                        "value_mm": value,
                        "change_from_std_mm": np.nan if k == 0 else -float(k),
                        "change_from_std_low_mm": np.nan if k == 0 else -float(k) - 0.5,
                        "change_from_std_high_mm": np.nan if k == 0 else -float(k) + 0.5,
                    }
                )
    return pd.DataFrame(table)


def test_table_plot_shows_every_value_and_interval() -> None:
    paper = pd.DataFrame(
        [
            {"method": "SPIN", "regressor": r, "metric": m, "value_mm": 50.0}
            for r in ("std", "spin", "opt")
            for m in ("mpjpe", "pa_mpjpe")
        ]
        + [{"method": "MEVA", "regressor": "opt", "metric": "pa_mpjpe", "value_mm": 61.9}]
    )
    figure = figures.table_1_plot(_table(), paper=paper)
    texts = _texts(figure)
    assert "sim_spin (simulated)" in texts
    assert "paper: real SPIN" in texts
    assert "MEVA" not in texts
    values = [line.get_xdata()[0] for line in figure.axes[0].lines]
    assert values == [60, 59, 58, 60, 59, 58, 50, 50, 50]
    hollow = [line.get_markerfacecolor() == "white" for line in figure.axes[0].lines]
    assert hollow == [False] * 6 + [True] * 3
    spans = [list(line.get_xdata()) for line in figure.axes[1].lines if len(line.get_xdata()) == 2]
    assert [-1.5, -0.5] in spans
    assert [-2.5, -1.5] in spans


def test_table_plot_draws_no_interval_where_there_is_none() -> None:
    table = _table()
    table[["change_from_std_low_mm", "change_from_std_high_mm"]] = np.nan
    lines = figures.table_1_plot(table).axes[1].lines
    # What remains with two ends is the vertical line at zero.
    assert [list(line.get_xdata()) for line in lines if len(line.get_xdata()) == 2] == [[0, 0]]


def test_joint_errors_stand_beside_their_joint() -> None:
    values = np.arange(17.0) * 5
    figure = figures.joint_errors({"sim_vibe": {"std": values, "opt_no_silhouette": values[::-1]}})
    axis = figure.axes[0]
    np.testing.assert_allclose(axis.lines[0].get_xdata(), values)
    np.testing.assert_allclose(np.round(axis.lines[0].get_ydata()), np.arange(17))
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        n.replace("_", " ") for n in H36M_17
    ]
    assert axis.get_title() == "sim_vibe (simulated)"


def test_support_marks_the_joint_that_each_row_reads() -> None:
    body = load_body("open")
    weights = np.zeros((17, body.n_vertices))
    weights[np.arange(17), np.arange(17) * 400] = 0.7
    weights[np.arange(17), np.arange(17) * 400 + 5] = 0.3
    figure = mesh_figures.regressor_support(body.template, body.faces, {"std": weights, "opt": weights})
    assert len(figure.axes) == 4
    assert figure.axes[0].get_title() == "J_std: 34 vertices"
    front, side = (np.concatenate([line.get_xydata() for line in a.lines]) for a in figure.axes[:2])
    joints = weights @ body.template
    np.testing.assert_allclose(front, joints[:, :2], atol=1e-6)
    np.testing.assert_allclose(side, np.stack([-joints[:, 2], joints[:, 1]], axis=1), atol=1e-6)


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, ending: str, example) -> None:
    for name in ("a", "b"):
        figures.save(figures.overlay([example], "S9"), tmp_path / f"{name}.{ending}", dpi=60)
    first = (tmp_path / f"a.{ending}").read_bytes()
    assert len(first) > 1000
    assert first == (tmp_path / f"b.{ending}").read_bytes()


def test_figures_load_neither_pyplot_nor_torch() -> None:
    code = (
        "import sys, jointreg.figures, jointreg.mesh_figures\n"
        "print([m for m in ('matplotlib.pyplot', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
