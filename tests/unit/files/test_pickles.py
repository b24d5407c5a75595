"""Pickles of other tools: joblib's arrays, arrays of objects, states for what is no object."""

import io
import pickle
import struct
import types
import zipfile
import zlib

import numpy as np
import pytest

from jointreg.errors import DataError
from jointreg.files import pickles
from jointreg.files.pickles import as_array, read_npz, read_pickle


@pytest.mark.parametrize("compress", [0, 3])
def test_what_joblib_writes_is_read(tmp_path, generator, compress):
    joblib = pytest.importorskip("joblib", reason="joblib is the yardstick: pip install joblib")
    wanted = {
        1: {
            "pose": generator.normal(size=(7, 72)).astype(np.float32),
            "bboxes": np.asfortranarray(generator.normal(size=(7, 4))),
            "frame_ids": np.arange(7),
            "joints2d": None,
            "empty": np.zeros((0, 3)),
        },
        "names": ["a", "é"],
        "number": np.float32(2.5),
    }
    joblib.dump(wanted, tmp_path / "vibe_output.pkl", compress=compress)
    found = read_pickle((tmp_path / "vibe_output.pkl").read_bytes(), "vibe_output.pkl")
    assert found["names"] == wanted["names"] and found["number"] == 2.5
    for key, value in wanted[1].items():
        assert value is None or np.array_equal(found[1][key], value), key
        assert value is None or found[1][key].dtype == value.dtype
    raw = (tmp_path / "vibe_output.pkl").read_bytes()
    for length in (len(raw) // 3, len(raw) - 2):
        with pytest.raises(DataError, match=r"vibe_output\.pkl is not a plain pickle"):
            read_pickle(raw[:length], "vibe_output.pkl")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_gives_the_same_arrays(generator, protocol):
    from scipy import sparse

    matrix = sparse.random_array((5, 9), density=0.3, rng=generator)
    wanted = {"a": generator.normal(size=(3, 4)), "b": np.array(["x", "yz"]), "raw": b"\x00\xff"}
    kinds = {"csc": sparse.csc_matrix, "csr": sparse.csr_array, "coo": sparse.coo_matrix}
    sparse_ones = {name: kind(matrix) for name, kind in kinds.items()}
    found = read_pickle(pickle.dumps(wanted | sparse_ones, protocol), "x")
    assert np.array_equal(found["a"], wanted["a"]) and np.array_equal(found["b"], wanted["b"])
    assert found["raw"] == wanted["raw"]
    for name in kinds:
        assert np.array_equal(as_array(found[name], name), matrix.toarray()), name


def test_arrays_of_objects_in_an_npz_are_read_by_the_same_rules(tmp_path):
    class Foreign:
        def __reduce__(self):
            return eval, ("1 + 1",)

    path = tmp_path / "human_data.npz"
    np.savez(path, smpl=np.array({"betas": np.ones((2, 10))}, dtype=object), plain=np.arange(3))
    found = read_npz(path.read_bytes(), "human_data.npz")
    assert np.array_equal(found["smpl"]["betas"], np.ones((2, 10)))
    assert np.array_equal(found["plain"], np.arange(3))
    np.savez(path, smpl=np.array({"betas": Foreign()}, dtype=object), plain=np.arange(3))
    with pytest.raises(DataError, match=r"human_data.npz: smpl.*builtins.eval is not allowed"):
        read_npz(path.read_bytes(), "human_data.npz")
    assert list(read_npz(path.read_bytes(), "human_data.npz", ["plain"])) == ["plain"]


def test_state_cannot_be_set_on_functions_and_classes():
    raw = b"\x80\x02cnumpy\nndarray\n}X\x01\x00\x00\x00aK\x01sb."
    with pytest.raises(DataError, match="state for a function or class"):
        read_pickle(raw, "x.pkl")


def test_other_files_under_the_name_say_what_they_are():
    for raw, cure in (
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "web page"),
        (zlib.compress(b"nothing"), "truncated or no pickle"),
        (b'{"images": []}', r"it is no pickle(.|\n)*the file is JSON: save its arrays"),
        (b"MATLAB 5.0 MAT-file, Platform", "the file is MATLAB's"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "the file is HDF5"),
        (b"frame,joint,x,y,z\n0,0,1.0,2.0,3.0\n", "the file is a table in text"),
        (b"0.1,0.2\n", "the file is a table in text"),
        (b"-1.0e+00 2.0e+00\n", "the file is a table in text"),
        (b"# trimesh\n\nv 0.1 -0.2 0.3\nv 0 0 0\n", r"one mesh(.|\n)*vertices=\.\.\."),
        (b"mtllib material.mtl\nv 1 2 3\n", "one mesh"),
        (b"ply\nformat ascii 1.0\n", "one mesh"),
        (b"(dp0\nS'poses'\n", "truncated or no pickle"),
        (b"\n", "truncated or no pickle"),
    ):
        with pytest.raises(DataError, match=cure):
            read_pickle(raw, "SMPL_NEUTRAL.pkl")


