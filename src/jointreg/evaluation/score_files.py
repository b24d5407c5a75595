"""Score a file of predicted bodies against a file of labels: `jointreg evaluate`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jointreg import metrics, stores
from jointreg.body.model import Body
from jointreg.config.settings import Evaluate
from jointreg.datasets.human36m.pictures import picture
from jointreg.datasets.poses import (
    describe_missing,
    left_leg_first,
    missing_rows,
    require_metres,
    require_person,
)
from jointreg.errors import DataError, default_cure
from jointreg.evaluation.evaluate import METRICS, evaluate
from jointreg.evaluation.protocol import joints_in_words, protocol_joints
from jointreg.files.input import read_file
from jointreg.files.pickles import read_npz
from jointreg.files.text_table import text_table
from jointreg.predictions.bodies import check_bodies, match_predictions, read_predictions
from jointreg.predictions.rows import IDENTITY, numbers_of, pictures_of
from jointreg.skeleton import H36M_17
from jointreg.stores.schema import Record

ROWS_CHECKED = 500
"""Rows, spread evenly, on which the frames of reference are compared: their median decides."""

NAMED_BY = (*IDENTITY, "imgname")
"""Arrays that name rows."""


@default_cure("docs/exchange.md lists the arrays of a label file")
def read_labels(path: str | Path, note: Callable[[str], None] = print) -> Record:
    """Labels as `joints_cam`, (N, 17, 3) metres, camera frame, order `H36M_17`.

    Rows in which a joint is not a number are left out.

    Args:
        path: an npz with `joints_cam`; rows are named by `take`, `camera` and `frame`, by `frame` alone,
            or by `imgname`; `joint_names` gives the order of the joints, else the side of the hips shows
            which leg comes first. Or a store of `prepare`.
        note: is told what is assumed and left out.

    Raises:
        DataError: missing, not readable, arrays of other shapes, or joints that are not a person's.
        UnitError: not in metres.
        StoreError: a damaged store.
    """
    path = Path(path)
    if path.name.endswith(".zarr.zip"):
        return stores.FRAMES.read(path, only=["joints_cam", *IDENTITY])
    raw = read_file(path, "label file", "see docs/exchange.md for the format")
    arrays = read_npz(raw, str(path))
    joints = left_leg_first(_joints(arrays, path), str(path), arrays.get("joint_names"), note)
    missing = missing_rows(joints)
    if missing.any():
        note(f"{path}: {describe_missing(joints)}; they are left out")
    used = np.flatnonzero(~missing)
    if not len(used):
        raise DataError(f"{path} holds no frames with all joints")
    whole = joints[used]
    require_metres(whole, str(path))
    require_person(whole, str(path))
    names = _names(arrays, path, len(joints))
    columns: dict[str, np.ndarray] = {"joints_cam": whole, "row": used}
    facts: dict[str, Any] = {"rows_in_file": len(joints)}
    for key, column in names.items():
        columns[key] = column[used]
    for key in ("take", "camera"):
        if key in names:
            facts[f"{key}_names"], columns[key] = _indexed(columns[key])
    _require_once(columns, facts, path)
    return Record(columns, facts)


def score(
    body: Body,
    predictions: str | Path,
    labels: str | Path,
    regressors: Mapping[str, Any],
    protocol: Evaluate,
    *,
    track: str = "",
    note: Callable[[str], None] = print,
) -> tuple[dict[str, dict[str, float]], int]:
    """Means over all labelled frames.

    Args:
        body: the body of the predictions and of the regressors.
        predictions: a file of docs/methods.md.
        labels: as `read_labels`.
        regressors: name -> regressor.
        protocol: joints and root; the mean runs over frames.
        track: the person of several in the file of predictions, as the tool numbers them.
        note: is told what is assumed and left out.

    Returns:
        Regressor -> metric of `evaluation.evaluate.METRICS` -> value, mm or percent; and the number
        of frames.

    Raises:
        DataError: a file is wrong, the rows of the two cannot be matched, a labelled frame has no
            prediction, or predictions are in another frame of reference.
        ShapeError, UnitError: as `metrics.mpjpe`.
    """
    truth = read_labels(labels, note)
    bodies = read_predictions(predictions, body, track)
    matched = matched_rows(bodies, truth, str(predictions), str(labels), note)
    some = np.linspace(0, len(truth.joints_cam) - 1, ROWS_CHECKED).round().astype(int)
    some = np.unique(some)
    skeleton = body.joints(matched["rotations"][some], matched["betas"][some])
    check_bodies(skeleton, truth.joints_cam[some], str(predictions))
    errors = evaluate(body, matched, truth.joints_cam, regressors, protocol)
    used = protocol_joints(protocol)
    means = {}
    for name, mpjpe, pa_mpjpe in zip(regressors, errors.mpjpe, errors.pa_mpjpe, strict=True):
        values = (
            1000 * mpjpe[:, used].mean(),
            1000 * pa_mpjpe[:, used].mean(),
            100 * metrics.pck(mpjpe[:, used]).mean(),
            100 * metrics.auc(mpjpe[:, used]).mean(),
        )
        means[name] = dict(zip(METRICS, map(float, values), strict=True))
    return means, len(truth.joints_cam)


def matched_rows(
    bodies: Mapping[str, np.ndarray],
    truth: Record,
    where: str,
    labels: str,
    note: Callable[[str], None] = print,
) -> dict[str, np.ndarray]:
    """The predictions of the labelled frames, in their order.

    Rows are matched by what both files name them by. Labels that name nothing are taken row by row.
    Frame numbers of predictions then have to be those of the rows.

    Args:
        bodies: as `read_predictions`.
        truth: as `read_labels`.
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
    if "frame" in truth:
        if "frame" not in bodies or len({*bodies.get("take", ()), *bodies.get("camera", ())}) > 2:
            raise DataError(
                f"{labels} names its rows by `frame`, {where} by {_named(bodies)}",
                "give both files take, camera and frame",
            )
        return _picked(arrays, bodies["frame"].tolist(), truth.frame.tolist(), where)
    count = truth.attrs["rows_in_file"]
    if "imgname" in truth:
        raise DataError(f"{labels} names its rows by `imgname`, {where} by {_named(bodies)}")
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
    found = len(bodies["rotations"])
    if found != count:
        raise DataError(
            f"{where} has {found} rows, {labels} {count}",
            "labels without take, camera and frame are matched row by row: give the same rows",
        )
    if "frame" in bodies or "imgname" in bodies:
        note(f"{where} and {labels} are matched row by row: the labels do not name their frames")
    return {key: value[truth.row] for key, value in arrays.items()}


