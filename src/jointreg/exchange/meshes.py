"""Triangle meshes in obj, ply and npz files, with the vertices in the order of the file.

Common readers split vertices at texture seams, merge equal ones or drop unused ones; a regressor needs
the numbering of the file.
"""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jointreg.body.files import load_body
from jointreg.body.model import topology_hash
from jointreg.errors import DataError, default_cure
from jointreg.files.input import require_file
from jointreg.files.pickles import as_array, read_npz

LARGEST_BYTES = 10**9
LARGEST_COORDINATE = 1e6
"""No mesh of a person is that large, whatever its unit."""
SUFFIXES = (".obj", ".ply", ".npz")
VERTEX_KEYS = ("vertices", "v_template", "v")
FACE_KEYS = ("faces", "f")
OPEN_BODY = "open"

_PLY_TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "float": "f4",
    "double": "f8",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float32": "f4",
    "float64": "f8",
}
_PLY_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}


class Mesh(NamedTuple):
    """A triangle mesh."""

    vertices: np.ndarray
    """(V, 3) float64, in the unit of the file."""
    faces: np.ndarray
    """(F, 3) int32; polygons are cut into triangles from their first corner."""

    @property
    def topology_hash(self) -> str:
        """The identity of the mesh, as `jointreg.body.Body` gives it."""
        return topology_hash(self.faces)


@default_cure("save the mesh again as obj, ply or npz: docs/exchange.md")
def read_mesh(path: str | Path, note: Callable[[str], None] = print) -> Mesh:
    """A mesh file.

    Args:
        path: obj, ply, npz with vertices (also named v_template, v) and faces (also f), or `open` for
            the T-pose of the open body.
        note: called with a sentence on vertices without a face.

    Raises:
        DataError: no such file, another format, or no triangle mesh in it.
    """
    if str(path) == OPEN_BODY:
        body = load_body(OPEN_BODY)
        return Mesh(body.template.astype(np.float64), body.faces)
    path = Path(path)
    require_file(path, "mesh", "check the path")
    if path.suffix.lower() not in SUFFIXES or path.stat().st_size > LARGEST_BYTES:
        raise DataError(
            f"mesh {path} has {path.stat().st_size} bytes and suffix '{path.suffix}', expected at most "
            f"{LARGEST_BYTES} bytes of {', '.join(SUFFIXES)}",
            "save vertices (V, 3) and faces (F, 3): np.savez(file, vertices=v, faces=f)",
        )
    raw = path.read_bytes()
    try:
        reader = {".obj": _read_obj, ".ply": _read_ply, ".npz": _read_npz}[path.suffix.lower()]
        vertices, faces = reader(raw, str(path))
    except (ValueError, KeyError, IndexError, TypeError, UnicodeDecodeError, OverflowError) as error:
        raise DataError(f"{path} is no {path.suffix[1:]} mesh: {error!s:.200}") from error
    _require_mesh(vertices, faces, path)
    unused = len(vertices) - len(np.unique(faces))
    if unused:
        note(f"{path}: {unused} of {len(vertices)} vertices belong to no face: is the file whole?")
    return Mesh(vertices.astype(np.float64), faces.astype(np.int32))


def _require_mesh(vertices: np.ndarray, faces: np.ndarray, path: Path) -> None:
    """Refuse arrays that are no mesh of a person."""
    if vertices.ndim != 2 or vertices.shape[1:] != (3,) or vertices.dtype.kind not in "fiu":
        raise DataError(
            f"{path}: vertices are {vertices.dtype} of shape {vertices.shape}, expected numbers (V, 3)"
        )
    if not (np.abs(vertices.astype(np.float64)) < LARGEST_COORDINATE).all():
        raise DataError(
            f"{path}: vertices are NaN, infinite or beyond {LARGEST_COORDINATE:.0e}, expected a person's"
        )
    if faces.ndim != 2 or faces.shape[1:] != (3,) or not len(faces) or faces.dtype.kind not in "iu":
        raise DataError(
            f"{path}: faces are {faces.dtype} of shape {faces.shape}, expected (F, 3) indices"
        )
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise DataError(
            f"{path}: faces have indices {faces.min()} to {faces.max()}, "
            f"expected 0 to {len(vertices) - 1}"
        )
    if (faces == np.roll(faces, 1, axis=1)).any(axis=1).all():
        raise DataError(f"{path}: every face has a vertex twice, expected triangles")
    if (vertices == vertices[:1]).all():
        raise DataError(f"{path}: its {len(vertices)} vertices lie in one place, expected a person's")


