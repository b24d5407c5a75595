"""Posed vertices and labelled joints in files of any mesh and joint set."""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jointreg.errors import DataError, default_cure
from jointreg.files.input import read_file, require_file
from jointreg.plausible import BODY_M

CHUNK = 64
"""Frames read at a time."""
VERTEX_KEYS = ("vertices", "pred_vertices", "verts")
LABEL_KEYS = ("joints", "joints_cam", "labels")
CSV_COLUMNS = ("frame", "joint", "x", "y", "z")
SAMPLE = 20
"""Frames of each file whose extent is looked at."""


class Labels(NamedTuple):
    """Labelled joints."""

    joints: np.ndarray
    """(N, J, 3) float64, metres; NaN where a joint has no label in a frame."""
    names: tuple[str, ...] | None
    """Of the joints, where the file gives them."""


class LabelledMeshes:
    """Meshes and labels frame by frame, read again in every pass.

    Args:
        vertices: npy files, read in parts, or npz files, each read whole; (n, V, 3) or (V, 3), metres.
        labels: of all frames, in the order of the files.

    Raises:
        DataError: no such file, another shape, other numbers of vertices or frames.
        UnitError: an extent that no body has in metres.
    """

    def __init__(self, vertices: Sequence[str | Path], labels: Labels) -> None:
        self.files = [Path(file) for file in vertices]
        self.labels = labels
        shapes = []
        for file in self.files:
            meshes = _meshes(file)
            shapes.append(meshes.shape)
            picked = np.asarray(meshes[:: max(1, len(meshes) // SAMPLE)], dtype=np.float64)
            if not np.isfinite(picked).all():
                raise DataError(
                    f"{file} has vertices that are NaN or infinite", "leave those frames out"
                )
            _require_extent(picked, f"vertices of {file}")
        if len({shape[1] for shape in shapes}) > 1:
            sizes = sorted({shape[1] for shape in shapes})
            raise DataError(f"meshes have {' and '.join(map(str, sizes))} vertices, expected one mesh")
        self.n_vertices = shapes[0][1]
        self.frames = sum(shape[0] for shape in shapes)
        if self.frames != len(labels.joints):
            raise DataError(
                f"{self.frames} meshes and labels of {len(labels.joints)} frames, expected as many",
                "give one label for each mesh, in the order of the files; NaN where there is none",
            )

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Vertices (n, V, 3) and joints (n, J, 3), float64, of up to `CHUNK` frames."""
        first = 0
        for file in self.files:
            meshes = _meshes(file)
            for begin in range(0, len(meshes), CHUNK):
                part = np.asarray(meshes[begin : begin + CHUNK], dtype=np.float64)
                yield part, self.labels.joints[first : first + len(part)]
                first += len(part)

    def digests(self) -> dict[str, str]:
        """sha256 of every file of vertices, by its name."""
        digests = {}
        for file in self.files:
            with file.open("rb") as stream:
                digests[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
        return digests


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
            with np.load(path, allow_pickle=False) as file:
                key = next((key for key in keys if key in file.files), None)
                if key is None:
                    raise DataError(
                        f"{path} has the keys {', '.join(file.files)[:200]}, expected one of "
                        f"{', '.join(keys)}"
                    )
                names = file["joint_names"] if "joint_names" in file.files else None
                return file[key], {} if names is None else {"joint_names": names}
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{path} is no plain {path.suffix[1:]}: {error!s:.200}") from error
    raise DataError(f"{path} has suffix '{path.suffix}', expected npy or npz", "np.save(file, array)")


@default_cure("docs/exchange.md gives the form of a file of vertices")
def _meshes(path: Path) -> np.ndarray:
    meshes, _ = _array(path, VERTEX_KEYS)
    meshes = meshes[None] if meshes.ndim == 2 else meshes
    if meshes.ndim != 3 or meshes.shape[2] != 3 or meshes.dtype.kind != "f" or not len(meshes):
        raise DataError(f"{path} holds {meshes.dtype} {meshes.shape}, expected floats (frames, V, 3)")
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
        names = tuple(map(str, more["joint_names"])) if more else None
        labels = Labels(np.array(joints, dtype=np.float64), names)
    joints, names = labels
    if joints.ndim != 3 or joints.shape[2] != 3 or not joints.size:
        raise DataError(f"{path} has labels of shape {joints.shape}, expected (frames, joints, 3)")
    if names is not None and (len(names) != joints.shape[1] or len(set(names)) != len(names)):
        raise DataError(f"{path} names {names!s:.200}, expected {joints.shape[1]} different names")
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
    try:
        text = read_file(path, "label file", "check the path").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error!s:.200})", "save it as UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if tuple(reader.fieldnames or ()) != CSV_COLUMNS:
        raise DataError(f"{path} has columns {reader.fieldnames!s:.200}, expected {CSV_COLUMNS}")
    places: dict[tuple[int, str], list[float]] = {}
    for number, row in enumerate(reader, start=2):
        try:
            key = int(row["frame"]), row["joint"]
            place = [float(row[axis]) if row[axis] else np.nan for axis in "xyz"]
            if key[0] < 0 or not key[1]:
                raise ValueError("a negative frame, or no name")
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}: line {number}: {error!s:.200}") from error
        if key in places:
            raise DataError(f"{path}: line {number}: {key[1]} stands in frame {key[0]} twice")
        places[key] = place
    if not places:
        raise DataError(f"{path} has no rows")
    names = tuple(dict.fromkeys(joint for _, joint in places))
    joints = np.full((1 + max(frame for frame, _ in places), len(names), 3), np.nan)
    for (frame, joint), place in places.items():
        joints[frame, names.index(joint)] = place
    return Labels(joints, names)
