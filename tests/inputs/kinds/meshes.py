"""Meshes as obj, ply and npz, and maps between two of them."""

import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial import ConvexHull

from inputs import raw
from inputs.case import Case, Damage, Original, cases
from inputs.containers import (
    KINDS,
    NPY,
    NPZ,
    NUMBERS,
    PICKLE,
    SHAPES,
    TORCH,
    Container,
    entries,
    keys_of,
    tables,
)
from inputs.samples import one
from inputs.texts import letters, rows
from jointreg.exchange.meshes import Mesh, read_mesh
from jointreg.exchange.transfer import transfer
from jointreg.exchange.vertex_maps import read_map

MESH = "meshes"
MAP = "vertex maps"
SOURCE_VERTICES = 40


@one
def ball() -> Mesh:
    """A mesh of a person's size, 80 vertices."""
    count = 80
    height, turn = np.linspace(-1, 1, count), np.arange(count) * np.pi * (3 - np.sqrt(5))
    around = np.sqrt(1 - np.square(height))
    vertices = np.stack([around * np.cos(turn), height, around * np.sin(turn)], axis=1)
    faces = ConvexHull(vertices).simplices
    a, b, c = vertices[faces].transpose(1, 0, 2)
    inside = np.einsum("fa,fa->f", a, np.cross(b, c)) < 0
    faces[inside] = faces[inside][:, ::-1]
    return Mesh((vertices * [0.4, 0.9, 0.3]).round(6), faces.astype(np.int32))


def _obj(folder: Path) -> None:
    lines = ["# a ball", *("v {} {} {}".format(*v) for v in ball().vertices)]
    (folder / "ball.obj").write_text(
        "\n".join([*lines, *("f {} {} {}".format(*f) for f in ball().faces + 1), ""])
    )


def _head(form: str) -> list[str]:
    mesh = ball()
    return [
        *("ply", f"format {form} 1.0", f"element vertex {len(mesh.vertices)}"),
        *(f"property double {axis}" for axis in "xyz"),
        *(f"element face {len(mesh.faces)}", "property list uchar int vertex_indices", "end_header"),
    ]


def _ascii_ply(folder: Path) -> None:
    lines = [*_head("ascii"), *("{} {} {}".format(*v) for v in ball().vertices)]
    (folder / "ball.ply").write_text(
        "\n".join([*lines, *("3 {} {} {}".format(*f) for f in ball().faces), ""])
    )


def _binary_ply(folder: Path) -> None:
    faces = np.zeros(len(ball().faces), [("size", "u1"), ("corners", "<i4", 3)])
    faces["size"], faces["corners"] = 3, ball().faces
    head = "\n".join([*_head("binary_little_endian"), ""]).encode()
    (folder / "ball.ply").write_bytes(head + ball().vertices.astype("<f8").tobytes() + faces.tobytes())


def _npz(folder: Path) -> None:
    np.savez(folder / "ball.npz", vertices=ball().vertices, faces=ball().faces)


def _read_mesh(name: str) -> Callable[..., Any]:
    def read(folder: Path, note: Callable[[str], None]) -> Any:
        mesh = read_mesh(folder / name)
        return mesh.vertices, mesh.faces.astype(np.int64)

    return read


def _mesh(what: str, name: str, make: Callable[[Path], None]) -> Original:
    return Original(MESH, what, name, make, _read_mesh(name))


OBJ = _mesh("obj", "ball.obj", _obj)
ASCII_PLY = _mesh("ply in letters", "ball.ply", _ascii_ply)
BINARY_PLY = _mesh("ply in bytes", "ball.ply", _binary_ply)
NPZ_MESH = _mesh("npz", "ball.npz", _npz)


def _row(begin: str, change: Callable[[str], str]) -> Callable[[list[str]], list[str]]:
    """The tenth line that begins so is changed."""

    def edit(lines: list[str]) -> list[str]:
        at = [n for n, line in enumerate(lines) if line.startswith(begin)][9]
        return [*lines[:at], change(lines[at]), *lines[at + 1 :]]

    return edit


