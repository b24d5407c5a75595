"""Tables: means, paired intervals and texts against plain arithmetic, scipy and planted truth."""

from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted_tables import planted_diagnosis, planted_errors, planted_grids, planted_tables
from project import ROOT

from jointreg import metrics
from jointreg.config import Evaluate
from jointreg.config.methods import Method
from jointreg.errors import ConfigError, DataError
from jointreg.evaluation.evaluate import COLUMNS
from jointreg.evaluation.intervals import mean_with_interval
from jointreg.evaluation.protocol import protocol_sentence
from jointreg.figures import error_dots
from jointreg.files.csv_rows import write_rows
from jointreg.skeleton import H36M_14, H36M_17
from jointreg.tables import against_truth, grids, names, numbers, render

PAPER = ROOT / "config" / "paper_table_1.csv"
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
    found = _pick(numbers.summarise(rows, "frames"), regressor="spin", metric="mpjpe")
    mine = rows[(rows.regressor == "spin") & (rows.metric == "mpjpe")]
    frame_by_frame = np.repeat(mine.value_mm, mine.frames)
    assert found.value_mm == pytest.approx(frame_by_frame.mean(), rel=1e-12)
    assert found.frames == len(frame_by_frame)
    assert found.clusters == 16


def test_action_mean_is_the_mean_of_action_means() -> None:
    rows = _rows()
    found = _pick(numbers.summarise(rows, "actions"), regressor="spin", metric="mpjpe")
    mine = rows[(rows.regressor == "spin") & (rows.metric == "mpjpe")]
    means = [np.repeat(a.value_mm, a.frames).mean() for _, a in mine.groupby("action")]
    assert found.value_mm == pytest.approx(np.mean(means), rel=1e-12)
    assert found.value_mm != pytest.approx(np.repeat(mine.value_mm, mine.frames).mean(), rel=1e-6)


def test_percentages_are_averaged_alike_and_by_subject() -> None:
    rows = _rows()
    by = ("regressor", "metric", "subject")
    found = _pick(numbers.summarise(rows, "frames", by), regressor="std", metric="pck150", subject="S9")
    mine = rows[(rows.regressor == "std") & (rows.metric == "pck150") & (rows.subject == "S9")]
    assert found.value_percent == pytest.approx(np.repeat(mine.value_percent, mine.frames).mean())
    assert np.isnan(found.value_mm)


def test_a_paired_interval_is_that_of_the_differences_within_subjects() -> None:
    one = _rows()[lambda rows: rows.metric == "mpjpe"]
    found = numbers.paired_change(one, "opt_full", "std", "frames")
    wide = one.pivot_table(index=numbers.CLUSTER, columns="regressor", values="value_mm")
    frames = one[one.regressor == "std"].set_index(numbers.CLUSTER)["frames"].loc[wide.index]
    difference = (wide["opt_full"] - wide["std"]).to_numpy()
    subjects = wide.index.get_level_values("subject").to_numpy()
    expected = mean_with_interval(difference, (frames / frames.sum()).to_numpy(), subjects)
    assert found == pytest.approx(expected)
    assert found.clusters == 16


@pytest.mark.parametrize("average", ["frames", "actions"])
def test_a_change_is_the_difference_of_the_printed_means(average: numbers.Average) -> None:
    rows = _rows()
    table = numbers.table_1(rows, average)
    std, opt = (_pick(table, regressor=r, metric="pa_mpjpe") for r in ("std", "opt"))
    assert opt.change_from_std_mm == pytest.approx(opt.value_mm - std.value_mm)
    assert opt.change_from_std_low_mm < opt.change_from_std_mm < opt.change_from_std_high_mm
    assert np.isnan(std.change_from_std_mm)


def test_with_few_clusters_the_table_has_no_interval_and_says_so() -> None:
    few = _rows(takes=("1",))[lambda r: r.action != "Posing"]
    table = numbers.table_1(few, "frames")
    assert table.clusters.eq(6).all()
    assert table.change_from_std_low_mm.isna().all()
    assert table[table.regressor == "opt"].change_from_std_mm.notna().all()
    said = grids.verdict(numbers.changes(few, "frames"))
    assert "undecided" in said and "and there are 6." in said and "largest change" in said
    between = grids.verdict(numbers.changes(_rows(), "frames"))
    assert "These are 16 clusters: with fewer than 30" in between
    many = grids.verdict(numbers.changes(_rows(takes=tuple("1234")), "frames"))
    assert "fewer than" not in many


