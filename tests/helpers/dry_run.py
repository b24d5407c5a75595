"""Copies of the project, and runs of the workflow in them."""

import functools
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from planning import dry_run

from jointreg.pipeline.digest_cache import cached_digest

OPEN = ("--configfile", "config/open.yaml")
TINY = ("--configfile", "tests/tiny/config.yaml")
REPORT = (*TINY, "--report", "report.html", "--", "paper")
PARTS = (
    "Snakefile",
    "workflow",
    "src",
    "config",
    "envs",
    "profiles",
    "tools",
    "tests/tiny",
    "tests/real",
)


def copy_project(root, folder):
    """The project's own files, without data, results or environment."""
    digest_scripts(root)
    for part in PARTS:
        source, target = root / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            # the caches come along: no test waits for numba's compiler or for the digests of the sources
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
    (folder / "slurm").symlink_to("profiles/slurm")
    return folder


@functools.cache
def digest_scripts(root):
    """Fill the cache of digests beside the sources, once for all copies."""
    for script in (root / "workflow/scripts").glob("*.py"):
        cached_digest(script)


def snakemake(folder, *arguments, check=True):
    """Run snakemake in `folder` and return the finished process with its text output."""
    words = ["--cores", "2", *map(str, arguments)]
    if "--dry-run" in words:
        done = dry_run(folder, words)
    else:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("snakemake")), *words],
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
    done = snakemake(folder, "--dry-run", *arguments)
    text = done.stdout + done.stderr
    if "Nothing to be done" in text:
        return Counter()
    table = text.split("Job stats:")[1].split("\n\n")[0].splitlines()[3:]
    counts = Counter({line.split()[0]: int(line.split()[1]) for line in table if line.strip()})
    counts.pop("total", None)
    return counts