def _joints(arrays: Mapping[str, Any], path: Path) -> np.ndarray:
    joints = arrays.get("joints_cam")
    if joints is None:
        raise DataError(
            f"{path} has arrays {sorted(arrays)}, expected joints_cam of shape (N, {len(H36M_17)}, 3)"
        )
    if not isinstance(joints, np.ndarray) or joints.dtype.kind not in "fiu":
        kind = joints.dtype if isinstance(joints, np.ndarray) else type(joints).__name__
        raise DataError(f"{path}: joints_cam is {kind}, expected an array of numbers")
    if joints.ndim != 3 or joints.shape[1:] != (len(H36M_17), 3):
        raise DataError(
            f"{path} has joints_cam of shape {joints.shape}, expected joints_cam of shape "
            f"(N, {len(H36M_17)}, 3)"
        )
    if not len(joints):
        raise DataError(f"{path} holds no frames")
    return joints if joints.dtype in (np.float32, np.float64) else joints.astype(np.float64)


def _names(arrays: Mapping[str, Any], path: Path, count: int) -> dict[str, np.ndarray]:
    """What names the rows: take, camera and frame; frame; imgname; or nothing."""
    names: dict[str, np.ndarray] = {}
    for key in ("take", "camera"):
        if key in arrays:
            column = np.asarray(arrays[key])
            if column.dtype.kind not in "USiu":
                raise DataError(f"{path}: {key} is {column.dtype}, expected names", "give text")
            names[key] = column.astype(str)
    numbers, pictures = numbers_of(arrays, str(path)), pictures_of(arrays)
    if numbers is not None:
        names["frame"] = numbers
    elif pictures is not None and not names:
        names["imgname"] = pictures
    whole = {"take", "camera", "frame"}
    given = set(names) & whole
    wrong = sorted(whole - given if given - {"frame"} else set())
    wrong += [key for key in names if names[key].shape != (count,)]
    if wrong:
        raise DataError(
            f"{path}: {', '.join(wrong)} missing or not one a row ({count} rows)",
            "give all of take, camera and frame, or `frame` alone, or none of them",
        )
    return names


def _indexed(column: np.ndarray) -> tuple[list[str], np.ndarray]:
    names, index = np.unique(column, return_inverse=True)
    return names.tolist(), index


def _require_once(columns: Mapping[str, np.ndarray], facts: Mapping[str, Any], path: Path) -> None:
    """Refuse labels that name a row twice: its frame would count twice."""
    keys = [key for key in NAMED_BY if key in columns]
    rows = list(zip(*(columns[key].tolist() for key in keys), strict=True))
    if len(set(rows)) == len(rows):
        return
    row = next(row for row in rows if rows.count(row) > 1)
    named = [
        f"{key} {facts[f'{key}_names'][value] if f'{key}_names' in facts else value}"
        for key, value in zip(keys, row, strict=True)
    ]
    raise DataError(f"{path}: {', '.join(named)} stands twice", "give every frame once")


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


def _picked(
    arrays: Mapping[str, np.ndarray], keys: list[Any], wanted: list[Any], where: str
) -> dict[str, np.ndarray]:
    """Rows of the arrays by their keys, in the wanted order."""
    position = dict(zip(keys, range(len(keys)), strict=True))
    if len(position) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError(
            f"{where}: frame {twice} stands twice", "one person a frame: keep the labelled one"
        )
    missing = [key for key in wanted if key not in position]
    if missing:
        raise DataError(
            f"{where}: {len(missing)} of {len(wanted)} labelled frames have no prediction, first "
            f"{missing[0]}",
            "run the method on every labelled frame, or leave the others out of the labels",
        )
    rows = [position[key] for key in wanted]
    return {key: value[rows] for key, value in arrays.items()}


def _named(bodies: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"`{key}`" for key in NAMED_BY if key in bodies) or "nothing"


def score_text(means: Mapping[str, Mapping[str, float]], frames: int, protocol: Evaluate) -> str:
    """The means as aligned text, and the protocol in words."""
    columns = ("regressor", "MPJPE mm", "PA-MPJPE mm", "PCK@150 %", "AUC %")
    rows = [(name, *(f"{values[metric]:.2f}" for metric in METRICS)) for name, values in means.items()]
    return "\n".join(
        [
            text_table([columns, *rows], "lrrrr", rule=True),
            "",
            f"Protocol: {joints_in_words(protocol)}, mean over {frames} frames.",
            f"MPJPE, PCK and AUC (0-150 mm by 5 mm): both skeletons moved to {protocol.root}.",
            "PA-MPJPE: after the best similarity of each frame, on the same joints.",
        ]
    )
