"""A matrix is read in every wrapping of the field; what is no single plain matrix is refused."""

import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from planted_regressors import same_bits
from scipy import sparse

from jointreg.errors import DataError
from jointreg.regressor import load_regressor

WRAPPED = {
    "a sparse tensor": ("pt", lambda w: torch.from_numpy(w).to_sparse()),
    "a csr tensor": ("pt", lambda w: torch.from_numpy(w).to_sparse_csr()),
    "a parameter": ("pt", lambda w: torch.nn.Parameter(torch.from_numpy(w))),
    "a state dict": ("pt", lambda w: {"J_regressor": torch.from_numpy(w)}),
    "a transposed tensor": ("pt", lambda w: torch.from_numpy(w).T),
    "a transposed array": ("npy", lambda w: w.T),
    "an npz of one array": ("npz", lambda w: {"J": w}),
    "a csc matrix": ("npz", sparse.csc_matrix),
    "a coo matrix": ("npz", sparse.coo_matrix),
    "a dict of one array": ("pkl", lambda w: {"J_regressor_h36m": w}),
    "a dict of one sparse matrix": ("pkl", lambda w: {"J_regressor_h36m": sparse.csc_matrix(w)}),
    "a pickled sparse matrix": ("pkl", sparse.csr_matrix),
}


def write(path, value):
    if path.suffix == ".pt":
        torch.save(value, path)
    elif path.suffix == ".npy":
        np.save(path, value)
    elif path.suffix == ".pkl":
        path.write_bytes(pickle.dumps(value))
    elif isinstance(value, dict):
        np.savez(path, **value)
    else:
        sparse.save_npz(path, value)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("case", WRAPPED)
def test_a_matrix_is_read_in_whatever_it_is_wrapped(tmp_path, body, weights, case):
    suffix, wrap = WRAPPED[case]
    path = tmp_path / f"J.{suffix}"
    write(path, wrap(weights))
    notes = []
    assert same_bits(load_regressor(path, body, note=notes.append).weights, weights)
    assert [("transposed" in note) for note in notes] == [True] * ("transposed" in case)


@pytest.mark.parametrize(
    ("suffix", "value", "message"),
    [
        ("pt", {"a": torch.zeros(17, 9), "b": torch.zeros(17, 9)}, r"holds a dict \(a, b\)"),
        ("pt", {}, r"holds a dict \(\), expected one array"),
        ("pt", [torch.zeros(17, 9)], "holds a list, expected one tensor"),
        ("pt", torch.zeros(17, 9, dtype=torch.complex64), "holds complex64"),
        ("pt", torch.zeros(17, 9, dtype=torch.bool), "holds bool"),
        ("pt", torch.zeros(17, 9, device="meta"), "on the device meta"),
        ("pt", torch.zeros(1).expand(17, 10**9), r"shape \(17, 1000000000\) repeats the 1 "),
        ("npz", {"a": np.zeros((17, 9)), "b": np.zeros(3)}, r"holds a dict \(a, b\)"),
        ("npz", sparse.dia_matrix(np.eye(17)), "form 'dia', expected csr, csc or coo"),
        ("npz", sparse.csr_matrix((17, 10**8)), r"shape \(17, 100000000\), expected"),
        ("pkl", {"v_template": np.zeros((17, 9))}, "looks like a body model"),
        ("pkl", {"x" * 10**5: 1, "y": 2}, r"holds a dict \(x{30}, y\)"),
        ("pkl", [[1.0], [1.0, 2.0]], "lists of different lengths are no array"),
        ("pkl", "a text", "expected a matrix of real numbers"),
        ("npy", np.zeros((17, 0)), r"has shape \(17, 0\)"),
        ("npy", np.zeros((0, 17)), r"shape \(0, 17\), expected"),
    ],
)
def test_what_is_no_single_matrix_is_refused(tmp_path, body, suffix, value, message):
    path = tmp_path / f"J.{suffix}"
    write(path, value)
    with pytest.raises(DataError, match=message) as error:
        load_regressor(path, body)
    assert "J." in str(error.value) and len(str(error.value)) < 700


def test_a_flipped_bit_in_a_torch_file_is_found(tmp_path, weights):
    path = tmp_path / "J.pt"
    torch.save(torch.from_numpy(weights), path)
    raw = bytearray(path.read_bytes())
    raw[raw.find(weights[weights > 0][:1].tobytes())] ^= 1
    path.write_bytes(raw)
    assert not np.array_equal(torch.load(path, weights_only=True).numpy(), weights)
    with pytest.raises(DataError, match=r"checksum of its record J/data/0 is wrong"):
        load_regressor(path, legs="left")


def test_sizes_that_a_file_merely_declares_take_no_memory(tmp_path, weights):
    """A header of 17 x 1e9 entries before a few bytes; the peak is far below the 136 GB it claims."""
    header = np.lib.format.header_data_from_array_1_0(weights) | {"shape": (17, 10**9)}
    with (tmp_path / "J.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(b"abc")
    tracemalloc.start()
    with pytest.raises(DataError, match="ends after 3 of 136000000000 bytes"):
        load_regressor(tmp_path / "J.npy", legs="left")
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


class Runs:
    """Pickles as a call of os.mkdir."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("suffix", ["npy", "npz", "pt", "pkl"])
def test_a_file_that_would_run_code_does_not(tmp_path, suffix):
    path, folder = tmp_path / f"J.{suffix}", tmp_path / "made"
    if suffix == "pt":
        torch.save(Runs(folder), path)
    elif suffix == "pkl":
        path.write_bytes(pickle.dumps(Runs(folder)))
    else:
        save = np.save if suffix == "npy" else np.savez
        save(path, np.array([Runs(folder)], dtype=object), allow_pickle=True)
    with pytest.raises(
        DataError, match=f"not a plain ({suffix} array|pickle of arrays: class)|could run code"
    ):
        load_regressor(path)
    assert not folder.exists()


def test_files_that_are_not_what_they_are_called(tmp_path, weights):
    path = tmp_path / "J.npy"
    np.save(path, weights)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="not a plain npy array"):
        load_regressor(path)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(DataError, match="Git LFS pointer"):
        load_regressor(path)
    path.write_bytes(b"\n<!DOCTYPE html><html>")
    with pytest.raises(DataError, match="is a web page"):
        load_regressor(path)
    (tmp_path / "J.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="not a readable npz"):
        load_regressor(tmp_path / "J.npz")
    (tmp_path / "J.txt").write_text("x")
    with pytest.raises(DataError, match=r"'.txt', expected one of npy, npz, pt, pkl"):
        load_regressor(tmp_path / "J.txt")
    with pytest.raises(DataError, match="does not exist"):
        load_regressor(tmp_path / "none.npy")
    for name in ("empty.npy", "empty.pt"):
        (tmp_path / name).touch()
        with pytest.raises(DataError, match=rf"{name} is an empty file(.|\n)*next: "):
            load_regressor(tmp_path / name)
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(DataError, match=r"folder\.npy is a folder, expected a file(.|\n)*next: "):
        load_regressor(tmp_path / "folder.npy")
