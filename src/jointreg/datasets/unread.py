"""Arrays beside the numbers of a file that change what these mean, under keys that are not read.

Passing over them gives wrong numbers without a word: the rows are of other frames, or joints count that
the file calls invalid.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from jointreg.arrays import texts
from jointreg.errors import DataError

LARGEST_BYTES = 10**8
"""Larger arrays beside meshes name no rows: text of 60 letters for 400,000 of them is as large."""
_VALID = ("valid", "visib", "conf", "score", "mask", "has_")
"""Parts of keys under which numbers above zero mark what counts; `invalid` marks what does not."""
_FRAMES = ("frame", "index", "indices", "idx")
_PICTURES = ("img", "image", "pict", "file", "path")
"""Parts of keys under which rows are named: by numbers, by text."""
_JOINT_NAMES = "joint_names"


def only_key(values: Collection[Any], known: Collection[str], where: str) -> str | None:
    """The key of a file that is one of `known`; None if there is none.

    Raises:
        DataError: several are, of which one may be the truth, or in another frame of reference.
    """
    found = [key for key in known if key in values]
    if len(found) > 1:
        raise DataError(
            f"{where} has {' and '.join(found)}, and it is not known which are meant",
            "save those that are meant in a file of their own",
        )
    return found[0] if found else None


def require_read(
    values: Mapping[Any, Any], given: np.ndarray, where: str, names: Collection[str] = ()
) -> None:
    """Refuse marks of what is not valid, and names of rows or joints under a key that is not read.

    Args:
        values: of the file, by their keys.
        given: which joints have numbers, (N, J) bool; of bodies and meshes which rows, (N,).
        where: names the file in errors.
        names: keys that are read, and by which rows may be named.

    Raises:
        DataError: names the key and the cure.
    """
    named = bool(set(values) & set(names))
    for key, value in values.items():
        column = _column(value)
        if column is None or key in (*names, _JOINT_NAMES):
            continue
        name = str(key).lower()
        _require_valid(column, given, name, f"{where}: {key!s:.60}")
        count = len(given)
        if column.ndim != 1 or len(set(column.tolist())) != len(column) or len(column) < 2:
            continue
        text = column.dtype.kind == "U"
        if not named and len(column) == count and any(part in name for part in _rows_by(text, column)):
            kind = "imgname, the pictures' file names" if text else "frame, numbers from 0"
            raise DataError(
                f"{where} names its rows under the key {key!s:.60}, which is not read",
                f"save them as {kind}; or leave the key out where the rows of both files are the same",
            )
        joints = given.shape[1] if given.ndim == 2 else 0
        if text and len(column) == joints and "name" in name and _JOINT_NAMES not in values:
            raise DataError(
                f"{where} has {joints} names under the key {key!s:.60}, expected them under joint_names",
                "save them as joint_names",
            )


def others_of(file: Any, key: str) -> dict[str, np.ndarray]:
    """The arrays of an opened npz (numpy.load) but one, without large ones."""
    sizes = {info.filename.removesuffix(".npy"): info.file_size for info in file.zip.infolist()}
    return {other: file[other] for other in file.files if other != key and sizes[other] <= LARGEST_BYTES}


def _rows_by(text: bool, column: np.ndarray) -> tuple[str, ...]:
    if text:
        return _PICTURES
    return _FRAMES if column.dtype.kind in "iu" else ()


def _column(value: Any) -> np.ndarray | None:
    """Numbers, truth values or text with one or two axes; None for everything else."""
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        return None
    if value.ndim > 1 and value.shape[-1] == 1:
        value = value[..., 0]
    if value.ndim not in (1, 2) or value.dtype.kind not in "biufUS":
        return None
    return texts(value) if value.dtype.kind == "S" else value


def _require_valid(column: np.ndarray, given: np.ndarray, name: str, where: str) -> None:
    if column.dtype.kind not in "biuf" or column.shape not in (given.shape, given.shape[:1]):
        return
    if not any(part in name for part in _VALID):
        return
    bad = column > 0 if "invalid" in name else ~(column > 0)
    if bad.shape == given.shape:
        bad = bad & given
    elif given.ndim == 2:
        bad = bad & given.any(axis=1)
    if bad.any():
        what = "joints" if bad.ndim == 2 else "rows"
        raise DataError(
            f"{where} marks {int(bad.sum())} of {bad.size} {what} as not valid, which is not read",
            "leave such rows out; a label that is missing is NaN: joints[~valid] = np.nan",
        )
