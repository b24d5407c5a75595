"""What a rule file calls while the workflow is planned and when it starts."""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jointreg.errors import ConfigError, JointregError


@contextmanager
def stop_with_its_text() -> Iterator[None]:
    """End the process with the text of a `JointregError` and status 1.

    Snakemake would print it as a crash of the rule file that met it.
    """
    try:
        yield
    except JointregError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(1) from None


WRITTEN = (".snakemake", "results", "logs")
"""Folders of the working directory that a run writes to."""


def require_writable(*folders: str | Path) -> str:
    """Their names; no file is left in them.

    Raises:
        ConfigError: nothing can be written there, or where the folder would be made.
    """
    for folder in map(Path, folders):
        place = next(one for one in (folder, *folder.absolute().parents) if os.path.lexists(one))
        try:
            with tempfile.TemporaryFile("w+b", dir=place):
                pass
        except OSError as error:
            raise ConfigError(
                f"nothing can be written to {folder} ({error.strerror}: {place})",
                "make it writable, or start the run in another folder (docs/cluster.md#software)",
            ) from None
    return ", ".join(map(str, folders))


def remove_logs(jobs: Iterable[Any]) -> None:
    """Remove logs that an earlier run wrote of these jobs of Snakemake.

    A job that ends before it opens its log would be reported with the log of another run.
    """
    for job in jobs:
        for log in job.log:
            Path(log).unlink(missing_ok=True)
