"""Files of torch.save against torch itself: it writes what is read, and reads what is written."""

import collections
import subprocess
import sys

import numpy as np
import pytest
import torch

from jointreg.errors import DataError
from jointreg.files.saved_tensors import encode_saved, read_saved

CURES = ("cure of a foreign class", "cure of damage")
KINDS = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.complex64),
)


def read(path):
    return read_saved(path, "file of torch.save", CURES)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_tensors_of_every_kind(tmp_path, kind, zipped):
    whole = (torch.arange(60).reshape(5, 12) % 7 - 3).to(kind)
    views = {"all": whole, "columns": whole[:, 2:9:3], "turned": whole.T, "scalar": whole[1, 1]}
    torch.save(views, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    for name, array in read(tmp_path / "a.pt").items():
        expected = views[name].float() if kind == torch.bfloat16 else views[name]
        assert array.dtype == expected.numpy().dtype, name
        assert np.array_equal(array, expected.numpy()), name


def test_containers_keep_their_form_and_sparse_tensors_their_entries(tmp_path):
    matrix = torch.eye(4, 7).double() * 3
    content = {
        "state": collections.OrderedDict(weight=torch.nn.Parameter(matrix)),
        "list": [1, 2.5, "a", None, (matrix[0], True)],
        "coo": matrix.to_sparse(),
        "csr": matrix.to_sparse_csr(),
        "csc": matrix.to_sparse_csc(),
        "half": matrix.half().to_sparse(),
        "number": np.float64(2),
        "array": np.arange(3),
        "shape": matrix.shape,
    }
    torch.save(content, tmp_path / "a.pt")
    found = read(tmp_path / "a.pt")
    assert np.array_equal(found["state"]["weight"], matrix)
    assert found["list"][:4] == [1, 2.5, "a", None] and np.array_equal(found["list"][4][0], matrix[0])
    assert np.array_equal(found["coo"].toarray(), matrix)
    assert np.array_equal(found["csr"].toarray(), matrix)
    assert np.array_equal(found["csc"].toarray(), matrix)
    assert np.array_equal(found["half"].toarray(), matrix) and found["half"].dtype == np.float32
    assert found["number"] == 2 and found["array"].tolist() == [0, 1, 2] and found["shape"] == [4, 7]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32])
@pytest.mark.parametrize("mapped", [True, False])
def test_torch_reads_what_is_written(tmp_path, dtype, mapped):
    matrix = np.arange(51).reshape(17, 3)[:, ::-1].astype(dtype)
    (tmp_path / "J.pt").write_bytes(encode_saved(matrix))
    tensor = torch.load(tmp_path / "J.pt", weights_only=True, mmap=mapped)
    assert tensor.dtype == torch.from_numpy(matrix.copy()).dtype and tensor.is_contiguous()
    assert np.array_equal(tensor.numpy(), matrix) and np.array_equal(read(tmp_path / "J.pt"), matrix)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_ends_early_is_refused_at_every_length(tmp_path, zipped):
    torch.save(torch.arange(40.0), tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / "a.pt").read_bytes()
    for length in range(0, len(whole), 37):
        (tmp_path / "b.pt").write_bytes(whole[:length])
        with pytest.raises(DataError, match="cure of"):
            read(tmp_path / "b.pt")


def test_a_view_beyond_its_storage_is_refused(tmp_path):
    path = tmp_path / "a.pt"
    torch.save(torch.arange(6.0), path, _use_new_zipfile_serialization=False)
    one_more = path.read_bytes().replace(b"K\x06\x85", b"K\x07\x85", 1)
    assert one_more != path.read_bytes()
    path.write_bytes(one_more)
    with pytest.raises(DataError, match="outside its storage"):
        read(path)


def test_a_foreign_class_is_named_and_not_loaded(tmp_path):
    torch.save({"a": torch.nn.Linear(1, 1)}, tmp_path / "a.pt")
    with pytest.raises(DataError, match=r"names torch\.nn\S+Linear(.|\n)*cure of a foreign class"):
        read(tmp_path / "a.pt")


def test_torch_is_not_imported():
    code = "import sys, jointreg.files.saved_tensors; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
