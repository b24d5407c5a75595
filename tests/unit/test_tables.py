"""Tables: means, paired intervals and texts against plain arithmetic, scipy and planted truth."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jointreg import figures, table_text, tables
from jointreg.config import Evaluate
from jointreg.errors import ConfigError, DataError
from jointreg.evaluation import COLUMNS
from jointreg.sequences import Method
from jointreg.tidy import write_rows

PAPER = Path(__file__).parents[2] / "config" / "paper_table_1.csv"
ACTIONS = ("Walking", "Sitting", "Directions", "Posing")
REGRESSORS = {"std": 60.0, "spin": 57.0, "opt_full": 56.5, "opt_no_silhouette": 56.9}


def _rows(methods: tuple[str, ...] = ("sim_spin",), takes: tuple[str, ...] = ("1", "2"), seed: int = 0):
    generator = np.random.default_rng(seed)
    table = []
    for method, subject, action, take in product(methods, ("S9", "S11"), ACTIONS, takes):
        level = generator.normal(scale=8)
        frames = int(generator.integers(10, 40))
        for regressor, mean in REGRESSORS.items():
            for metric, factor in (("mpjpe", 1.0), ("pa_mpjpe", 0.65)):
                value = factor * (mean + level + generator.normal())
                key = (method, regressor, subject, action, take, metric)
                table.append(dict(zip(COLUMNS, (*key, value, None, frames), strict=True)))
            key = (method, regressor, subject, action, take, "pck150")
            table.append(dict(zip(COLUMNS, (*key, None, 90 + level / 4, frames), strict=True)))
    return pd.DataFrame(table).astype({"value_mm": float, "value_percent": float})


def _pick(table: pd.DataFrame, **where: str) -> pd.Series:
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_frame_mean_is_the_mean_over_all_frames() -> None:
    rows = _rows()
    found = _pick(tables.summarise(rows, "frames"), regressor="spin", metric="mpjpe")
    mine = rows[(rows.regressor == "spin") & (rows.metric == "mpjpe")]
    frame_by_frame = np.repeat(mine.value_mm, mine.frames)
    assert found.value_mm == pytest.approx(frame_by_frame.mean(), rel=1e-12)
    assert found.frames == len(frame_by_frame)
    assert found.clusters == 16


def test_action_mean_is_the_mean_of_action_means() -> None:
    rows = _rows()
    found = _pick(tables.summarise(rows, "actions"), regressor="spin", metric="mpjpe")
    mine = rows[(rows.regressor == "spin") & (rows.metric == "mpjpe")]
    means = [np.repeat(a.value_mm, a.frames).mean() for _, a in mine.groupby("action")]
    assert found.value_mm == pytest.approx(np.mean(means), rel=1e-12)
    assert found.value_mm != pytest.approx(np.repeat(mine.value_mm, mine.frames).mean(), rel=1e-6)


def test_percentages_are_averaged_alike_and_by_subject() -> None:
    rows = _rows()
    by = ("regressor", "metric", "subject")
    found = _pick(tables.summarise(rows, "frames", by), regressor="std", metric="pck150", subject="S9")
    mine = rows[(rows.regressor == "std") & (rows.metric == "pck150") & (rows.subject == "S9")]
    assert found.value_percent == pytest.approx(np.repeat(mine.value_percent, mine.frames).mean())
    assert np.isnan(found.value_mm)


def test_interval_is_students_on_clusters_of_equal_size() -> None:
    rows = _rows().assign(frames=16)
    one = rows[rows.metric == "mpjpe"]
    found = tables.paired_change(one, "opt_full", "std", "frames")
    wide = one.pivot_table(index=tables.CLUSTER, columns="regressor", values="value_mm")
    difference = wide["opt_full"] - wide["std"]
    expected = stats.ttest_1samp(difference, 0.0).confidence_interval(0.95)
    assert found.mean == pytest.approx(difference.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.clusters == 16


@pytest.mark.parametrize("average", ["frames", "actions"])
def test_a_change_is_the_difference_of_the_printed_means(average: tables.Average) -> None:
    rows = _rows()
    table = tables.table_1(rows, average)
    std, opt = (_pick(table, regressor=r, metric="pa_mpjpe") for r in ("std", "opt"))
    assert opt.change_from_std_mm == pytest.approx(opt.value_mm - std.value_mm)
    assert opt.change_from_std_low_mm < opt.change_from_std_mm < opt.change_from_std_high_mm
    assert np.isnan(std.change_from_std_mm)


def test_interval_covers_the_planted_change_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    weights = generator.uniform(0.5, 1.5, 10)
    weights /= weights.sum()
    hits = 0
    for _ in range(4000):
        found = tables.mean_with_interval(-3.0 + generator.normal(size=10), weights)
        hits += found.low < -3.0 < found.high
    assert 0.93 < hits / 4000 < 0.97


def test_no_interval_under_eight_clusters() -> None:
    values = np.arange(7.0)
    found = tables.mean_with_interval(values, np.full(7, 1 / 7))
    assert found.mean == pytest.approx(3.0)
    assert np.isnan([found.low, found.high]).all()
    assert found.clusters == 7
    assert np.isfinite(tables.mean_with_interval(np.arange(8.0), np.full(8, 1 / 8)).low)
    few = tables.table_1(_rows(takes=("1",))[lambda r: r.action != "Posing"], "frames")
    assert few.clusters.eq(6).all()
    assert few.change_from_std_low_mm.isna().all()
    assert few[few.regressor == "opt"].change_from_std_mm.notna().all()


def test_regressors_scored_on_other_frames_are_not_paired() -> None:
    rows = _rows()
    rows = rows[(rows.metric == "mpjpe")]
    lost = rows[~((rows.regressor == "std") & (rows.subject == "S9") & (rows.action == "Posing"))]
    with pytest.raises(DataError, match="same frames"):
        tables.paired_change(lost, "opt_full", "std", "frames")


def test_table_1_holds_opt_full_as_opt_and_no_other_variant() -> None:
    table = tables.table_1(_rows(("sim_spin", "sim_vibe")), "frames")
    assert list(dict.fromkeys(table.regressor)) == ["std", "spin", "opt"]
    assert set(table.metric) == {"mpjpe", "pa_mpjpe"}
    assert len(table) == 2 * 3 * 2
    assert {"method", "regressor", "metric", "value_mm", "frames"} <= set(table.columns)
    everything = tables.ablation(_rows(), "frames")
    assert set(everything.regressor) == set(REGRESSORS)
    short = _pick(everything, regressor="opt_no_silhouette", metric="mpjpe")
    full = _pick(everything, regressor="opt_full", metric="mpjpe")
    assert short.change_from_opt_full_mm == pytest.approx(short.value_mm - full.value_mm)


def _methods(*names: tuple[str, str]) -> dict[str, Method]:
    return {n: Method(n, "predictions", n.upper(), paper, "", "", "", "") for n, paper in names}


def test_the_papers_value_stands_beside_the_real_network_only() -> None:
    paper = tables.read_paper(PAPER)
    methods = _methods(("spin", "SPIN"), ("meva", "MEVA"), ("sim_spin", ""))
    rows = _rows(("spin", "meva", "sim_spin"))
    table = tables.table_1(rows, "frames", paper=paper, methods=methods)
    real = _pick(table, method="spin", regressor="std", metric="mpjpe")
    assert real.paper_mm == 60.4
    assert real.difference_mm == pytest.approx(real.value_mm - 60.4)
    assert _pick(table, method="meva", regressor="opt", metric="pa_mpjpe").paper_mm == 61.9
    assert np.isnan(_pick(table, method="meva", regressor="std", metric="mpjpe").paper_mm)
    assert table[table.method == "sim_spin"].paper_mm.isna().all()
    assert tables.table_1(rows, "frames", methods=methods).paper_mm.isna().all()


def test_a_simulated_method_cannot_claim_a_row_of_the_paper() -> None:
    with pytest.raises(ConfigError, match="simulated"):
        tables.table_1(
            _rows(), "frames", paper=tables.read_paper(PAPER), methods=_methods(("sim_spin", "SPIN"))
        )


def test_the_papers_gain_is_nearly_all_from_std_to_spin() -> None:
    paper = tables.read_paper(PAPER).set_index(["method", "regressor", "metric"]).value_mm
    for method in ("SPIN", "VIBE"):
        std, spin, opt = (paper[method, r, "mpjpe"] for r in ("std", "spin", "opt"))
        assert std - spin > 10 * (spin - opt) > 0


def test_rows_survive_the_csv_and_doubles_are_refused(tmp_path: Path) -> None:
    rows = _rows()
    write_rows(tmp_path / "a.csv", rows.replace({np.nan: None}).to_dict("records"), COLUMNS)
    back = tables.read_rows([tmp_path / "a.csv"])
    assert set(back["take"]) == {"1", "2"}
    np.testing.assert_allclose(back.value_mm, rows.value_mm, atol=1e-6)
    with pytest.raises(DataError, match="twice"):
        tables.read_rows([tmp_path / "a.csv", tmp_path / "a.csv"])
    with pytest.raises(DataError, match="no evaluations"):
        tables.read_rows([])


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        tables.write_csv(tmp_path / name, tables.table_1(_rows(), "frames"))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def _grid() -> tuple[table_text.Grid, pd.DataFrame]:
    table = tables.table_1(_rows(("sim_spin", "sim_vibe")), "frames")
    return table_text.table_1_grid(table, tables.read_paper(PAPER)), table


def test_every_format_prints_the_same_numbers_and_says_what_is_simulated() -> None:
    grid, table = _grid()
    for text in (
        table_text.to_markdown(grid),
        table_text.to_text(grid),
        table_text.to_latex(grid).replace("\\_", "_"),
    ):
        for value in table.value_mm:
            assert f"{value:.1f}" in text
        assert "sim_spin (simulated)" in text
        assert "paper: real SPIN" in text
        assert "60.4" in text
        assert "nan" not in text.lower()


def test_a_method_with_joints_only_stands_in_a_column_of_its_own_beside_dashes() -> None:
    """No regressor can apply to it, so no number may stand under one, and none is its best."""
    rows = _rows()
    given = rows[rows.regressor == "std"].assign(regressor="given", method="pointnet")
    table = tables.table_1(pd.concat([rows, given], ignore_index=True), "frames")
    grid = table_text.table_1_grid(table, tables.read_paper(PAPER))
    assert [head for head, _ in grid.groups][1:5] == ["J_std", "J_spin", "J_opt", "joints as given"]
    (line,) = [row for row in grid.rows if row[0].text == "pointnet"]
    mpjpe = _pick(table, method="pointnet", metric="mpjpe").value_mm
    assert [cell.text for cell in line[1:7]] == ["-"] * 6
    assert line[7].text == f"{mpjpe:.1f}" and line[7].style == "plain"
    assert {cell.text for cell in line[9:]} == {"-"}
    (other,) = [row for row in grid.rows if row[0].text == "sim_spin (simulated)"]
    assert [cell.text for cell in other[7:9]] == ["-", "-"]
    for text in (table_text.to_markdown(grid), table_text.to_text(grid), table_text.to_latex(grid)):
        assert "nan" not in text.lower() and "joints as given" in text
    assert np.isnan(_pick(table, method="pointnet", metric="mpjpe").change_from_std_mm)
    figure = figures.table_1_plot(table, paper=tables.read_paper(PAPER))
    assert "joints as given" in [text.get_text() for text in figure.legends[0].get_texts()]
    caption = table_text.protocol_sentence(
        Evaluate(joints=17, root="pelvis", average="frames"),
        subjects=["S9"],
        cameras=["60457274"],
        frame_step=5,
        skip_damaged=True,
        simulated=False,
        given=True,
    )
    assert "no regressor applies to them" in caption


def test_markdown_rows_have_the_columns_of_the_head() -> None:
    text = table_text.to_markdown(_grid()[0], "Caption.").splitlines()
    counts = {line.count("|") for line in text[2:]}
    assert counts == {12}
    assert text[0] == "Caption."


def test_the_best_of_each_row_is_bold() -> None:
    line = table_text.to_markdown(_grid()[0]).splitlines()[2]
    cells = [cell.strip() for cell in line.split("|")[2:8]]
    for metric in (0, 1):
        numbers = [float(cell.strip("*")) for cell in cells[metric::2]]
        bold = [cell.startswith("**") for cell in cells[metric::2]]
        assert bold == [n == min(numbers) for n in numbers]


def test_latex_columns_add_up_and_specials_are_escaped() -> None:
    text = table_text.to_latex(_grid()[0], "95 % of sim_* & others", "tab:1")
    body = text.split("\\midrule")[1].split("\\bottomrule")[0]
    assert {line.count("&") for line in body.strip().splitlines()} == {10}
    assert "\\begin{tabular}{l" + "r" * 10 + "}" in text
    assert "95 \\% of sim\\_* \\& others" in text


def test_terminal_columns_line_up_and_fit_the_width() -> None:
    grid = _grid()[0]
    text = table_text.to_text(grid)
    assert max(map(len, text.splitlines())) <= 100
    label = max(len(row[0].text) for row in grid.rows)
    found: list[list[str]] = [[] for _ in grid.rows]
    for block in text.split("\n\n")[:2]:
        head, lines = block.splitlines()[1], block.splitlines()[3:]
        # The right edge of every heading is the right edge of its numbers.
        ends = [k + 1 for k in range(label, len(head)) if head[k] != " " and head[k + 1 : k + 2] in " "]
        for cells, line in zip(found, lines, strict=False):
            cells += [
                line[a + 1 : b + 1].strip("* ") for a, b in zip([label, *ends], ends, strict=False)
            ]
    for cells, row in zip(found[:2], grid.rows[:2], strict=True):
        assert cells == [cell.text for cell in row[1:]]
    assert found[2][:6] == [cell.text for cell in grid.rows[2][1:7]]


@pytest.mark.parametrize("name", ["sim_spin", "sim_other"])
def test_no_label_can_hide_that_a_method_is_simulated(name: str) -> None:
    methods = {name: Method(name, "predictions", "SPIN", "", "", "", "", "")}
    assert tables.display_name(name, methods) == f"{name} (simulated)"
    assert tables.display_name("spin", _methods(("spin", "SPIN"))) == "SPIN"


def test_the_protocol_sentence_names_every_choice() -> None:
    settings = {"subjects": ["S9", "S11"], "cameras": ["54138969", "60457274"], "frame_step": 5}
    text = table_text.protocol_sentence(
        Evaluate(joints=14, root="pelvis", average="actions"),
        **settings,
        skip_damaged=True,
        simulated=True,
    )
    for words in (
        "14 joints",
        "pelvis",
        "S9, S11",
        "54138969, 60457274",
        "every 5th frame",
        "left out",
        "means of the actions",
        "property of the generator",
        "conditional on these 2 subjects",
        "under 8 clusters",
    ):
        assert words in text
    real = table_text.protocol_sentence(
        Evaluate(joints=17, root="pelvis", average="frames"),
        **settings,
        skip_damaged=False,
        simulated=False,
    )
    lab = table_text.protocol_sentence(
        Evaluate(joints=17, root="pelvis", average="frames"),
        **settings,
        skip_damaged=False,
        simulated=False,
        fitted=True,
        labels="Triangulated landmarks;\nno markers.",
    )
    assert "not that a regressor or a method is better" in lab
    assert lab.endswith("Labels: Triangulated landmarks; no markers.")
    assert "17 joints" in real
    assert "included" in real
    assert "generator" not in real
