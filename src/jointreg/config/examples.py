"""The table of frames that figures show."""

from collections.abc import Iterable
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
def load_examples(path: str | Path, sequences: Iterable[Work]) -> list[Example]:
    """Read the table of frames to show.

    Raises:
        ConfigError: the file or a column is missing, there are no rows, or a row is no sequence of
            the run or lists no frames.
    """
    known = {(row.subject, row.action) for row in sequences}
    examples: list[Example] = []
    for where, row in rows(path, ("subject", "action", "frames")):
        if (row["subject"], row["action"]) not in known:
            raise ConfigError(f"{where}: no sequence {row['subject']} {row['action']} in this run")
        numbers = row["frames"].split(",")
        require_once(numbers, where, "frames")
        frames = tuple(whole_number(number, where, "frames") for number in numbers)
        if min(frames) < 0:
            raise ConfigError(f"{where}: frames contains {min(frames)}, expected rows counted from 0")
        if any((row["subject"], row["action"]) == (one.subject, one.action) for one in examples):
            raise ConfigError(f"{where}: {row['subject']} {row['action']} stands twice")
        examples.append(Example(row["subject"], row["action"], frames))
    if not examples:
        raise ConfigError(f"{path} has no rows", "figures need at least one sequence to show")
    return examples
