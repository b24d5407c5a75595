"""The answer of the product to an input, and the judgement of it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inputs.case import Case
from jointreg.errors import JointregError

VERDICTS = (
    *("GOOD", "VAGUE", "TRACEBACK", "REFUSED", "SILENT", "SILENT*", "HANG", "MEMORY"),
    "UNCHANGED",
)
"""REFUSED: a sound file is refused. SILENT*: another number comes out, and nothing in the file shows it.
UNCHANGED: the generator is wrong, its damage changed nothing."""
FAILURES = ("TRACEBACK", "REFUSED", "SILENT", "HANG", "MEMORY", "UNCHANGED")
MOST_BYTES = 400 * 2**20
"""Memory that reading one input may take."""


@dataclass
class Answer:
    """What came out of reading an input."""

    numbers: Any = None
    notes: list[str] = field(default_factory=list)
    error: str = ""
    """Text of the error; empty where the input was accepted."""
    ours: bool = False
    """Whether the error is one of the project's."""
    memory: bool = False
    hang: bool = False


def answer_of(error: BaseException, notes: list[str]) -> Answer:
    """The answer of a reader that raised an error."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    memory = any(isinstance(link, MemoryError) or "can't allocate memory" in str(link) for link in chain)
    ours = isinstance(error, JointregError)
    text = str(error) if ours else f"{type(error).__name__}: {error}"
    return Answer(notes=notes, error=text, ours=ours, memory=memory)


def judge(case: Case, answer: Answer, sound: Answer) -> str:
    """One of `VERDICTS`.

    Args:
        case: what was done.
        answer: to the damaged input.
        sound: to the original.
    """
    if answer.hang:
        return "HANG"
    if answer.memory:
        return "MEMORY"
    if answer.error:
        if not answer.ours:
            return "TRACEBACK"
        if case.damage.right != "refused":
            return "REFUSED"
        return "GOOD" if _names(case, answer.error) else "VAGUE"
    noted = bool(set(map(_wording, answer.notes)) - set(map(_wording, sound.notes)))
    if case.damage.right == "noted":
        return "GOOD" if noted else "SILENT"
    if same(answer.numbers, sound.numbers):
        return "GOOD"
    if case.damage.right == "refused" and noted:
        return "GOOD"
    return "SILENT*" if case.damage.untold else "SILENT"


def same(first: Any, second: Any) -> bool:
    """Whether two results are equal, floating-point numbers to a relative 1e-5."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, np.ndarray | float) and isinstance(second, np.ndarray | float):
        a, b = np.asarray(first), np.asarray(second)
        if a.shape != b.shape or a.dtype.kind not in "fiu" or b.dtype.kind not in "fiu":
            return a.shape == b.shape and bool((a == b).all())
        return bool(np.allclose(a, b, rtol=1e-5, atol=1e-7 * max(1.0, float(np.abs(b).max(initial=0)))))
    return bool(first == second)


def _names(case: Case, text: str) -> bool:
    """Whether an error names the file, or the input otherwise, and has words for what is wrong."""
    path = Path(case.file)
    marks = (path.name, path.stem, *case.original.named)
    if not any(mark in text for mark in marks):
        return False
    rest = re.sub(r"\S*/\S*", "", text)
    return len(re.findall(r"[A-Za-z]{2,}", rest)) >= 3


def _wording(note: str) -> str:
    """A note without its numbers and paths: the same sentence with another number is not a new one."""
    return re.sub(r"[\d.]+", "#", re.sub(r"\S*/\S*", "", note))
