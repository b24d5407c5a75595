"""Which frame each row of a prediction file belongs to, by what the file names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.arrays import texts
from jointreg.datasets.human36m.pictures import KNOWN, picture
from jointreg.errors import DataError
from jointreg.files.pickles import as_array
from jointreg.predictions.files import read_file
from jointreg.predictions.tools import NUMBERS, frame_numbers

IDENTITY = ("take", "camera", "frame")
"""Arrays that identify a row."""
IMAGES = ("imgname", "image_path", "img_path", "img_name")
"""Keys of the file names of the pictures."""
NAMES = frozenset((*NUMBERS, *IMAGES, *IDENTITY))
"""Every key that names rows."""


def of_sequence(
    values: Mapping[str, Any],
    which: Mapping[str, str],
    take_files: Mapping[str, str],
    known: Mapping[str, str],
    where: str,
) -> dict[str, Any]:
    """The rows of a file that belong to one sequence, and the take, camera and frame of each.

    Args:
        values: from `read_file`.
        which: subject and action of the sequence.
        take_files: take -> the subject's own file name of it, where known.
        known: take and camera that the path of the file names.
        where: names the file in errors.

    Returns:
        The values, cut to M rows, with take, camera (text) and frame (numbers from 0), (M,) each.

    Raises:
        DataError: nothing names the frame of a row, or no row is of this sequence.
    """
    own = identity_of(values, where)
    if own is not None:
        return dict(values) | own
    frames, names = numbers_of(values, where), pictures_of(values)
    by_names = None if names is None else _by_names(names, which, take_files, where)
    if names is not None and by_names is not None:
        chosen, identity = by_names
        return {key: _rows(value, chosen, len(names)) for key, value in values.items()} | identity
    if frames is not None and {"take", "camera"} <= set(known):
        fixed = {key: np.full(len(frames), known[key]) for key in ("take", "camera")}
        return dict(values) | fixed | {"frame": frames}
    unknown = "" if names is None else f"; picture '{names[0]}' is none of {', '.join(KNOWN)}"
    raise DataError(
        f"{where} does not name the frame of each row{unknown}",
        "give arrays take, camera and frame; or names of pictures (imgname); or frame_ids in one file a "
        "take and camera, with {take} and {camera} in the column `files` of the table of methods",
    )


def identity_of(values: Mapping[str, Any], where: str) -> dict[str, np.ndarray] | None:
    """Take, camera (text) and frame (numbers from 0), (N,) each; None where they do not name the rows.

    Raises:
        DataError: they differ in length, or one of them is missing where the others need it.
    """
    frames = numbers_of(values, where)
    named = [key for key in ("take", "camera") if _text(values, key, where)]
    if frames is None or len(named) < 2:
        several = [key for key in named if len(set(texts(values[key]).tolist())) > 1]
        if frames is not None and several and pictures_of(values) is None:
            raise DataError(
                f"{where}: frame numbers of several {several[0]}s, but not both take and camera",
                "name every row by take, camera and frame",
            )
        return None
    columns = {"take": texts(values["take"]), "camera": texts(values["camera"]), "frame": frames}
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{len(column)} of {key}" for key, column in columns.items())
        raise DataError(
            f"{where}: {lengths}; expected as many of each", "name every row once by all three"
        )
    return columns


def numbers_of(values: Mapping[str, Any], where: str) -> np.ndarray | None:
    """Frame numbers of the rows, (N,) from 0; None where the file has none."""
    key = next((key for key in NUMBERS if key in values), None)
    return None if key is None else frame_numbers(values[key], f"{where}: {key}")


def pictures_of(values: Mapping[str, Any]) -> np.ndarray | None:
    """File names of the rows' pictures, (N,) text; None where the file has none."""
    key = next((key for key in IMAGES if key in values), None)
    return None if key is None else texts(values[key]).ravel()


