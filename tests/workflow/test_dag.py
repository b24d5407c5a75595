"""The shape of the DAG in named cases, by dry run."""

import pytest
from dry_run import OPEN, planned, snakemake

from jointreg.sequences import load_sequences


def test_demo_has_at_most_165_jobs_and_every_stage(checkout):
    counts = planned(checkout, *OPEN)
    assert sum(counts.values()) <= 165
    assert counts["prepare"] == 21
    assert counts["optimize"] >= 45
    assert counts["fit_regressor_opt"] == 3
    for rule in ("synthesize_rig", "background", "segment", "estimate", "energy_weights", "evaluate"):
        assert counts[rule] >= 1, rule


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
    assert "config/open.yaml" in text


def test_real_data_set_plans_105_jobs_a_stage(checkout):
    """Empty files stand for the data: a dry run reads none of them."""
    base = checkout / "data/human36m"
    for subject in ("S1", "S5", "S6", "S7", "S8", "S9", "S11"):
        (base / "raw" / subject).mkdir(parents=True)
    for name in ("raw/metadata.xml", "smpl/SMPL_NEUTRAL.npz", "J_regressor_h36m.npy"):
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).touch()
    actions = {row.action for row in load_sequences(checkout / "config/sequences/human36m.tsv")}
    for method in ("spin", "vibe", "meva"):
        for subject in ("S1", "S5", "S6", "S7", "S8", "S9", "S11"):
            (base / "predictions" / method / subject).mkdir(parents=True)
            for action in actions:
                (base / "predictions" / method / subject / f"{action}.npz").touch()
    counts = planned(checkout)
    assert counts["prepare"] == 105
    assert counts["optimize"] >= 3 * 75
    assert counts["estimate"] == 105 + 2 * 30
    assert "synthesize" not in counts
    slurm = planned(checkout, "--profile", "slurm")
    assert slurm == counts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimize={iteratoins: 3}", "did you mean 'iterations'"),
        ("methods=[sim_spin,openpose]", "no row for ['openpose']"),
        ("variants=[full,fancy]", "'fancy' is not defined"),
        ("sequences=config/sequences/none.tsv", "none.tsv does not exist"),
    ],
)
def test_bad_configuration_stops_before_any_job(checkout, change, message):
    done = snakemake(checkout, "--dry-run", *OPEN, "--config", change, check=False)
    assert done.returncode
    assert message in done.stdout + done.stderr
