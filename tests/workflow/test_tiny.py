"""The tiny run: its numbers, its reproducibility, its independence of the truth, its errors."""

import csv
import shutil

import numpy as np
from dry_run import TINY, copy_project, planned, snakemake

from jointreg.config import load, read_yaml
from jointreg.disk import disk
from jointreg.sequences import load_methods, load_sequences

TABLES = ("table_1.csv", "table_1.md", "table_1.tex", "table_1.txt", "ablation.csv", "agreement.csv")


def rows(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def diagnosis(folder):
    found = rows(folder / "results/tiny/tables/diagnostics.csv")
    keys = ("method", "variant", "regressor", "metric")
    return {tuple(row[key] for key in keys): float(row["value"]) for row in found}


def test_has_at_most_30_jobs(checkout):
    assert sum(planned(checkout, *TINY).values()) <= 30


def test_table_1_is_tidy(finished):
    table = rows(finished / "results/tiny/tables/table_1.csv")
    assert {"method", "regressor", "metric", "value_mm", "frames"} <= set(table[0])
    assert {row["regressor"] for row in table} == {"std", "spin", "opt"}
    assert {row["metric"] for row in table} == {"mpjpe", "pa_mpjpe"}
    assert all(row["frames"] == "8" for row in table)
    # A simulated estimator of 60-70 mm: millimetres, not metres, and not another joint order.
    assert all(20 < float(row["value_mm"]) < 120 for row in table)


def test_refinement_brings_bodies_to_the_truth(finished):
    found = diagnosis(finished)
    assert found["sim_spin", "full", "-", "vertex_error_ratio"] < 0.4
    assert found["sim_spin", "full", "-", "vertex_error_centred_ratio"] < 0.5
    assert found["sim_spin", "full", "-", "rendered_iou_with_true_mask"] > 0.9


def test_masks_are_not_wide_or_narrow(finished):
    found = diagnosis(finished)
    assert abs(found["background", "-", "-", "mask_boundary_bias"]) < 0.5
    assert found["background", "-", "-", "mask_iou"] > 0.95


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
    """Another run from the raw data on, the truth deleted: every table is the same, byte for byte."""
    again = copy_project(root, tmp_path / "again")
    made = [f"data/tiny/human36m/{subject}/files.json" for subject in ("S1", "S5", "S9")]
    snakemake(again, *made, *TINY)
    for subject in ("S1", "S5", "S9"):
        index = f"data/tiny/human36m/{subject}/files.json"
        assert (again / index).read_bytes() == (finished / index).read_bytes()
    shutil.rmtree(again / "data/tiny/truth")
    curve = "results/tiny/tables/learning_curve.csv"
    snakemake(again, "paper", curve, *TINY)
    assert not (again / "data/tiny/truth").exists()
    snakemake(finished, "learning_curve", *TINY)
    for name in (*TABLES, "learning_curve.csv"):
        first, second = (folder / "results/tiny/tables" / name for folder in (finished, again))
        assert first.read_bytes() == second.read_bytes(), name
    for name in ("fit_regressor_spin/J_spin.npy", "fit_regressor_opt/J_opt_full.npy"):
        first, second = (folder / "results/tiny" / name for folder in (finished, again))
        assert first.read_bytes() == second.read_bytes(), name


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
    sizes = disk(loaded, work, methods)
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


def test_report_holds_tables_and_figures_with_captions(finished):
    snakemake(finished, *TINY, "--report", "report.html")
    text = (finished / "report.html").read_text()
    assert len(text) < 20e6
    for words in ("simulated estimators, not the networks", "Protocol: 17 joints", "regressor_support"):
        assert words in text, words
