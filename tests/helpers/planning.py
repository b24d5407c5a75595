"""Dry runs without the start of Snakemake: children of one process that has loaded it.

This module imports nothing of jointreg, and so neither does that process: a child reads the package of
the folder it plans in, as the `snakemake` command does.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LOADED = (
    *("snakemake.cli", "snakemake.parser", "snakemake.report.html_reporter", "smart_open"),
    *("pandas", "pydantic", "yaml"),
)
"""What every plan loads and what is no part of the project."""


def dry_run(folder, arguments):
    """The finished process of `snakemake ARGUMENTS` in `folder`, with its text output."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    with tempfile.TemporaryDirectory() as outputs:
        paths = [Path(outputs, name) for name in ("stdout", "stderr")]
        child = context.Process(target=_plan, args=(str(folder), arguments, dict(os.environ), paths))
        child.start()
        child.join()
        texts = [path.read_text() for path in paths]
    return subprocess.CompletedProcess(arguments, child.exitcode, *texts)


def _plan(folder, arguments, environment, paths):
    """In the child: ends with Snakemake's own status."""
    from snakemake.cli import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(paths, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), number)
    sys.argv[:] = ["snakemake", *arguments]
    main(arguments)
