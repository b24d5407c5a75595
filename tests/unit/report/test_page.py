"""The report: its answer, cells, captions, escapes, costs, packed bodies, the contrast of its CSS."""

import base64
import json
import re
from colorsys import rgb_to_hsv
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from page_files import PICTURE

from jointreg.config.methods import Method
from jointreg.errors import ConfigError
from jointreg.figures.style import COLOURS, MARKERS
from jointreg.files.templates import fill_html
from jointreg.regressor import Regressor
from jointreg.report import body_viewer, page
from jointreg.report.answer import answer_from
from jointreg.report.captions import fill_caption, prose
from jointreg.report.costs import read_costs
from jointreg.report.sortable import sortable_table
from jointreg.skeleton import H36M_17
from jointreg.tables import grids
from jointreg.tables.names import regressor_name
from jointreg.tables.render import write_forms


def table_1(**by_method):
    """Rows of table_1.csv; by_method: method -> MPJPE under std, spin, opt; None was not scored."""
    return [
        {"method": method, "regressor": regressor, "metric": metric, "value_mm": str(factor * value)}
        for metric, factor in (("mpjpe", 1.0), ("pa_mpjpe", 0.5))
        for method, values in by_method.items()
        for regressor, value in zip(("std", "spin", "opt"), values, strict=True)
        if value is not None
    ]


def truth(std, spin, opt, other=1.0):
    """Rows of diagnostics.csv; `other` is J_opt of another variant, which must not count."""
    rows = [
        ("-", "std", std),
        ("-", "spin", spin),
        ("full", "opt", opt),
        ("no_silhouette", "opt", other),
    ]
    name = "joint_error_true_joints"
    return [
        {
            "method": "truth",
            "variant": variant,
            "regressor": regressor,
            "metric": name,
            "value": str(value),
        }
        for variant, regressor, value in rows
    ]


def rendered(part, rows, diagnosis=(), **more):
    """A part of the page that gives the answer, white space as one blank."""
    words = fill_html(
        f"report/assets/{part}.html",
        answer=answer_from(rows, diagnosis, **more),
        regressor_name=regressor_name,
    )
    return " ".join(words.split())


def test_the_answer_names_what_the_truth_and_what_mpjpe_prefers():
    rows = table_1(spin=(64.0, 58.0, 59.0), vibe=(66.0, 61.0, 60.5))
    lead = rendered("lead", rows, truth(21.0, 25.0, 16.0))
    assert "Nearest to the truth is <b>J_opt</b>" in lead
    assert "16.0 mm off, against 21.0 mm for J_std and 25.0 mm for J_spin." in lead
    assert "MPJPE would have chosen J_spin." in lead
    assert "MPJPE of 2 methods changes by \u22125.5 to \u22125.0 mm from J_std to J_opt" in lead
    assert "by \u22120.5 to +1.0 mm from J_spin to J_opt." in lead
    assert "simulated" not in lead
    assert "would have" not in rendered("lead", rows, truth(21.0, 15.0, 16.0))


def test_the_answer_knows_the_recommended_regressor():
    rows = table_1(spin=(64.0, 58.0, 59.0))
    rows += [row | {"regressor": "recommended"} for row in rows if row["regressor"] == "std"]
    more = truth(21.0, 25.0, 16.0)
    more += [more[0] | {"variant": "recommended", "regressor": "opt", "value": "3.4"}]
    lead = rendered("lead", rows, more)
    assert (
        "Nearest to the truth is <b>J_opt (recommended)</b>: joints read off true bodies are 3.4" in lead
    )
    assert "21.0 mm for J_std, 25.0 mm for J_spin and 16.0 mm for J_opt." in lead
    assert "is ours: its refinement" in lead
    assert "is ours" not in rendered("lead", table_1(spin=(64.0, 58.0, 59.0)), truth(21.0, 25.0, 16.0))
    assert 'class="best">3.4<' in rendered("limits", rows, more)


