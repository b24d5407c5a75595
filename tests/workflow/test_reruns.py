"""One changed setting reruns its stage and what follows, and nothing else."""

import os
import time

import pytest
from dry_run import TINY, planned, snakemake

AFTER_EVALUATE = {"table_1", "figures", "report", "all"}
AFTER_OPT = {"fit_regressor_opt", "evaluate", "export", "diagnose", "draw_diagnosis", *AFTER_EVALUATE}
AFTER_SEGMENT = {
    *("energy_weights", "train_discriminator", "optimize", "animation", "agreement"),
    *AFTER_OPT,
}


def edited(folder, name, old, new):
    """Change one place of a source file; give back a function that undoes it."""
    path = folder / name
    text = path.read_text()
    assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))
    return lambda: path.write_text(text)


def test_a_second_run_does_nothing(finished):
    assert not planned(finished, *TINY)
    assert "Nothing to be done" in snakemake(finished, *TINY).stderr


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ("figures={dpi: 80}", {"figures", "draw_diagnosis", "report", "all"}),
        ("evaluate={joints: 14}", {"evaluate", "diagnose", "draw_diagnosis", *AFTER_EVALUATE}),
        ("fit_regressor_opt={sum_weight: 50.0}", AFTER_OPT),
        ("optimize={iterations: 90}", AFTER_SEGMENT - {"energy_weights"}),
        ("train_discriminator={steps: 10}", AFTER_SEGMENT - {"energy_weights"}),
        ("segment={threshold: 7.0}", {"segment", *AFTER_SEGMENT}),
        ("estimate={keypoints_prior: 0.1}", None),
        ("seed=1", "everything"),
    ],
)
def test_a_changed_setting_reruns_its_stage_and_what_follows(finished, change, rules):
    found = set(planned(finished, *TINY, "--config", change))
    if rules == "everything":
        assert {"synthesize_rig", "synthesize", "prepare", "train_discriminator", "all"} <= found
        return
    if rules is None:
        rules = {"estimate", "fit_regressor_spin", *AFTER_SEGMENT}
    assert found == rules


def test_an_edited_comment_docstring_or_message_reruns_nothing(finished):
    undo = [
        edited(
            finished,
            "src/jointreg/losses.py",
            '"""Sum over joints of squared distances (Eq',
            '"""The sum (Eq',
        ),
        edited(finished, "workflow/scripts/optimize.py", "job = start", "# begin\njob = start"),
    ]
    assert not planned(finished, *TINY)
    for back in undo:
        back()


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [
        ("workflow/report/changes.rst", "Paired changes", "Paired differences", {"table_1", "figures"}),
        (
            "workflow/report/variants.rst",
            "Initial and refined",
            "Refined and initial",
            {"draw_diagnosis"},
        ),
        ("workflow/report/energies.rst", "The energies of", "Energies of", set()),  # the report's alone
        ("src/jointreg/grids.py", '"Clusters"', '"Takes"', {"table_1", "figures"}),
        (
            *("src/jointreg/style.py", "SMALL_PT = 7\n", "SMALL_PT = 6\n"),
            {"figures", "draw_diagnosis", "animation"},
        ),
    ],
)
def test_a_caption_or_a_style_reruns_tables_and_figures_only(finished, file, old, new, rules):
    """No stage of a GPU, no evaluation; `figures` after `table_1` where it reads a table that is new."""
    back = edited(finished, file, old, new)
    found = set(planned(finished, *TINY))
    back()
    assert found == rules | ({"all"} if rules else set())


def test_edited_code_reruns_the_stages_that_reach_it(finished):
    back = edited(
        finished,
        "src/jointreg/losses.py",
        "difference = joints - target\n",
        "difference = 2 * (joints - target)\n",
    )
    assert set(planned(finished, *TINY)) == AFTER_SEGMENT
    back()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("workflow/report/table_1_plot.rst", "Table I as dots.", "Table I as marks."),
        ("src/jointreg/assets/report.css", "--accent: #0b5f4b", "--accent: #10457a"),
    ],
)
def test_a_changed_caption_or_style_remakes_the_report_alone(finished, name, old, new):
    back = edited(finished, name, old, new)
    assert set(planned(finished, *TINY)) == {"report", "all"}
    back()


def test_a_changed_style_of_the_figures_remakes_them_and_the_report(finished):
    back = edited(finished, "src/jointreg/figures.py", '"grid.linewidth": 0.6', '"grid.linewidth": 0.7')
    found = set(planned(finished, *TINY))
    assert {"figures", "report"} <= found <= {"figures", "draw_diagnosis", "animation", "report", "all"}
    back()


def test_a_git_checkout_reruns_nothing(finished):
    """A checkout gives every file of the project a new time stamp."""
    now = time.time() + 5
    for part in ("src", "workflow", "config", "Snakefile"):
        for path in [finished / part, *(finished / part).rglob("*")]:
            if path.is_file():
                os.utime(path, (now, now))
    assert not planned(finished, *TINY)


def test_why_a_job_would_run_is_said(finished):
    done = snakemake(finished, "--dry-run", *TINY, "--config", "figures={dpi: 80}")
    assert "Params have changed" in done.stdout + done.stderr
