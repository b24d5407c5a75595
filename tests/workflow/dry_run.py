"""Dry runs of the workflow: which jobs would run, and why."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path


def snakemake(folder, *arguments, check=True):
    """Run snakemake in `folder` and return the finished process with its text output."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("snakemake")), "--cores", "2", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": "random"},
    )
    if check and done.returncode:
        raise AssertionError(f"snakemake {arguments}:\n{done.stdout[-4000:]}\n{done.stderr[-6000:]}")
    return done


def planned(folder, *arguments):
    """Rule name -> number of jobs that a dry run would start."""
    text = snakemake(folder, "--dry-run", *arguments).stdout
    if "Nothing to be done" in text:
        return Counter()
    table = text.split("Job stats:")[1].split("\n\n")[0].splitlines()[3:]
    counts = Counter({line.split()[0]: int(line.split()[1]) for line in table if line.strip()})
    counts.pop("total", None)
    return counts