def _read_npz(raw: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    entries = read_npz(raw, where, {*VERTEX_KEYS, *FACE_KEYS})
    arrays = []
    for names in (VERTEX_KEYS, FACE_KEYS):
        key = next((key for key in names if key in entries), None)
        if key is None:
            raise DataError(
                f"{where} has none of the keys {', '.join(names)}", "np.savez(file, vertices=v, faces=f)"
            )
        arrays.append(as_array(entries[key], f"{where}: {key}"))
    return arrays[0], arrays[1]


def _read_obj(raw: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    vertices, polygons = [], []
    for line in raw.decode("utf-8", errors="replace").splitlines():
        words = line.split()
        if words[:1] == ["v"]:
            vertices.append([float(word) for word in words[1:4]])
        elif words[:1] == ["f"]:
            corners = [int(word.split("/")[0]) for word in words[1:]]
            polygons.append([k - 1 if k > 0 else len(vertices) + k for k in corners])
    return np.array(vertices), _triangles(polygons)


def _triangles(polygons: list[list[int]]) -> np.ndarray:
    few = next((k for k, corners in enumerate(polygons) if len(corners) < 3), None)
    if few is not None:
        raise ValueError(f"face {few} has {len(polygons[few])} corners, expected three or more")
    fans = [(p[0], p[k], p[k + 1]) for p in polygons for k in range(1, len(p) - 1)]
    return np.array(fans, dtype=np.int64).reshape(-1, 3)


def _read_ply(raw: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """The elements vertex and face of a ply file, ascii or binary."""
    head = re.match(rb"ply\r?\n(.*?)end_header\r?\n", raw[:100_000], re.DOTALL)
    if head is None:
        raise ValueError("it has no head")
    lines = [line.split() for line in head[1].decode("ascii", errors="replace").splitlines()]
    forms = [line[1] for line in lines if line[:1] == ["format"]]
    if len(forms) != 1 or forms[0] not in _PLY_ORDERS:
        raise ValueError(f"its format is {forms}, expected one of {', '.join(_PLY_ORDERS)}")
    form = forms[0]
    elements: list[tuple[str, int, list[list[str]]]] = []
    for line in lines:
        if line[:1] == ["element"]:
            elements.append((line[1], int(line[2]), []))
        elif line[:1] == ["property"]:
            elements[-1][2].append(line[1:])
    stream = io.BytesIO(raw[head.end() :])
    arrays: dict[str, Any] = {}
    for name, count, properties in elements:
        if not 0 <= count <= len(raw):
            raise ValueError(f"it declares {count} of {name}")
        is_list = any(part[0] == "list" for part in properties)
        if (is_list and name != "face") or (is_list and len(properties) > 1):
            raise ValueError(f"element {name} has lists beside other properties")
        if is_list:
            arrays[name] = _ply_faces(stream, count, properties[0], _PLY_ORDERS[form])
        elif form == "ascii":
            rows = [stream.readline().split() for _ in range(count)]
            columns = zip(properties, zip(*rows, strict=True), strict=True)
            arrays[name] = {part[1]: np.array(column, dtype=float) for part, column in columns}
        else:
            kind = np.dtype([(part[1], _PLY_ORDERS[form] + _PLY_TYPES[part[0]]) for part in properties])
            content = stream.read(kind.itemsize * count)
            arrays[name] = np.frombuffer(content, kind, count)
    rest = len(stream.read().strip())
    if rest:
        raise ValueError(f"{rest} bytes stand behind the elements that it declares")
    vertices = np.stack([np.asarray(arrays["vertex"][axis], dtype=float) for axis in "xyz"], axis=1)
    if "face" not in arrays:
        raise ValueError("it has no faces")
    return vertices, arrays["face"]


def _ply_faces(stream: io.BytesIO, count: int, part: list[str], order: str) -> np.ndarray:
    if order == "=":
        lines = [[int(k) for k in stream.readline().split()] or [0] for _ in range(count)]
        wrong = next((k for k, line in enumerate(lines) if line[0] != len(line) - 1), None)
        if wrong is not None:
            raise ValueError(f"face {wrong} has another number of corners than it declares")
        return _triangles([line[1:] for line in lines])
    size, index = (np.dtype(order + _PLY_TYPES[kind]) for kind in part[1:3])
    begin = stream.tell()
    triangles = np.dtype([("size", size), ("corners", index, 3)])
    content = stream.read(triangles.itemsize * count)
    if len(content) == triangles.itemsize * count:
        table = np.frombuffer(content, triangles)
        if (table["size"] == 3).all():
            return table["corners"].astype(np.int64)
    stream.seek(begin)
    polygons = []
    for _ in range(count):
        corners = int(np.frombuffer(stream.read(size.itemsize), size)[0])
        polygons.append(np.frombuffer(stream.read(index.itemsize * corners), index, corners).tolist())
    return _triangles(polygons)
