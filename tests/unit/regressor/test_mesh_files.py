"""Posed meshes in files: every form gives the same parts, damaged ones are refused."""

import numpy as np
import pytest
import torch
import zarr
from zarr.storage import ZipStore

from jointreg.errors import DataError
from jointreg.provenance import content_digest
from jointreg.regressor.mesh_files import open_meshes


@pytest.fixture
def meshes(generator):
    return generator.normal(size=(10, 20, 3)).astype(np.float32)


def write(path, meshes):
    """Write meshes in the form that the name asks for."""
    if path.name == "group.zarr":
        zarr.create_group(path).create_array("verts", data=meshes, chunks=(4, 20, 3))
    elif path.suffix == ".zarr":
        zarr.create_array(path, data=meshes, chunks=(4, 20, 3))
    elif path.suffix == ".zip":
        with ZipStore(path, mode="w") as store:
            zarr.create_array(store, data=meshes)
    elif path.name.startswith("dict"):
        torch.save({"pred_vertices": torch.tensor(meshes), "focal": torch.ones(2)}, path)
    elif path.suffix == ".pt":
        torch.save(torch.tensor(meshes), path)
    elif path.name == "packed.npz":
        np.savez_compressed(path, vertices=meshes, other=np.ones(3))
    elif path.suffix == ".npz":
        np.savez(path, meshes)
    else:
        np.save(path, meshes)


FORMS = ("a.npy", "one.npz", "packed.npz", "a.pt", "dict.pt", "a.zarr", "group.zarr", "a.zarr.zip")


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_parts(tmp_path, meshes, name):
    write(tmp_path / name, meshes)
    opened = open_meshes(tmp_path / name)
    assert (opened.frames, opened.vertices) == (10, 20)
    for _ in range(2):
        parts = list(opened.parts(4))
        assert [len(part) for part in parts] == [4, 4, 2]
        assert np.array_equal(np.concatenate(parts), meshes)


@pytest.mark.parametrize("name", FORMS)
def test_a_single_mesh_is_one_frame(tmp_path, meshes, name):
    if "zarr" not in name:
        write(tmp_path / name, meshes[0])
        (part,) = open_meshes(tmp_path / name).parts(4)
        assert np.array_equal(part, meshes[:1])


def test_half_precision(tmp_path, meshes):
    np.save(tmp_path / "a.npy", meshes.astype(np.float16))
    torch.save(torch.tensor(meshes).bfloat16(), tmp_path / "a.pt")
    for name, rounding in (("a.npy", 1e-3), ("a.pt", 8e-3)):
        (part,) = open_meshes(tmp_path / name).parts(16)
        assert np.allclose(part, meshes, rtol=rounding, atol=1e-4)


def test_parameters_are_posed_by_the_body(tmp_path, body, make_bodies, generator):
    rotations, betas, translation = make_bodies(generator, 5)
    content = {"rotations": rotations, "betas": betas, "translation": translation}
    np.savez(tmp_path / "a.npz", **content)
    opened = open_meshes(tmp_path / "a.npz", body)
    posed = np.concatenate(list(opened.parts(2)))
    assert (opened.frames, opened.vertices) == (5, body.n_vertices)
    assert np.abs(posed - body.vertices(**content)).max() < 1e-6
    np.savez(tmp_path / "b.npz", rotations=rotations, betas=betas)
    with pytest.raises(DataError, match="has no translation"):
        open_meshes(tmp_path / "b.npz", body)
    np.savez(tmp_path / "b.npz", rotations=rotations, betas=betas, transl=translation)
    with pytest.raises(DataError, match=r"(?s)has no translation.*if transl is it"):
        open_meshes(tmp_path / "b.npz", body)
    np.savez(tmp_path / "c.npz", vertices=posed)
    with pytest.raises(DataError, match=r"(?s)has vertices.*leave out --body"):
        open_meshes(tmp_path / "c.npz", body)
    with pytest.raises(DataError, match=r"(?s)has the keys rotations.*give --body"):
        open_meshes(tmp_path / "a.npz")


def test_digests_follow_the_content(tmp_path, meshes):
    for name, values in (("a", meshes), ("b", meshes), ("c", meshes + 1)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "walk.zarr", values)
    first, same, other = (content_digest(tmp_path / name / "walk.zarr") for name in "abc")
    assert first == same != other


def test_refusals(tmp_path, meshes):
    def refused(cause, name, content=None):
        if isinstance(content, bytes):
            (tmp_path / name).write_bytes(content)
        elif content is not None:
            write(tmp_path / name, content)
        with pytest.raises(DataError, match=cause):
            list(open_meshes(tmp_path / name).parts(4))

    refused("does not exist", "a.npy")
    refused("does not exist", "a.zarr")
    refused("expected .npy, .npz", "a.obj", b"v 0 0 0")
    refused("is an empty file", "a.npz", b"")
    refused("is no plain npz of vertices", "a.npz", b"PK")
    refused("is no plain npy of vertices", "a.npy", b"\x93NUMPY")
    for name in ("a.npy", "a.npz", "a.pt", "a.zarr"):
        refused(r"expected floats \(frames, V, 3\)", name, meshes[..., :2])
    refused("expected floats", "a.npy", meshes.astype(int))
    refused("expected floats", "a.npy", meshes[:0])
    np.savez(tmp_path / "keys.npz", a=meshes, b=meshes)
    refused("has the keys a, b, expected one of vertices", "keys.npz")
    np.savez(tmp_path / "order.npz", vertices=np.asfortranarray(meshes))
    refused("in Fortran order", "order.npz")
    np.savez_compressed(tmp_path / "whole.npz", vertices=meshes)
    whole = (tmp_path / "whole.npz").read_bytes()
    refused("is no plain npz of vertices", "cut.npz", whole[: len(whole) // 2])
    at = len(whole) // 3
    refused("is no plain npz of vertices", "bits.npz", whole[:at] + b"\xff" * 16 + whole[at + 16 :])