def names_of(values: Mapping[str, Any], where: str, count: int) -> np.ndarray | None:
    """What a file calls its rows, (count,): frame numbers; text of take, camera and frame; or pictures.

    Raises:
        DataError: another number of names than rows.
    """
    identity = identity_of(values, where)
    if identity is not None:
        names: np.ndarray | None = np.array(
            [" ".join(map(str, row)) for row in zip(*identity.values(), strict=True)]
        )
    else:
        names = numbers_of(values, where)
        names = pictures_of(values) if names is None else names
    if names is not None and len(names) != count:
        raise DataError(f"{where}: {count} rows, but {len(names)} names of them", "name every row once")
    return names


def require_numbers(
    content: Mapping[str, np.ndarray],
    where: str,
    word: str = "row",
    rows: np.ndarray | None = None,
    cure: str = "predict these rows, or leave them out",
) -> None:
    """Refuse rows with NaN or infinity.

    Args:
        content: arrays of one number of rows.
        where: names the file.
        word: what a row is.
        rows: number of each row, (N,); None counts from 0.
        cure: the next step.

    Raises:
        DataError: names the first such row, and how many there are.
    """
    for key, value in content.items():
        if value.dtype.kind != "f":
            continue
        wrong = np.flatnonzero([not np.isfinite(row).all() for row in value])
        if len(wrong):
            first = wrong[0] if rows is None else rows[wrong[0]]
            raise DataError(
                f"{where}: {key} of {word} {first} are NaN or infinite ({len(wrong)} of {len(value)} "
                f"{word}s)",
                cure,
            )


def names_of_rows(path: str | Path) -> dict[str, Any]:
    """The names of pictures in a file that lists them, such as SPIN's `h36m_valid_protocol2.npz`.

    Raises:
        DataError: there are none.
    """
    values = read_file(path)
    names = {key: values[key] for key in IMAGES if key in values}
    if not names:
        raise DataError(f"{path} names no pictures: expected one of {', '.join(IMAGES)}")
    return names


def _rows(value: Any, chosen: np.ndarray, count: int) -> Any:
    """The chosen ones of an array or list with `count` rows; everything else as it is."""
    if not isinstance(value, np.ndarray | list | tuple) or np.ndim(value) == 0 or len(value) != count:
        return value
    return value[chosen] if isinstance(value, np.ndarray) else [value[row] for row in chosen]


def _text(values: Mapping[str, Any], key: str, where: str) -> bool:
    """Whether there is a column of names: a `camera` of numbers is a weak-perspective camera."""
    column = as_array(values[key], f"{where}: {key}") if key in values else np.empty(0)
    return column.ndim == 1 and column.dtype.kind in "USOiu"


def _by_names(
    names: np.ndarray, which: Mapping[str, str], take_files: Mapping[str, str], where: str
) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
    """Rows of a sequence by their pictures, and their identity; None where no name is known."""
    pictures = [picture(name) for name in names.tolist()]
    if not any(pictures):
        return None
    take_of = {file: take for take, file in take_files.items()}
    chosen, identities = [], []
    for row, parts in enumerate(pictures):
        if parts is None:
            raise DataError(f"{where}: picture '{names[row]}' is none of {', '.join(KNOWN)}")
        take = parts.take if parts.action == which["action"] else take_of.get(parts.file)
        if parts.subject == which["subject"] and take:
            chosen.append(row)
            identities.append((take, parts.camera, parts.frame))
    if not chosen:
        first = next(parts for parts in pictures if parts is not None)
        files = sorted(take_files.values())
        own = [f"{which['subject']}_{file}.{first.camera}_000001.jpg" for file in files]
        raise DataError(
            f"{where}: none of {len(names)} pictures is of {which['subject']} {which['action']}: the "
            f"first is '{names[0]}', expected such as {' or '.join(own or KNOWN)}",
            "name pictures as the subject's videos are named: not every subject numbers its takes alike",
        )
    columns = dict(zip(("take", "camera", "frame"), zip(*identities, strict=True), strict=True))
    return np.array(chosen), {key: np.array(column) for key, column in columns.items()}
