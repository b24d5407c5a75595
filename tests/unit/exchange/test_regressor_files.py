"""Regressor files: every format back to the bit, other orders put right, and what is refused."""

import json
import pickle
import pickletools
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from jointreg.errors import DataError
from jointreg.exchange.inspection import inspect
from jointreg.exchange.placement import crossed, expected_joints
from jointreg.exchange.regressor_files import EXPORTS, export, export_files
from jointreg.regressor import Regressor, load_regressor, save_regressor
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST

# Row numbers as other code bases write them, so that our orders by name are checked against numbers.
RIGHT_FIRST = [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]
J19_OURS = [*range(13), 14, 16, 17, 18]
J19_FROM_17 = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 0, 7, 9, 10]


@pytest.fixture(scope="module")
def weights(body):
    """Eight vertices near each joint with random convex weights."""
    generator = np.random.default_rng(7)
    found = np.zeros((17, body.n_vertices))
    for row, joint in zip(found, expected_joints(body), strict=True):
        near = np.argsort(np.linalg.norm(body.template - joint, axis=1))[:8]
        row[near] = generator.dirichlet(np.ones(8))
    return found


@pytest.fixture
def regressor(weights, body):
    return Regressor(weights, about={"topology_hash": body.topology_hash, "training_subjects": ["S1"]})


@pytest.fixture
def j19(tmp_path, body):
    """A user's SMPL_to_J19.pkl, with rows that are not ours."""
    matrix = np.random.default_rng(8).random((19, body.n_vertices)).astype(np.float32)
    path = tmp_path / "SMPL_to_J19.pkl"
    path.write_bytes(pickle.dumps(matrix))
    return path, matrix


def same_bits(first, second):
    return (
        first.dtype == second.dtype
        and first.shape == second.shape
        and (first.tobytes() == second.tobytes())
    )


def silent(sentence):
    raise AssertionError(f"unexpected note: {sentence}")


@pytest.mark.parametrize("legs", ["left", "right"])
@pytest.mark.parametrize("name", ["J.npy", "J.npz", "J.pt", "J.pth", "J.pkl"])
@pytest.mark.parametrize("with_sidecar", [True, False])
def test_round_trip_is_exact(tmp_path, body, regressor, j19, name, legs, with_sidecar):
    path, template = tmp_path / name, j19[0] if name.endswith("pkl") else None
    save_regressor(regressor, path, legs=legs, dtype="float64", template=template)
    if not with_sidecar:
        (tmp_path / f"{name}.json").unlink()
    notes = []
    found = load_regressor(path, body, note=notes.append)
    assert same_bits(found.weights, regressor.weights)
    assert found.joint_names == H36M_17
    # Only a bare matrix with the right leg first has to be turned round.
    turned = legs == "right" and not with_sidecar and not name.endswith("pkl")
    assert [("right leg comes first" in note) for note in notes] == [True] * turned
    if with_sidecar:
        assert found.about == regressor.about


@pytest.mark.parametrize("name", ["J.npy", "J.npz", "J.pt", "J.pkl"])
def test_float32_round_trip_is_exact_and_the_same_weights_give_the_same_bytes(
    tmp_path, body, regressor, j19, name
):
    single = replace(regressor, weights=regressor.weights.astype(np.float32).astype(np.float64))
    path = tmp_path / name
    saved = []
    for _ in range(2):
        save_regressor(single, path, dtype="float32", template=j19[0])
        saved.append((path.read_bytes(), (tmp_path / f"{name}.json").read_bytes()))
    assert saved[0] == saved[1]
    assert same_bits(load_regressor(path, body, note=silent).weights, single.weights)


