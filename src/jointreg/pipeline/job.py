"""The seam between Snakemake and the package: everything a script needs from its `snakemake`."""

import atexit
import resource
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from jointreg import provenance
from jointreg.errors import JointregError
from jointreg.progress import name_job


@dataclass(frozen=True)
class Job:
    """One running job: its files, parameters, random generator, provenance and number of threads."""

    input: Any
    output: Any
    params: Any
    wildcards: dict[str, str]
    seed: int
    generator: np.random.Generator
    provenance: dict[str, Any]
    root_seed: int
    threads: int

    def stream(self, name: str) -> np.random.Generator:
        """Generator for a choice that several jobs must make alike: all with one `name` get the same."""
        return np.random.default_rng(provenance.seed_for(self.root_seed, name))


def start(snakemake: Any) -> Job:
    """Open the log, derive the job's seed from its identity, and collect provenance.

    Standard output and error go to the rule's log file from here on. A `JointregError` ends the job
    with its message on the terminal too; any other exception keeps its traceback in the log.
    """
    startup = time.process_time()
    name_job(" ".join([snakemake.rule, *snakemake.wildcards]))
    _open_log(snakemake.log[0] if snakemake.log else None, snakemake.rule)
    wildcards = dict(snakemake.wildcards.items())
    settings = dict(snakemake.params.get("cfg") or {})
    seed = provenance.seed_for(int(snakemake.config["seed"]), snakemake.rule, *wildcards.values())
    made_by = provenance.record(settings, seed)
    print(f"rule {snakemake.rule} {wildcards}")
    print(f"commit {made_by['commit']}, {made_by['versions']}")
    print(f"settings {settings}", flush=True)
    atexit.register(_report_cost, startup)
    return Job(
        input=snakemake.input,
        output=snakemake.output,
        params=SimpleNamespace(**dict(snakemake.params.items())),
        wildcards=wildcards,
        seed=seed,
        generator=np.random.default_rng(seed),
        provenance=made_by,
        root_seed=int(snakemake.config["seed"]),
        threads=snakemake.threads,
    )


def several(files: str | Sequence[str]) -> list[str]:
    """The one file of a name, or all of them, as a list."""
    return [files] if isinstance(files, str) else list(files)


def by(names: Sequence[str], files: Sequence[str]) -> dict[str, list[str]]:
    """Split files that are ordered by name into one list for each name, all of one length."""
    share = len(files) // len(names)
    return {name: list(files[at * share : (at + 1) * share]) for at, name in enumerate(names)}


def _report_cost(startup: float) -> None:
    """Print the last lines of a log: memory, CPU time of start-up and imports, CPU time in all."""
    print(f"memory {_peak_mb():.0f} MB at most")
    print(f"cpu {startup:.2f} s start-up, {time.process_time():.2f} s in all", flush=True)


def _peak_mb() -> float:
    """Largest resident memory of this process. `ru_maxrss` includes its parent's before the fork."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [
            line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")
        ]
        return int(line.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _open_log(path: str | None, rule: str) -> None:
    terminal = sys.stderr
    if path is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        sys.stdout = sys.stderr = Path(path).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115

    def show(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if isinstance(error, JointregError):
            message = f"{kind.__name__}: {error}"
            print(message, file=sys.stderr)
        else:
            message = f"{kind.__name__}: {error} (traceback in {path})"
            traceback.print_exception(kind, error, trace, file=sys.stderr)
        if path is not None:
            print(f"\nrule {rule}\n{message}\n", file=terminal, flush=True)

    sys.excepthook = show
