"""Maps between meshes: their published forms, maps of two meshes, refusals."""

import pickle

import numpy as np
import pytest
import torch
from scipy import sparse

from jointreg.errors import DataError
from jointreg.exchange.meshes import Mesh
from jointreg.exchange.vertex_maps import map_between, read_map


@pytest.fixture(scope="module")
def target():
    generator = np.random.default_rng(1)
    return Mesh(generator.normal(size=(30, 3)), generator.permuted(np.arange(30)).reshape(10, 3))


@pytest.fixture(scope="module")
def faces_and_weights():
    generator = np.random.default_rng(2)
    return generator.integers(0, 10, 50), generator.dirichlet(np.ones(3), 50)


@pytest.fixture(scope="module")
def dense(target, faces_and_weights):
    faces, weights = faces_and_weights
    matrix = np.zeros((50, 30))
    for row, (face, corners) in enumerate(zip(faces, weights, strict=True)):
        matrix[row, target.faces[face]] = corners
    return matrix


def test_every_published_form_gives_the_same_matrix(tmp_path, target, faces_and_weights, dense):
    faces, weights = faces_and_weights
    np.savez(tmp_path / "mhr.npz", triangle_ids=faces, baryc_coords=weights)
    sparse.save_npz(tmp_path / "a.npz", sparse.csc_matrix(dense))
    np.save(tmp_path / "a.npy", dense)
    (tmp_path / "bedlam.pkl").write_bytes(pickle.dumps({"matrix": dense}))
    with_normals = sparse.csc_matrix(np.concatenate([dense, 0.1 - dense], axis=1))
    for form in ("csc", "csr", "coo"):
        stored = {"mtx": with_normals.asformat(form)}
        (tmp_path / f"smplx_{form}.pkl").write_bytes(pickle.dumps(stored, protocol=2))
    torch.save(torch.from_numpy(dense).to_sparse(), tmp_path / "gvhmr.pt")
    torch.save(torch.from_numpy(dense), tmp_path / "dense.pt")
    np.savez(tmp_path / "one.npz", dense)
    for file in sorted(tmp_path.iterdir()):
        read = read_map(file, target)
        assert np.array_equal(read.matrix.toarray(), dense), file
        assert read.about["map"] == file.name and len(read.about["map_sha256"]) == 64


def test_a_pickled_map_of_two_large_meshes_stays_sparse(tmp_path):
    """SMPL-X's own maps: 6890 rows, and 20,950 columns of vertices and normals."""
    columns = np.random.default_rng(3).integers(0, 10475, 6890)
    entries = np.ones(6890), (np.arange(6890), columns)
    stored = {"mtx": sparse.csc_matrix(entries, shape=(6890, 20_950))}
    (tmp_path / "smplx2smpl_deftrafo_setup.pkl").write_bytes(pickle.dumps(stored, protocol=2))
    read = read_map(tmp_path / "smplx2smpl_deftrafo_setup.pkl").matrix
    assert read.shape == (6890, 10475) and np.array_equal(read.indices, columns)


def test_rounding_of_the_maker_is_left_out(tmp_path, dense):
    noisy = dense.copy()
    noisy[0, np.flatnonzero(dense[0] == 0)[:3]] = [-1e-13, 1e-14, -2e-15]
    np.save(tmp_path / "a.npy", noisy)
    assert np.array_equal(read_map(tmp_path / "a.npy").matrix.toarray(), dense)


