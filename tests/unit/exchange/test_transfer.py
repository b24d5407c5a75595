"""Regressors moved to another mesh."""

import json
from importlib.resources import files

import numpy as np
import pytest
from scipy import sparse

from jointreg.cli import main
from jointreg.errors import DataError, UnitError
from jointreg.exchange.meshes import Mesh, read_mesh
from jointreg.exchange.named_rows import NamedRows, read_named_rows
from jointreg.exchange.transfer import transfer, vertex_map_of
from jointreg.exchange.vertex_maps import VertexMap
from jointreg.regressor import Regressor, save_regressor
from jointreg.skeleton import H36M_17
from jointreg.synthetic.people import UNIT_M


@pytest.fixture
def planted_map(generator):
    """20 vertices as weighted means of 60 others."""
    dense = np.zeros((20, 60))
    for row in dense:
        row[generator.choice(60, 3, replace=False)] = generator.dirichlet(np.ones(3))
    return VertexMap(sparse.csr_array(dense), {"map": "planted"})


def test_both_regressors_give_the_same_joints(planted_map, generator):
    """Row sums and signs stay, of raw rows as well."""
    matrix = generator.dirichlet(np.ones(20), 5)
    matrix[3] *= 2.5
    moved = transfer(matrix, planted_map, "J")
    vertices = generator.normal(size=(4, 60, 3))
    expected = matrix @ (planted_map.matrix.toarray() @ vertices)
    assert np.allclose(moved @ vertices, expected, rtol=0, atol=1e-13)
    assert np.allclose(moved.sum(axis=1), matrix.sum(axis=1)) and (moved >= 0).all()
    assert (transfer(-matrix, planted_map, "J") <= 0).all()


def test_maps_that_do_not_fit(planted_map, generator):
    with pytest.raises(DataError, match=r"is for 60 vertices, the map gives 20(.|\n)*the other way"):
        transfer(np.ones((5, 60)), planted_map, "J")
    with pytest.raises(DataError, match=r"is for 33 vertices, the map gives 20 .* sums of 60"):
        transfer(np.ones((5, 33)), planted_map, "J")
    faces_of_to = VertexMap(sparse.csr_array(np.eye(60)), {})
    with pytest.raises(DataError, match=r"as sums of 60(.|\n)*the other way, or is one of other meshes"):
        transfer(np.ones((5, 20)), faces_of_to, "J")
    regressor = VertexMap(sparse.csr_array(np.ones((2, 60)) / 60), {})
    with pytest.raises(DataError, match=r"has 2 rows, expected .* 60 vertices(.|\n)*is a regressor"):
        transfer(np.ones((5, 60)), regressor, "J")
    turned = VertexMap(sparse.csr_array(np.array([[1.5, -0.5]])), {})
    with pytest.raises(DataError, match=r"down to -0\.5"):
        transfer(np.ones((5, 1)), turned, "J")


def test_one_way_to_the_map_must_be_given():
    five = NamedRows(np.ones((5, 20)), ("a", "b", "c", "d", "e"), {})
    with pytest.raises(DataError, match="neither a map nor two meshes"):
        vertex_map_of(five, None, None, None)
    with pytest.raises(DataError, match="--from or --limit are given"):
        vertex_map_of(five, "map.npz", None, None, 0.1)


def test_meshes_that_are_not_the_regressors(body, weights, generator):
    """Faces of another numbering are refused. Without a sidecar the vertices of the rows show it."""
    notes: list[str] = []
    mesh = read_mesh("open")
    own = NamedRows(weights, H36M_17, {"topology_hash": mesh.topology_hash})
    same = vertex_map_of(own, None, mesh, mesh, note=notes.append)
    assert np.abs(transfer(weights, same, "J") - weights).max() < 1e-12 and not notes
    order = generator.permutation(body.n_vertices)
    other = Mesh(mesh.vertices[order], np.argsort(order)[mesh.faces].astype(np.int32))
    with pytest.raises(DataError, match="sidecar names a mesh with other faces"):
        vertex_map_of(own, None, other, mesh)
    with pytest.raises(DataError, match="read vertices all over the mesh of --from"):
        vertex_map_of(own._replace(about={}), None, other, mesh)
    centimetres = Mesh(100 * mesh.vertices, mesh.faces)
    for one, option in ((centimetres, "--from"), (mesh, "--to")):
        with pytest.raises(UnitError, match=rf"(?s)mesh of {option} extends over 166\.4.*times 0\.01"):
            vertex_map_of(own, None, one, centimetres)
    mirrored = Mesh(mesh.vertices * [-1, 1, 1], mesh.faces)
    vertex_map_of(own, None, mesh, mirrored, note=notes.append)
    assert len(notes) == 1 and "left and right are exchanged" in notes.pop()
    vertex_map_of(own._replace(matrix=weights - 1e-9), None, mesh, mesh, note=notes.append)
    assert "below zero" in notes[0]


