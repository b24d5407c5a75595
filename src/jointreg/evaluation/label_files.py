"""Files of labelled joints for `jointreg evaluate`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jointreg import stores
from jointreg.arrays import texts
from jointreg.config.joint_sets import JOINT_SETS, JointSet
from jointreg.datasets.named_joints import require_joints
from jointreg.datasets.poses import (
    describe_missing,
    left_leg_first,
    metre_by_legs,
    missing_rows,
    require_metres,
    require_person,
)
from jointreg.datasets.unread import require_read
from jointreg.errors import DataError, default_cure
from jointreg.evaluation.matching import NAMED_BY
from jointreg.files.input import read_file
from jointreg.files.pickles import read_npz
from jointreg.predictions.conventions import in_order
from jointreg.predictions.rows import IDENTITY, NAMES, numbers_of, pictures_of
from jointreg.predictions.vertices import metre_of
from jointreg.skeleton import H36M_17
from jointreg.stores.schema import Record


@default_cure(
    "labels are joints_cam (N, 17, 3) in metres, beside them perhaps take, camera, frame and joint_names"
)
def read_labelled_frames(
    path: str | Path,
    joint_set: JointSet = JOINT_SETS["h36m_17"],
    note: Callable[[str], None] = print,
) -> Record:
    """Labels as `joints_cam`, (N, J, 3) metres, camera frame, in the order of a joint set.

    Rows in which a joint is not a number are left out.

    Args:
        path: an npz with `joints_cam`; rows are named by `take`, `camera` and `frame`, by `frame` alone,
            or by `imgname`; `joint_names` gives the order of the joints, else the side of the hips shows
            which leg of Human3.6M's 17 comes first. Or a store of `prepare`.
        joint_set: the joints that are wanted.
        note: is told what is assumed and left out.

    Raises:
        DataError: missing, not readable, arrays of other shapes, or joints that are not a person's.
        UnitError: neither in metres nor in millimetres.
        StoreError: a damaged store.
    """
    path = Path(path)
    if path.name.endswith(".zarr.zip"):
        if joint_set.joints != H36M_17:
            raise DataError(f"{path} has Human3.6M's 17 joints, not {joint_set.title}")
        return stores.FRAMES.read(path, only=["joints_cam", *IDENTITY])
    raw = read_file(path, "label file", "check the path")
    arrays = read_npz(raw, str(path))
    joints = _joints(arrays, path, joint_set, note)
    given = np.isfinite(arrays["joints_cam"]).all(axis=2)  # of all joints, in the file's order
    require_read(arrays, given, str(path), NAMES)
    missing = missing_rows(joints)
    if missing.any():
        note(f"{path}: {describe_missing(joints, names=joint_set.joints)}; they are left out")
        joints = np.where(missing[:, None, None], np.nan, joints)
    used = np.flatnonzero(~missing)
    if not len(used):
        raise DataError(f"{path} holds no frames with all joints")
    whole = joints[used]
    if joint_set.joints == H36M_17:
        metre, leg = metre_by_legs(whole)
        if metre not in (0, 1):
            note(f"{path}: joints_cam are in millimetres, legs {metre * leg:.2f} m long")
            joints, whole = metre * joints, metre * whole
        require_metres(joints, str(path))
        require_person(whole, str(path))
    else:
        whole = whole * metre_of(whole, f"{path}: joints_cam", note)
    names = _names(arrays, path, len(joints))
    columns: dict[str, np.ndarray] = {"joints_cam": whole, "row": used}
    facts: dict[str, Any] = {"rows_in_file": len(joints)}
    for key, column in names.items():
        columns[key] = column[used]
    for key in ("take", "camera"):
        if key in names:
            facts[f"{key}_names"], columns[key] = _indexed(columns[key])
    require_once(columns, facts, path)
    return Record(columns, facts)


def _joints(
    arrays: Mapping[str, Any], path: Path, joint_set: JointSet, note: Callable[[str], None]
) -> np.ndarray:
    """Joints of the file in the order of the set, (N, J, 3)."""
    joints, count = arrays.get("joints_cam"), len(joint_set.joints)
    if joints is None:
        raise DataError(
            f"{path} has arrays {', '.join(sorted(arrays))}, "
            f"expected joints_cam of shape (N, {count}, 3); or, for "
            "bodies as truth, rotations and betas, or vertices",
            "name the array so: np.savez(file, joints_cam=joints)",
        )
    if not isinstance(joints, np.ndarray) or joints.dtype.kind not in "fiu":
        kind = joints.dtype if isinstance(joints, np.ndarray) else type(joints).__name__
        raise DataError(f"{path}: joints_cam is {kind}, expected an array of numbers")
    if joint_set.joints != H36M_17:
        return in_order(joints, f"{path}: joints_cam", arrays.get("joint_names"), joint_set.joints, note)
    require_joints(joints, f"{path}: joints_cam", count)
    joints = joints if joints.dtype in (np.float32, np.float64) else joints.astype(np.float64)
    return left_leg_first(joints, str(path), arrays.get("joint_names"), note)


def _names(arrays: Mapping[str, Any], path: Path, count: int) -> dict[str, np.ndarray]:
    """What names the rows: take, camera and frame; frame; imgname; or nothing."""
    names: dict[str, np.ndarray] = {}
    for key in ("take", "camera"):
        if key in arrays:
            column = np.asarray(arrays[key])
            if column.dtype.kind not in "USiu":
                raise DataError(f"{path}: {key} is {column.dtype}, expected names", "give text")
            names[key] = texts(column)
    numbers, pictures = numbers_of(arrays, str(path)), pictures_of(arrays)
    if numbers is not None:
        names["frame"] = numbers
    elif pictures is not None and not names:
        names["imgname"] = pictures
    identity = set(IDENTITY)
    present = set(names) & identity
    wrong = sorted(identity - present if present - {"frame"} else set())
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


def require_once(columns: Mapping[str, np.ndarray], facts: Mapping[str, Any], path: Path) -> None:
    """Refuse a truth that names a row twice: its frame would count twice."""
    keys = [key for key in NAMED_BY if key in columns]
    if not keys:
        return
    order = np.lexsort([columns[key] for key in keys])
    sorted_columns = [columns[key][order] for key in keys]
    same = np.logical_and.reduce([column[1:] == column[:-1] for column in sorted_columns])
    if not same.any():
        return
    row = order[:-1][same].min()
    values = {key: columns[key][row].item() for key in keys}
    named = [
        f"{key} {facts[f'{key}_names'][value] if f'{key}_names' in facts else value}"
        for key, value in values.items()
    ]
    raise DataError(f"{path}: {', '.join(named)} stands twice", "give every frame once")
