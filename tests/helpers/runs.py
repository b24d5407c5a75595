"""Runs of the workflow that are watched and disturbed while they run."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from dry_run import TINY

GPU_RULES = ("train_discriminator", "optimize")
"""Rules that ask for a GPU with `device: cuda`; here they get one that is none, and use the CPU."""


TABLES = tuple(f"results/tiny/tables/{name}.csv" for name in ("table_1", "agreement"))
"""What is asked for after a fault: all stages lead to these two."""
FROM_OPTIMIZE = (
    *("optimize", "fit_regressor_opt", "evaluate"),
    *("tables/table_1*", "tables/ablation.csv", "tables/agreement.csv", "tables/regressor_opt*"),
)
"""What the jobs make that are disturbed, and those after them."""


def on_slurm(*arguments, resources=(), targets=TABLES):
    """Arguments of a tiny run through the profile, made quick: a real cluster is asked less often."""
    gpus = [f"{rule}:{what}" for rule in GPU_RULES for what in ("gpu=1", "slurm_partition=gpu")]
    return (
        *("--profile", "slurm", *TINY),
        *("--slurm-init-seconds-before-status-checks", "1", "--slurm-status-command", "squeue"),
        *("--latency-wait", "5", "--set-resources", *gpus, *resources),
        *arguments,
        *(("--", *targets) if targets else ()),
    )


def locally(*arguments, targets=TABLES):
    """Arguments of a tiny run on one core, one job after another."""
    return ("--cores", "1", *TINY, *arguments, *(("--", *targets) if targets else ()))


class Run:
    """A snakemake process in `folder`; its output goes to a file, so that no pipe fills."""

    def __init__(self, folder, *arguments, env=None):
        self.folder = folder
        self.output = folder / f"output_{time.monotonic_ns()}.txt"
        with self.output.open("w") as stream:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("snakemake")), *map(str, arguments)],
                cwd=folder,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=os.environ | (env or {}),
                start_new_session=True,
            )

    def wait(self, seconds=1800):
        """Exit status; a run that takes longer is ended and raises TimeoutExpired."""
        try:
            return self.process.wait(seconds)
        finally:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)

    def kill(self):
        """End the controller, and nothing else, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    @property
    def text(self):
        return self.output.read_text()


def until(ready, what, seconds=600):
    """What `ready()` returns, once it is true."""
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return found


def scripts(folder, rule):
    """PIDs of the Python processes that run this rule's script for the run in `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            here = (entry / "cwd").readlink() == folder
        except OSError:
            continue
        if here and re.search(rf"/tmp\w*\.{rule}\.py", command):
            found.append(int(entry.name))
    return found


def finished_jobs(folder):
    """Output files -> how often a job that makes them has been finished, by Snakemake's own logs."""
    counts = Counter()
    for log in sorted((folder / ".snakemake/log").glob("*.log")):
        text = log.read_text()
        made = {}
        for block in re.split(r"\n(?=\[|(?:local)?rule )", text):
            output = re.search(r"^    output: (.*)$", block, re.MULTILINE)
            number = re.search(r"^    jobid: (\d+)$", block, re.MULTILINE)
            if output and number:
                made[number[1]] = output[1]
        for number in re.findall(r"^Finished jobid: (\d+)", text, re.MULTILINE):
            counts[made.get(number, f"target {number}")] += number in made
    return counts


def copy_without(finished, folder, *made):
    """A copy of a finished run without these files and folders of its results, and without its log."""
    subprocess.run(["cp", "-a", str(finished), str(folder)], check=True)
    for pattern in made:
        for path in (folder / "results/tiny").glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(folder / ".snakemake/log", ignore_errors=True)
    return folder


def recovered(folder, finished):
    """Every table and regressor is the undisturbed run's, and no job was finished twice."""
    kept = [
        path.relative_to(finished)
        for pattern in ("tables/*", "fit_regressor_*/*.npy")
        for path in finished.glob(f"results/tiny/{pattern}")
    ]
    differing = [str(p) for p in kept if (folder / p).read_bytes() != (finished / p).read_bytes()]
    counts = finished_jobs(folder)
    repeated = {job: count for job, count in counts.items() if count > 1}
    print(
        f"\njobs finished: {len(counts)}, jobs repeated: {len(repeated)}, "
        f"tables {'differ' if differing else 'identical'}"
    )
    assert counts and not repeated, repeated
    assert not differing, differing
