"""Which predictions belong to which rows of the truth: by what both files name their rows by."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jointreg.datasets.human36m.pictures import picture
from jointreg.errors import DataError
from jointreg.predictions.bodies import match_predictions
from jointreg.predictions.rows import IDENTITY
from jointreg.stores.schema import Record

NAMED_BY = (*IDENTITY, "imgname")
"""Arrays that name rows."""

FRAMES_ARE_ROWS = "frames_are_rows"
"""Fact of a truth file with a row for every frame of a video: frames are numbered as rows."""


def matched_rows(
    bodies: Mapping[str, np.ndarray],
    truth: Record,
    where: str,
    labels: str,
    note: Callable[[str], None] = print,
) -> dict[str, np.ndarray]:
    """The predictions of the labelled frames, in their order.

    Rows are matched by what both files name them by. Row n belongs to row n of labels that name nothing.
    Frame numbers of predictions then have to be those of the rows.

    Args:
        bodies: as `predictions.bodies.read_predictions`: bodies, meshes or joints, and names of rows.
        truth: as `evaluation.truth_files.read_truth`.
        where: names the file of the predictions.
        labels: names the file of the labels.
        note: is told what is assumed.

    Raises:
        DataError: nothing shows which rows belong together, or a labelled frame has no prediction.
    """
    arrays = {key: value for key, value in bodies.items() if key not in NAMED_BY}
    if set(IDENTITY) <= set(truth):
        return match_predictions(arrays | _identity(bodies, truth, where, labels, note), truth, where)
    if "imgname" in truth and "imgname" in bodies:
        return _picked(arrays, _picture_keys(bodies["imgname"]), _picture_keys(truth.imgname), where)
    unnamed = not set(NAMED_BY) & set(bodies)
    if "frame" in truth and not (unnamed and truth.attrs.get(FRAMES_ARE_ROWS)):
        several = any(len(set(bodies.get(key, ()))) > 1 for key in ("take", "camera"))
        if "frame" not in bodies or several:
            raise DataError(
                f"{labels} names its rows by `frame`, {where} by {_named(bodies)}",
                "give both files take, camera and frame"
                if "frame" in bodies
                else "add to the predictions an array `frame`, the number of each row's frame",
            )
        numbers, wanted = bodies["frame"].tolist(), truth.frame.tolist()
        if min(numbers) == 1 < min(wanted):
            note(f"{where}: frames begin at 1 and are taken to count from 0, as those of {labels}")
        return _picked(arrays, numbers, wanted, where)
    count = truth.attrs["rows_in_file"]
    if "imgname" in truth:
        raise DataError(
            f"{labels} names its rows by `imgname`, {where} by {_named(bodies)}",
            "add to the predictions an array `imgname`, the picture of each row",
        )
    if "frame" in bodies and "take" not in bodies:
        numbers = bodies["frame"].tolist()
        if sorted(numbers) != list(range(count)):
            raise DataError(
                f"{where} has frames {min(numbers)} to {max(numbers)} ({len(numbers)} rows), {labels} "
                f"has {count} rows and does not name their frames",
                "add to the labels an array `frame`, the number of each row's frame from 0",
            )
        if numbers != list(range(count)):
            note(f"{where}: rows are sorted by their frame numbers, row n of {labels} is frame n")
        return _picked(arrays, numbers, truth.row.tolist(), where)
    predicted = len(next(iter(arrays.values())))
    if predicted != count:
        raise DataError(
            f"{where} has {predicted} rows, {labels} {count}",
            "labels that do not name their rows are matched row by row: give the same rows, or `frame` "
            "in both files",
        )
    if "frame" in bodies or "imgname" in bodies:
        note(f"{where} and {labels} are matched row by row: the labels do not name their frames")
    return {key: value[truth.row] for key, value in arrays.items()}


def _identity(
    bodies: Mapping[str, np.ndarray],
    truth: Record,
    where: str,
    labels: str,
    note: Callable[[str], None],
) -> dict[str, np.ndarray]:
    """Take, camera and frame of every prediction, as labels with all three name them."""
    if set(IDENTITY) <= set(bodies):
        return {key: bodies[key] for key in IDENTITY}
    takes, cameras = truth.attrs["take_names"], truth.attrs["camera_names"]
    if "imgname" in bodies:
        parts = [picture(name) for name in bodies["imgname"].tolist()]
        files = {file: take for take, file in truth.attrs.get("take_files", {}).items()}
        named = [part and (part.take or files.get(part.file, "")) for part in parts]
        if all(parts) and all(named):
            return {
                "take": np.array(named),
                "camera": np.array([part.camera for part in parts if part]),
                "frame": np.array([part.frame for part in parts if part]),
            }
    if "frame" in bodies and len(takes) == len(cameras) == 1:
        note(f"{where} is taken for take {takes[0]}, camera {cameras[0]}, which {labels} is of")
        count = len(bodies["frame"])
        return {
            "take": np.repeat(takes, count),
            "camera": np.repeat(cameras, count),
            "frame": bodies["frame"],
        }
    raise DataError(
        f"{where} lacks take, camera and frame, by which {labels} names its rows; it has "
        f"{_named(bodies)}",
        "add the three arrays to the predictions",
    )


def _picture_keys(names: np.ndarray) -> list[Any]:
    """What identifies a picture: its parts where the naming is known, else the name."""
    return [picture(name) or name for name in names.tolist()]


def _words(key: Any) -> str:
    """What identifies a picture, in an error."""
    return " ".join(str(part) for part in key if part != "") if isinstance(key, tuple) else str(key)


def _picked(
    arrays: Mapping[str, np.ndarray], keys: list[Any], wanted: list[Any], where: str
) -> dict[str, np.ndarray]:
    """Rows of the arrays by their keys, in the wanted order."""
    position = dict(zip(keys, range(len(keys)), strict=True))
    if len(position) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError(
            f"{where}: frame {_words(twice)} stands twice", "one person a frame: keep the labelled one"
        )
    missing = [key for key in wanted if key not in position]
    if missing:
        later = isinstance(missing[0], int) and all(key + 1 in position for key in wanted)
        raise DataError(
            f"{where}: {len(missing)} of {len(wanted)} labelled frames have no prediction, first "
            f"{_words(missing[0])}",
            "it may count frames from 1: subtract 1, frames count from 0 in both files"
            if later
            else "run the method on every labelled frame, or leave the others out of the labels",
        )
    rows = [position[key] for key in wanted]
    return {key: value[rows] for key, value in arrays.items()}


def _named(bodies: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"`{key}`" for key in NAMED_BY if key in bodies) or "nothing"