def test_files_are_what_other_code_reads(tmp_path, regressor, j19):
    """Read with the plain tools of the field; row numbers as in their code."""
    weights, (template, others) = regressor.weights, j19
    save_regressor(regressor, tmp_path / "J.npy")
    array = np.load(tmp_path / "J.npy", allow_pickle=False)
    assert same_bits(array, weights) and array.flags.c_contiguous
    save_regressor(regressor, tmp_path / "J_correct.npy", legs="right")
    assert same_bits(np.load(tmp_path / "J_correct.npy"), weights[RIGHT_FIRST])
    save_regressor(regressor, tmp_path / "J.pt")
    tensor = torch.load(tmp_path / "J.pt", weights_only=True)
    assert tensor.device.type == "cpu" and not tensor.requires_grad
    assert same_bits(tensor.numpy(), weights.astype(np.float32))
    save_regressor(regressor, tmp_path / "J.npz")
    matrix = sparse.load_npz(tmp_path / "J.npz")
    assert matrix.format == "csr" and matrix.nnz == np.count_nonzero(weights)
    assert same_bits(matrix.toarray(), weights)
    save_regressor(regressor, tmp_path / "ours.pkl", template=template)
    raw = (tmp_path / "ours.pkl").read_bytes()
    j19 = pickle.loads(raw, encoding="latin1")
    assert same_bits(j19[J19_OURS], weights[J19_FROM_17])
    assert same_bits(j19[[13, 15]].astype(np.float32), others[[13, 15]])
    # numpy before 1.26 has no numpy._core
    names = [arg for code, arg, _ in pickletools.genops(raw) if code.name == "GLOBAL"]
    assert "numpy.core.multiarray _reconstruct" in names


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", "float64", ">f8"])
def test_npy_of_any_layout(tmp_path, body, weights, order, dtype):
    single = weights.astype(np.float32)
    np.save(tmp_path / "J.npy", np.asarray(single, dtype=dtype, order=order))
    found = load_regressor(tmp_path / "J.npy", body, note=silent)
    assert same_bits(found.weights, single.astype(np.float64))