def _untold(damages: Iterable[Damage]) -> list[Damage]:
    return [replace(damage, untold=True) for damage in damages]


OBJ_LINES = {
    "has a vertex of two numbers": _row("v ", lambda line: line.rpartition(" ")[0]),
    "has a vertex of words": _row("v ", lambda line: "v one two three"),
    "has a comma in a number": _row("v ", lambda line: line.replace(".", ",")),
    "has a vertex that is not a number": _row("v ", lambda line: "v nan 0 0"),
    "has a vertex at infinity": _row("v ", lambda line: "v inf 0 0"),
    "has a vertex at 1e30": _row("v ", lambda line: "v 1e30 0 0"),
    "has a vertex with a colour": _row("v ", lambda line: line + " 0.5 0.5 0.5"),
    "has a vertex less": _row("v ", lambda line: ""),
    "has a face of two corners": _row("f ", lambda line: line.rpartition(" ")[0]),
    "has a face without corners": _row("f ", lambda line: "f"),
    "has a face of words": _row("f ", lambda line: "f one two three"),
    "has a face with corner 0": _row("f ", lambda line: "f 0 1 2"),
    "has a face with corner 10000": _row("f ", lambda line: "f 1 2 10000"),
    "has a face with corner -10000": _row("f ", lambda line: "f 1 2 -10000"),
    "has a face with a fraction": _row("f ", lambda line: "f 1 2 3.5"),
    "has a face with a superscript": _row("f ", lambda line: "f 1 2 ²"),
    "has corners with slashes": lambda lines: [_with_slashes(line) for line in lines],
    "has its faces first": lambda lines: sorted(lines, key=lambda line: line[:1] != "f"),
    "has no faces": lambda lines: [line for line in lines if not line.startswith("f")],
    "has no vertices": lambda lines: [line for line in lines if not line.startswith("v")],
    "counts its vertices from 0": lambda lines: [_one_less(line) for line in lines],
    "has normals and materials": lambda lines: ["mtllib a.mtl", "vn 0 0 1", "vt 0 0", *lines, "s 1"],
    "has empty lines in it": lambda lines: [part for line in lines for part in (line, "")],
}


def _with_slashes(line: str) -> str:
    words = line.split()
    return " ".join(["f", *(f"{word}/1/1" for word in words[1:])]) if words[:1] == ["f"] else line


def _one_less(line: str) -> str:
    words = line.split()
    return " ".join(["f", *(str(int(k) - 1) for k in words[1:])]) if words[:1] == ["f"] else line


def _head_line(name: str, old: str, new: str, right: str = "refused") -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        content = path.read_bytes()
        assert old.encode() in content, name
        path.write_bytes(content.replace(old.encode(), new.encode(), 1))

    return Damage(name, apply, right)


