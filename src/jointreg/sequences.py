"""The work as tables: which sequences exist (one row a unit of work) and which methods are known."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jointreg.errors import ConfigError
from jointreg.networks import KINDS as NETWORKS

SPLITS = ("train", "test")

KINDS = {
    "predictions": "bodies from prediction files",
    "joints": "joints from prediction files; no regressor applies to them",
    "keypoints": "bodies fitted to the labels",
} | {kind: f"bodies of {network.upper()}, run here" for kind, (network, _) in NETWORKS.items()}
"""Where a method's results come from."""

FROM_FILES = ("predictions", "joints")


@dataclass(frozen=True)
class Sequence:
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


def frames_of(row: Sequence, recording: int, step: int) -> int:
    """Frames that are used of a sequence, all takes and cameras.

    Args:
        row: the sequence.
        recording: frames of a recording whose end the table leaves open.
        step: every how many-th is used.
    """
    last = recording if row.last_frame < 0 else row.last_frame + 1
    return max(1, -(-(last - row.first_frame) // step)) * len(row.takes) * len(row.cameras)


@dataclass(frozen=True)
class Method:
    """One pose estimator of `config/methods.tsv`."""

    name: str
    kind: str
    """One of `KINDS`."""
    label: str
    """How tables and figures call it."""
    paper: str
    """Row of the paper's Table I it stands beside; empty for none."""
    files: str
    """Its prediction files under estimate.predictions, with {subject}, {action}, {take}, {camera};
    empty: `<name>/{subject}/{action}.npz`."""
    rows: str
    """File under estimate.predictions that names the pictures of its rows, likewise; empty for none."""
    six: str
    """Convention of 6D rotations where the files do not show it: interleaved or stacked; empty: none."""
    about: str

    def reading(self) -> dict[str, str]:
        """What `estimate` has to know: a change of the other columns changes no number."""
        return {key: getattr(self, key) for key in ("kind", "files", "rows", "six")}


def load_sequences(path: str | Path) -> list[Sequence]:
    """Read a sequence table.

    Raises:
        ConfigError: the file is missing, a column or value is wrong, or a unit of work stands twice.
    """
    columns = ("subject", "action", "takes", "cameras", "first_frame", "last_frame", "split")
    sequences = []
    for where, row in _rows(path, columns):
        try:
            first, last = int(row["first_frame"]), int(row["last_frame"])
        except ValueError:
            raise ConfigError(f"{where}: first_frame and last_frame must be whole numbers") from None
        if row["split"] not in SPLITS:
            raise ConfigError(f"{where}: split is '{row['split']}', expected one of {SPLITS}")
        if first < 0 or last < -1 or -1 < last < first:
            raise ConfigError(f"{where}: frames {first} to {last}; last_frame is -1 for the end")
        takes, cameras = tuple(row["takes"].split(",")), tuple(row["cameras"].split(","))
        for name in (row["subject"], row["action"]):
            if not name.replace("_", "").replace("-", "").isalnum():
                raise ConfigError(f"{where}: '{name}' may hold letters, digits, '_' and '-' only")
        sequences.append(
            Sequence(row["subject"], row["action"], takes, cameras, first, last, row["split"])
        )
    units = [(s.subject, s.action) for s in sequences]
    twice = {unit for unit in units if units.count(unit) > 1}
    if twice:
        raise ConfigError(f"{path}: subject and action stand twice: {sorted(twice)}")
    if not sequences:
        raise ConfigError(f"{path} has no rows")
    return sequences


def load_methods(path: str | Path, required: Iterable[str] = ()) -> dict[str, Method]:
    """Read the table of methods, by name.

    Raises:
        ConfigError: the file or a column is missing, a kind is unknown, or a required method is not
            in the table.
    """
    methods = {}
    for where, row in _rows(path, tuple(Method.__dataclass_fields__)):
        if row["kind"] not in KINDS:
            raise ConfigError(f"{where}: kind is '{row['kind']}', expected one of {', '.join(KINDS)}")
        if row["six"] not in ("", "interleaved", "stacked"):
            raise ConfigError(
                f"{where}: six is '{row['six']}', expected interleaved, stacked or nothing"
            )
        if row["kind"] in FROM_FILES:
            row["files"] = row["files"] or f"{row['name']}/{{subject}}/{{action}}.npz"
            _fill(row["files"], where, "files")
            _fill(row["rows"], where, "rows")
        methods[row["name"]] = Method(**{key: row[key] for key in Method.__dataclass_fields__})
    unknown = sorted(set(required) - set(methods))
    if unknown:
        raise ConfigError(f"{path}: no row for {unknown}, known are {sorted(methods)}")
    return methods


def require_bodies(methods: Mapping[str, Method], initial: str) -> None:
    """Refuse an initial method without bodies: there would be nothing to refine.

    Raises:
        ConfigError: its kind is `joints`.
    """
    if methods[initial].kind == "joints":
        raise ConfigError(
            f"initial is '{initial}', whose kind is joints: it has no bodies to refine",
            "choose a method with bodies, or kind: keypoints",
        )


def prediction_paths(
    folder: str | Path, pattern: str, sequence: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """Files of one method and sequence -> what the path says of their rows (take, camera).

    Args:
        folder: `estimate.predictions`.
        pattern: column `files` or `rows`.
        sequence: subject, action, and units: pairs of take and camera.
    """
    paths = {}
    for take, camera in sequence["units"]:
        values = {"subject": sequence["subject"], "action": sequence["action"]}
        values |= {"take": take, "camera": camera}
        said = {key: values[key] for key in ("take", "camera") if f"{{{key}}}" in pattern}
        paths[str(Path(folder, _fill(pattern, "files", pattern, values)))] = said
    return paths


_PLACES = {"subject": "S9", "action": "Walking", "take": "1", "camera": "60457274"}


def _fill(pattern: str, where: str, column: str, values: Mapping[str, str] = _PLACES) -> str:
    """A pattern with its places filled."""
    try:
        return pattern.format_map(dict(values))
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigError(
            f"{where}: {column} is '{pattern}', whose places may be "
            f"{', '.join(f'{{{name}}}' for name in _PLACES)} ({error!r})"
        ) from None


@dataclass(frozen=True)
class Example:
    """Frames of one sequence that figures show."""

    subject: str
    action: str
    frames: tuple[int, ...]
    """Rows of the sequence's frames store."""


def load_examples(path: str | Path, sequences: Iterable[Sequence]) -> list[Example]:
    """Read the table of frames to show.

    Raises:
        ConfigError: the file or a column is missing, or a row is no sequence of the run.
    """
    known = {(row.subject, row.action) for row in sequences}
    examples = []
    for where, row in _rows(path, ("subject", "action", "frames")):
        if (row["subject"], row["action"]) not in known:
            raise ConfigError(f"{where}: no sequence {row['subject']} {row['action']} in this run")
        frames = tuple(int(number) for number in row["frames"].split(","))
        examples.append(Example(row["subject"], row["action"], frames))
    return examples


def _rows(path: str | Path, columns: tuple[str, ...]) -> Iterable[tuple[str, dict[str, str]]]:
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"table {path} does not exist", "check the path in the configuration")
    with path.open(newline="") as stream:
        reader = csv.DictReader((line for line in stream if not line.startswith("#")), delimiter="\t")
        found = tuple(reader.fieldnames or ())
        if found != columns:
            raise ConfigError(
                f"{path}: columns are {found}, expected {columns}", "columns are separated by one tab"
            )
        for number, row in enumerate(reader, start=1):
            if any(value is None for value in row.values()):
                raise ConfigError(f"{path}: row {number} has too few columns")
            yield f"{path}: row {number}", row
