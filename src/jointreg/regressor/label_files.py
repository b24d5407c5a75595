"""Labelled joints of any joint set in files: npy, npz, csv, TRC and C3D."""

import csv
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jointreg.arrays import texts
from jointreg.config.joint_sets import JointSet
from jointreg.datasets.poses import require_no_origin
from jointreg.datasets.unread import only_key, others_of, require_read
from jointreg.errors import DataError, default_cure
from jointreg.exchange.sidecar import unnamed
from jointreg.files.input import require_file
from jointreg.files.npz import require_declared_sizes
from jointreg.plausible import BODY_M, to_metres
from jointreg.predictions.rows import NAMES, names_of
from jointreg.regressor.marker_files import read_c3d, read_trc

LABEL_KEYS = ("joints", "joints_cam", "labels")
CSV_COLUMNS = ("frame", "joint", "x", "y", "z")
FORM = (
    "docs/exchange.md has the form of labels: numbers in metres, (frames, joints, 3), or a csv in UTF-8"
)
MARKERS = {".trc": read_trc, ".c3d": read_c3d}
LARGEST_FRAME = 10**8
"""Largest number of a frame in a csv."""
LABEL_BYTES = 10**9
"""Memory that labels may take where the file itself is smaller."""


class Labels(NamedTuple):
    """Labelled joints."""

    joints: np.ndarray
    """(N, J, 3) float64, metres; NaN where a joint has no label in a frame."""
    names: tuple[str, ...] | None
    """Of the joints, where the file gives them."""
    sparse: bool = False
    """Whether frames without a label may be missing from its end, as in a csv."""
    rows: np.ndarray | None = None
    """Frame numbers or pictures' file names that the file gives its rows, (N,)."""

    @property
    def titles(self) -> tuple[str, ...]:
        """What to call each joint: its name, else its number."""
        return self.names or unnamed(self.joints.shape[1])


