"""Posed vertices and labelled joints in files of any mesh and joint set."""

import csv
import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jointreg.errors import DataError, default_cure
from jointreg.files.input import require_file
from jointreg.files.npz import require_declared_sizes
from jointreg.plausible import BODY_M

CHUNK = 64
"""Frames read at a time."""
VERTEX_KEYS = ("vertices", "pred_vertices", "verts")
LABEL_KEYS = ("joints", "joints_cam", "labels")
CSV_COLUMNS = ("frame", "joint", "x", "y", "z")
FORM = (
    "docs/exchange.md has the form of labels: numbers in metres, (frames, joints, 3), or a csv in UTF-8"
)
REACH_M = 2.0
"""Farthest that a label may lie from the middle of its mesh."""
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


class LabelledMeshes:
    """Meshes and labels frame by frame, read again in every pass.

    Args:
        vertices: npy files, read in parts, or npz files, each read whole; (n, V, 3) or (V, 3), metres.
        labels: of all frames, in the order of the files. Of a csv the last frames may be missing.
        note: called with a sentence on frames without any label.

    Raises:
        DataError: no such file, another shape, other numbers of vertices or frames; when frames are
            read also vertices that are not finite, or a label farther than `REACH_M` from its mesh.
        UnitError: when frames are read: an extent that no body has in metres.
    """

    def __init__(
        self, vertices: Sequence[str | Path], labels: Labels, note: Callable[[str], None] = print
    ) -> None:
        self.files = [Path(file) for file in vertices]
        self.labels = labels
        shapes = [_meshes(file).shape for file in self.files]
        if len({shape[1] for shape in shapes}) > 1:
            sizes = sorted({shape[1] for shape in shapes})
            raise DataError(
                f"meshes have {' and '.join(map(str, sizes))} vertices, expected one mesh",
                "fit to one mesh at a time",
            )
        self.n_vertices = shapes[0][1]
        self.frames = sum(shape[0] for shape in shapes)
        if labels.sparse and len(labels.joints) < self.frames:
            more = self.frames - len(labels.joints)
            joints = np.pad(labels.joints, ((0, more), (0, 0), (0, 0)), constant_values=np.nan)
            self.labels = labels = labels._replace(joints=joints)
        without = np.flatnonzero(np.isnan(labels.joints).all(axis=(1, 2)))
        if len(without):
            note(
                f"{len(without)} of {len(labels.joints)} frames have no label, the first is frame "
                f"{without[0]}: they are left out. Frames count from 0"
            )
        if self.frames != len(labels.joints):
            raise DataError(
                f"{self.frames} meshes and labels of {len(labels.joints)} frames, expected as many",
                "give one label for each mesh, in the order of the files; NaN where there is none. "
                "Frames of a csv count from 0",
            )

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Vertices (n, V, 3) and joints (n, J, 3), float64, of up to `CHUNK` frames."""
        first = 0
        for file in self.files:
            meshes = _meshes(file)
            for begin in range(0, len(meshes), CHUNK):
                part = np.asarray(meshes[begin : begin + CHUNK], dtype=np.float64)
                joints = self.labels.joints[first : first + len(part)]
                _require_frames(part, joints, file, begin)
                yield part, joints
                first += len(part)

    def digests(self) -> dict[str, str]:
        """sha256 of every file of vertices, by its name; by its path where two have one name."""
        names = [file.name for file in self.files]
        digests = {}
        for file in self.files:
            name = file.name if names.count(file.name) == 1 else str(file)
            with file.open("rb") as stream:
                digests[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        return digests


def _require_frames(meshes: np.ndarray, joints: np.ndarray, file: Path, first: int) -> None:
    """Refuse frames that would spoil a fit: no numbers, another unit, or labels of another place.

    Args:
        meshes: (n, V, 3).
        joints: (n, J, 3).
        file: of the meshes.
        first: number of the first mesh in its file.
    """
    low, high = meshes.min(axis=1), meshes.max(axis=1)
    broken = np.flatnonzero(~np.isfinite(high - low).all(axis=1))
    if len(broken):
        raise DataError(
            f"{file}: frame {first + broken[0]} has vertices that are NaN or infinite",
            "leave those frames out, of the labels also",
        )
    extent = (high - low).max(axis=1)
    worst = int(((extent < BODY_M.low) | (extent > BODY_M.high)).argmax())
    BODY_M.require(
        float(extent[worst]),
        f"{file}: vertices of frame {first + worst} extend over {extent[worst]:.3g}",
        "give metres: divide millimetres by 1000, centimetres by 100",
    )
    away = np.linalg.norm(joints - meshes.mean(axis=1, keepdims=True), axis=2)
    far = np.argwhere(away > REACH_M)
    if len(far):
        frame, joint = far[0]
        raise DataError(
            f"{file}: the label of joint {joint} lies {away[frame, joint]:.3g} m from the middle of "
            f"mesh {first + frame}, expected under {REACH_M:g} m",
            "give both in metres, in one place and with the same axes; NaN for a label that is wrong",
        )


def _require_extent(points: np.ndarray, what: str) -> None:
    extent = float(np.median(np.nanmax(np.nanmax(points, axis=1) - np.nanmin(points, axis=1), axis=-1)))
    BODY_M.require(
        extent,
        f"{what} extend over {extent:.3g} in the median frame",
        "give metres: divide millimetres by 1000, centimetres by 100",
    )


def _array(path: Path, keys: Sequence[str]) -> tuple[np.ndarray, dict[str, Any]]:
    """The array of a file, npy mapped, npz under one of the keys; other entries of an npz."""
    require_file(path, "file", "check the path")
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False), {}
        if path.suffix.lower() == ".npz":
            require_declared_sizes(path, LABEL_BYTES if keys is LABEL_KEYS else None)
            with np.load(path, allow_pickle=False) as file:
                key = next((key for key in keys if key in file.files), None)
                if key is None:
                    raise DataError(
                        f"{path} has the keys {', '.join(file.files)[:200]}, expected one of "
                        f"{', '.join(keys)}"
                    )
                names = file["joint_names"] if "joint_names" in file.files else None
                return file[key], {} if names is None else {"joint_names": names}
    except (ValueError, EOFError, OSError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} is no plain {path.suffix[1:]}: {error!s:.200}",
            "save it again, as numbers: np.save or np.savez",
        ) from error
    raise DataError(f"{path} has suffix '{path.suffix}', expected npy or npz", "np.save(file, array)")


@default_cure("docs/exchange.md gives the form of a file of vertices")
def _meshes(path: Path) -> np.ndarray:
    meshes, _ = _array(path, VERTEX_KEYS)
    meshes = meshes[None] if meshes.ndim == 2 else meshes
    if meshes.ndim != 3 or meshes.shape[2] != 3 or meshes.dtype.kind != "f" or not len(meshes):
        raise DataError(
            f"{path} holds {meshes.dtype} {meshes.shape}, expected floats (frames, V, 3)",
            "give posed vertices in metres, frames first",
        )
    return meshes


@default_cure("docs/exchange.md gives the form of a label file")
def read_labels(path: str | Path) -> Labels:
    """Labels in a file.

    Args:
        path: npy or npz (N, J, 3), NaN where there is no label, with `joint_names` in an npz; or csv
            with the columns frame, joint, x, y, z, frames counted from 0, missing rows having no label.

    Raises:
        DataError: another form, a joint twice in a frame, or a joint without any label.
        UnitError: an extent that no body has in metres.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        labels = _read_csv(path)
    else:
        joints, more = _array(path, LABEL_KEYS)
        if joints.dtype.kind not in "fiu":
            raise DataError(f"{path} has labels of {joints.dtype}, expected real numbers", FORM)
        names = tuple(map(str, np.ravel(more["joint_names"]).astype(str))) if more else None
        labels = Labels(np.array(joints, dtype=np.float64), names)
    joints, names = labels.joints, labels.names
    if joints.ndim != 3 or joints.shape[2] != 3 or not joints.size:
        raise DataError(f"{path} has labels of shape {joints.shape}, expected (frames, joints, 3)", FORM)
    if names is not None and (len(names) != joints.shape[1] or len(set(names)) != len(names)):
        raise DataError(
            f"{path} names {names!s:.200}, expected {joints.shape[1]} different names",
            "give joint_names the name of each joint, in their order",
        )
    joints[~np.isfinite(joints).all(axis=2)] = np.nan
    empty = np.flatnonzero(np.isnan(joints).all(axis=(0, 2)))
    if len(empty):
        which = ", ".join(names[k] if names else str(k) for k in empty)
        raise DataError(f"{path} has no label of joint {which} in any frame", "leave the joint out")
    some = joints[~np.isnan(joints).all(axis=(1, 2))]
    if joints.shape[1] > 5:  # few joints may lie close together
        _require_extent(some, f"labels of {path}")
    return labels


def _read_csv(path: Path) -> Labels:
    require_file(path, "label file", "check the path")
    places: dict[tuple[int, str], list[float]] = {}
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            if tuple(next(reader, ())) != CSV_COLUMNS:
                raise ValueError(f"columns other than {','.join(CSV_COLUMNS)}")
            for cells in reader:
                line = reader.line_num
                if not cells:
                    continue
                if len(cells) != len(CSV_COLUMNS):
                    raise ValueError(f"{len(cells)} cells, expected {len(CSV_COLUMNS)}")
                key = int(_plain(cells[0])), cells[1]
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
