"""Gives damaged inputs to the product in a process of its own, with limits of time and memory."""

import contextlib
import io
import multiprocessing
import os
import pickle
import re
import resource
import shutil
import signal
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inputs.case import Case, Original
from inputs.verdict import MOST_BYTES, Answer, answer_of, judge

_PROGRESS = re.compile(r"\d+/\d+ \[")
"""Lines that count what is done."""
MAKING_S = 120.0
"""Processor time to read a sound original."""
WAITING_S = 900.0
"""A process that gives no answer for this long waits for something; a busy machine takes less."""


@dataclass(frozen=True)
class Result:
    """The judgement of one case."""

    case: Case
    verdict: str
    text: str
    """The error, or the notes; empty for an input that is accepted in silence."""


class _TimeIsUp(BaseException):
    """No `except Exception` catches it."""


def run(cases: Sequence[Case], seed: int) -> Iterator[Result]:
    """Judge cases one after another, in their order. A process that hangs or dies is replaced."""
    with tempfile.TemporaryDirectory(prefix="inputs_") as name:
        folder, first = Path(name), 0
        while first < len(cases):
            for result in _until_it_dies(cases[first:], seed, folder):
                yield result
                first += 1


def _until_it_dies(cases: Sequence[Case], seed: int, folder: Path) -> Iterator[Result]:
    """Results of one process; where it hangs or dies, the result of that case is the last."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(cases, seed, folder, there), daemon=True)
    process.start()
    there.close()
    for case in cases:
        try:
            if not here.poll(WAITING_S):
                yield Result(case, "HANG", "no answer, ended from outside")
                break
            verdict, text = here.recv()
        except EOFError:
            process.join()
            yield Result(case, "TRACEBACK", f"the process ended with status {process.exitcode}")
            break
        yield Result(case, verdict, text)
    process.kill()
    process.join()


def _work(cases: Sequence[Case], seed: int, folder: Path, results: Any) -> None:
    """Judge the cases in this process and send the verdicts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)  # decoders complain about damaged files there
    for case in cases:
        try:
            sound = _sound(case.original, folder)
            results.send(_judged(case, seed, folder, sound))
        except Exception:
            results.send(("UNCHANGED", traceback.format_exc(limit=-3)))


def _judged(case: Case, seed: int, folder: Path, sound: Answer) -> tuple[str, str]:
    work = folder / "work"
    shutil.copytree(folder / _slug(case.original), work, symlinks=True)
    try:
        case.damage.apply(work / case.file, case.generator(seed))
        answer = _answer(case.original, work)
    finally:
        shutil.rmtree(work)
    return judge(case, answer, sound), answer.error or "\n".join(answer.notes)


def _sound(original: Original, folder: Path) -> Answer:
    """The answer to the undamaged original, which is made once."""
    made = folder / _slug(original)
    kept = made.with_suffix(".answer")
    if kept.exists():
        return pickle.loads(kept.read_bytes())
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    original.make(made)
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(made, work, symlinks=True)
    answer = _answer(original, work, MAKING_S)
    shutil.rmtree(work)
    if answer.error or answer.hang:
        raise RuntimeError(f"the original {original.name} is refused: {answer}")
    kept.write_bytes(pickle.dumps(answer))
    return answer


def _answer(original: Original, folder: Path, seconds: float = 0.0) -> Answer:
    """Read an input with limits of time and memory."""
    notes: list[str] = []
    printed = io.StringIO()
    _forget_peak()
    before = _peak_bytes()
    signal.signal(signal.SIGPROF, _stop)
    _limit_memory(True)
    signal.setitimer(signal.ITIMER_PROF, seconds or original.seconds)
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", UserWarning)
            answer = Answer(numbers=original.read(folder, notes.append))
    except _TimeIsUp:
        answer = Answer(hang=True)
    except Exception as error:
        answer = answer_of(error, [])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _limit_memory(False)
    answer.notes = [
        *notes,
        *(line for line in re.split(r"[\r\n]+", printed.getvalue()) if not _PROGRESS.search(line)),
        *(str(one.message) for one in warned if one.category is UserWarning),
    ]
    answer.memory |= not seconds and _peak_bytes() - before > MOST_BYTES
    return answer


def _stop(*_: object) -> None:
    raise _TimeIsUp


def _limit_memory(on: bool) -> None:
    """Let this process take no more than some memory beyond what it has, or lift the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + 2 * MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (room if on else hard, hard))


def _forget_peak() -> None:
    """Let the peak begin anew at the memory in use."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_bytes() -> int:
    """Most memory that this process has had at once since `_forget_peak`."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _slug(original: Original) -> str:
    return "".join(c if c.isalnum() else "_" for c in f"{original.kind} {original.name}")