@default_cure("docs/exchange.md gives the form of a label file")
def read_labels(path: str | Path, joints: JointSet | None = None) -> Labels:
    """Labels in a file.

    Args:
        path: npy or npz (N, J, 3), NaN where there is no label, with `joint_names` in an npz; csv with
            the columns frame, joint, x, y, z, frames counted from 0, missing rows having no label; or
            TRC or C3D, one row a mesh, whose unit is converted and whose lost markers have no label.
        joints: the joint set of labels without names; of named labels the joints that are read, in its
            order.

    Raises:
        DataError: another form or joint set, a joint twice in a frame, without any label, or at the
            origin in some frames.
        UnitError: an extent that no body has in metres.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        labels = _read_csv(path)
    elif path.suffix.lower() in MARKERS:
        labels = Labels(*MARKERS[path.suffix.lower()](path))
    else:
        array, more = _array(path)
        if array.dtype.kind not in "fiu":
            raise DataError(f"{path} has labels of {array.dtype}, expected real numbers", FORM)
        given = more.get("joint_names")
        names = None if given is None else tuple(texts(given).ravel().tolist())
        labels = Labels(np.array(array, dtype=np.float64), names)
    places, names = labels.joints, labels.names
    if places.ndim != 3 or places.shape[2] != 3 or not places.size:
        raise DataError(f"{path} has labels of shape {places.shape}, expected (frames, joints, 3)", FORM)
    if path.suffix.lower() == ".npz":
        require_read(more, np.isfinite(places).all(axis=2), str(path), NAMES)
        labels = labels._replace(rows=names_of(more, str(path), len(places)))
    different = set(names or ()) - {""}
    if names is not None and not len(different) == len(names) == places.shape[1]:
        raise DataError(
            f"{path} names {names!s:.200}, expected {places.shape[1]} different names",
            "give joint_names the name of each joint, in their order",
        )
    alike = [" ".join(name.split()).casefold() for name in names or ()]
    twice = [name for name, bare in zip(names or (), alike, strict=True) if alike.count(bare) > 1]
    if twice:
        raise DataError(
            f"{path} has joints {twice!s:.200}, which differ in spaces or capitals only",
            "write the name of a joint alike in every row",
        )
    labels = _of_set(labels, joints, path)
    places = labels.joints
    places[~np.isfinite(places).all(axis=2)] = np.nan
    empty = np.flatnonzero(np.isnan(places).all(axis=(0, 2)))
    if len(empty):
        which = ", ".join(labels.titles[k] for k in empty)
        raise DataError(f"{path} has no label of {which} in any frame", "leave it out")
    require_no_origin(places, str(path), labels.names)
    some = places[~np.isnan(places).all(axis=(1, 2))]
    if places.shape[1] > 5:  # few joints may lie close together
        extents = np.nanmax(some, axis=1) - np.nanmin(some, axis=1)
        extent = float(np.median(np.nanmax(extents, axis=-1)))
        cure = (
            "its header may name another unit than that of its numbers"
            if path.suffix.lower() in MARKERS
            else to_metres(extent)
        )
        where = f"labels of {path} extend over {extent:.3g}"
        BODY_M.require(extent, f"{where} m in the median frame", cure)
    return labels


def _of_set(labels: Labels, joints: JointSet | None, where: Path) -> Labels:
    """Labels in the order of a joint set."""
    if joints is None:
        return labels
    if labels.names is None:
        if labels.joints.shape[1] != len(joints.joints):
            raise DataError(
                f"{where} has {labels.joints.shape[1]} joints, expected {joints.title}",
                "name the joint set of the labels with --joints",
            )
        return labels._replace(names=joints.joints)
    missing = [name for name in joints.joints if name not in labels.names]
    if missing:
        raise DataError(
            f"{where} has no joint {', '.join(missing):.200}, expected {joints.title}; it has "
            f"{', '.join(labels.names):.200}",
            "name the joints as the set does, or leave --joints out",
        )
    order = [labels.names.index(name) for name in joints.joints]
    return labels._replace(joints=labels.joints[:, order], names=joints.joints)


def _read_csv(path: Path) -> Labels:
    require_file(path, "label file", "check the path")
    places: dict[tuple[int, str], list[float]] = {}
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            head = ",".join(next(reader, ()))
            if head != ",".join(CSV_COLUMNS):
                raise ValueError(f"its columns are {head:.100}, expected {','.join(CSV_COLUMNS)}")
            for cells in reader:
                line = reader.line_num
                if not cells:
                    continue
                if len(cells) != len(CSV_COLUMNS):
                    raise ValueError(f"{len(cells)} cells, expected {len(CSV_COLUMNS)}")
                if not re.fullmatch("[+-]?[0-9]+", cells[0].strip(), re.ASCII):
                    raise ValueError(f"frame '{cells[0]:.40}', expected a whole number in plain digits")
                key = int(cells[0]), cells[1]
                if not 0 <= key[0] <= LARGEST_FRAME or not key[1]:
                    raise ValueError(f"frame {key[0]} of joint '{key[1]:.80}', expected both, from 0")
                if key in places:
                    raise ValueError(f"{key[1]:.80} stands in frame {key[0]} twice")
                places[key] = [float(_plain(cell)) if cell else np.nan for cell in cells[2:]]
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path}: line {line}: {error!s:.200}", FORM) from error
    if not places:
        raise DataError(f"{path} has no rows", FORM)
    names = tuple(dict.fromkeys(joint for _, joint in places))
    last = max(frame for frame, _ in places)
    if 24 * (1 + last) * len(names) > LABEL_BYTES:
        raise DataError(f"{path} has {len(places)} rows, one of them of frame {last}", FORM)
    joints = np.full((1 + last, len(names), 3), np.nan)
    for (frame, joint), place in places.items():
        joints[frame, names.index(joint)] = place
    return Labels(joints, names, sparse=True)


def _plain(cell: str) -> str:
    """The cell, unless Python alone reads it as a number: 1_0, digits of other scripts."""
    if not cell.isascii() or "_" in cell:
        raise ValueError(f"'{cell:.40}' is no number in plain digits")
    return cell


def _array(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """The labels in a file, and its other arrays."""
    require_file(path, "file", "check the path")
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False), {}
        if path.suffix.lower() == ".npz":
            require_declared_sizes(path, LABEL_BYTES)
            with np.load(path, allow_pickle=False) as file:
                key = only_key(file.files, LABEL_KEYS, str(path))
                if key is None:
                    raise DataError(
                        f"{path} has the keys {', '.join(file.files)[:200]}, expected one of "
                        f"{', '.join(LABEL_KEYS)}"
                    )
                return file[key], others_of(file, key)
    except (ValueError, EOFError, OSError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} is no plain {path.suffix[1:]}: {error!s:.200}",
            "save it again, as numbers: np.save or np.savez",
        ) from error
    raise DataError(
        f"{path} has suffix '{path.suffix}', expected npy, npz, csv, trc or c3d", "np.save(file, array)"
    )
