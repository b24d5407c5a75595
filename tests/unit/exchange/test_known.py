"""The committed tables of public files: sound, complete, and without weights."""

import re

from jointreg.config.joint_sets import JOINT_SETS
from jointreg.exchange.known import read_known


def test_every_file_has_a_source_and_a_digest():
    files = read_known().files
    assert len(files) >= 15
    assert len({(file.source, file.path) for file in files}) == len(files)
    for file in files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256) and re.match(r"\d{4}-\d\d", file.date)
        assert file.joints in (*JOINT_SETS, "own", "-") and "/" in file.source


def test_files_of_one_matrix_have_one_digest_and_one_joint_set():
    named = {}
    for file in read_known().files:
        assert named.setdefault(file.matrix, file[1:2] + file[-1:]) == file[1:2] + file[-1:]


def test_every_row_is_known_once_and_named_by_its_joint_set():
    known = read_known()
    assert len(set(known.rows)) == len(known.rows)
    joints = {file.matrix: file.joints for file in known.files}
    for row in known.rows:
        if joints[row.matrix] in JOINT_SETS:
            assert row.joint == JOINT_SETS[joints[row.matrix]].joints[row.row]


def test_the_standard_matrix_has_its_seventeen_rows():
    rows = [row for row in read_known().rows if row.matrix == "J_regressor_h36m"]
    assert [row.row for row in rows] == list(range(17))
