"""The shape of the DAG in named cases, by dry run."""

import re
import subprocess
import sys

import pytest
from dry_run import OPEN, planned, snakemake


def test_demo_has_at_most_165_jobs_and_every_stage(checkout):
    counts = planned(checkout, *OPEN)
    assert sum(counts.values()) <= 165
    assert counts["prepare"] == 21
    assert counts["optimize"] >= 45
    assert counts["fit_regressor_opt"] == 3
    for rule in ("synthesize_rig", "background", "segment", "estimate", "energy_weights", "evaluate"):
        assert counts[rule] >= 1, rule


def test_mask_rcnn_wants_its_weights_and_a_gpu_but_no_empty_room(checkout):
    (checkout / "network.pth").touch()
    network = "segment={method: torchvision, weights: network.pth, sha256: bf2d0c1e}"
    change = [*OPEN, "--config", network, "device=cuda", "optimize={backend: warp}"]
    counts = planned(checkout, *change)
    assert counts["segment"] == planned(checkout, *OPEN)["segment"]
    assert "background" not in counts
    text = snakemake(checkout, "--dry-run", "--until", "segment", *change).stdout
    job = text.split("rule segment:")[1].split("\n\n")[0]
    assert "network.pth" in job and "gpu=1" in job


def test_paper_target_needs_no_diagnosis(checkout):
    assert "diagnose" not in planned(checkout, "paper", *OPEN)


def test_learning_curve_makes_one_variant_of_the_training_subjects_and_no_evaluation(checkout):
    """Videos and truth of the test subjects are there, and nothing else of them."""
    counts = planned(checkout, "learning_curve", *OPEN, "config/open_full.yaml")
    assert {counts[rule] for rule in ("prepare", "segment", "estimate", "optimize")} == {75}
    assert (counts["background"], counts["synthesize"], counts["diagnose_learning_curve"]) == (5, 7, 1)
    assert not {"evaluate", "diagnose", "agreement", "figures", "table_1"} & set(counts)


def test_the_real_data_set_stops_with_what_is_missing(checkout):
    done = snakemake(checkout, "--dry-run", check=False)
    assert done.returncode
    text = done.stdout + done.stderr
    assert "raw/S11" in text
    assert "register at" in text
    assert "vibe_model_wo_3dpw.pth.tar  (checkpoint of VIBE: docs/networks.md)" in text
    assert "config/open.yaml" in text


def test_real_data_set_plans_105_jobs_a_stage(checkout):
    """Empty files stand for the data: a dry run reads none of them."""
    base = checkout / "data/human36m"
    for subject in ("S1", "S5", "S6", "S7", "S8", "S9", "S11"):
        (base / "raw" / subject / "Videos").mkdir(parents=True)
    for name in ("raw/metadata.xml", "smpl/SMPL_NEUTRAL.pkl", "J_regressor_h36m.npy"):
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).touch()
    networks = base / "networks"
    networks.mkdir()
    for name in (
        "spin_model_checkpoint.pth.tar",
        "vibe_model_wo_3dpw.pth.tar",
        "meva_model_best.pth.tar",
        "smpl_mean_params.npz",
    ):
        (networks / name).touch()
    counts = planned(checkout)
    assert counts["prepare"] == 105
    assert counts["optimize"] >= 3 * 75
    assert counts["features"] == 105  # once, though three networks read them
    assert counts["run_network"] == 105 + 2 * 30
    assert "estimate" not in counts
    assert "synthesize" not in counts
    slurm = planned(checkout, "--profile", "slurm")
    assert slurm == counts
    crops = "run_network={crops: {vibe: vibe}}"
    assert planned(checkout, "--config", crops)["features"] == 105 + 30


def test_the_scheduling_process_loads_nothing_heavy(root):
    """Every import of the rule files, in under a second of CPU after Snakemake's own."""
    lines = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    imports = "\n".join(re.findall(r"^(?:from jointreg\S* )?import [\w, ]+$", lines, re.MULTILINE))
    assert imports.count("jointreg") >= 10
    code = (
        "import snakemake.cli, sys, time\nbefore, begin = set(sys.modules), time.process_time()\n"
        f"{imports}\nprint(time.process_time() - begin)\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'numba', 'scipy', 'zarr', 'cv2'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.splitlines()
    assert float(seconds) < 1
    assert heavy == "[]"


def test_the_column_kind_switches_to_prediction_files(checkout):
    table = checkout / "config/methods.tsv"
    table.write_text(table.read_text().replace("\nspin\tspin\t", "\nspin\tpredictions\t"))
    text = snakemake(checkout, "--dry-run", "--config", "methods=[spin]", check=False)
    assert "predictions/spin" in text.stdout + text.stderr
    assert "networks/" not in text.stdout + text.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimize={iteratoins: 3}", "did you mean 'iterations'"),
        (
            "fit_regressor={opt: {sum_wieght: 3}}",
            "'fit_regressor.opt.sum_wieght'; did you mean",
        ),
        (
            "fit_regressor_spin={sum_weight: 3}",
            "'fit_regressor_spin' has a new name",
        ),
        ("variant_settings={multiview: {camra: calibrated}}", "did you mean 'camera'"),
        ("methods=[sim_spin,openpose]", "no row for ['openpose']"),
        ("variants=[full,fancy]", "'fancy' is not defined"),
        ("sequences=config/sequences/none.tsv", "none.tsv does not exist"),
    ],
)
def test_bad_configuration_stops_before_any_job(checkout, change, message):
    done = snakemake(checkout, "--dry-run", *OPEN, "--config", change, check=False)
    assert done.returncode
    assert message in done.stdout + done.stderr
