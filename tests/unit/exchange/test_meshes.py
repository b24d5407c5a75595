"""Mesh files: vertices in the file's order, polygons cut into triangles, each refusal by its cause."""

import numpy as np
import pytest

from jointreg.errors import DataError
from jointreg.exchange.meshes import read_mesh

VERTICES = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0], [7, 7, 7.0]])
FACES = np.array([[0, 1, 2], [0, 2, 3], [4, 3, 2]])
"""A square and a triangle. A vertex stands there twice, the last is in no face."""

OBJ = """# a square, then a triangle, with texture and normals
v 0 0 0 0.5 0.5 0.5
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vt 1 1
vn 0 0 1
usemtl skin
f 1/1/1 2/2/1 3/1/1 4/2/1
v 0 0 0
v 7 7 7
f -2//1 4//1 3//1
"""
PLY_HEAD = """ply
format {form} 1.0
comment made by hand
element vertex 6
property float x
property float y
property float z
property uchar red
element face 2
property list uchar int vertex_indices
end_header
"""


def ply(form):
    order = {"binary_little_endian": "<", "binary_big_endian": ">"}.get(form)
    polygons = [[0, 1, 2, 3], [4, 3, 2]]
    head = PLY_HEAD.format(form=form).encode()
    if order is None:
        lines = [f"{x} {y} {z} 9" for x, y, z in VERTICES]
        lines += [" ".join(map(str, [len(polygon), *polygon])) for polygon in polygons]
        return head + "\n".join(lines).encode()
    body = b""
    for vertex in VERTICES:
        body += np.array(vertex, order + "f4").tobytes() + b"\x09"
    for polygon in polygons:
        body += bytes([len(polygon)]) + np.array(polygon, order + "i4").tobytes()
    return head + body


@pytest.mark.parametrize("form", ["obj", "ascii", "binary_little_endian", "binary_big_endian", "npz"])
def test_every_format_gives_the_same_mesh(tmp_path, form):
    path = tmp_path / f"mesh.{form if form in ('obj', 'npz') else 'ply'}"
    if form == "npz":
        np.savez(path, v_template=VERTICES, f=FACES)
    else:
        path.write_bytes(OBJ.encode() if form == "obj" else ply(form))
    mesh = read_mesh(path)
    assert np.array_equal(mesh.vertices, VERTICES) and np.array_equal(mesh.faces, FACES)


def test_a_binary_ply_of_triangles_only(tmp_path):
    raw = ply("binary_little_endian").replace(b"element face 2", b"element face 1")
    cut = raw.index(b"end_header\n") + 11 + 6 * 13
    (tmp_path / "a.ply").write_bytes(raw[:cut] + raw[cut + 17 :])
    assert read_mesh(tmp_path / "a.ply").faces.tolist() == [[4, 3, 2]]


def test_the_open_body_is_a_mesh_by_name(body):
    mesh = read_mesh("open")
    assert np.array_equal(mesh.vertices, body.template) and np.array_equal(mesh.faces, body.faces)
    assert mesh.topology_hash == body.topology_hash


@pytest.mark.parametrize(
    ("name", "raw", "cause"),
    [
        ("a.stl", b"solid", "expected at most"),
        ("a.obj", b"v 0 0\nf 1 1 1\n", r"shape \(1, 2\)"),
        ("a.obj", b"v 0 0 0\n", r"faces are .* \(0, 3\)"),
        ("a.obj", b"v 0 0 0\nf 1 2 3\n", "indices 0 to 2, expected 0 to 0"),
        ("a.obj", b"v 0 0 nan\nf 1 1 1\n", "vertices are NaN"),
        ("a.obj", b"v 0 0 zero\nf 1 1 1\n", "no obj mesh"),
        ("a.ply", b"plx\n", "no head"),
        (
            "a.ply",
            ply("ascii").replace(b"element face 2", b"element face 99999999"),
            "declares 99999999",
        ),
        ("a.ply", ply("binary_little_endian")[:-9], "no ply mesh"),
        ("a.npz", b"PK", "npz"),
    ],
)
def test_what_is_no_mesh_is_refused(tmp_path, name, raw, cause):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError, match=cause):
        read_mesh(tmp_path / name)


def test_an_npz_without_faces(tmp_path):
    np.savez(tmp_path / "a.npz", vertices=VERTICES)
    with pytest.raises(DataError, match="none of the keys faces, f"):
        read_mesh(tmp_path / "a.npz")


def test_a_vertex_without_a_face_is_noted(tmp_path):
    path, notes = tmp_path / "mesh.obj", []
    path.write_text(OBJ)
    read_mesh(path, notes.append)
    assert len(notes) == 1 and "1 of 6 vertices belong to no face" in notes[0]


@pytest.mark.parametrize(
    "old, new, cause",
    [
        (b"format ascii 1.0\n", b"", "its format is"),
        (b"element face 2", b"element face 1", "bytes stand behind the elements"),
        (b"element vertex 6", b"element vertex 5", "no ply mesh"),
        (b"4 0 1 2 3", b"4 0 1 2", "face 0 has another number of corners"),
        (b"4 0 1 2 3", b"2 0 1", "face 0 has 2 corners"),
    ],
)
def test_a_ply_that_is_not_what_its_head_declares(tmp_path, old, new, cause):
    content = ply("ascii")
    assert old in content
    (tmp_path / "mesh.ply").write_bytes(content.replace(old, new))
    with pytest.raises(DataError, match=cause):
        read_mesh(tmp_path / "mesh.ply")


@pytest.mark.parametrize(
    "vertices, faces, cause",
    [
        (VERTICES.astype(str), FACES, "expected numbers"),
        (VERTICES > 0, FACES, "expected numbers"),
        (VERTICES * 1e30, FACES, "beyond 1e[+]06"),
        (0 * VERTICES, FACES, "lie in one place"),
        (VERTICES, 0 * FACES, "every face has a vertex twice"),
    ],
)
def test_arrays_that_are_no_mesh(tmp_path, vertices, faces, cause):
    np.savez(tmp_path / "mesh.npz", vertices=vertices, faces=faces)
    with pytest.raises(DataError, match=cause):
        read_mesh(tmp_path / "mesh.npz")
