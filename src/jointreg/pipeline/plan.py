"""What a rule file calls while the workflow is planned and when it starts."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jointreg.errors import JointregError


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


def remove_logs(jobs: Iterable[Any]) -> None:
    """Remove logs that an earlier run wrote of these jobs of Snakemake.

    A job that ends before it opens its log would be reported with the log of another run.
    """
    for job in jobs:
        for log in job.log:
            Path(log).unlink(missing_ok=True)