def test_the_command_moves_the_open_body_to_a_finer_mesh(tmp_path, body, weights, capsys):
    """The target is the open body with every face cut in four, numbered from the back."""
    save_regressor(
        Regressor(weights, about={"topology_hash": body.topology_hash, "seed": 4}), tmp_path / "J.npy"
    )
    edges = np.sort(
        np.concatenate([body.faces[:, [0, 1]], body.faces[:, [1, 2]], body.faces[:, [2, 0]]])
    )
    unique, where = np.unique(edges, axis=0, return_inverse=True)
    ab, bc, ca = body.n_vertices + where.reshape(3, -1)
    a, b, c = body.faces.T
    faces = np.concatenate(
        [np.stack(t, axis=1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
    )
    template = body.template.astype(np.float64)
    vertices = np.concatenate([template, template[unique].mean(axis=1)])
    np.savez(tmp_path / "fine.npz", vertices=vertices[::-1], faces=len(vertices) - 1 - faces)

    output = tmp_path / "moved.npz"
    command = ["transfer", str(tmp_path / "J.npy"), str(output), "--from", "open"]
    assert main([*command, "--to", str(tmp_path / "fine.npz")]) == 0
    assert f"17 rows: 6890 vertices to {len(vertices)}" in capsys.readouterr().out
    moved = read_named_rows(output)
    assert moved.joints == H36M_17
    assert np.allclose(moved.matrix @ vertices[::-1], weights @ template, rtol=0, atol=1e-9)
    about = json.loads((tmp_path / "moved.npz.json").read_text())["about"]["derived"]
    assert about["by"] == "transfer" and about["regressor_about"]["seed"] == 4
    assert about["largest_distance_mm"] == 0


def test_the_command_moves_the_open_body_to_anny_and_finds_the_same_points_again(
    tmp_path, body, weights
):
    """By the open body's points on anny's mesh, and by that mesh and the open body in one shape."""
    with np.load(files("jointreg") / "assets/free_people.npz") as people:
        anny, faces = people["vertices"] * UNIT_M, people["faces"].astype(np.int32)
        corners, share = people["corners"], people["share"].astype(np.float64)
    share /= share.sum(axis=1, keepdims=True)
    entries = share.ravel(), (np.repeat(np.arange(body.n_vertices), 3), corners.ravel())
    sparse.save_npz(tmp_path / "map.npz", sparse.csr_array(entries, shape=(body.n_vertices, 13_718)))
    save_regressor(Regressor(weights, about={"topology_hash": body.topology_hash}), tmp_path / "J.npy")
    command = ["transfer", str(tmp_path / "J.npy"), str(tmp_path / "anny.npy")]
    assert main([*command, "--map", str(tmp_path / "map.npz")]) == 0
    by_map = read_named_rows(tmp_path / "anny.npy").matrix
    assert by_map.shape == (17, 13_718) and not by_map[:, anny.shape[1] :].any()
    of_open = np.einsum("nvkc,vk->nvc", anny[:, corners], share)
    assert np.abs(by_map[:, : anny.shape[1]] @ anny - weights @ of_open).max() < 1e-12

    np.savez(tmp_path / "open.npz", vertices=of_open[3], faces=body.faces)
    np.savez(tmp_path / "skin.npz", vertices=anny[3], faces=faces)
    command = ["transfer", str(tmp_path / "J.npy"), str(tmp_path / "skin.npy"), "--from"]
    assert main([*command, str(tmp_path / "open.npz"), "--to", str(tmp_path / "skin.npz")]) == 0
    by_meshes = read_named_rows(tmp_path / "skin.npy").matrix
    assert np.abs(by_meshes @ anny - weights @ of_open).max() < 1e-3
    assert np.abs(by_meshes @ anny[3] - weights @ of_open[3]).max() < 1e-9


def test_the_command_refuses_a_pkl(tmp_path, weights, capsys):
    np.save(tmp_path / "J.npy", weights)
    np.savez(tmp_path / "mesh.npz", vertices=np.eye(3), faces=np.arange(3)[None])
    sparse.save_npz(tmp_path / "map.npz", sparse.csr_array(np.ones((6890, 1))))
    command = ["transfer", str(tmp_path / "J.npy"), str(tmp_path / "J.pkl")]
    assert main([*command, "--map", str(tmp_path / "map.npz")]) == 1
    assert "a pkl holds the rows of SMPL_to_J19.pkl only" in capsys.readouterr().err


def test_the_command_refuses_rows_of_another_joint_set(tmp_path, weights, capsys):
    """Human3.6M's 17 rows are as many as COCO's, and nothing in the file names them."""
    np.save(tmp_path / "J.npy", weights)
    command = ["transfer", str(tmp_path / "J.npy"), str(tmp_path / "out.npy"), "--from", "open"]
    assert main([*command, "--to", "open", "--joints", "coco_17"]) == 1
    error = capsys.readouterr().err
    assert "J.npy is not of COCO's 17 joints: rows" in error and "--joints" in error
    assert not (tmp_path / "out.npy").exists()
    assert main([*command, "--to", "open", "--joints", "h36m_17"]) == 0


def test_a_map_of_other_meshes_with_as_many_vertices(tmp_path, body, weights, generator, capsys):
    """SMPL and the open body have as many vertices: by SMPL's map the open body's rows go astray."""
    np.save(tmp_path / "J.npy", weights)
    centimetres = {"vertices": 100 * body.template, "faces": body.faces}
    np.savez(tmp_path / "mesh.npz", **centimetres)
    places = np.arange(body.n_vertices)
    for name, order in (("own", places), ("other", generator.permutation(places))):
        entries = np.ones(body.n_vertices), (places, order)
        sparse.save_npz(tmp_path / f"{name}.npz", sparse.csr_array(entries))
    command = ["transfer", str(tmp_path / "J.npy"), str(tmp_path / "out.npy")]
    command += ["--to", str(tmp_path / "mesh.npz"), "--map"]
    assert main([*command, str(tmp_path / "other.npz")]) == 1
    assert "moved by the map, read vertices all over the mesh of --to" in capsys.readouterr().err
    assert not (tmp_path / "out.npy").exists()
    assert main([*command, str(tmp_path / "own.npz")]) == 0
    wide = Regressor(0.8 * weights + 0.2 / len(places), about={"topology_hash": body.topology_hash})
    save_regressor(wide, tmp_path / "J.npy")  # a fit to few frames is wide on its own mesh
    assert main([*command, str(tmp_path / "own.npz")]) == 0
    assert main([*command[:3], "--from", "open", "--to", "open"]) == 0
