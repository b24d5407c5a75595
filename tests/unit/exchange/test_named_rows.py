"""Files of any joint set: where the names of their rows come from."""

import numpy as np
import pytest

from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import DataError
from jointreg.exchange.named_rows import read_named_rows, write_named_rows
from jointreg.exchange.regressor_files import load_regressor
from jointreg.exchange.sidecar import UNKNOWN, unnamed

COCO = JOINT_SETS["coco_17"]


@pytest.fixture
def matrix(generator):
    return generator.dirichlet(np.ones(40), 17)


def test_a_sidecar_names_the_rows(tmp_path, matrix):
    path = tmp_path / "J.npz"
    write_named_rows(path, matrix, COCO.joints, {"topology_hash": UNKNOWN, "frames": 3})
    read = read_named_rows(path)
    assert read.joints == COCO.joints and np.array_equal(read.matrix, matrix)
    assert read.about == {"frames": 3, "topology_hash": UNKNOWN}
    assert '"order": "coco_17"' in (tmp_path / "J.npz.json").read_text()
    with pytest.raises(DataError, match="expected pelvis, left_hip"):
        read_named_rows(path, JOINT_SETS["smpl_24"])


def test_the_caller_names_rows_that_the_sidecar_does_not(tmp_path, matrix):
    """Of the facts of each row too, however deep; given names stay."""
    path = tmp_path / "J.npz"
    facts = {name: 3 * row for row, name in enumerate(unnamed(17))}
    about = {
        "topology_hash": UNKNOWN,
        "frames": facts,
        "derived": {"regressor_about": {"frames": facts}},
    }
    write_named_rows(path, matrix, unnamed(17), about)
    read = read_named_rows(path, COCO)
    assert read.joints == COCO.joints and np.array_equal(read.matrix, matrix)
    named = dict(zip(COCO.joints, facts.values(), strict=True))
    assert read.about["frames"] == read.about["derived"]["regressor_about"]["frames"] == named
    with pytest.raises(DataError, match="convert --joints SET"):
        load_regressor(path)


def test_the_caller_or_nobody_names_the_rows(tmp_path, matrix):
    np.save(tmp_path / "J.npy", matrix)
    assert read_named_rows(tmp_path / "J.npy", COCO).joints == COCO.joints
    notes = []
    assert read_named_rows(tmp_path / "J.npy", note=notes.append).joints[3] == "joint 3"
    assert "nothing names its rows" in notes[0]
    with pytest.raises(DataError, match="has 17 rows, expected the 14 joints of LSP"):
        read_named_rows(tmp_path / "J.npy", JOINT_SETS["lsp_14"])


@pytest.mark.parametrize("names", [["a"] * 17, ["a", "b"]])
def test_a_sidecar_with_names_that_repeat_or_are_too_few(tmp_path, matrix, names):
    write_named_rows(tmp_path / "J.npy", matrix, names, {"topology_hash": UNKNOWN})
    with pytest.raises(DataError, match="expected 17 different names"):
        read_named_rows(tmp_path / "J.npy")


def test_names_in_the_file_are_stronger_than_the_callers_order(tmp_path, matrix):
    order = np.arange(len(COCO.joints))[::-1]
    named = {COCO.joints[k]: matrix[k] for k in order}
    np.savez(tmp_path / "J.npz", **named)
    read = read_named_rows(tmp_path / "J.npz", COCO)
    assert read.joints == COCO.joints[::-1] and np.array_equal(read.matrix, matrix[::-1])
    with pytest.raises(DataError, match=r"has rows of .*left_eye"):
        read_named_rows(tmp_path / "J.npz", JOINT_SETS["h36m_17"])