def test_the_verdict_is_what_the_intervals_say() -> None:
    """Three methods with a planted change of J_opt from J_spin: -1, +1 and none, mm."""
    parts = []
    for k, (method, shift) in enumerate({"spin": -1.0, "vibe": 1.0, "meva": 0.0}.items()):
        rows = _rows((method,), takes=tuple("1234"), seed=k)
        spin, opt = (
            rows[rows.regressor == name].reset_index(drop=True) for name in ("spin", "opt_full")
        )
        noise = np.random.default_rng(9).normal(0, 0.1, len(opt))
        opt["value_mm"] = spin["value_mm"] + shift + noise - noise.mean()
        parts += [spin, opt]
    rows = pd.concat(parts, ignore_index=True)
    said = grids.verdict(numbers.changes(rows[rows.metric != "pa_mpjpe"], "frames"))
    assert said == (
        "MPJPE with J_opt less that with J_spin: lower for spin; higher for vibe; "
        "undecided (the interval holds 0) for meva."
    )
    alone = numbers.changes(rows[rows.regressor == "spin"], "frames")
    assert alone.empty and grids.verdict(alone) == ""


def test_changes_stand_for_all_subjects_and_each_apart() -> None:
    rows = _rows(("spin", "vibe"))
    table = numbers.changes(rows, "frames")
    assert len(table) == 3 * 2 * 2 * 3  # subjects and all, methods, metrics, pairs
    found = _pick(
        table, subject="S9", method="vibe", regressor="opt", reference="spin", metric="pa_mpjpe"
    )
    mine = rows[(rows.subject == "S9") & (rows.method == "vibe") & (rows.metric == "pa_mpjpe")]
    spin, opt = (mine[mine.regressor == r].set_index(["action", "take"]) for r in ("spin", "opt_full"))
    plain = np.average(opt.value_mm - spin.value_mm, weights=spin.frames)
    assert found.change_mm == pytest.approx(plain)
    assert found.clusters == 8 and found.low_mm < found.change_mm < found.high_mm


@pytest.mark.parametrize("average", ["frames", "actions"])
def test_means_over_joints_and_actions_are_the_numbers_of_table_1(average: numbers.Average) -> None:
    """Two ways to one number: per frame from the stores by joint, per take from the tidy rows."""
    stores, rows = planted_errors(("spin", "vibe"))
    table = numbers.table_1(rows, average).set_index(["method", "regressor", "metric"]).value_mm
    joints = numbers.by_joint(stores, average, H36M_14)
    actions = numbers.by_action(rows, average)
    for found in (joints[joints.joint == names.MEAN], actions[actions.action == names.MEAN]):
        mine = found.set_index(["method", "regressor", "metric"]).value_mm
        np.testing.assert_allclose(mine.loc[table.index], table, rtol=1e-6)
    assert list(actions.action.unique()) == [*names.ACTIONS, names.MEAN]
    assert set(joints[~joints.in_mean].joint) == set(H36M_17) - set(H36M_14)
    one = stores["vibe"][1]
    frames = one.action == list(names.ACTIONS).index("WalkDog")
    other = stores["vibe"][0]
    both = np.concatenate([other.mpjpe[1][other.action == 12], one.mpjpe[1][frames]])
    used = [H36M_17.index(name) for name in H36M_14]
    found = _pick(actions, method="vibe", regressor="spin", metric="mpjpe", action="WalkDog")
    assert found.value_mm == pytest.approx(1000 * both[:, used].mean(), rel=1e-6)


def test_regressors_stand_beside_the_truth_and_the_best_of_each_column_is_bold() -> None:
    table, _ = planted_diagnosis()
    grid = against_truth.diagnostics(table)
    assert [line[0].text for line in grid.rows] == [
        *("J_std", "J_spin", "J_opt (full)", "J_opt (no silhouette)", "true regressor"),
    ]
    values = {(r.regressor, r.variant, r.metric): r.value for r in table.itertuples()}
    metrics = [metric for pair in against_truth.TRUTH_COLUMNS.values() for metric in pair]
    texts = [[cell.text for cell in line[1:]] for line in grid.rows]
    assert texts[2] == [f"{values['opt', 'full', metric]:.1f}" for metric in metrics]
    assert texts[0] == [f"{values['std', '-', metric]:.1f}" for metric in metrics]
    assert texts[4][:2] == ["-", "-"]
    styles = [[cell.style for cell in line[1:]] for line in grid.rows]
    assert styles == [
        ["plain"] * 4,
        ["best"] * 4,
        *[["plain"] * 4] * 3,
    ]  # J_spin, not the truth


