"""The sequence table: one row for each subject and action."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from jointreg.config.tsv import require_name, require_once, rows, whole_number
from jointreg.errors import ConfigError, default_cure

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Work:
    """One unit of work: a subject's recordings of one action, all takes and cameras."""

    subject: str
    action: str
    takes: tuple[str, ...]
    """Human3.6M: sub-action numbers "1", "2". Multiview: names of recordings."""
    cameras: tuple[str, ...]
    first_frame: int
    """First frame of the take used, from 0."""
    last_frame: int
    """Last frame of the take used, included; -1 for its end."""
    split: str
    """`train` (regressors are fitted on it) or `test`."""


@default_cure("correct that row of the table")
def load_sequences(path: str | Path) -> list[Work]:
    """Read a sequence table.

    Raises:
        ConfigError: the file is missing, a column or value is wrong, or a unit of work stands twice.
    """
    columns = ("subject", "action", "takes", "cameras", "first_frame", "last_frame", "split")
    sequences = []
    for where, row in rows(path, columns):
        first, last = (whole_number(row[key], where, key) for key in ("first_frame", "last_frame"))
        if row["split"] not in SPLITS:
            raise ConfigError(f"{where}: split is '{row['split']}', expected {' or '.join(SPLITS)}")
        if first < 0 or last < -1 or -1 < last < first:
            raise ConfigError(f"{where}: frames {first} to {last}; last_frame is -1 for the end")
        takes, cameras = tuple(row["takes"].split(",")), tuple(row["cameras"].split(","))
        require_once(takes, where, "takes")
        require_once(cameras, where, "cameras")
        for name in (row["subject"], row["action"]):
            require_name(name, where)
        sequences.append(Work(row["subject"], row["action"], takes, cameras, first, last, row["split"]))
    units = [(s.subject, s.action) for s in sequences]
    twice = sorted({" ".join(unit) for unit in units if units.count(unit) > 1})
    if twice:
        raise ConfigError(f"{path}: subject and action stand twice: {', '.join(twice)}")
    if not sequences:
        raise ConfigError(f"{path} has no rows")
    return sequences


def find(sequences: Sequence[Work], subject: str, action: str | None, path: str | Path) -> Work:
    """The row of a subject and action, or any of a subject, in the table at `path`.

    Raises:
        ConfigError: there is none; names what the table has.
    """
    rows = {row.action: row for row in sequences if row.subject == subject}
    if rows and action in (None, *rows):
        return rows[action] if action else next(iter(rows.values()))
    known = list(rows or dict.fromkeys(row.subject for row in sequences))
    near = get_close_matches(action or "", rows, n=1)
    raise ConfigError(
        f"no sequence {' '.join(filter(None, (subject, action)))} in {path}; "
        f"{f'of {subject} it' if rows else 'it'} has "
        f"{', '.join(known)}",
        f"did you mean {near[0]}?" if near else "correct the name, or add its row",
    )


def require_splits(sequences: Iterable[Work], path: str | Path) -> None:
    """Refuse a run that could only fail at its end: nothing to fit to, or nothing to evaluate on.

    Raises:
        ConfigError: no row is train, or none test.
    """
    lacking = set(SPLITS) - {row.split for row in sequences}
    if lacking:
        raise ConfigError(
            f"{path}: no row has split {sorted(lacking)[0]}",
            "regressors are fitted on train and evaluated on test: leave a person out of the fit, "
            "or the last frames of one",
        )


def split_notes(sequences: Collection[Work]) -> list[str]:
    """What is wrong with the split of the people, a sentence each."""
    people = {split: {row.subject for row in sequences if row.split == split} for split in SPLITS}
    notes = []
    if both := sorted(people["train"] & people["test"]):
        notes.append(f"{', '.join(both)} in train and test: the error is not that of a new person")
    if len(people["train"]) == 1:
        notes.append(
            "one person in train: what lies beside this person's joints goes into the regressor"
        )
    return notes
