"""Matrices of any joint set in the forms of the field."""

import numpy as np
import pytest
import torch
from planted_regressors import silent
from scipy import sparse

from jointreg.errors import DataError
from jointreg.exchange.matrix_files import read_matrix


@pytest.fixture
def matrix(generator):
    return sparse.random_array((5, 40), density=0.2, rng=generator).toarray()


def test_every_form_gives_the_same_matrix(tmp_path, matrix):
    np.save(tmp_path / "a.npy", matrix)
    sparse.save_npz(tmp_path / "b.npz", sparse.coo_array(matrix))
    torch.save(torch.from_numpy(matrix).to_sparse(), tmp_path / "c.pt")
    lines = [f"{i} {j} {matrix[i, j]!r}" for i, j in zip(*matrix.nonzero(), strict=True)]
    lines = [line.replace("np.float64(", "").replace(")", "") for line in lines]
    (tmp_path / "d.txt").write_text("# 5 40\n" + "\n".join(lines))
    for file in sorted(tmp_path.iterdir()):
        read, names = read_matrix(file, note=silent)
        assert names is None and np.array_equal(read, matrix), file


def test_rows_by_name(tmp_path, matrix):
    """The form of anny's keypoints."""
    names = ("nose", "left_eye", "right_eye", "neck", "pelvis")
    torch.save(
        {n: torch.from_numpy(row) for n, row in zip(names, matrix, strict=True)}, tmp_path / "a.pth"
    )
    np.savez(tmp_path / "b.npz", **dict(zip(names, matrix, strict=True)))
    for file in ("a.pth", "b.npz"):
        read, found = read_matrix(tmp_path / file)
        assert found == names and np.array_equal(read, matrix)


def test_a_matrix_of_vertices_by_joints_is_transposed(tmp_path, matrix):
    np.save(tmp_path / "a.npy", matrix.T)
    notes = []
    assert np.array_equal(read_matrix(tmp_path / "a.npy", notes.append)[0], matrix)
    assert "transposed" in notes[0]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("0 1 2", "its first line is"),
        ("# 5 40\n0 1", "without two whole numbers"),
        ("# 5 40\n0 1.5 0.5", "without two whole numbers"),
        ("# 5 40\n5 1 0.5", "outside of 5 x 40"),
        ("# 99999 99999\n0 0 1", "its first line is"),
        ("# 5 40\na b c", "no list of weights"),
    ],
)
def test_a_list_of_weights_that_is_none(tmp_path, text, cause):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataError, match=cause):
        read_matrix(tmp_path / "a.txt")


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_matrix(tmp_path / "a.npy")