def test_variants_print_their_values_changes_and_intervals() -> None:
    _, table = planted_diagnosis()
    grid = against_truth.variants(table)
    for line in grid.rows:
        for k, metric in enumerate(("vertex_error", "rendered_iou_with_true_mask")):
            row = _pick(table, bodies=line[0].text.replace(" ", "_"), metric=metric)
            digits = 1 if row.unit == "mm" else 3
            assert line[1 + 2 * k].text == f"{row.value:.{digits}f}"
            ends = [f"{row[c]:+.{digits}f}" for c in ("change_from_full", "change_low", "change_high")]
            expected = "" if line[0].text == "full" else "{} [{}, {}]".format(*ends)
            assert line[2 + 2 * k].text == expected


def test_actions_stand_in_the_order_of_papers_whatever_the_order_of_the_run() -> None:
    rows = _rows()
    more = rows.assign(action=rows.action.replace({"Posing": "Juggling"}))
    order = list(numbers.by_action(more, "frames").action.unique())
    assert order == ["Directions", "Sitting", "Walking", "Juggling", "mean"]


def test_pck_and_auc_are_percent_and_the_largest_is_best() -> None:
    found, methods = planted_tables(real=True)
    grid = grids.pck_auc(found["pck_auc"], methods)
    for row in grid.rows:
        for metric in (0, 1):
            cells = row[1 + metric :: 2]
            numbers = [float(cell.text) for cell in cells]
            best = [cell.style == "best" for cell in cells]
            assert best == [n == max(numbers) for n in numbers] or len(set(numbers)) == 1
    stores, _ = planted_errors(methods)
    errors = np.concatenate([part.mpjpe[2] for part in stores["meva"]])
    actions = np.concatenate([part.action for part in stores["meva"]])
    used = [H36M_17.index(name) for name in H36M_14]
    means = [metrics.auc(errors[actions == k][:, used]).mean() for k in range(15)]
    auc = _pick(found["pck_auc"], method="meva", regressor="opt", metric="auc")
    assert auc.value_percent == pytest.approx(100 * np.mean(means))


def test_regressors_scored_on_other_frames_are_not_paired() -> None:
    rows = _rows()
    rows = rows[(rows.metric == "mpjpe")]
    lost = rows[~((rows.regressor == "std") & (rows.subject == "S9") & (rows.action == "Posing"))]
    with pytest.raises(DataError, match="same frames"):
        numbers.paired_change(lost, "opt_full", "std", "frames")


def test_table_1_holds_opt_full_as_opt_and_no_other_variant() -> None:
    table = numbers.table_1(_rows(("sim_spin", "sim_vibe")), "frames")
    assert list(dict.fromkeys(table.regressor)) == ["std", "spin", "opt"]
    assert set(table.metric) == {"mpjpe", "pa_mpjpe"}
    assert len(table) == 2 * 3 * 2
    assert {"method", "regressor", "metric", "value_mm", "frames"} <= set(table.columns)
    everything = numbers.ablation(_rows(), "frames")
    assert set(everything.regressor) == set(REGRESSORS)
    short = _pick(everything, regressor="opt_no_silhouette", metric="mpjpe")
    full = _pick(everything, regressor="opt_full", metric="mpjpe")
    assert short.change_from_opt_full_mm == pytest.approx(short.value_mm - full.value_mm)


def _methods(*names: tuple[str, str]) -> dict[str, Method]:
    return {n: Method(n, "predictions", n.upper(), paper, "", "", "", "") for n, paper in names}


def test_the_papers_value_stands_beside_the_real_network_only() -> None:
    paper = numbers.read_paper_values(PAPER)
    methods = _methods(("spin", "SPIN"), ("meva", "MEVA"), ("sim_spin", ""))
    rows = _rows(("spin", "meva", "sim_spin"))
    table = numbers.table_1(rows, "frames", paper_values=paper, methods=methods)
    real = _pick(table, method="spin", regressor="std", metric="mpjpe")
    assert real.paper_mm == 60.4
    assert real.difference_mm == pytest.approx(real.value_mm - 60.4)
    assert _pick(table, method="meva", regressor="opt", metric="pa_mpjpe").paper_mm == 61.9
    assert np.isnan(_pick(table, method="meva", regressor="std", metric="mpjpe").paper_mm)
    assert table[table.method == "sim_spin"].paper_mm.isna().all()
    assert numbers.table_1(rows, "frames", methods=methods).paper_mm.isna().all()


def test_a_simulated_method_cannot_claim_a_row_of_the_paper() -> None:
    with pytest.raises(ConfigError, match="simulated"):
        numbers.table_1(
            _rows(),
            "frames",
            paper_values=numbers.read_paper_values(PAPER),
            methods=_methods(("sim_spin", "SPIN")),
        )