def test_a_saved_file_says_what_it_is(tmp_path, body, regressor, weights):
    export(regressor, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(export_files())
    for name, legs in EXPORTS.items():
        sidecar = json.loads((tmp_path / f"{name}.json").read_text())
        assert sidecar["joint_names"] == list(H36M_17 if legs == "left" else H36M_17_RIGHT_FIRST)
        assert sidecar["order"] == f"{legs} leg first"
        assert sidecar["vertices"] == 6890
        assert sidecar["topology_hash"] == body.topology_hash
        assert sidecar["about"] == {"training_subjects": ["S1"]}
        stored = weights.astype(np.float32).astype(np.float64) if name.endswith("pt") else weights
        assert same_bits(load_regressor(tmp_path / name, note=silent).weights, stored)


def test_saving_over_a_file_does_not_leave_its_old_sidecar(tmp_path, regressor):
    save_regressor(regressor, tmp_path / "J.npy")
    save_regressor(replace(regressor, about={}), tmp_path / "J.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["J.npy"]


def released(path, weights):
    """A tensor as the paper's: float32, strides (1, 17), requires_grad, saved from cuda:0, raw."""
    raw = weights * np.linspace(0.79, 2.15, 17)[:, None]
    for row in range(15):
        raw[row, np.flatnonzero(weights[row] == 0)[row]] = -0.126 + 0.005 * row
    tensor = torch.from_numpy(np.asfortranarray(raw, dtype=np.float32)).requires_grad_()
    assert tensor.stride() == (1, 17)
    torch.save(tensor, path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            if name.endswith("data.pkl"):
                device, other = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
                assert part.count(device) == 1
                part = part.replace(device, other)
            archive.writestr(name, part)
    return raw.astype(np.float32).astype(np.float64)


def test_a_raw_trained_tensor_is_normalised_and_that_is_said(tmp_path, body, weights):
    raw = released(tmp_path / "retrained.pt", weights)
    notes = []
    found = load_regressor(tmp_path / "retrained.pt", body, note=notes.append).weights
    for row, line in zip(found, raw, strict=True):
        cut = np.where(line > 0, line, 0)
        assert np.abs(row - cut / cut.sum()).max() < 1e-15
    assert np.abs(found - weights).max() < 1e-6
    assert len(notes) == 1
    assert "15 negative entries (lowest -0.126)" in notes[0]
    assert f"{raw.sum(axis=1).min():.2f}-{raw.sum(axis=1).max():.2f}" in notes[0]


def test_row_sums_within_the_rounding_of_the_field_are_left_alone(tmp_path, body, weights):
    """SPIN's rows sum to 1 within 5e-4: they are not touched."""
    loose = weights * np.linspace(0.9995, 1.0005, 17)[:, None]
    np.save(tmp_path / "J.npy", loose)
    assert same_bits(load_regressor(tmp_path / "J.npy", body, note=silent).weights, loose)


def test_order_can_be_told_where_no_body_is_at_hand(tmp_path, weights):
    np.save(tmp_path / "J.npy", weights[RIGHT_FIRST])
    found = load_regressor(tmp_path / "J.npy", legs="right", note=silent)
    assert same_bits(found.weights, weights)
    notes = []
    load_regressor(tmp_path / "J.npy", note=notes.append)
    assert "taken as left leg first" in notes[0]


def test_a_row_may_land_12_cm_from_its_joint_and_no_more(tmp_path, body, weights):
    """One row moved onto single vertices, just inside and just outside the limit."""
    knee = H36M_17.index("left_knee")
    distance = np.linalg.norm(body.template - expected_joints(body)[knee], axis=1)
    inside, outside = (
        np.where(distance < 0.12, distance, 0).argmax(),
        np.where(distance > 0.12, distance, 9).argmin(),
    )
    for vertex in (inside, outside):
        moved = weights.copy()
        moved[knee] = np.eye(body.n_vertices)[vertex]
        np.save(tmp_path / f"{vertex}.npy", moved)
    load_regressor(tmp_path / f"{inside}.npy", body, note=silent)
    with pytest.raises(DataError, match=r"1 of 17 rows.*\n  row 2 \(left_knee\) lands 0.12"):
        load_regressor(tmp_path / f"{outside}.npy", body)


def test_expected_joints_are_the_skeletons(body):
    """Numbers read off the open body: its crown lies at 0.771 m."""
    found = dict(zip(H36M_17, expected_joints(body), strict=True))
    assert np.allclose(found["left_hip"], [0.109, -0.015, -0.008], atol=1e-3)
    assert np.allclose(found["right_wrist"], [-0.649, 0.451, 0.012], atol=1e-3)
    assert found["head_top"][1] == pytest.approx(body.template[:, 1].max())
    assert found["head_top"][1] == pytest.approx(0.771, abs=1e-3)
    assert not crossed(expected_joints(body))
    assert crossed(expected_joints(body) * [-1, 1, 1]) == tuple(n for n in H36M_17 if "left" in n)


def test_a_matrix_for_another_mesh_of_the_same_size_is_refused(tmp_path, body, weights, regressor):
    """The same vertices in another order, as those of SMPL and of the open body are to each other."""
    renumbered = np.random.default_rng(9).permutation(body.n_vertices)
    np.save(tmp_path / "J.npy", weights[:, renumbered])
    away = np.linalg.norm(weights[:, renumbered] @ body.template - expected_joints(body), axis=1)
    with pytest.raises(DataError, match="does not fit this body") as error:
        load_regressor(tmp_path / "J.npy", body)
    # The mean of many random vertices is the middle of the body, where a trunk row may be right.
    named = [
        f"({name}) lands {metres:.3f} m" in str(error.value)
        for name, metres in zip(H36M_17, away, strict=True)
    ]
    assert named == list(away > np.where(np.isin(H36M_17, ["spine", "nose", "head_top"]), 0.15, 0.12))
    assert sum(named) > 12
    # With a sidecar the faces decide, wherever the rows land.
    save_regressor(replace(regressor, weights=weights[:, renumbered]), tmp_path / "K.npy")
    other = replace(body, faces=body.faces[::-1])
    with pytest.raises(DataError, match="mesh with other faces"):
        load_regressor(tmp_path / "K.npy", other)


def test_a_sidecar_vouches_for_rows_that_land_elsewhere(tmp_path, body, regressor):
    """A fit on few frames may put a wrist 20 cm up the arm: it is still the regressor of this mesh."""
    weights = regressor.weights.copy()
    wrist, elbow = H36M_17.index("left_wrist"), H36M_17.index("left_elbow")
    weights[wrist] = 0.1 * weights[wrist] + 0.9 * weights[elbow]
    save_regressor(replace(regressor, weights=weights), tmp_path / "J.npy")
    assert same_bits(load_regressor(tmp_path / "J.npy", body, note=silent).weights, weights)
    (tmp_path / "J.npy.json").unlink()
    with pytest.raises(DataError, match=r"row 13 \(left_wrist\) lands 0.2"):
        load_regressor(tmp_path / "J.npy", body)


@pytest.mark.parametrize(
    ("exchanged", "message"),
    [
        (
            [(1, 4)],
            r"2 of 17 rows.*\n  row 1 \(left_hip\) lands 0.2\d+ m from its joint, on the wrong side",
        ),
        ([(11, 14), (12, 15), (13, 16)], r"6 of 17 rows(.|\n)*right_wrist\) lands 1.\d+ m.*wrong side"),
        ([(1, 11)], r"2 of 17 rows(.|\n)*row 11 \(left_shoulder\) lands 0.4"),
    ],
    ids=["one pair of hips", "right arm first", "hip and shoulder"],
)
def test_rows_in_no_known_order_are_refused(tmp_path, body, weights, exchanged, message):
    order = list(range(17))
    for a, b in exchanged:
        order[a], order[b] = order[b], order[a]
    np.save(tmp_path / "J.npy", weights[order])
    with pytest.raises(DataError, match=message):
        load_regressor(tmp_path / "J.npy", body)


def test_sides_are_checked_where_the_skeleton_is_not_smpls(tmp_path, body, weights):
    strange = replace(body, joint_names=tuple(f"joint_{k}" for k in range(24)))
    np.save(tmp_path / "J.npy", weights[RIGHT_FIRST])
    assert same_bits(load_regressor(tmp_path / "J.npy", strange, note=len).weights, weights)
    order = list(range(17))
    order[12], order[15] = 15, 12
    np.save(tmp_path / "J.npy", weights[order])
    with pytest.raises(DataError, match="left_elbow lie on the right side"):
        load_regressor(tmp_path / "J.npy", strange)


def nan_row(weights):
    broken = weights.copy()
    broken[5, 100] = np.nan
    return broken


def empty_row(weights):
    broken = weights.copy()
    broken[3] = -broken[3]
    return broken


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: np.concatenate([w, w[:7]]), "24 rows: SMPL's own skeleton regressor"),
        (lambda w: w[:14], r"shape \(14, 6890\), expected \(17, 6890\)"),
        (lambda w: w.T, r"shape \(6890, 17\)"),
        (lambda w: w[:, :6889], "for 6889 vertices, the body has 6890"),
        (nan_row, "row 5 holds NaN or infinity"),
        (empty_row, "positive entries of row 3 sum to 0, expected about 1 .1 of 17 rows"),
        (lambda w: 1000 * w, "sum to 1e.03, expected about 1 .17 of 17 rows"),
        (lambda w: w.astype(complex), "holds complex128"),
        (lambda w: w[0], r"of shape \(6890,\), expected a matrix"),
    ],
)
@pytest.mark.parametrize("suffix", ["npy", "pt"])
def test_a_matrix_that_is_no_regressor_is_refused(tmp_path, body, weights, change, message, suffix):
    path, matrix = tmp_path / f"J.{suffix}", change(weights)
    if suffix == "npy":
        np.save(path, matrix)
    elif np.iscomplexobj(matrix):
        torch.save({"J": torch.zeros(2)}, path)
        message = "holds a dict, expected one tensor"
    else:
        torch.save(torch.from_numpy(np.ascontiguousarray(matrix)), path)
    with pytest.raises(DataError, match=message):
        load_regressor(path, body)


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
    with pytest.raises(DataError, match=f"not a plain ({suffix} array|pickle of arrays: class)"):
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
    np.savez(tmp_path / "J.npz", weights)
    with pytest.raises(DataError, match="not a plain npz array"):
        load_regressor(tmp_path / "J.npz")
    sparse.save_npz(tmp_path / "huge.npz", sparse.csr_matrix((17, 10**8)))
    with pytest.raises(DataError, match=r"shape \(17, 100000000\), expected"):
        load_regressor(tmp_path / "huge.npz")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"v_template": weights}))
    with pytest.raises(DataError, match=r"holds a dict \(v_template(.|\n)*looks like a body model"):
        load_regressor(tmp_path / "model.pkl")
    (tmp_path / "J.txt").write_text("")
    with pytest.raises(DataError, match=r"'.txt', expected one of npy, npz, pt, pkl"):
        load_regressor(tmp_path / "J.txt")
    with pytest.raises(DataError, match="does not exist"):
        load_regressor(tmp_path / "none.npy")


