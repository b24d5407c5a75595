"""The tiny run: its numbers, its reproducibility, its independence of the truth, its errors."""

import base64
import csv
import json
import re
import shutil

import numpy as np
from dry_run import REPORT, TINY, copy_project, planned, snakemake

from jointreg import stores
from jointreg.config import load, read_yaml
from jointreg.config.methods import load_methods
from jointreg.config.sequences import load_sequences
from jointreg.pipeline.disk import disk
from jointreg.pipeline.lengths import recording_frames

NAMES = ("table_1", "changes", "by_subject", "by_action", "by_joint", "pck_auc", "ablation")
TABLES = (
    *(f"{name}.{form}" for name in NAMES for form in ("csv", "md", "tex", "html", "txt")),
    "agreement.csv",
)


def rows(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def diagnosis(folder):
    table = rows(folder / "results/tiny/tables/diagnostics.csv")
    keys = ("method", "variant", "regressor", "metric")
    return {tuple(row[key] for key in keys): float(row["value"]) for row in table}


def test_has_30_jobs(checkout):
    assert sum(planned(checkout, *TINY).values()) == 30


def test_table_1_is_tidy(finished):
    table = rows(finished / "results/tiny/tables/table_1.csv")
    assert {"method", "regressor", "metric", "value_mm", "frames"} <= set(table[0])
    assert {row["regressor"] for row in table} == {"std", "spin", "opt"}
    assert {row["metric"] for row in table} == {"mpjpe", "pa_mpjpe"}
    assert all(row["frames"] == "8" for row in table)
    # A simulated estimator of 60-70 mm: millimetres, not metres, and not another joint order.
    assert all(20 < float(row["value_mm"]) < 120 for row in table)


def test_refinement_brings_bodies_to_the_truth(finished):
    values = diagnosis(finished)
    assert values["sim_spin", "full", "-", "vertex_error_ratio"] < 0.4
    assert values["sim_spin", "full", "-", "vertex_error_centred_ratio"] < 0.5
    assert values["sim_spin", "full", "-", "rendered_iou_with_true_mask"] > 0.9


def test_masks_are_not_wide_or_narrow(finished):
    values = diagnosis(finished)
    assert abs(values["background", "-", "-", "mask_boundary_bias"]) < 0.5
    assert values["background", "-", "-", "mask_iou"] > 0.95


def test_the_exported_regressors_are_the_fitted_one(finished):
    from scipy import sparse

    results = finished / "results/tiny"
    weights = np.load(results / "fit_regressor_opt/J_opt_full.npy")
    folder = results / "export/J_opt_full"
    assert weights.shape == (17, 6890)
    assert np.array_equal(weights, np.load(folder / "J_regressor_h36m.npy"))
    right_first = [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]  # the legs alone change places
    assert np.array_equal(weights[right_first], np.load(folder / "J_regressor_h36m_correct.npy"))
    (packed,) = folder.glob("*.npz")
    assert np.array_equal(weights, sparse.load_npz(packed).toarray())
    assert weights.min() >= 0
    assert np.abs(weights.sum(axis=1) - 1).max() < 1e-3


def test_without_the_truth_the_same_tables_are_made(finished, tmp_path, root):
    """Another run from the raw data on, without the truth: every table is the same, byte for byte.

    One subject's raw data are made again, too. Figures are drawn without the truth in test_joint_set.py;
    here they are planned.
    """
    again, index = copy_project(root, tmp_path / "again"), "data/tiny/human36m/S5/files.json"
    snakemake(again, index, *TINY)
    assert (again / index).read_bytes() == (finished / index).read_bytes()
    shutil.rmtree(again / "data")
    shutil.copytree(finished / "data", again / "data", ignore=shutil.ignore_patterns("truth"))
    compared = (
        *(f"results/tiny/tables/{name}" for name in (*TABLES, "learning_curve.csv")),
        *("results/tiny/fit_regressor_spin/J_spin.npy", "results/tiny/fit_regressor_opt/J_opt_full.npy"),
    )
    snakemake(again, *compared, *TINY)
    assert set(planned(again, "paper", *TINY)) == {"figures", "animation", "paper"}
    assert not (again / "data/tiny/truth").exists()
    snakemake(finished, "learning_curve", *TINY)
    for name in compared:
        assert (finished / name).read_bytes() == (again / name).read_bytes(), name


def test_one_job_for_all_short_sequences_gives_the_same_bits(finished, tmp_path):
    """The same bodies, J_opt and Table I, whether a job refines one sequence or all of them."""
    rules = ("estimate_training", "estimate_test", "optimize_training", "fit_regressor_opt")
    together = tmp_path / "together"
    shutil.copytree(finished, together, symlinks=True)
    results, apart = together / "results/tiny", finished / "results/tiny"
    for stage in ("estimate", "optimize", "fit_regressor_opt", "evaluate", "tables"):
        shutil.rmtree(results / stage)
    table = "tables/table_1.csv"
    settings = (*TINY, "--config", "short_sequences=true")
    made = ("--allowed-rules", *rules, "evaluate", "table_1")
    snakemake(together, f"results/tiny/{table}", *settings, *made)
    logs = {path.relative_to(together / "logs/tiny").parts[0] for path in together.glob("logs/tiny/*/*")}
    assert set(rules) <= logs
    stored = [path for stage in ("estimate", "optimize") for path in (apart / stage).rglob("*.zarr.zip")]
    assert len(stored) == 3 + 2 * 2  # bodies of three sequences; refined bodies and energies of two
    for path in (one.relative_to(apart) for one in stored):
        schema = stores.ENERGIES if ".energies." in path.name else stores.BODIES
        alone, among = (schema.read(folder / path) for folder in (apart, results))
        assert alone.keys() == among.keys()
        for key, values in alone.items():
            assert values.tobytes() == among[key].tobytes(), (path, key)
    for path in ("fit_regressor_opt/J_opt_full.npy", table):
        assert (apart / path).read_bytes() == (results / path).read_bytes(), path


def test_learning_curve_ends_where_the_regressor_is(finished):
    """All frames of both subjects: the error on true bodies is J_opt's, but for the thinned vertices."""
    snakemake(finished, "learning_curve", *TINY)
    table = rows(finished / "results/tiny/tables/learning_curve_truth.csv")
    (whole,) = [
        float(row["value_mm"])
        for row in table
        if (row["subset"], row["fraction"], row["metric"]) == ("S1+S5", "1.000000", "true_joints")
    ]
    known = diagnosis(finished)["truth", "full", "opt", "joint_error_true_joints"]
    assert abs(whole - known) < 1
    table = rows(finished / "results/tiny/tables/learning_curve.csv")
    assert {(row["metric"], row["subset"]) for row in table} == {
        *((metric, who) for metric in ("fitted", "held_out", "from_all") for who in ("S1", "S5")),
        *((metric, "S1+S5") for metric in ("fitted", "from_all")),
    }


def test_the_run_fills_the_disk_that_doctor_says(finished):
    """Stages that grow with the frames, within a third; these recordings are short and few."""
    loaded = load(read_yaml(finished / "config/config.yaml", finished / TINY[1]))
    work = load_sequences(finished / loaded.sequences)
    methods = load_methods(finished / loaded.methods_table, required=["sim_spin"])
    sizes = disk(loaded, work, methods, recording_frames(loaded, work))
    for stage in ("prepare", "background"):
        files = [path for path in (finished / "results/tiny" / stage).rglob("*") if path.is_file()]
        made = sum(path.stat().st_size for path in files)
        assert 2 / 3 < sizes[stage] / made < 3 / 2, (stage, sizes[stage], made)
    whole = sum(p.stat().st_size for p in (finished / "results/tiny").rglob("*") if p.is_file())
    assert sum(sizes.values()) > whole


def test_deleted_video_is_named(finished, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(finished, folder, symlinks=True)
    (video,) = (folder / "data/tiny/human36m/S5/Videos").iterdir()
    video.unlink()
    store = "results/tiny/prepare/S5/Walking.zarr.zip"
    done = snakemake(folder, "-f", store, *TINY, check=False)
    text = done.stdout + done.stderr
    assert done.returncode
    assert "DataError" in text
    assert video.name in text


def test_report_holds_every_table_and_figure_with_its_caption(finished):
    """What a rule marks for the report is in it, read from the rules, not from the report's code."""
    results = finished / "results/tiny"
    text = (results / "report.html").read_text()
    assert len(text) < 8e6
    for words in ("simulated estimators, not the networks", "Protocol: 17 joints", "one row a frame."):
        assert words in text, words
    tables = {path.stem for path in (results / "tables").glob("*.csv")} - {"learning_curve_truth"}
    for name in tables - {"learning_curve"}:
        assert f'id="table-{name}"' in text, name
    for name in {path.stem for path in (results / "figures").glob("*.svg")} - {"learning_curve_truth"}:
        assert f'id="{name}"' in text or name == "learning_curve", name
    assert 'download="J_opt_full.npy"' in text


def test_report_shows_the_true_bodies_and_the_refined_ones_near_them(finished, body):
    text = (finished / "results/tiny/report.html").read_text()
    script = re.search(r'id="body-data">(.*?)</script>', text, re.DOTALL)
    (clip,) = json.loads(script[1])["clips"]
    truth = np.load(finished / "data/tiny/truth/bodies/S1/Walking.npz")
    at = {f"frame {frame}": row for row, frame in enumerate(truth["frame"])}
    for frame in clip["frames"]:
        meshes = {
            kind: packed["step"] * np.frombuffer(base64.b64decode(packed["data"]), "<i2").reshape(-1, 3)
            for kind, packed in frame["bodies"].items()
        }
        assert set(meshes) == {"initial", "refined", "true"}
        row = slice(at[frame["name"]], at[frame["name"]] + 1)
        expected = body.vertices(*(truth[key][row] for key in ("rotations", "betas", "translation")))[0]
        expected = (expected * [1, -1, -1]) - (expected * [1, -1, -1]).mean(axis=0)
        drawn = meshes["true"] - meshes["true"].mean(axis=0)
        assert np.abs(expected - drawn).max() < 2e-4
        error = {
            kind: np.linalg.norm(mesh - meshes["true"], axis=1).mean() for kind, mesh in meshes.items()
        }
        assert error["refined"] < error["initial"]


def test_report_tells_time_and_memory_of_every_rule(finished):
    text = (finished / "results/tiny/report.html").read_text()
    part = text[text.index("Time and memory by rule") : text.index("Configuration</summary>")]
    for rule in ("synthesize", "prepare", "segment", "estimate", "optimize", "evaluate", "diagnose"):
        (row,) = [row for row in part.split("<tr>") if f">{rule}</td>" in row]
        values = re.findall(r'data-value="([^"]*)"', row)
        jobs, cpu, wall, longest, memory = map(float, values)
        assert jobs >= 1 and 0 < longest <= wall and cpu > 0 and memory > 30, row


def test_snakemakes_own_report_has_the_same_captions(finished):
    snakemake(finished, *REPORT)
    text = (finished / "report.html").read_text()
    assert len(text) < 20e6
    names = ("regressor_support", "table_1")
    for words in ("simulated estimators, not the networks", "Protocol: 17 joints", *names):
        assert words in text, words