def _head_lines(form: str) -> list[Damage]:
    faces = len(ball().faces)
    return [
        _head_line("declares a vertex more", "vertex 80", "vertex 81"),
        _head_line("declares a vertex less", "vertex 80", "vertex 79"),
        _head_line("declares a face more", f"face {faces}", f"face {faces + 1}"),
        _head_line("declares a face less", f"face {faces}", f"face {faces - 1}"),
        _head_line("declares 10^12 vertices", "vertex 80", f"vertex {10**12}"),
        _head_line("declares -1 vertices", "vertex 80", "vertex -1"),
        _head_line("declares no number of vertices", "vertex 80", "vertex"),
        _head_line("declares many vertices", "vertex 80", "vertex many"),
        _head_line("declares 10^12 faces", f"face {faces}", f"face {10**12}"),
        _head_line("lacks its format", f"format {form} 1.0\n", ""),
        _head_line("has an empty format", f"format {form} 1.0\n", "format\n"),
        _head_line("has an unknown format", form, "middle_endian"),
        _head_line("has another order of bytes", form, "binary_big_endian"),
        _head_line("is marked as letters or bytes that it is not", form, _OTHER_FORM[form]),
        _head_line("has no x", "double x", "double u"),
        _head_line("has x twice", "double y", "double x"),
        _head_line("has an unknown type", "double y", "quaternion y"),
        _head_line("has a type without a name", "double y", "double"),
        _head_line("has no element before its properties", "element vertex 80\n", ""),
        _head_line("has no faces", "element face", "element strip"),
        _head_line("has corners of bytes", "uchar int", "uchar char"),
        _head_line("has sizes of numbers with a point", "uchar int", "float int"),
        _head_line("has sizes of four bytes", "uchar int", "int int"),
        _head_line("has a list of vertices", "property double z", "property list uchar double z"),
        _head_line("lacks the end of its head", "end_header", "end"),
        _head_line("has a comment in its head", "element v", "comment mine\nelement v", "accepted"),
        _head_line("does not begin as a ply", "ply\n", "plx\n"),
    ]


_OTHER_FORM = {"ascii": "binary_little_endian", "binary_little_endian": "ascii"}

SCALED = ("of the other sign", "zero in one row", "in inches", "rounded to whole numbers")
MOVED = [*SCALED, *(name for name in NUMBERS if "larger" in name or "smaller" in name)]
"""Another mesh of another size, which may be meant."""
FACES = ["faces without its last row", "faces with its last row twice", "faces zero in one row"]


def _weights() -> np.ndarray:
    draw = np.random.default_rng(5)
    matrix = np.zeros((SOURCE_VERTICES, len(ball().vertices)))
    for row in matrix:
        row[draw.choice(len(row), 3, replace=False)] = draw.dirichlet([1, 1, 1])
    return matrix


def _sparse_map(folder: Path) -> None:
    sparse.save_npz(folder / "map.npz", sparse.csr_array(_weights()))


def _dense_map(folder: Path) -> None:
    np.save(folder / "map.npy", _weights())


def _tensor_map(folder: Path) -> None:
    TORCH.save(folder / "map.pt", {"matrix": _weights()})


def _pickled_map(folder: Path) -> None:
    (folder / "map.pkl").write_bytes(pickle.dumps({"matrix": _weights()}))


def _faces_map(folder: Path) -> None:
    draw = np.random.default_rng(6)
    np.savez(
        folder / "map.npz",
        triangle_ids=draw.integers(len(ball().faces), size=SOURCE_VERTICES),
        baryc_coords=draw.dirichlet([1, 1, 1], SOURCE_VERTICES),
    )


def _read_map(name: str) -> Callable[..., Any]:
    def read(folder: Path, note: Callable[[str], None]) -> Any:
        vertex_map = read_map(folder / name, ball())
        return transfer(np.eye(SOURCE_VERTICES), vertex_map, "J.npy")

    return read


def _map(what: str, name: str, make: Callable[[Path], None]) -> Original:
    return Original(MAP, what, name, make, _read_map(name), named=("the map",))


SPARSE = _map("sparse npz", "map.npz", _sparse_map)
DENSE = _map("npy", "map.npy", _dense_map)
TENSOR = _map("pt", "map.pt", _tensor_map)
PICKLED = _map("pickle", "map.pkl", _pickled_map)
OF_FACES = _map("faces and weights", "map.npz", _faces_map)


def _matrix(
    container: Container, key: str, name: str, change: Callable[[np.ndarray], Any], **answers: Any
) -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        table = container.load(path)
        container.save(path, table | {key: change(np.asarray(table[key]))})

    return Damage(f"{key} {name}", apply, **answers)


def _negative(matrix: np.ndarray) -> np.ndarray:
    changed = matrix.copy()
    first, second = np.flatnonzero(changed[3])[:2]
    changed[3, first] += 1.5
    changed[3, second] -= 1.5
    return changed