def test_the_answer_without_truth_or_without_a_standard_claims_less():
    lead = rendered("lead", table_1(sim_spin=(None, 58.0, 57.0)))
    assert "MPJPE puts J_opt first" in lead
    assert "alone cannot" in lead
    assert "to J_std" not in lead and "from J_std" not in lead
    assert "simulated estimators" in lead
    assert "nothing to compare" in rendered("lead", table_1(spin=(60.0, None, None)))


def test_bodies_fitted_to_the_labels_choose_no_regressor():
    rows = table_1(keypoints=(None, 10.4, 15.9))
    assert "MPJPE puts J_spin first" in rendered("lead", rows)
    lead = rendered("lead", rows, fitted=True)
    assert "do <b>not</b> show which regressor to take" in lead and "MPJPE puts" not in lead
    limits = rendered("limits", rows, fitted=True)
    assert "10.4" in limits and 'class="best"' not in limits and "smallest" not in limits


def test_yardsticks_are_means_over_methods_and_mark_the_smallest():
    rows = table_1(spin=(64.0, 58.0, 59.0), vibe=(66.0, 61.0, 60.0))
    known = {one.name: one for one in answer_from(rows, truth(21.0, 25.0, 16.0)).yardsticks}
    assert known["MPJPE, mean of 2 methods"].errors_mm == {"std": 65.0, "spin": 59.5, "opt": 59.5}
    assert known["PA-MPJPE, mean of 2 methods"].best == "spin"
    assert len(known) == 3
    table = rendered("limits", rows, truth(21.0, 25.0, 16.0))
    assert re.findall(r'class="best">([\d.]+)<', table) == ["59.5", "29.8", "16.0"]
    assert "--share:64.0%" in table  # 16 of 25


def test_means_are_over_methods_that_every_regressor_was_scored_with():
    rows = table_1(spin=(64.0, 58.0, 59.0), joints=(None, None, None), other=(80.0, None, None))
    known = {one.name: one for one in answer_from(rows, truth(21.0, 25.0, 16.0)).yardsticks}
    assert known["MPJPE, spin"].errors_mm == {"std": 64.0, "spin": 58.0, "opt": 59.0}


def test_cells_sort_by_the_whole_number_and_show_a_rounded_one():
    columns, rows = ["name", "value_mm", "frames"], [["<a>", "12.34567", "3"], ["b", "nan", "40"]]
    table = sortable_table(columns, rows)
    assert table.columns == (("name", False), ("value mm", True), ("frames", True))
    cells = [[(cell.value, cell.printed) for cell in row] for row in table.rows]
    assert cells == [
        [("<a>", "<a>"), (12.34567, "12.35"), (3, "3")],
        [("b", "b"), ("", ""), (40, "40")],
    ]


def test_a_caption_is_filled_and_a_wrong_one_is_named(tmp_path):
    path = tmp_path / "caption.rst"
    path.write_text("Of ``{{ snakemake.params.cfg.kind }}``, run {{ snakemake.config['run'] }}.")
    text = fill_caption(path, {"cfg": {"kind": "std"}}, {"run": "open"})
    assert prose(text) == '<p>Of <span class="docutils literal">std</span>, run open.</p>'
    assert prose("Under 150 mm (PCK@150).") == "<p>Under 150 mm (PCK&#64;150).</p>"  # no address
    path.write_text("{{ snakemake.params.protocol }}")
    with pytest.raises(ConfigError, match=r"caption\.rst.*protocol.*parameters of its rule: cfg"):
        fill_caption(path, {"cfg": {}}, {})


class Events(HTMLParser):
    """Every tag with its attributes and every text of a page, in order; files inside it are left out."""

    def __init__(self, text):
        super().__init__()
        self.events = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = {name: re.sub("^data:.*", "a file", value or "") for name, value in attrs}
        self.events.append((tag, values))

    def handle_endtag(self, tag):
        self.events.append(f"end of {tag}")

    def handle_data(self, data):
        self.events.append(" ".join(data.split()))


