"""CPU time that the checks of input add to `prepare`, rule `evaluate` and `jointreg evaluate`.

`python benchmarks/guards.py --run open`, after a finished run: its data and stores are read, nothing is
written there. The same work is done with the checks and without them, by turns in one process. The
difference drowns on a busy machine, so the checks are also timed where they are called. A check is every
function of the package named `require_...` or `check_...` that returns nothing.
"""

import argparse
import contextlib
import inspect
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from types import FunctionType
from typing import Any

import numpy as np

from jointreg import config, stores
from jointreg.body import load_body
from jointreg.config.sequences import load_sequences
from jointreg.datasets.readers import open_dataset
from jointreg.evaluation.evaluate import evaluate_subject
from jointreg.evaluation.presets import plain
from jointreg.evaluation.score_files import read_pair, score
from jointreg.frames.prepare import prepare
from jointreg.regressor import load_regressor

TIMES = 64
"""The demo has few test frames."""


Change = Callable[[FunctionType], Callable[..., Any]]


@contextlib.contextmanager
def changed_checks(change: Change) -> Iterator[int]:
    """Every check of the package replaced by `change` of it; gives how many names were replaced."""
    replaced = []
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "jointreg":
            continue
        for word, value in list(vars(module).items()):
            is_check = word.lstrip("_").startswith(("require_", "check_"))
            if is_check and isinstance(value, FunctionType) and _returns_nothing(value):
                replaced.append((module, word, value))
                setattr(module, word, change(value))
    try:
        yield len(replaced)
    finally:
        for module, word, value in replaced:
            setattr(module, word, value)


def _returns_nothing(function: FunctionType) -> bool:
    return inspect.signature(function).return_annotation in (None, "None")


class Clock:
    """CPU of the process inside of the checks; a check that is called by a check counts once."""

    def __init__(self) -> None:
        self.seconds, self.depth = 0.0, 0

    def timed(self, check: FunctionType) -> Callable[..., Any]:
        """The same check, timed."""

        def call(*arguments: Any, **more: Any) -> None:
            self.depth += 1
            begin = time.process_time()
            try:
                check(*arguments, **more)
            finally:
                self.depth -= 1
                self.seconds += (time.process_time() - begin) * (not self.depth)

        return call


def seconds(work: Callable[[], Any], change: Change) -> float:
    """CPU of the process for one call; what it prints is thrown away."""
    silence = io.StringIO()
    with (
        contextlib.redirect_stdout(silence),
        contextlib.redirect_stderr(silence),
        changed_checks(change),
    ):
        begin = time.process_time()
        work()
        return time.process_time() - begin


def works(run: config.Config, results: Path, folder: Path) -> dict[str, Callable[[], Any]]:
    """Name -> work to be timed: the first sequence for `prepare`, all test frames for the others."""
    table = load_sequences(run.sequences)
    tested = [row for row in table if row.split == "test"]
    dataset, body = open_dataset(run.dataset), load_body(run.body)
    path = results / "fit_regressor_spin/J_spin.npy"
    regressors = {path.stem: load_regressor(path, body)}
    wanted = ["joints_cam", "take", "camera", "frame"]

    def sequences() -> dict[str, Any]:
        return {
            f"{row.subject} {row.action}": (
                stores.FRAMES.read(
                    results / f"prepare/{row.subject}/{row.action}.zarr.zip", only=wanted
                ),
                stores.BODIES.read(
                    results / f"estimate/{run.initial}/{row.subject}/{row.action}.zarr.zip"
                ),
            )
            for row in tested
        }

    def score_command() -> None:
        loaded, protocol = load_body(run.body), plain()
        pair = read_pair(folder / "bodies.npz", folder / "labels.npz", protocol, loaded)
        score(pair, {path.stem: load_regressor(path, loaded).weights}, {}, protocol)

    write_files(folder, list(sequences().values()))
    return {
        "`prepare`, one sequence": lambda: prepare(dataset.recordings(table[0]), run.prepare),
        "rule `evaluate`": lambda: evaluate_subject(body, sequences(), regressors, run.evaluate),
        "`jointreg evaluate`": score_command,
    }


def write_files(folder: Path, sequences: Sequence[tuple[Any, Any]]) -> None:
    """Labels and predictions of all frames, `TIMES` over, as files of `jointreg evaluate`."""
    joints = np.concatenate([frames.joints_cam for frames, _ in sequences] * TIMES)
    numbers = np.arange(len(joints))
    np.savez(folder / "labels.npz", joints_cam=joints, frame=numbers)
    keys = ("rotations", "betas", "translation")
    bodies = {
        key: np.concatenate([getattr(estimated, key) for _, estimated in sequences] * TIMES)
        for key in keys
    }
    np.savez(folder / "bodies.npz", **bodies, frame=numbers)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="open", help="name of the run, and of its config")
    parser.add_argument("--folder", default=".", help="of the run's data and results")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    os.chdir(arguments.folder)
    files = ["config/config.yaml", f"config/{arguments.run}.yaml"]
    run = config.load(config.read_yaml(*files), files)
    print("| work | CPU s with checks | without | in checks | share |")
    print("| --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        for what, work in works(run, Path("results") / arguments.run, Path(name)).items():
            seconds(work, lambda check: check)
            rows = []
            for _ in range(arguments.repeats):
                clock = Clock()
                whole = seconds(work, clock.timed)
                rows.append((whole, seconds(work, lambda check: _nothing), clock.seconds))
            whole, bare, inside = (median(column) for column in zip(*rows, strict=True))
            share = median(row[2] / row[0] for row in rows)
            print(f"| {what} | {whole:.3f} | {bare:.3f} | {inside:.4f} | {share:.1%} |", flush=True)


def _nothing(*_: Any, **__: Any) -> None:
    """In the place of a check."""


if __name__ == "__main__":
    main()