MATRICES = [
    _matrix(NPY, "matrix", "has a row twice as large", lambda m: _with_row(m, 2 * m[3])),
    _matrix(NPY, "matrix", "has an empty row", lambda m: _with_row(m, 0 * m[3])),
    _matrix(NPY, "matrix", "has weights below zero", _negative),
    _matrix(NPY, "matrix", "is for a mesh with a vertex more", lambda m: np.pad(m, ((0, 0), (0, 1)))),
    _matrix(NPY, "matrix", "is for a mesh with a vertex less", lambda m: m[:, :-1]),
    _matrix(NPY, "matrix", "has its rows reversed", lambda m: m[::-1], untold=True),
    _matrix(NPY, "matrix", "is in column order", np.asfortranarray, right="accepted"),
    _matrix(NPY, "matrix", "is in the other byte order", lambda m: m.astype(">f8"), right="accepted"),
]


def _with_row(matrix: np.ndarray, row: np.ndarray) -> np.ndarray:
    changed = matrix.copy()
    changed[3] = row
    return changed


ROWS = ["data zero in one row", "baryc_coords zero in one row"]
BYTES = [*raw.whole(), *raw.cut(), *raw.ends()]
CASES: list[Case] = [
    *cases(OBJ, [*raw.whole(), *_untold([*raw.cut(), *raw.ends()]), *raw.flips(4)]),
    *cases(OBJ, letters(comment="# ")),
    *cases(
        OBJ,
        rows(
            OBJ_LINES,
            accepted=[
                *("has a vertex with a colour", "has corners with slashes", "has its faces first"),
                *("has normals and materials", "has empty lines in it"),
            ],
        ),
    ),
    *cases(ASCII_PLY, [*BYTES, *raw.flips(4), *_head_lines("ascii")]),
    *cases(BINARY_PLY, [*BYTES, *raw.flips(4), *_head_lines("binary_little_endian")]),
    *cases(NPZ_MESH, [*BYTES, *raw.flips(4, untold=False)]),
    *cases(NPZ_MESH, [*keys_of(NPZ, ["vertices", "faces"]), *tables(NPZ)]),
    *cases(
        NPZ_MESH,
        entries(
            NPZ,
            ["vertices", "faces"],
            SHAPES | KINDS | NUMBERS,
            untold=[*(f"vertices {name}" for name in MOVED), *FACES],
        ),
    ),
    *cases(SPARSE, [*BYTES, *raw.flips(4, untold=False), *tables(NPZ)]),
    *cases(SPARSE, keys_of(NPZ, ["data", "indices", "indptr", "shape", "format"])),
    *cases(SPARSE, entries(NPZ, ["data", "indices", "indptr", "shape"], SHAPES | KINDS | NUMBERS)),
    *cases(DENSE, [*BYTES, *raw.flips(4, (0.02, 1.0)), *MATRICES]),
    *cases(DENSE, entries(NPY, ["matrix"], SHAPES | KINDS | NUMBERS)),
    *cases(TENSOR, [*BYTES, *raw.flips(4, untold=False), *keys_of(TORCH, ["matrix"])]),
    *cases(TENSOR, entries(TORCH, ["matrix"], SHAPES | KINDS)),
    *cases(PICKLED, [*BYTES, *raw.flips(4, (0.05, 0.95)), *tables(PICKLE, pickled=True)]),
    *cases(PICKLED, entries(PICKLE, ["matrix"], SHAPES | KINDS)),
    *cases(OF_FACES, [*BYTES, *raw.flips(4, untold=False), *tables(NPZ)]),
    *cases(OF_FACES, keys_of(NPZ, ["triangle_ids", "baryc_coords"])),
    *cases(
        OF_FACES,
        entries(
            NPZ,
            ["triangle_ids", "baryc_coords"],
            SHAPES | KINDS | NUMBERS,
            untold=["triangle_ids zero in one row", "triangle_ids zero throughout"],
        ),
    ),
]
