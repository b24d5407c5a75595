"""The table of frames that figures show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jointreg.config.sequences import Work
from jointreg.config.tsv import require_once, rows, whole_number
from jointreg.errors import ConfigError, default_cure


@dataclass(frozen=True)
class Example:
    """Frames of one sequence that figures show."""

    subject: str
    action: str
    frames: tuple[int, ...]
    """Rows of the sequence's frames store."""


@default_cure("correct that row of the table")
def load_examples(
    path: str | Path, sequences: Sequence[Work], note: Callable[[str], None] = lambda text: None
) -> list[Example]:
    """Read the table of frames to show. Without any, the first training sequence shows its first frame.

    Args:
        path: the table; empty for none.
        sequences: those of the run. Rows of others are left out.
        note: is called with one sentence that names what is left out.

    Raises:
        ConfigError: the file or a column is missing, or a row stands twice or lists no frames.
    """
    known = {(row.subject, row.action) for row in sequences}
    examples: list[Example] = []
    others: list[str] = []
    for where, row in rows(path, ("subject", "action", "frames")) if path else ():
        numbers = row["frames"].split(",")
        require_once(numbers, where, "frames")
        frames = tuple(whole_number(number, where, "frames") for number in numbers)
        if min(frames) < 0:
            raise ConfigError(f"{where}: frames contains {min(frames)}, expected rows counted from 0")
        if any((row["subject"], row["action"]) == (one.subject, one.action) for one in examples):
            raise ConfigError(f"{where}: {row['subject']} {row['action']} stands twice")
        if (row["subject"], row["action"]) in known:
            examples.append(Example(row["subject"], row["action"], frames))
        else:
            others.append(f"{row['subject']} {row['action']}")
    if others:
        note(f"{path} (figures.examples): left out, not in this run: {', '.join(others)}")
    first = next((row for row in sequences if row.split == "train"), sequences[0])
    return examples or [Example(first.subject, first.action, (0,))]