def test_the_doubtful_number_of_the_paper_has_its_remark_wherever_it_is_printed() -> None:
    grid, _ = _grid()
    for form in (render.to_markdown, render.to_html, render.to_latex, render.to_text):
        words = " ".join(form(grid).split())
        assert "61.9" in words
        assert "stood at the end of a broken line of our source, in the last column" in words
    alone = grids.table_1(numbers.table_1(_rows(), "frames"))
    assert alone.note == "" and "61.9" not in render.to_text(alone)


def test_the_papers_gain_is_nearly_all_from_std_to_spin() -> None:
    paper = numbers.read_paper_values(PAPER).set_index(["method", "regressor", "metric"]).value_mm
    for method in ("SPIN", "VIBE"):
        std, spin, opt = (paper[method, r, "mpjpe"] for r in ("std", "spin", "opt"))
        assert std - spin > 10 * (spin - opt) > 0


def test_rows_survive_the_csv_and_doubles_are_refused(tmp_path: Path) -> None:
    rows = _rows()
    write_rows(tmp_path / "a.csv", rows.replace({np.nan: None}).to_dict("records"), COLUMNS)
    back = numbers.read_rows([tmp_path / "a.csv"])
    assert set(back["take"]) == {"1", "2"}
    np.testing.assert_allclose(back.value_mm, rows.value_mm, atol=1e-6)
    with pytest.raises(DataError, match="twice"):
        numbers.read_rows([tmp_path / "a.csv", tmp_path / "a.csv"])
    with pytest.raises(DataError, match="no evaluations"):
        numbers.read_rows([])


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        numbers.write_csv(tmp_path / name, numbers.table_1(_rows(), "frames"))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def _grid(caption: str = "", note: str = "") -> tuple[render.Grid, pd.DataFrame]:
    table = numbers.table_1(_rows(("sim_spin", "sim_vibe")), "frames")
    return grids.captioned(grids.table_1(table, numbers.read_paper_values(PAPER)), caption, note), table


def test_below_a_real_network_stand_the_papers_values_and_the_difference() -> None:
    paper, methods = numbers.read_paper_values(PAPER), _methods(("spin", "SPIN"), ("meva", "MEVA"))
    rows = _rows(("spin", "meva"))
    table = numbers.table_1(rows, "frames", paper_values=paper, methods=methods)
    lines = grids.table_1(table, paper, methods).rows
    assert [line[0].text for line in lines] == [
        *("SPIN", "SPIN, paper", "ours - paper", "MEVA", "MEVA, paper", "ours - paper"),
        "VIBE, paper",
    ]
    ours = _pick(table, method="spin", regressor="opt", metric="mpjpe").value_mm
    assert lines[1][5].text == "56.9" and lines[1][5].style == "reference"
    assert lines[2][5].text == f"{ours - 56.9:+.1f}"
    assert [cell.text for cell in lines[5][1:6]] == ["-"] * 5 and lines[5][6].text != "-"


