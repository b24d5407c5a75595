"""What `jointreg identify` states of planted matrices."""

import numpy as np
import pytest
import torch

from jointreg.body import load_body
from jointreg.config.joint_sets import JOINT_SETS
from jointreg.exchange.fingerprints import Table, fingerprint
from jointreg.exchange.identification import (
    identify,
    numbers,
    origin,
    public_matrix,
    statement,
)
from jointreg.exchange.known import Known, KnownFile, KnownRow
from jointreg.exchange.sidecar import digest

VERTICES = 500


@pytest.fixture(scope="module")
def matrices():
    """Human3.6M's 17 joints and a foot."""
    generator = np.random.default_rng(5)
    names = {"human": JOINT_SETS["h36m_17"].joints, "feet": ("left_heel",)}
    made = {}
    for name, joints in names.items():
        weights = np.zeros((len(joints), VERTICES))
        for row in weights:
            row[generator.choice(VERTICES, 6, replace=False)] = generator.dirichlet(np.full(6, 3.0))
        made[name] = weights
    return made, names


@pytest.fixture(scope="module")
def known(matrices):
    made, names = matrices
    files, rows, prints = [], [], []
    for name, weights in made.items():
        files.append(
            KnownFile(name, "-", "owner/code", f"{name}.npy", "abc", "2020-01", digest(weights))
        )
        for row, (joint, one) in enumerate(zip(names[name], weights, strict=True)):
            rows.append(KnownRow(name, row, joint))
            prints.append(fingerprint(one))
    return Known(tuple(files), tuple(rows), Table(prints))


def test_the_file_itself_is_named(matrices, known):
    identity = identify(matrices[0]["human"], known)
    assert [file.path for file in identity.files] == ["human.npy"]
    text = statement(identity, known)
    assert "rows 0-16 are human's 0-16, in its own order" in text
    assert "to the last bit, is that of\n  owner/code human.npy (2020-01)" in text
    assert text.endswith("joints: Human3.6M's 17 joints, left leg first\nroot: pelvis, row 0")


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("factor", [1.0, 0.25, 3.7])
def test_order_subset_scale_and_precision_do_not_hide_a_matrix(matrices, known, dtype, factor):
    picked = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]
    matrix = (factor * matrices[0]["human"][picked]).astype(dtype)
    identity = identify(matrix.astype(np.float64), known)
    assert [match.same.row for match in identity.matches] == picked
    assert identity.precision == np.dtype(dtype).name and not (identity.files and factor != 1)
    text = statement(identity, known)
    assert "rows 0-13 are human's 6, 5, 4, 1-3, 16, 15, 14, 11-13, 8, 10" in text
    assert text.endswith("root: no row of a pelvis; the middle of the hips, rows 3 and 2")


def test_rows_of_two_matrices_in_one_file(matrices, known):
    human, feet = matrices[0]["human"], matrices[0]["feet"]
    text = statement(identify(np.stack([human[9], feet[0], human[0]]), known), known)
    assert "rows 0, 2 are human's 9, 0" in text and "row 1 is feet's 0" in text


def test_rows_of_one_matrix_name_it(matrices, known):
    human, feet = matrices[0]["human"], matrices[0]["feet"]
    assert public_matrix(2 * human[::-1], known) == "human"
    for mixed in (np.concatenate([human, feet]), np.roll(human, 1, axis=1)):
        assert public_matrix(mixed, known) is None


def test_an_unknown_row_is_measured_against_the_nearest(matrices, known):
    """Half of the vertices replaced: a third of all are in common."""
    row = matrices[0]["human"][12].copy()
    row[np.flatnonzero(row)[:3]] = 0
    row[np.flatnonzero(~matrices[0]["human"].any(axis=0))[:3]] = 0.1
    match = identify(row[None], known).matches[0]
    assert match.same is None and match.nearest == KnownRow("human", 12, "left_elbow")
    assert match.common == pytest.approx(1 / 3, abs=0.25)
    text = statement(identify(row[None], known), known)
    assert "row 0 is unknown\n  0: nearest human's 12, about" in text


def test_a_row_like_no_other_and_a_mesh_like_no_other(known):
    row = np.zeros((1, VERTICES))
    row[0, :2] = 0.5
    far = np.zeros((2, VERTICES + 1))
    far[:, 0] = 1
    assert "0: no known row is near" in statement(identify(row, known), known)
    assert f"unknown: no known matrix has {VERTICES + 1} vertices" in statement(
        identify(far, known), known
    )


@pytest.mark.parametrize("value", [0, np.nan, np.inf, -1])
def test_a_row_that_reads_no_vertex_is_named(matrices, known, value):
    matrix = matrices[0]["human"].copy()
    matrix[3] = value
    identity = identify(matrix, known)
    assert [match.row for match in identity.matches if match.same is None] == [3]
    text = statement(identity, known)
    assert "row 3 is unknown\n  3: read no vertex, or hold NaN or infinity" in text
    assert "nan" not in text.splitlines()[0]


def test_bfloat16_is_told_from_float32(matrices, known):
    rounded = torch.from_numpy(matrices[0]["human"]).bfloat16().double().numpy()
    identity = identify(rounded, known)
    assert identity.precision == "bfloat16"
    assert [match.same.row for match in identity.matches] == list(range(17))


def test_the_sidecar_names_the_regressor_that_a_file_is_derived_from(matrices, known):
    derived = {"by": "transfer", "regressor": "J.npy", "map": "a2b.npz"}
    faces = {"topology_hash": load_body("open").topology_hash}
    about = faces | {"about": {"derived": derived | {"regressor_sha256": digest(matrices[0]["human"])}}}
    assert "by transfer from J.npy, which is human; map: a2b.npz" in origin(about, known)
    about = faces | {"about": {"derived": derived}}
    assert "J.npy, which is not a known file" in origin(about, known)
    assert origin(None, known) == ""
    assert "(the open body)" in origin(faces | {"about": {}}, known)
    assert "faces abc" in origin({"topology_hash": "abc", "about": {}}, known)


@pytest.mark.parametrize(
    ("values", "text"), [([6, 5, 4, 1, 2, 3], "6, 5, 4, 1-3"), ([0, 1], "0, 1"), ([7], "7")]
)
def test_numbers(values, text):
    assert numbers(values) == text
