"""The shape of the DAG in named cases, by dry run."""

import shutil

import pytest
from dry_run import OPEN, TINY, copy_project, planned, snakemake
from planned_data import plant_human36m

from jointreg.datasets.human36m.metadata import CAMERAS


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, root):
    """A copy of the project for tests that only plan in it."""
    return copy_project(root, tmp_path_factory.mktemp("untouched"))


@pytest.fixture(scope="module")
def demo(untouched):
    return planned(untouched, *OPEN)


def test_the_demo_has_the_jobs_of_its_table_and_variants(demo):
    """Five training and two test subjects, three actions each; two test sequences are in the figures."""
    assert demo == {
        "synthesize_rig": 1,
        "synthesize": 7,
        "prepare": 7 * 3,
        "background": 7,
        "segment": 5 * 3 + 2,
        "estimate_training": 1,  # by the initial method
        "estimate_test": 4,
        "fit_regressor_spin": 1,
        "energy_weights": 1,
        "train_discriminator": 2,  # the other three variants have none
        "optimize_training": 3,
        "optimize": 2,  # of test subjects
        "optimize_subject": 2 * 5,  # the two rounds of the recommended variant
        "split_training": 2,
        "fit_regressor_opt": 5,
        "evaluate": 4 * 2,
        "agreement": 1,
        "diagnose": 1,
        "draw_diagnosis": 1,
        "table_1": 1,
        "figures": 1,
        "animation": 1,
        "export": 1,
        "report": 1,
        "all": 1,
    }


def test_the_recommended_variant_refines_a_subject_in_a_job_and_round(untouched, demo):
    """The figures show test sequences of `full` only."""
    without = planned(untouched, *OPEN, "--config", "variants=[full,no_discriminator,no_silhouette]")
    assert "optimize_subject" not in without and "split_training" not in without
    rounds = {"optimize_subject": 2 * 5, "split_training": 2}
    assert demo == without | rounds | {"fit_regressor_opt": 5}


def test_mask_rcnn_wants_its_weights_and_a_gpu_but_no_empty_room(checkout, demo):
    (checkout / "network.pth").touch()
    network = "segment={method: torchvision, weights: network.pth, sha256: bf2d0c1e}"
    change = [*OPEN, "--config", network, "device=cuda", "optimize={backend: warp}"]
    assert planned(checkout, *change) == {rule: n for rule, n in demo.items() if rule != "background"}
    text = snakemake(checkout, "--dry-run", "--until", "segment", *change).stdout
    job = text.split("rule segment:")[1].split("\n\n")[0]
    assert "network.pth" in job and "gpu=1" in job


def test_the_paper_needs_no_diagnosis_and_no_report(untouched, demo):
    others = {"diagnose", "draw_diagnosis", "export", "report", "all"}
    wanted = {rule: count for rule, count in demo.items() if rule not in others}
    assert planned(untouched, "paper", *OPEN) == wanted | {"paper": 1}


def test_a_target_that_is_no_sequence_of_the_table_stops_with_what_there_is(untouched):
    done = snakemake(
        untouched, "--dry-run", *OPEN, "--", "results/open/segment/S2/Walking.zarr.zip", check=False
    )
    assert done.returncode
    assert "no sequence S2 Walking in config/sequences/open.tsv; it has S1, S5" in done.stderr


def test_learning_curve_makes_one_variant_of_the_training_subjects_and_no_evaluation(untouched):
    """Videos and truth of the test subjects are there, and nothing else of them."""
    sequences = 5 * 15
    assert planned(untouched, "learning_curve", *OPEN, "config/open_full.yaml") == {
        "synthesize_rig": 1,
        "synthesize": 7,
        "background": 5,
        **dict.fromkeys(("prepare", "segment", "estimate", "optimize"), sequences),
        **dict.fromkeys(("fit_regressor_spin", "energy_weights", "train_discriminator"), 1),
        **dict.fromkeys(("fit_regressor_opt", "fit_learning_curve", "diagnose_learning_curve"), 1),
        **dict.fromkeys(("draw_learning_curve", "draw_learning_curve_truth", "learning_curve"), 1),
    }