def test_every_format_prints_the_same_numbers_and_says_what_is_simulated() -> None:
    grid, table = _grid()
    for text in (
        render.to_markdown(grid),
        render.to_text(grid),
        render.to_latex(grid).replace("\\_\\allowbreak{}", "_"),
        render.to_html(grid),
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
    table = numbers.table_1(pd.concat([rows, given], ignore_index=True), "frames")
    grid = grids.table_1(table, numbers.read_paper_values(PAPER))
    assert [head for head, _ in grid.groups][1:5] == ["J_std", "J_spin", "J_opt", "joints as given"]
    (line,) = [row for row in grid.rows if row[0].text == "pointnet"]
    mpjpe = _pick(table, method="pointnet", metric="mpjpe").value_mm
    assert [cell.text for cell in line[1:7]] == ["-"] * 6
    assert line[7].text == f"{mpjpe:.1f}" and line[7].style == "plain"
    (other,) = [row for row in grid.rows if row[0].text == "sim_spin (simulated)"]
    assert [cell.text for cell in other[7:9]] == ["-", "-"]
    for text in (render.to_markdown(grid), render.to_text(grid), render.to_latex(grid)):
        assert "nan" not in text.lower() and "joints as given" in text
    assert np.isnan(_pick(table, method="pointnet", metric="mpjpe").change_from_std_mm)
    figure = error_dots.table_1_plot(table, paper_values=numbers.read_paper_values(PAPER))
    assert "joints as given" in [text.get_text() for text in figure.legends[0].get_texts()]
    caption = protocol_sentence(
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
    text = render.to_markdown(_grid("Caption.", "Note.")[0]).splitlines()
    counts = {line.count("|") for line in text[2:-2]}
    assert counts == {8}
    assert text[0] == "Caption." and text[-1].endswith(" Note.")


def test_the_best_of_each_row_is_bold() -> None:
    line = render.to_markdown(_grid()[0]).splitlines()[2]
    cells = [cell.strip() for cell in line.split("|")[2:8]]
    for metric in (0, 1):
        numbers = [float(cell.strip("*")) for cell in cells[metric::2]]
        bold = [cell.startswith("**") for cell in cells[metric::2]]
        assert bold == [n == min(numbers) for n in numbers]


def test_latex_columns_add_up_and_specials_are_escaped() -> None:
    text = render.to_latex(_grid("95 % of sim_* & others")[0], "tab:1")
    body = text.split("\\midrule")[1].split("\\bottomrule")[0]
    assert {line.count("&") for line in body.strip().splitlines()} == {6}
    assert "\\begin{tabular}{l" + "r" * 6 + "}" in text
    assert "$J_\\mathrm{spin}$" in text
    assert "95 \\% of sim\\_* \\& others" in text


def test_terminal_columns_line_up_and_fit_the_width() -> None:
    grid = grids.changes(numbers.changes(_rows(("sim_spin", "sim_vibe")), "frames"))
    text = render.to_text(grid)
    assert max(map(len, text.splitlines())) <= 100
    found: list[list[str]] = [[] for _ in grid.rows]
    blocks = [block.splitlines() for block in text.split("\n\n") if "---" in block]
    assert len(blocks) > 1
    for _, head, _, *lines in blocks:
        label = head.index("Clusters") + len("Clusters")
        # The right edge of every heading is the right edge of its numbers.
        ends = [k + 1 for k in range(label, len(head)) if head[k] != " " and head[k + 1 : k + 2] in " "]
        for cells, line in zip(found, lines, strict=False):
            cells += [
                line[a + 1 : b + 1].strip("* ") for a, b in zip([label, *ends], ends, strict=False)
            ]
    assert found == [[cell.text for cell in row[3:]] for row in grid.rows]


class _Html(HTMLParser):
    """Cells of every row with their attributes and text; fails on a tag that is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[tuple[str, dict[str, str | None], str]]] = []
        self.texts: dict[str, str] = {}
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            tag, attrs, text = self.rows[-1].pop()
            self.rows[-1].append((tag, attrs, text + data))
        elif self.open:
            self.texts[self.open[-1]] = self.texts.get(self.open[-1], "") + data


@pytest.mark.parametrize(
    "name", ["table_1", "changes", "by_action", "by_joint", "pck_auc", "ablation", "variants"]
)
def test_html_is_closed_escaped_and_names_every_row_and_column(name: str) -> None:
    grid = planted_grids(real=False)[name]
    nasty = '<script>alert(1)</script> & "J_opt"'
    read = _Html(render.to_html(grids.captioned(grid, nasty, nasty)))
    assert "script" not in read.open and read.texts["caption"].startswith("<script>alert(1)</script> & ")
    columns = sum(len(names) for _, names in grid.groups)
    for row in read.rows:
        assert sum(int(attrs.get("colspan") or 1) for _, attrs, _ in row) == columns
    assert all(attrs.get("scope") for row in read.rows for tag, attrs, _ in row if tag == "th")
    body = read.rows[-len(grid.rows) :]
    for row, cells in zip(body, grid.rows, strict=True):
        assert [attrs.get("scope") for _, attrs, _ in row[: grid.labels]] == ["row"] * grid.labels
        texts = [text.replace("\N{MINUS SIGN}", "-") for _, _, text in row]
        assert texts == [cell.text.replace("J_", "J") for cell in cells]
    assert {attrs.get("scope") for tag, attrs, _ in read.rows[-len(grid.rows) - 1] if tag == "th"} == {
        "col"
    }


def test_a_caption_is_its_first_paragraph_and_the_choices_of_the_protocol() -> None:
    text = "Errors of **all** in\n``mm``.\n\n``value_mm`` is a column.\n\n{{ protocol }}\n"
    above, below = render.caption_of(text, "Protocol: 14 joints; a.tsv. Changes are paired. More.")
    assert above == "Errors of all in mm. Protocol: 14 joints; a.tsv."
    assert below == "Changes are paired. More."


@pytest.mark.parametrize("name", ["sim_spin", "sim_other"])
def test_no_label_can_hide_that_a_method_is_simulated(name: str) -> None:
    methods = {name: Method(name, "predictions", "SPIN", "", "", "", "", "")}
    assert names.display_name(name, methods) == f"{name} (simulated)"
    assert names.display_name("spin", _methods(("spin", "SPIN"))) == "SPIN"
