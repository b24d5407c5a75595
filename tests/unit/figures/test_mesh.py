"""Figures show the numbers they are given, say what is simulated, and save to the same bytes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from planted_tables import planted_tables

from jointreg.body import load_body
from jointreg.figures import error_dots, mesh
from jointreg.figures.saving import save


def _texts(figure: Figure) -> str:
    figure.canvas.draw()
    found = []
    for axis in figure.axes:
        found += [axis.get_title(), *(label.get_text() for label in axis.get_yticklabels())]
    return " | ".join(found)


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
    figure = error_dots.table_1_plot(_table(), paper_values=paper)
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


def test_a_regressor_that_the_paper_lacks_hides_no_row_of_it_and_no_mark_is_cut() -> None:
    ours = _table()
    more = ours[ours["regressor"] == "opt"].assign(regressor="recommended")
    paper = ours[ours["method"] == "vibe"][["regressor", "metric", "value_mm"]].assign(method="VIBE")
    figure = error_dots.table_1_plot(pd.concat([ours, more]), paper_values=paper)
    assert "paper: real VIBE" in _texts(figure)
    heights = [line.get_ydata()[0] for line in figure.axes[0].lines]
    assert len(heights) == 2 * 4 + 3
    low, high = sorted(figure.axes[0].get_ylim())
    assert low + 0.1 < min(heights) and max(heights) < high - 0.1


def test_table_plot_draws_no_interval_where_there_is_none() -> None:
    table = _table()
    table[["change_from_std_low_mm", "change_from_std_high_mm"]] = np.nan
    lines = error_dots.table_1_plot(table).axes[1].lines
    # What remains with two ends is the vertical line at zero.
    assert [list(line.get_xdata()) for line in lines if len(line.get_xdata()) == 2] == [[0, 0]]


def test_without_j_std_there_are_no_axes_of_changes_from_it():
    table = _table()
    figure = error_dots.table_1_plot(table[table["regressor"] != "std"])
    assert [axis.get_title() for axis in figure.axes] == ["MPJPE", "PA-MPJPE"]
    assert all(axis.lines for axis in figure.axes)


@pytest.mark.parametrize(("name", "by"), [("by_joint", "joint"), ("by_action", "action")])
def test_errors_stand_beside_their_joint_or_action(name: str, by: str) -> None:
    tables, methods = planted_tables(real=False)
    table = tables[name]
    figure = error_dots.errors_by(table, by, methods)
    assert [axis.get_title() for axis in figure.axes] == [f"{m} (simulated)" for m in methods]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [str(value).replace("_", " ") for value in table[by].unique()]
    for axis, method in zip(figure.axes, methods, strict=True):
        for line, regressor in zip(axis.lines, ("std", "spin", "opt"), strict=True):
            shown = dict(zip(np.round(line.get_ydata()).astype(int), line.get_xdata(), strict=True))
            rows = table[(table.method == method) & (table.metric == "mpjpe")]
            own = rows[rows.regressor == regressor]
            rows_of = [names.index(str(value).replace("_", " ")) for value in own[by]]
            assert shown == pytest.approx(dict(zip(rows_of, own.value_mm, strict=True)))
            assert line.get_label() == f"J_{regressor}"


def test_discs_on_the_body_are_as_large_as_the_errors() -> None:
    body = load_body("open")
    errors = {"std": np.arange(17.0) * 8, "opt": np.arange(17.0)[::-1] * 5}
    joints = body.template[:17].astype(float)
    figure = mesh.errors_on_body(body.template, body.faces, joints, errors)
    assert [axis.get_title() for axis in figure.axes] == ["J_std", "", "J_opt", ""]
    for axis, values in zip(figure.axes, np.repeat(list(errors.values()), 2, axis=0), strict=True):
        assert [1000 * disc.radius for disc in axis.patches] == pytest.approx(values)
        low, high = (np.array([axis.get_xlim(), axis.get_ylim()])[:, k] for k in (0, 1))
        for disc in axis.patches:
            assert (np.array(disc.center) - disc.radius >= low - 1e-9).all()
            assert (np.array(disc.center) + disc.radius <= high + 1e-9).all()
    np.testing.assert_allclose([disc.center for disc in figure.axes[0].patches], joints[:, :2])
    FigureCanvasAgg(figure).draw()
    scales = [axis.get_window_extent().height / np.ptp(axis.get_ylim()) for axis in figure.axes]
    assert max(scales) < 1.01 * min(scales)


def test_marks_stand_at_the_joints_and_lead_to_the_true_ones() -> None:
    body = load_body("open")
    draw = np.random.default_rng(0)
    joints = {name: draw.uniform(-0.5, 0.5, (17, 3)) for name in ("std", "opt", "true")}
    figure = mesh.joint_marks(body.template, body.faces, joints)
    front = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    for line, name in zip(front, joints, strict=True):
        np.testing.assert_allclose(line.get_xydata(), joints[name][:, :2])
    ways = [line.get_xydata() for line in figure.axes[1].lines if len(line.get_xdata()) == 2]
    expected = np.stack([joints["std"], joints["true"]], axis=1)[:, :, [2, 1]] * [-1, 1]
    np.testing.assert_allclose(ways[:17], expected)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["J_std", "J_opt", "true"]


def test_support_marks_the_joint_that_each_row_reads() -> None:
    body = load_body("open")
    weights = np.zeros((17, body.n_vertices))
    weights[np.arange(17), np.arange(17) * 400] = 0.7
    weights[np.arange(17), np.arange(17) * 400 + 5] = 0.3
    figure = mesh.regressor_support(body.template, body.faces, {"std": weights, "opt": weights})
    assert len(figure.axes) == 4
    assert figure.axes[0].get_title() == "J_std\n34 vertices"
    front, side = (np.concatenate([line.get_xydata() for line in a.lines]) for a in figure.axes[:2])
    joints = weights @ body.template
    np.testing.assert_allclose(front, joints[:, :2], atol=1e-6)
    np.testing.assert_allclose(side, np.stack([-joints[:, 2], joints[:, 1]], axis=1), atol=1e-6)


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, ending: str) -> None:
    for name in ("a", "b"):
        save(error_dots.table_1_plot(_table()), tmp_path / f"{name}.{ending}", dpi=60)
    first = (tmp_path / f"a.{ending}").read_bytes()
    assert len(first) > 1000
    assert first == (tmp_path / f"b.{ending}").read_bytes()


def test_figures_load_neither_pyplot_nor_torch() -> None:
    modules = ("error_dots", "mesh", "overlays", "curves", "animation", "shading", "saving")
    code = (
        f"import sys, {', '.join(f'jointreg.figures.{name}' for name in modules)}\n"
        "print([m for m in ('matplotlib.pyplot', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
