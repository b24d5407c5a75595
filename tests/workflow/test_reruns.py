"""One changed setting reruns its stage and what follows, and nothing else."""

import os
import re
import subprocess
import time

import pytest
import reruns
from dry_run import TINY, copy_project, planned, snakemake
from edits import edited, renamed

AFTER_SEGMENT = {
    *("energy_weights", "train_discriminator", "optimize", "animation", "agreement"),
    *("fit_regressor_opt", "evaluate", "export", "diagnose", "draw_diagnosis"),
    *("table_1", "figures", "report", "all"),
}
LOSSES = "src/jointreg/refine/losses.py"
DOUBLED_LOSS = "difference = joints - target\n", "difference = 2 * (joints - target)\n"


@pytest.fixture(autouse=True)
def restored(finished):
    """A test leaves the finished tree as it was: others read it."""

    def contents():
        parts = [path for part in ("src", "workflow", "config") for path in (finished / part).rglob("*")]
        files = [path for path in parts if path.is_file() and "__pycache__" not in path.parts]
        return {path: path.read_bytes() for path in files}

    before = contents()
    yield
    assert contents() == before


def test_an_edit_is_undone_when_its_block_fails(finished):
    losses = finished / LOSSES
    text = losses.read_text()
    with pytest.raises(ZeroDivisionError), edited(finished, LOSSES, *DOUBLED_LOSS):
        assert losses.read_text() != text
        _ = 1 / 0
    with pytest.raises(ZeroDivisionError), renamed(finished, "jointreg.refine.losses", "costs"):
        assert not losses.exists()
        _ = 1 / 0
    assert losses.read_text() == text


def test_a_second_run_does_nothing(finished):
    assert not planned(finished, *TINY)
    assert "Nothing to be done" in snakemake(finished, *TINY).stderr


def row(page, key):
    """Rules of a key in docs/reruns.md: those that begin, and those that follow."""
    (cells,) = [line.split(" | ") for line in page.splitlines() if f"`{key}`" in line.split(" | ")[0]]
    return [
        set(re.findall(r"`(\w+)`", cell))
        | (set(reruns.AFTER_OPTIMIZE) if "*results*" in cell else set())
        for cell in cells[1:]
    ]


def test_the_page_of_reruns_is_what_dry_runs_say(finished, root):
    """Every key; and of some of them what has to stand there."""
    assert set(reruns.keys(root)) == set(reruns.CHANGES) | set(reruns.IN_WORDS)
    page = (root / "docs/reruns.md").read_text()
    assert reruns.page(finished) == page, "`make docs` writes it again"
    assert row(page, "figures.dpi") == [{"figures", "draw_diagnosis"}, set()]
    begin, after = row(page, "fit_regressor.opt")
    assert begin == {"fit_regressor_opt"} and not after & {"optimize", "segment", "prepare"}
    for key in ("fit_regressor.spin", "fit_regressor.sum_weight"):
        begin, after = row(page, key)
        assert begin == {"fit_regressor_spin"} and {"optimize", "fit_regressor_opt"} <= after
    begin, after = row(page, "segment.threshold")
    assert (begin, begin | after | {"report", "all"}) == ({"segment"}, {"segment"} | AFTER_SEGMENT)
    begin, after = row(page, "seed")
    assert {"synthesize_rig"} <= begin
    assert {"synthesize", "prepare", "train_discriminator"} <= begin | after


def test_a_clone_of_the_same_commit_reruns_nothing(finished, tmp_path):
    """Cloned, then results, `.snakemake` and data copied into it."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    copy_project(finished, origin)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", "-C", str(origin)]
    for call in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        subprocess.run([*git, *call], check=True)
    subprocess.run(["git", "clone", "-q", str(origin), str(clone)], check=True)
    for part in ("data", "results", ".snakemake"):
        subprocess.run(["cp", "-a", str(finished / part), str(clone)], check=True)
    assert not planned(clone, *TINY)


def test_an_edited_comment_docstring_or_message_reruns_nothing(finished):
    docstring = '"""Sum over joints of squared distances (Eq', '"""The sum (Eq'
    comment = "job = start", "# begin\njob = start"
    with (
        edited(finished, LOSSES, *docstring),
        edited(finished, "workflow/scripts/optimize.py", *comment),
    ):
        assert not planned(finished, *TINY)


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
        ("src/jointreg/tables/grids.py", '"Clusters"', '"Takes"', {"table_1", "figures"}),
        (
            *("src/jointreg/tables/assets/table.html", "text-align: right", "text-align: center"),
            {"table_1", "figures", "draw_diagnosis"},
        ),
        (
            *("src/jointreg/figures/style.py", "SMALL_PT = 7\n", "SMALL_PT = 6\n"),
            {"figures", "draw_diagnosis", "animation"},
        ),
    ],
)
def test_a_caption_or_a_style_reruns_tables_and_figures_only(finished, file, old, new, rules):
    """No stage of a GPU, no evaluation; `figures` after `table_1` where it reads a table that is new."""
    with edited(finished, file, old, new):
        assert set(planned(finished, *TINY)) == rules | {"report", "all"}


def test_edited_code_reruns_the_stages_that_reach_it(finished):
    with edited(finished, LOSSES, *DOUBLED_LOSS):
        assert set(planned(finished, *TINY)) == AFTER_SEGMENT


def test_a_renamed_module_reruns_nothing_until_it_is_edited(finished):
    with renamed(finished, "jointreg.refine.losses", "costs"):
        assert not planned(finished, *TINY)
        with edited(finished, "src/jointreg/refine/costs.py", *DOUBLED_LOSS):
            assert set(planned(finished, *TINY)) == AFTER_SEGMENT


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("workflow/report/table_1_plot.rst", "Table I as dots.", "Table I as marks."),
        ("src/jointreg/report/assets/page.css", "--accent: #0b5f4b", "--accent: #10457a"),
    ],
)
def test_a_changed_caption_or_style_remakes_the_report_alone(finished, name, old, new):
    with edited(finished, name, old, new):
        assert set(planned(finished, *TINY)) == {"report", "all"}


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
