"""The tiny run through `--profile slurm`, its GPU rules on GPUs that Slurm hands out."""

from collections import Counter

from dry_run import planned
from runs import GPU_RULES, on_slurm

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
