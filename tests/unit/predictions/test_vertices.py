"""Meshes come back in metres from every form of file, or a reason why not."""

import lzma
import pickle

import numpy as np
import pytest
import torch

from jointreg.errors import DataError, UnitError
from jointreg.predictions.bodies import read_predictions
from jointreg.predictions.files import read_file
from jointreg.predictions.vertices import require_mesh, vertices

COUNT = 3


@pytest.fixture(scope="module")
def meshes(body, make_bodies):
    return body.vertices(*make_bodies(np.random.default_rng(5), COUNT))


def save_npz(path, content):
    np.savez(path.with_suffix(".npz"), **content)
    return path.with_suffix(".npz")


def save_npy(path, content):
    (array,) = content.values()
    np.save(path.with_suffix(".npy"), array)
    return path.with_suffix(".npy")


def save_pt(path, content):
    torch.save({key: torch.from_numpy(value) for key, value in content.items()}, path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def save_tensor(path, content):
    (array,) = content.values()
    torch.save(torch.from_numpy(array), path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def save_pickle(path, content):
    path.with_suffix(".pkl").write_bytes(pickle.dumps(content))
    return path.with_suffix(".pkl")


@pytest.mark.parametrize("save", [save_npz, save_npy, save_pt, save_tensor, save_pickle])
@pytest.mark.parametrize("key", ["vertices", "pred_vertices", "verts"])
def test_meshes_of_every_container(tmp_path, body, meshes, save, key):
    found = read_predictions(save(tmp_path / "a", {key: meshes}), body, kind="vertices")
    assert np.array_equal(found["vertices"], meshes)


def test_millimetres_are_noted_once_and_brought_to_metres(meshes):
    told = []
    found = vertices({"vertices3d": 1000 * meshes[:, None]}, "nlf.npz", told.append)
    assert np.abs(found - meshes).max() < 1e-6
    assert len(told) == 1 and "millimetres" in told[0]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda v: 100 * v, UnitError, r"(?s)MHR's own .* next: .*centimetres times 0\.01"),
        (lambda v: v / 0.0254, UnitError, r"next:   give metres: .*inches times 0\.0254"),
        (lambda v: v / 0.3048, UnitError, r"in mm\n  next:   give metres: feet times 0\.3048$"),
        (lambda v: v / 100, UnitError, "extend over"),
        (lambda v: np.where(np.arange(COUNT)[:, None, None] == 1, 1000 * v, v), UnitError, "row 1"),
        (lambda v: v * np.nan, DataError, "every row has NaN"),
        (lambda v: v[..., :2], DataError, "shape"),
        (lambda v: v[:0], DataError, "shape"),
        (lambda v: v.astype(int), DataError, "expected floats"),
    ],
)
def test_other_units_and_shapes_are_refused(meshes, change, error, message):
    with pytest.raises(error, match=message):
        vertices({"vertices": change(meshes)}, "a.npz")


def test_a_mesh_of_as_many_vertices_in_another_order_is_refused(body, meshes):
    require_mesh(meshes, body, "a.npz")
    order = np.random.default_rng(1).permutation(body.n_vertices)
    with pytest.raises(DataError, match="another order"):
        require_mesh(meshes[:, order], body, "a.npz")


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirrored_meshes_and_exchanged_sides_are_refused(body, meshes, axis):
    mirror = np.where(np.arange(3) == axis, -1.0, 1.0)
    for wrong in (meshes * mirror, meshes[:, body.mirror]):
        with pytest.raises(DataError, match="inside out"):
            require_mesh(wrong, body, "a.npz")
    require_mesh(meshes[:, body.mirror] * mirror, body, "a.npz")


@pytest.mark.parametrize(("count", "name"), [(10475, "SMPL-X"), (18439, "MHR"), (77, "77 vertices")])
def test_another_mesh_is_refused_by_its_name_with_a_cure(body, count, name):
    with pytest.raises(DataError, match=f"(?s)meshes of {count}.*jointreg transfer") as error:
        require_mesh(np.zeros((1, count, 3)), body, "a.npz")
    assert name in str(error.value)


def test_a_list_of_other_things_is_refused(tmp_path, body):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps([np.zeros(3), np.zeros((2, 3)), "a"]))
    with pytest.raises(DataError, match="contains a list"):
        read_predictions(path, body, kind="vertices")


def test_a_result_of_sam_3d_body_is_read_for_its_meshes_only(tmp_path):
    """One person of one picture: 18,439 vertices of MHR, and parameters that no body here has."""
    mesh = np.random.default_rng(2).uniform(-0.5, 0.5, (18439, 3)).astype(np.float32)
    content = {
        "pred_vertices": mesh,
        "pred_keypoints_3d": mesh[:70],
        "pred_cam_t": np.zeros(3, np.float32),
        "mhr_model_params": np.zeros(204, np.float32),
    }
    path = save_npz(tmp_path / "sam", content)
    assert np.array_equal(read_predictions(path, None, kind="")["vertices"], mesh[None])
    with pytest.raises(DataError, match=r"(?s)SAM 3D Body.*kind vertices"):
        read_file(path)


def test_meshes_of_a_tracked_person_come_with_their_frames(tmp_path, body, meshes):
    """WHAM: person -> arrays, among them pose and verts."""
    people = {
        0: {"pose": np.zeros((COUNT, 72)), "verts": meshes, "frame_ids": np.arange(COUNT)},
        1: {"pose": np.zeros((1, 72)), "verts": meshes[:1], "frame_ids": np.array([1])},
    }
    path = save_pickle(tmp_path / "wham", people)
    found = read_predictions(path, body, "0", kind="vertices")
    assert np.array_equal(found["vertices"], meshes) and found["frame"].tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="several people"):
        read_predictions(path, body, kind="vertices")


def test_a_file_of_bodycompress_is_named_and_a_pickle_in_xz_is_read(tmp_path, body, meshes):
    """msgpack of a map whose first key is __bodycompress_version__."""
    head = b"\x81\xb8__bodycompress_version__\x93\x00\x03\x00"
    path = tmp_path / "people.xz"
    path.write_bytes(lzma.compress(head))
    with pytest.raises(DataError, match=r"(?s)bodycompress \(NLF\).*BodyDecompressor"):
        read_predictions(path, body, kind="vertices")
    path.write_bytes(lzma.compress(pickle.dumps({"verts": meshes})))
    assert np.array_equal(read_predictions(path, body, kind="vertices")["vertices"], meshes)