def test_a_sidecar_that_does_not_belong_is_refused(tmp_path, body, regressor, weights):
    path, sidecar = tmp_path / "J.npy", tmp_path / "J.npy.json"
    save_regressor(regressor, path)
    good = json.loads(sidecar.read_text())
    np.save(path, np.roll(weights, 1, axis=1))
    with pytest.raises(DataError, match="describes another matrix"):
        load_regressor(path, body)
    np.save(path, weights)
    with pytest.raises(DataError, match="its sidecar does not have the right leg first"):
        load_regressor(path, body, legs="right")
    for change, message in [
        ("{", "not the sidecar of a regressor"),
        ("[]", "not the sidecar of a regressor"),
        (json.dumps(good | {"joint_names": ["nose"]}), "expected the 17"),
        (json.dumps(good | {"joint_names": list(H36M_17_RIGHT_FIRST)}), "left_ankle lie on the right"),
    ]:
        sidecar.write_text(change)
        with pytest.raises(DataError, match=message):
            load_regressor(path, body)


def test_what_cannot_be_saved(tmp_path, regressor, j19):
    with pytest.raises(DataError, match=r"give your own SMPL_to_J19\.pkl"):
        save_regressor(regressor, tmp_path / "ours.pkl")
    small = tmp_path / "small.pkl"
    small.write_bytes(pickle.dumps(np.zeros((19, 10))))
    with pytest.raises(DataError, match=r"shape \(19, 10\), expected float \(19, 6890\)"):
        save_regressor(regressor, tmp_path / "ours.pkl", template=small)
    with pytest.raises(DataError, match="not saved"):
        save_regressor(replace(regressor, weights=-regressor.weights), tmp_path / "J.npy")
    with pytest.raises(DataError, match=r"'\.txt'"):
        save_regressor(regressor, tmp_path / "J.txt")
    assert [path.name for path in tmp_path.iterdir() if path.stem in ("ours", "J")] == []


def test_inspection_of_a_known_matrix(body, weights):
    """n equal weights count as n vertices; the distance is that of the vertex chosen."""
    weights = weights.copy()
    hip, wrist = H36M_17.index("right_hip"), H36M_17.index("left_wrist")
    weights[hip] = 0
    weights[hip, 40:44] = 0.25
    weights[wrist] = 2 * np.eye(body.n_vertices)[123]
    found = inspect(Regressor(weights), body)
    assert (found[hip].vertices, found[hip].effective_vertices, found[hip].row_sum) == (4, 4, 1)
    assert (found[wrist].vertices, found[wrist].effective_vertices, found[wrist].row_sum) == (1, 1, 2)
    away = np.linalg.norm(2 * body.template[123] - expected_joints(body)[wrist])
    assert found[wrist].distance_mm == pytest.approx(1e3 * away)
    sides = {row.joint: row.side for row in found if row.joint not in ("right_hip", "left_wrist")}
    assert all(
        side == name.split("_")[0] for name, side in sides.items() if "ght_" in name or "eft_" in name
    )
    assert {sides[name] for name in ("pelvis", "spine", "neck", "nose", "head_top")} == {"middle"}
