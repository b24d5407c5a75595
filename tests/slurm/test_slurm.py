"""The tiny run through `--profile slurm`, its GPU rules on GPUs that Slurm hands out."""

import re
from collections import Counter

import one_node
from dry_run import planned
from runs import FROM_OPTIMIZE, GPU_RULES, Run, copy_without, on_slurm, recovered

JOBS = 30


def test_every_stage_ran_as_a_job_of_slurm_and_gpu_rules_got_a_gpu(finished, watcher):
    jobs = watcher.jobs()
    assert len(jobs) <= JOBS
    assert {job["state"] for job in jobs} == {"COMPLETED"}
    rules = Counter(job["rule"].split("_wildcards_")[0] for job in jobs)
    assert rules["prepare"] == 3 and rules["optimize"] == 2 and rules["evaluate"] == 1
    for job in jobs:
        asks = job["rule"].split("_wildcards_")[0] in GPU_RULES
        assert (job["gpu"] in ("0", "1")) == asks, job
        assert (job["partition"] == "gpu") == asks, job
    assert not {"table_1", "figures", "export"} & set(rules), "tables and figures are made here"


def test_a_second_run_submits_nothing(finished):
    assert not planned(finished, *on_slurm(targets=()))


def test_array_jobs_and_a_site_that_wants_gres(slurm, watcher, finished, tmp_path):
    """One submission for both jobs of `optimize`, each with a GPU by --gres."""
    known = len(slurm.jobs())
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    site = ["optimize:gpu=0", "optimize:gres=gpu:1"]
    run = Run(folder, *on_slurm("--slurm-array-jobs", "optimize", resources=site))
    assert run.wait() == 0, run.text
    jobs = watcher.jobs()[known:]
    print(f"\n{one_node.table(jobs)}")
    assert sorted(job["gpu"] for job in jobs if job["partition"] == "gpu") == ["0", "1"]
    assert "array" in run.text
    recovered(folder, finished)


def test_every_job_of_an_array_asks_for_what_the_longest_needs(slurm, finished, tmp_path):
    """The plugin asks for all of them what the first one asks for, and that may be a short one."""
    folder = copy_without(finished, tmp_path / "run")
    table = folder / "tests/tiny/sequences.tsv"
    row = "S5\tWalking\t1\t54138969\t0\t{}\t"
    text = table.read_text()
    assert row.format(-1) in text
    table.write_text(text.replace(row.format(-1), row.format(3)))
    only = ("--forcerun", "prepare", "--until", "prepare")
    run = Run(folder, *on_slurm("--slurm-array-jobs", "prepare", *only))
    assert run.wait() == 0, run.text
    blocks = re.findall(r"^rule prepare:\n(?:    .*\n)+", run.text, re.MULTILINE)
    megabytes = [int(re.search(r"\bmem_mb=(\d+)", block)[1]) for block in blocks]
    assert megabytes == 3 * [round(2000 + 8 * 0.32)], "8 frames of S1 and S9, 4 of S5"


def test_arrays_that_would_never_be_complete_stop_the_run_before_it_submits(
    slurm, watcher, finished, tmp_path
):
    known = len(slurm.jobs())
    folder = copy_without(finished, tmp_path / "run", *FROM_OPTIMIZE)
    run = Run(folder, *on_slurm("--slurm-array-jobs", "optimize,agreemnt", "--jobs", "1"))
    assert run.wait(300) != 0
    assert "no rule of this run: agreemnt (did you mean agreement?)" in run.text
    assert "needs `jobs` of 2 or more (optimize 2), and `jobs` is 1" in run.text
    assert len(slurm.jobs()) == known