def test_the_real_data_set_stops_with_what_is_missing(untouched):
    done = snakemake(untouched, "--dry-run", check=False)
    assert done.returncode
    text = done.stdout + done.stderr
    assert "raw/S11" in text
    assert "register at" in text
    assert "vibe_model_wo_3dpw.pth.tar  (checkpoint of VIBE: docs/networks.md)" in text
    assert "config/open.yaml" in text


def test_the_real_data_set_plans_105_jobs_a_stage(checkout):
    """Empty files stand for the data: a dry run reads metadata.xml and no other file."""
    base = checkout / "data/human36m"
    plant_human36m(base / "raw")
    for name in ("smpl/SMPL_NEUTRAL.pkl", "J_regressor_h36m.npy"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
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
    assert counts == {
        "convert_body": 1,
        "prepare": 7 * 15,
        "background": 7,
        "segment": 5 * 15 + 2,
        "features": 7 * 15,  # once, though three networks read them
        "run_network": 7 * 15 + 2 * (2 * 15),
        "fit_regressor_spin": 1,
        "energy_weights": 1,
        "train_discriminator": 2,
        "optimize": 3 * (5 * 15) + 2,
        "fit_regressor_opt": 3,
        "evaluate": 3 * 2,
        **dict.fromkeys(("agreement", "table_1", "figures", "animation", "export", "report", "all"), 1),
    }
    (base / "raw/S9/Videos/Walking 1.60457274.mp4").unlink()
    (base / "raw/S11/MyPoseFeatures/D3_Positions/Directions.cdf").unlink()
    done = snakemake(checkout, "--dry-run", check=False)
    assert done.returncode
    # The first camera of S11 Directions 2 is in the table of damaged recordings.
    text = done.stdout + done.stderr
    lines = [line.strip() for line in text.splitlines() if ", take " in line]
    label = "data/human36m/raw/S11/MyPoseFeatures/D3_Positions/Directions.cdf"
    assert lines == [
        "S9 Walking, take 1, camera 60457274: data/human36m/raw/S9/Videos/Walking 1.60457274.mp4",
        *(f"S11 Directions, take 2, camera {camera}: {label}" for camera in CAMERAS[1:]),
    ]
    plant_human36m(base / "raw")
    slurm = planned(checkout, "--profile", "slurm")
    assert slurm == counts
    crops = "run_network={crops: {vibe: vibe}}"
    assert planned(checkout, "--config", crops)["features"] == 105 + 30


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
        ("methods=[sim_spin,openpose]", "no row for openpose"),
        ("variants=[full,fancy]", "'fancy' is not defined"),
        ("sequences=config/sequences/none.tsv", "none.tsv does not exist"),
    ],
)
def test_bad_configuration_stops_before_any_job(untouched, change, message):
    done = snakemake(untouched, "--dry-run", *OPEN, "--config", change, check=False)
    assert done.returncode
    text = done.stdout + done.stderr
    assert message in text and "ConfigError: " in text
    assert "common.smk" not in text and ", line" not in text, text


def test_the_profile_of_slurm_on_a_machine_without_slurm_stops_before_any_job(
    untouched, tmp_path, monkeypatch
):
    for program in ("bash", "sh", "git", "env", "which", "uname"):
        (tmp_path / program).symlink_to(shutil.which(program))
    monkeypatch.setenv("PATH", str(tmp_path))
    done = snakemake(untouched, "--profile", "slurm", *TINY, check=False)
    text = done.stdout + done.stderr
    assert done.returncode and "no Slurm on this machine, not on the PATH: sbatch" in text
    assert "login node" in text and "[Errno" not in text and "rule synthesize" not in text
    assert "common.smk" not in text and ", line" not in text, text