def test_another_format_under_the_name_of_an_npz_is_named(tmp_path):
    np.save(tmp_path / "labels.npz.npy", np.zeros((4, 17, 3)))
    for raw, cure in (
        ((tmp_path / "labels.npz.npy").read_bytes(), "an npy, which has one array without a name"),
        (b"MATLAB 5.0 MAT-file, Platform", "the file is MATLAB's"),
        (b'[{"joints": 1}]', "the file is JSON"),
        (pickle.dumps({"joints": 1}), "the file is a pickle"),
        (b"PK\x03\x04 cut", "truncated or no npz"),
    ):
        with pytest.raises(DataError, match=cure):
            read_npz(raw, "labels.npz")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_containers_of_the_standard_library_are_read(protocol):
    from collections import Counter, OrderedDict, defaultdict, deque

    people = defaultdict(dict)
    people[3]["pose"] = np.arange(6.0)
    wanted = {
        "people": people,
        "lists": defaultdict(list, {"a": [1, 2]}),
        "ordered": OrderedDict(b=1, a=2),
        "window": deque([1, 2, 3], maxlen=5),
        "counts": Counter("aab"),
        "number": 1 + 2j,
    }
    values = read_pickle(pickle.dumps(wanted, protocol), "x")
    assert np.array_equal(values["people"][3]["pose"], np.arange(6.0))
    assert values["lists"] == {"a": [1, 2]} and list(values["ordered"]) == ["b", "a"]
    assert np.array_equal(as_array(values["window"], "x"), [1, 2, 3])
    assert values["counts"] == {"a": 2, "b": 1} and values["number"] == 1 + 2j


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "lzma", "xz"])
def test_every_compression_of_joblib_is_read(tmp_path, method):
    joblib = pytest.importorskip("joblib", reason="joblib is the yardstick: pip install joblib")
    names = np.array(["a", None], dtype=object)
    joblib.dump({"x": np.arange(9.0), "names": names}, tmp_path / "x.pkl", compress=(method, 3))
    raw = (tmp_path / "x.pkl").read_bytes()
    values = read_pickle(raw, "x.pkl")
    assert np.array_equal(values["x"], np.arange(9.0)) and values["names"].tolist() == ["a", None]
    with pytest.raises(DataError, match=r"ends early|truncated"):
        read_pickle(raw[:-9], "x.pkl")


def test_a_class_that_is_not_read_gets_a_cure_that_fits():
    class Tensor:
        def __reduce__(self):
            return types.SimpleNamespace, ()

    with pytest.raises(DataError, match=r"replace the types\.SimpleNamespace by a dict"):
        read_pickle(pickle.dumps({"a": Tensor()}), "x.pkl")
    raw = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n."
    with pytest.raises(DataError, match=r"torch tensors: save `tensor"):
        read_pickle(raw, "x.pkl")
    with pytest.raises(DataError, match=r"x\.pkl: compressed by lz4(.|\n)*without compression"):
        read_pickle(b"\x04\x22\x4d\x18 and so on", "x.pkl")


def npz(members, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def npy(shape, content=b""):
    header = (
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    )
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def test_a_declared_size_is_compared_before_memory_is_taken(monkeypatch):
    monkeypatch.setattr(pickles, "UNPACKED_BYTES", 10**6)
    with pytest.raises(DataError, match=r"labels: a .*it ends after 0 of 8000000000000 bytes"):
        read_npz(npz([("a.npy", npy((10**12,)))]), "labels")
    with pytest.raises(DataError, match="declare 1200128, expected at most 1000000"):
        read_npz(npz([("a.npy", npy((150_000,), bytes(1_200_000)))]), "labels")
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = npz([("a.npy", npy((1,), bytes(8))), ("a.npy", npy((1,), bytes(8)))])
    with pytest.raises(DataError, match="two of its entries have one name"):
        read_npz(twice, "labels")
    stored = npz([("a.npy", npy((150_000,), bytes(1_200_000)))], zipfile.ZIP_STORED)
    assert read_npz(stored, "labels")["a"].shape == (150_000,)  # its bytes are in memory already
    assert read_npz(npz([("a.npy", npy((9,), bytes(72)))]), "labels")["a"].shape == (9,)
    with pytest.raises(DataError, match="unpacks to more than"):
        read_pickle(zlib.compress(pickle.dumps(bytes(2 * 10**6))), "x")


def test_content_that_repeats_itself_is_counted(monkeypatch):
    monkeypatch.setattr(pickles, "LARGEST_CONTENT", 1000)
    value = ["x"]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(DataError, match=r"more than 1e\+03 entries"):
        read_pickle(pickle.dumps({"pose": value}), "x")
    endless = {}
    endless["self"] = [endless]
    with pytest.raises(DataError, match="contains itself"):
        read_pickle(pickle.dumps(endless), "x")
    shared = np.arange(3)
    content = read_pickle(pickle.dumps([shared, shared, [1, (2, 3)]] * 50), "x")
    assert content[149] == [1, (2, 3)] and np.array_equal(content[0], shared)


def test_numbers_of_bytes_and_shapes_make_no_memory():
    for text in (b"cbuiltins\nbytearray\n(I9\ntR.", b"cnumpy\nndarray\n((I9\ntI9\ntR."):
        with pytest.raises(DataError, match="is not a plain pickle"):
            read_pickle(text, "x")
    assert read_pickle(pickle.dumps(bytearray(b"ab"), 2), "x") == bytearray(b"ab")


def test_a_sparse_matrix_is_no_larger_than_a_mesh_needs():
    from scipy import sparse

    huge = sparse.csr_matrix(([1.0], ([0], [0])), shape=(24, 10**6))
    content = read_pickle(pickle.dumps(huge), "body")
    words = r"J: a sparse matrix of shape \(24, 1000000\), expected at most 2e\+07"
    with pytest.raises(DataError, match=words):
        as_array(content, "J")