def small_page(folder, name, body_data):
    """A report whose method, caption, files, run and configuration bear this name."""
    folder.mkdir()
    rows = table_1(spin=(64.0, 58.0, 59.0))
    methods = {"spin": Method("spin", "predictions", name, "", "", "", "", "")}
    printed = grids.captioned(
        grids.table_1(pd.DataFrame(rows).astype({"value_mm": float}), None, methods), name, name
    )
    for stem in ("table_1", name):
        pd.DataFrame(rows).assign(method=name).to_csv(folder / f"{stem}.csv", index=False)
        write_forms(folder / stem, printed)
    (folder / f"{name}.svg").write_text(PICTURE)
    (folder / f"{name}.txt").write_text(name)
    (folder / "export" / name).mkdir(parents=True)
    (folder / "export" / name / "J_regressor_h36m.npy").write_bytes(b"1")
    shown = [("table_1.csv", "table_1"), *((f"{name}{end}", name) for end in (".svg", ".csv", ".txt"))]
    return page.page(
        page.Contents(
            run=name,
            exhibits=[
                {"path": str(folder / path), "kind": kind, "category": name}
                | {"title": name, "caption": name}
                for path, kind in shown
            ],
            table_1=str(folder / "table_1.csv"),
            diagnosis="",
            body=body_data,
            protocol=f"Protocol: {name}. More.",
            fitted=False,
            sequences=[{"subject": name, "action": name, "split": "train"}],
            config={"seed": 1, "run": name, "fit_regressor": {"candidates_m": 0.0}},
            logs=str(folder / "logs"),
            files=[str(folder / "export" / name / "J_regressor_h36m.npy")],
        )
    )


def test_markup_in_a_label_a_caption_or_a_file_name_is_text(tmp_path):
    """The page is that of a harmless name, with the other name in its place."""
    nasty, plain = '<b>&"', "Plain"
    events = {}
    for at, name in enumerate((nasty, plain)):
        body_data = {"clips": [f"</script>{name}"]}
        of_page = Events(small_page(tmp_path / str(at), name, body_data)).events
        where = of_page.index(("script", {"type": "application/json", "id": "body-data"})) + 1
        assert json.loads(of_page.pop(where)) == body_data
        events[name] = of_page
    as_text = json.dumps(events[nasty]).replace(json.dumps(nasty)[1:-1], plain)
    assert json.loads(as_text) == json.loads(json.dumps(events[plain]))
    links = [event[1] for event in events[nasty] if isinstance(event, tuple) and event[0] == "a"]
    assert [link["download"] for link in links if "download" in link] == [
        *("table_1.csv", f"{nasty}.csv", f"{nasty}.txt", f"{nasty}.npy"),
    ]


def test_costs_add_up_by_rule(tmp_path):
    log = "commit {}, {{}}\nmemory {:.0f} MB at most\ncpu 0.20 s start-up, {:.2f} s in all\n"
    for name, commit, cpu in (("S1/Walking", "abc1234", 3.0), ("S5/Walking", "abc1234+", 4.5)):
        path = tmp_path / f"optimize/full/{name}.log"
        path.parent.mkdir(parents=True)
        path.write_text(log.format(commit, 100 * cpu, cpu))
        path.with_suffix(".benchmark.tsv").write_text(f"s\th:m:s\tmax_rss\n{2 * cpu}\t0\t1\n")
    (tmp_path / "table_1.log").write_text(log.format("abc1234", 80, 1.25))
    (tmp_path / "export.log").write_text("commit abc1234, {}\n")  # killed, or still running
    (tmp_path / "table_1.benchmark.tsv").write_text("s\th:m:s\tmax_rss\n1.0\t0\tNA\n")
    costs = read_costs(tmp_path)
    assert list(costs) == ["optimize", "table_1"]
    dear = costs["optimize"]
    assert (dear.jobs, dear.measured, dear.cpu_s, dear.wall_s) == (2, 2, 7.5, 15.0)
    assert (dear.longest_s, dear.memory_mb) == (9.0, 450.0)
    assert dear.commits == {"abc1234", "abc1234+"}
    assert (costs["table_1"].measured, costs["table_1"].memory_mb) == (1, 80.0)


