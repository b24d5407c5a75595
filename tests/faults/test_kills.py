"""Kills at random moments: `make test-kills`, or `make test-kills KILLS=100 SEED=7`.

The tiny run is started from nothing, and again and again a job, or Snakemake with all its jobs, is
killed. At the end every result is that of an undisturbed run, byte for byte, and no job that had
finished was made again.
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter

import pytest
from dry_run import TINY, copy_project
from runs import Run, finished_jobs, scripts, until

KILLS = int(os.environ.get("KILLS", "0"))
SEED = int(os.environ.get("SEED", "1"))
LONGEST_S = 10.0
"""Longest time from the start of a job to the kill."""
TIMES = ("report.html",)
"""Results that contain the time and memory of every rule."""
RUN = ("--cores", "2", *TINY)


@pytest.mark.skipif(not KILLS, reason="takes half an hour: make test-kills")
def test_kills_at_random_moments(finished, root, tmp_path):
    moments = random.Random(SEED)
    kills = Counter()
    trials = 0
    while kills.total() < KILLS:
        trials += 1
        folder = copy_project(root, tmp_path / f"run_{trials}")
        while kills.total() < KILLS and (how := killed(folder, moments)):
            kills[how] += 1
            print(f"trial {trials}, kill {kills.total()}: {how}", flush=True)
        assert Run(folder, *RUN, "--rerun-incomplete").wait() == 0
        jobs = finished_jobs(folder)
        repeated = {job: count for job, count in jobs.items() if count > 1}
        differing = different_files(folder, finished)
        print(
            f"trial {trials}: {len(jobs)} jobs finished, {len(repeated)} repeated, "
            f"{len(results(finished))} files, {len(differing)} different",
            flush=True,
        )
        assert jobs and not repeated, repeated
        assert not differing, differing
    print(f"{kills.total()} kills in {trials} trials, seed {SEED}: {dict(kills)}")


def killed(folder, moments):
    """Start the run, and kill a job or all its processes: which of both; empty if it ended first."""
    run = Run(folder, *RUN, "--rerun-incomplete")
    how = moments.choice(("a job", "all processes"))
    wait_s = moments.uniform(0, LONGEST_S)
    until(lambda: scripts(folder, r"\w+") or run.process.poll() is not None, "a job")
    time.sleep(wait_s)
    if how == "all processes" and run.process.poll() is None:
        os.killpg(run.process.pid, signal.SIGKILL)
        run.process.wait()
        until(lambda: not scripts(folder, r"\w+"), "the end of all jobs")
        assert Run(folder, *RUN, "--unlock").wait() == 0
        return how
    jobs = until(lambda: scripts(folder, r"\w+") or run.process.poll() is not None, "a job")
    if jobs is not True:
        with contextlib.suppress(ProcessLookupError):
            os.kill(moments.choice(jobs), signal.SIGKILL)
    return how if run.wait() else ""


def results(folder):
    """Everything that the run made, by its path: data, results, but no logs."""
    return {
        path.relative_to(folder): path
        for part in ("data/tiny", "results/tiny")
        for path in (folder / part).rglob("*")
        if path.is_file() and path.name not in TIMES
    }


def different_files(folder, other):
    """Paths of results that only one of two runs has, or that differ."""
    one, two = results(folder), results(other)
    return sorted(
        str(name)
        for name in one.keys() | two.keys()
        if name not in one or name not in two or one[name].read_bytes() != two[name].read_bytes()
    )
