"""Prediction files of other tools: what is in one, and which frame each of its rows belongs to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.datasets.human36m.pictures import KNOWN, picture
from jointreg.errors import DataError
from jointreg.files.pickles import as_array, read_npz, read_pickle

IMAGES = ("imgname", "image_path", "img_path", "img_name")
"""Keys of the file names of the pictures."""
NUMBERS = ("frame", "frame_ids", "frame_id")
"""Keys of frame numbers, from 0."""
NESTED = ("smpl", "pred_smpl_params", "smpl_params")
"""Keys under which tools put the body's parameters as a dict."""

_PAGE = "docs/methods.md lists keys and shapes"


def read_file(path: str | Path) -> dict[str, Any]:
    """A prediction file as one flat mapping, whatever tool wrote it.

    Understood are npz, pickles (joblib's too), mappings with the body under a key of `NESTED` (HumanData
    of mmhuman3d), mappings person -> values (VIBE, MEVA; persons are joined), and frame -> tracked
    people (4D-Humans; one person a frame).

    Raises:
        DataError: missing, truncated, with classes that are not plain data, or of no such form.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"prediction file {path} does not exist", "see docs/methods.md for the format")
    raw, where = path.read_bytes(), str(path)
    loaded = read_npz(raw, where) if path.suffix == ".npz" else read_pickle(raw, where)
    if not isinstance(loaded, dict) or not loaded:
        raise DataError(f"{where} holds a {type(loaded).__name__}, expected a dict of arrays", _PAGE)
    inner = [value for value in loaded.values() if isinstance(value, dict)]
    if len(inner) == len(loaded):
        if all("time" in value and "smpl" in value for value in inner):
            return _tracked(inner, where)
        return _joined(inner, where)
    for key in NESTED:
        if isinstance(loaded.get(key), dict):
            loaded = {k: v for k, v in loaded.items() if k != key} | loaded[key]
    return loaded


def _joined(people: list[dict[str, Any]], where: str) -> dict[str, Any]:
    """One mapping of several people's rows, for keys that all of them have."""
    shared = set.intersection(*(set(person) for person in people))
    kept = [key for key in shared if all(person[key] is not None for person in people)]
    parts = {key: [as_array(person[key], f"{where}: {key}") for person in people] for key in kept}
    try:
        return {key: np.concatenate(part) for key, part in parts.items() if part[0].ndim}
    except ValueError as error:
        raise DataError(f"{where}: entries of its {len(people)} people do not join: {error}") from error


def _tracked(frames: list[dict[str, Any]], where: str) -> dict[str, Any]:
    """4D-Humans' tracker: a mapping a frame, with a list of people in it."""
    crowded = [frame["time"] for frame in frames if len(frame["smpl"]) > 1]
    if crowded:
        raise DataError(
            f"{where}: frame {crowded[0]} has several people ({len(crowded)} such frames)",
            "keep the labelled person of every frame",
        )
    seen = [frame for frame in frames if len(frame["smpl"])]
    if not seen:
        raise DataError(f"{where}: nobody in any of {len(frames)} frames")
    found = {
        key: np.stack([as_array(frame["smpl"][0][key], f"{where}: {key}") for frame in seen])
        for key in ("global_orient", "body_pose", "betas")
    }
    return found | {"frame": np.array([int(frame["time"]) for frame in seen])}


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
        known: take and camera that the path of the file says.
        where: names the file in errors.

    Returns:
        The values, cut to M rows, with take, camera (text) and frame (numbers from 0), (M,) each.

    Raises:
        DataError: nothing says which frame a row is, or no row is of this sequence.
    """
    number = next((key for key in NUMBERS if key in values), None)
    frames = None if number is None else as_array(values[number], where).astype(int).ravel()
    own = {key: np.asarray(values[key]).astype(str) for key in ("take", "camera") if _text(values, key)}
    if frames is not None and len(own) == 2:
        if {len(column) for column in own.values()} != {len(frames)}:
            raise DataError(f"{where}: take, camera and frame differ in length")
        return dict(values) | own | {"frame": frames}
    names = next((np.asarray(values[key]).astype(str).ravel() for key in IMAGES if key in values), None)
    found = None if names is None else _by_names(names, which, take_files, where)
    if names is not None and found is not None:
        chosen, identity = found
        rows = {k: v[chosen] for k, v in values.items() if np.ndim(v) >= 2 and len(v) == len(names)}
        return dict(values) | rows | identity
    if frames is not None and {"take", "camera"} <= set(known):
        fixed = {key: np.full(len(frames), known[key]) for key in ("take", "camera")}
        return dict(values) | fixed | {"frame": frames}
    unknown = "" if names is None else f"; picture '{names[0]}' is none of {', '.join(KNOWN)}"
    raise DataError(
        f"{where} does not say which frame a row belongs to{unknown}",
        "give arrays take, camera and frame; or names of pictures (imgname); or frame_ids in one file a "
        "take and camera, with {take} and {camera} in the column `files` of the table of methods",
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


def _text(values: Mapping[str, Any], key: str) -> bool:
    """Whether there is a column of names: a `camera` of numbers is a weak-perspective camera."""
    return key in values and np.ndim(values[key]) == 1 and np.asarray(values[key]).dtype.kind in "USOiu"


def _by_names(
    names: np.ndarray, which: Mapping[str, str], take_files: Mapping[str, str], where: str
) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
    """Rows of a sequence by their pictures, and their identity; None where no name is known."""
    pictures = [picture(name) for name in names.tolist()]
    if not any(pictures):
        return None
    take_of = {file: take for take, file in take_files.items()}
    chosen, found = [], []
    for row, seen in enumerate(pictures):
        if seen is None:
            raise DataError(f"{where}: picture '{names[row]}' is none of {', '.join(KNOWN)}")
        take = seen.take if seen.action == which["action"] else take_of.get(seen.file)
        if seen.subject == which["subject"] and take:
            chosen.append(row)
            found.append((take, seen.camera, seen.frame))
    if not chosen:
        raise DataError(
            f"{where}: none of {len(names)} pictures is of {which['subject']} {which['action']}, files "
            f"{sorted(take_files.values())}; the first is '{names[0]}'"
        )
    columns = dict(zip(("take", "camera", "frame"), zip(*found, strict=True), strict=True))
    return np.array(chosen), {key: np.array(column) for key, column in columns.items()}
