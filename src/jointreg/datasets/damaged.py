"""The table of recordings with known faults, and which of a sequence's recordings it leaves."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jointreg.errors import ConfigError

if TYPE_CHECKING:
    from jointreg.config.sequences import Work


@dataclass(frozen=True)
class Damage:
    """A row of the table of damaged recordings."""

    subject: str
    action: str
    take: str
    camera: str
    """One camera, or `*` for all."""
    reason: str


def read_damaged(path: str | Path) -> tuple[Damage, ...]:
    """Read the table of damaged recordings: columns subject, action, take, camera, reason.

    Raises:
        ConfigError: the file is missing or its columns are others.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"dataset.damaged: {path} does not exist", 'correct the path, or set it to ""')
    with path.open(newline="") as stream:
        reader = csv.DictReader((line for line in stream if not line.startswith("#")), delimiter="\t")
        expected = list(Damage.__dataclass_fields__)
        if reader.fieldnames != expected:
            raise ConfigError(f"{path}: columns are {reader.fieldnames}, expected {expected}, with tabs")
        return tuple(Damage(**row) for row in reader)


def fault(damaged: Iterable[Damage], sequence: "Work", take: str, camera: str) -> Damage | None:
    """The row of the table that names this recording of a sequence."""
    named = (sequence.subject, sequence.action, take)
    for row in damaged:
        if (row.subject, row.action, row.take) == named and row.camera in ("*", camera):
            return row
    return None


def units(sequence: "Work", damaged: Iterable[Damage], skip: bool) -> list[tuple[str, str]]:
    """Pairs of take and camera of a sequence, without the damaged ones if those are skipped."""
    rows = tuple(damaged) if skip else ()
    return [
        (take, camera)
        for take in sequence.takes
        for camera in sequence.cameras
        if fault(rows, sequence, take, camera) is None
    ]
