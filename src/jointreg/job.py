"""The seam between Snakemake and the package: everything a script needs from its `snakemake`."""

import atexit
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from jointreg import provenance
from jointreg.errors import JointregError


@dataclass(frozen=True)
class Job:
    """One running job: its files, parameters, random generator and provenance."""

    input: Any
    output: Any
    params: Any
    wildcards: dict[str, str]
    seed: int
    generator: np.random.Generator
    provenance: dict[str, Any]
    root_seed: int

    def stream(self, name: str) -> np.random.Generator:
        """Generator that every job asking for `name` shares, for a choice that several make alike."""
        return np.random.default_rng(provenance.seed_for(self.root_seed, name))


def start(snakemake: Any) -> Job:
    """Open the log, derive the job's seed from its identity, and collect provenance.

    Standard output and error go to the rule's log file from here on. A `JointregError` ends the job
    with its message on the terminal too; any other exception keeps its traceback in the log.
    """
    startup = time.process_time()
    _open_log(snakemake.log[0] if snakemake.log else None, snakemake.rule)
    wildcards = dict(snakemake.wildcards.items())
    settings = dict(snakemake.params.get("cfg") or {})
    seed = provenance.seed_for(int(snakemake.config["seed"]), snakemake.rule, *wildcards.values())
    made_by = provenance.record(settings, seed)
    print(f"rule {snakemake.rule} {wildcards}")
    print(f"commit {made_by['commit']}, {made_by['versions']}")
    print(f"settings {settings}", flush=True)
    atexit.register(_report_cpu, startup)
    return Job(
        input=snakemake.input,
        output=snakemake.output,
        params=SimpleNamespace(**dict(snakemake.params.items())),
        wildcards=wildcards,
        seed=seed,
        generator=np.random.default_rng(seed),
        provenance=made_by,
        root_seed=int(snakemake.config["seed"]),
    )


def report(label: str, seconds: float = 10.0) -> Callable[[int, int], None]:
    """A function to call with (done, total); prints a plain line with rate and time left now and then.

    On a terminal the line is redrawn in place; in a log file lines come every `seconds`.
    """
    begin = time.monotonic()
    last = -seconds

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic() - begin
        live = sys.stdout.isatty()
        if done < total and now - last < (0.2 if live else seconds):
            return
        last = now
        rate = max(done, 1e-9) / max(now, 1e-9)
        left = f"{(total - done) / rate:.0f} s left" if done < total else f"in {now:.1f} s"
        left = left if done else "beginning"
        line = f"{label}: {done}/{total}, {rate:.3g}/s, {left}"
        print(f"\r{line:<60}" if live else line, end="" if live and done < total else "\n", flush=True)

    return show


def progress(items: Sequence[Any], label: str) -> Iterator[Any]:
    """Pass `items` through and `report` on them."""
    show = report(label)
    for done, item in enumerate(items, start=1):
        yield item
        show(done, len(items))


def by(names: Sequence[str], files: Sequence[str]) -> dict[str, list[str]]:
    """Deal files that are ordered by name, equally many each, to their names."""
    share = len(files) // len(names)
    return {name: list(files[at * share : (at + 1) * share]) for at, name in enumerate(names)}


def _report_cpu(startup: float) -> None:
    """Last line of every log: CPU until the script began, imports included, and in all."""
    print(f"cpu {startup:.2f} s start-up, {time.process_time():.2f} s in all", flush=True)


def _open_log(path: str | None, rule: str) -> None:
    terminal = sys.stderr
    if path is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        sys.stdout = sys.stderr = Path(path).open("w", buffering=1)  # noqa: SIM115

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
