"""The table of recordings with known faults, and the recordings of a sequence without them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jointreg.config.sequences import Work
from jointreg.config.tsv import rows
from jointreg.errors import ConfigError, default_cure


@dataclass(frozen=True)
class Damage:
    """A row of the table of damaged recordings."""

    subject: str
    action: str
    take: str
    camera: str
    """One camera, or `*` for all."""
    reason: str


@default_cure("correct that row of the table")
def read_damaged(path: str | Path) -> tuple[Damage, ...]:
    """Read the table of damaged recordings: columns subject, action, take, camera, reason.

    Raises:
        ConfigError: the file is missing, has other columns, or a row is incomplete.
    """
    columns = tuple(Damage.__dataclass_fields__)
    damages = []
    for where, row in rows(path, columns):
        names = [row[column] for column in columns[:4]]
        if not all(names) or names != [name.strip() for name in names]:
            raise ConfigError(f"{where}: {names!s:.200}, expected four names without blanks around them")
        if names[0] == columns[0]:
            raise ConfigError(f"{where}: the columns' names stand twice")
        damages.append(Damage(**row))
    return tuple(damages)


def unmatched(damaged: Iterable[Damage], sequences: Iterable[Work]) -> list[Damage]:
    """The rows that name no recording of these sequences: of other subjects, or misspelt."""
    recordings = {
        (work.subject, work.action, take, camera)
        for work in sequences
        for take in work.takes
        for camera in (*work.cameras, "*")
    }
    return [row for row in damaged if (row.subject, row.action, row.take, row.camera) not in recordings]


def fault(damaged: Iterable[Damage], sequence: Work, take: str, camera: str) -> Damage | None:
    """The row of the table that names this recording of a sequence; None if there is none."""
    named = (sequence.subject, sequence.action, take)
    for row in damaged:
        if (row.subject, row.action, row.take) == named and row.camera in ("*", camera):
            return row
    return None


def units(sequence: Work, damaged: Iterable[Damage], skip: bool) -> list[tuple[str, str]]:
    """Pairs of take and camera of a sequence, without the damaged ones if `skip` is set."""
    left_out = tuple(damaged) if skip else ()
    return [
        (take, camera)
        for take in sequence.takes
        for camera in sequence.cameras
        if fault(left_out, sequence, take, camera) is None
    ]
