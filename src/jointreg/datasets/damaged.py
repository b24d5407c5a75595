"""The table of recordings with known faults, and the recordings of a sequence without them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jointreg.config.sequences import Work
from jointreg.errors import ConfigError


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
        ConfigError: the file is missing, has other columns, or a row is incomplete.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"dataset.damaged: {path} does not exist", 'correct the path, or set it to ""')
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not text in UTF-8 ({error})", "save it as UTF-8") from error
    rows = [
        (number, line.split("\t"))
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    ]
    expected = list(Damage.__dataclass_fields__)
    if not rows or rows[0][1] != expected:
        columns = rows[0][1] if rows else []
        raise ConfigError(f"{path}: columns are {columns}, expected {expected}, with tabs")
    damages = []
    for number, cells in rows[1:]:
        names = cells[:4]
        if len(cells) != len(expected) or not all(names) or names != [cell.strip() for cell in names]:
            raise ConfigError(
                f"{path}, line {number}: {cells}, expected {len(expected)} columns, with tabs and "
                "without blanks around them"
            )
        if names[0] == expected[0]:
            raise ConfigError(f"{path}, line {number}: the columns' names stand twice")
        damages.append(Damage(*cells))
    return tuple(damages)


def fault(damaged: Iterable[Damage], sequence: Work, take: str, camera: str) -> Damage | None:
    """The row of the table that names this recording of a sequence; None if there is none."""
    named = (sequence.subject, sequence.action, take)
    for row in damaged:
        if (row.subject, row.action, row.take) == named and row.camera in ("*", camera):
            return row
    return None


def units(sequence: Work, damaged: Iterable[Damage], skip: bool) -> list[tuple[str, str]]:
    """Pairs of take and camera of a sequence, without the damaged ones if `skip` is set."""
    rows = tuple(damaged) if skip else ()
    return [
        (take, camera)
        for take in sequence.takes
        for camera in sequence.cameras
        if fault(rows, sequence, take, camera) is None
    ]