def test_a_packed_body_is_the_body(body, make_bodies, generator):
    """Positions to a tenth of a millimetre, y up, the labelled pelvis at the origin."""
    rotations, betas, translation = make_bodies(generator, 2)
    vertices = body.vertices(rotations, betas, translation)
    labels = generator.normal([0, 0, 4], 0.3, (2, 17, 3))
    weights = np.zeros((17, body.n_vertices))
    weights[:, [5, 9]] = [0.25, 0.75]
    clip = body_viewer.Clip("S1 Walking", ("frame 0", "frame 1"), labels, {"initial": vertices})
    packed = body_viewer.pack(body, {"opt_full": Regressor(weights)}, [clip])
    frame = packed["clips"][0]["frames"][1]
    mesh = frame["bodies"]["initial"]
    points = mesh["step"] * np.frombuffer(base64.b64decode(mesh["data"]), "<i2").reshape(-1, 3)
    expected = (vertices[1] - labels[1, H36M_17.index("pelvis")]) * [1, -1, -1]
    assert np.abs(points - expected).max() < 1e-4
    assert np.ptp(points[:, 1]) > 1.2  # a body that stands, y up
    assert np.abs(frame["labels"][0]).max() == 0
    faces = np.frombuffer(base64.b64decode(packed["faces"]), "<u2").reshape(-1, 3)
    assert np.array_equal(faces, body.faces)
    (only,) = packed["regressors"]
    assert only["label"] == "J_opt"
    assert only["rows"][3] == {"vertices": [9, 5], "weights": [0.75, 0.25]}


def test_the_frames_shown_are_those_of_one_camera_in_the_order_of_time():
    seen = SimpleNamespace(
        camera=np.repeat([0, 1], 12), take=np.zeros(24), frame=np.tile(np.arange(12)[::-1], 2)
    )
    rows = body_viewer._spread(seen, first=13)
    assert set(seen.camera[rows]) == {1}
    assert seen.frame[rows].tolist() == [0, 3, 6, 8, 11]


def test_colours_of_the_style_sheet_stand_out(root):
    """WCAG 2 AA: text 4.5 to 1 against both grounds, edges of controls 3 to 1; light and dark."""
    css = (root / "src/jointreg/report/assets/page.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))
        for part in css.split("@media screen and (prefers-color-scheme: dark)")
    )
    assert light.keys() == dark.keys()
    for colours in (light, dark):
        for ground in ("paper", "panel"):
            for text in ("ink", "soft", "accent"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
            assert contrast(colours["edge"], colours[ground]) >= 3, ground
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5


def test_the_body_has_the_colours_and_shapes_of_the_figures(root):
    """The same hue, darker where a mark lies on a coloured body, and the same shape."""
    script = (root / "src/jointreg/report/assets/body_viewer.js").read_text()
    looks = re.findall(r'(\w+): \["(#[0-9a-f]{6})", "(\w+)"\]', script)
    named = {"std", "spin", "opt_full", "opt_recommended", "initial", "refined"}
    assert {name for name, _, _ in looks} >= named
    shapes = {"square": "s", "diamond": "D", "circle": "o", "plus": "P"}
    for name, colour, shape in looks:
        if name in ("true", "label"):  # greys
            continue
        regressor = {"opt_full": "opt", "opt_recommended": "recommended"}.get(name, name)
        ours, theirs = (rgb_to_hsv(*to_rgb(one)) for one in (colour, COLOURS[regressor]))
        assert abs(ours[0] - theirs[0]) < 0.02 and ours[2] <= theirs[2], name
        assert shapes[shape] == MARKERS.get(regressor, shapes[shape])


def contrast(one, other):
    """Contrast ratio of two colours `#rrggbb`, WCAG 2."""
    light = []
    for colour in (one, other):
        channels = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        light.append(linear @ [0.2126, 0.7152, 0.0722])
    return (max(light) + 0.05) / (min(light) + 0.05)