def test_refusals(tmp_path, target, faces_and_weights, dense):
    faces, weights = faces_and_weights

    def refused(cause, content, mesh=None):
        if isinstance(content, dict):
            np.savez(tmp_path / "m.npz", **content)
        else:
            np.save(tmp_path / "m.npy", content)
        with pytest.raises(DataError, match=cause):
            read_map(tmp_path / ("m.npz" if isinstance(content, dict) else "m.npy"), mesh)

    good = {"triangle_ids": faces, "baryc_coords": weights}
    refused("so it needs that mesh", good)
    refused("names faces 1 to 10, the mesh has 10", good | {"triangle_ids": faces + 1}, target)
    refused(
        r"of shape \(50,\), baryc_coords float64 of shape \(49, 3\)",
        good | {"baryc_coords": weights[1:]},
        target,
    )
    refused("baryc_coords <U", good | {"baryc_coords": weights.astype(str)}, target)
    copied = Mesh(np.zeros((18439, 3)), np.tile(np.arange(3), (36874, 1)))
    refused("not its faces as MHR's repository has them", good, copied)
    refused("whole numbers", {"triangle_ids": faces[:0], "baryc_coords": weights[:0]}, target)
    refused(r"of shape \(0, 30\), expected a matrix", dense[:0])
    refused("sums to .*, expected 1", dense.T)
    refused("mesh of 31 vertices, the mesh has 30", np.pad(dense, ((0, 0), (0, 1))), target)
    refused("holds a, b, expected a matrix, one of", {"a": faces, "b": weights})
    with pytest.raises(DataError, match="does not exist"):
        read_map(tmp_path / "none.npz")


def test_tensors_of_every_kind_under_a_key(tmp_path, dense):
    torch = pytest.importorskip("torch")
    for tensor in (torch.tensor(dense), torch.tensor(dense).to_sparse().requires_grad_()):
        torch.save({"matrix": tensor, "about": "a map"}, tmp_path / "m.pt")
        assert np.array_equal(read_map(tmp_path / "m.pt").matrix.toarray(), dense)
    torch.save({"matrix": torch.eye(30).bfloat16()}, tmp_path / "m.pt")
    assert np.array_equal(read_map(tmp_path / "m.pt").matrix.toarray(), np.eye(30))
    for wrong in (torch.eye(30).to(torch.complex64), torch.zeros(3, 3, 3).to_sparse()):
        torch.save(wrong, tmp_path / "m.pt")
        with pytest.raises(DataError, match=r"(complex64|a sparse one) of shape"):
            read_map(tmp_path / "m.pt")


def grid(size, offset=0.0):
    """A curved sheet of size x size vertices, 1 m wide."""
    x, y = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size), indexing="ij")
    vertices = np.stack([x, y, 0.1 * x + offset], axis=2).reshape(-1, 3)
    corner = (np.arange(size - 1)[:, None] * size + np.arange(size - 1)).ravel()
    one = np.stack([corner, corner + size, corner + size + 1], axis=1)
    other = np.stack([corner, corner + size + 1, corner + 1], axis=1)
    return Mesh(vertices, np.concatenate([one, other]))


def test_a_map_of_two_meshes_puts_every_vertex_where_it_was():
    source, target = grid(7), grid(12)
    used = np.array([3, 10, 40])
    made = map_between(source, target, used)
    moved = made.matrix @ target.vertices
    assert np.allclose(moved[used], source.vertices[used], atol=1e-12)
    assert made.matrix.shape == (49, 144) and made.about["largest_distance_mm"] == 0
    assert set(np.flatnonzero(np.diff(made.matrix.indptr))) == set(used)


def test_meshes_that_are_apart_are_refused_with_their_boxes():
    with pytest.raises(DataError, match=r"lies 0.0\d+ m from the target, limit 0.02 m; 49 of 49 do"):
        map_between(grid(7), grid(12, offset=0.05), np.arange(49))
    made = map_between(grid(7), grid(12, offset=0.05), np.arange(49), limit_m=0.06)
    assert 45 < made.about["largest_distance_mm"] < 51
    for limit_m in (np.nan, -1.0):
        with pytest.raises(DataError, match="expected a distance"):
            map_between(grid(7), grid(12), np.arange(49), limit_m)
    with pytest.raises(DataError, match="all weights are zero"):
        map_between(grid(7), grid(12), np.arange(0))


def test_a_flipped_bit_in_a_torch_file_is_refused(tmp_path):
    """torch compares no checksum, and the sums of rows do not show a bit of a small weight."""
    path = tmp_path / "map.pt"
    torch.save(torch.eye(64, dtype=torch.float64), path)
    raw = bytearray(path.read_bytes())
    raw[raw.index(np.float64(1).tobytes()) + 6] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"map\.pt.*checksum of its record"):
        read_map(path)
