"""Regressor files: every format back to the bit, other orders put right, and what is refused."""

import json
import pickle
import pickletools
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted_regressors import same_bits, silent
from scipy import sparse

from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import DataError
from jointreg.exchange.regressor_files import EXPORTS, export, export_files
from jointreg.regressor import load_regressor, save_regressor
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST

# Row numbers as other code bases write them, so that our orders by name are checked against numbers.
RIGHT_FIRST = [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]
J19_OURS = [*range(13), 14, 16, 17, 18]
J19_FROM_17 = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 0, 7, 9, 10]


@pytest.mark.parametrize("legs", ["left", "right"])
@pytest.mark.parametrize("name", ["J.npy", "J.npz", "J.pt", "J.pth", "J.pkl"])
@pytest.mark.parametrize("with_sidecar", [True, False])
def test_round_trip_is_exact(tmp_path, body, regressor, j19, name, legs, with_sidecar):
    path, template = tmp_path / name, j19[0] if name.endswith("pkl") else None
    save_regressor(regressor, path, legs=legs, dtype="float64", template=template)
    if not with_sidecar:
        (tmp_path / f"{name}.json").unlink()
    notes = []
    loaded = load_regressor(path, body, note=notes.append)
    assert same_bits(loaded.weights, regressor.weights)
    assert loaded.joint_names == H36M_17
    turned = legs == "right" and not name.endswith("pkl")
    assert any("right leg comes first" in note for note in notes) == turned
    if with_sidecar:
        assert loaded.about == regressor.about


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
    loaded = load_regressor(tmp_path / "J.npy", body, note=silent)
    assert same_bits(loaded.weights, single.astype(np.float64))


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
        assert same_bits(load_regressor(tmp_path / name, note=len).weights, stored)


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
    loaded = load_regressor(tmp_path / "retrained.pt", body, note=notes.append).weights
    for row, line in zip(loaded, raw, strict=True):
        cut = np.where(line > 0, line, 0)
        assert np.abs(row - cut / cut.sum()).max() < 1e-15
    assert np.abs(loaded - weights).max() < 1e-6
    assert len(notes) == 1
    assert "15 negative entries (lowest -0.126)" in notes[0]
    assert f"{raw.sum(axis=1).min():.3g}-{raw.sum(axis=1).max():.3g}" in notes[0]


@pytest.mark.parametrize("factor", [1e-200, 1e-3, 5.63, 1000, 1e300])
def test_raw_rows_of_any_positive_sum_are_normalised(tmp_path, body, weights, factor):
    """Rows of millimetres, or of the 5.63 that a genuine raw row has, are the same regressor."""
    raw = factor * weights * np.linspace(1, 2, 17)[:, None]
    raw[:, weights.sum(axis=0) == 0] = -1e-3 * factor
    np.save(tmp_path / "J.npy", raw)
    notes = []
    assert np.allclose(load_regressor(tmp_path / "J.npy", body, note=notes.append).weights, weights)
    assert len(notes) == 1 and "normalised to 1" in notes[0] and len(notes[0]) < 400


def test_row_sums_within_the_rounding_of_the_field_are_left_alone(tmp_path, body, weights):
    """SPIN's rows sum to 1 within 5e-4: they are not touched."""
    loose = weights * np.linspace(0.9995, 1.0005, 17)[:, None]
    np.save(tmp_path / "J.npy", loose)
    assert same_bits(load_regressor(tmp_path / "J.npy", body, note=silent).weights, loose)


def test_without_a_body_the_order_is_asked_for(tmp_path, weights):
    np.save(tmp_path / "J.npy", weights[RIGHT_FIRST])
    with pytest.raises(
        DataError,
        match=r"nothing gives the order of its rows(.|\n)*--joints h36m_17 .* h36m_17_right",
    ):
        load_regressor(tmp_path / "J.npy")
    named = load_regressor(tmp_path / "J.npy", joints=JOINT_SETS["h36m_17_right_first"], note=len)
    assert same_bits(named.weights, weights)
    notes = []
    loaded = load_regressor(tmp_path / "J.npy", legs="right", note=notes.append)
    assert same_bits(loaded.weights, weights)
    assert "taken for Human3.6M's 17 joints" in notes[0] and "right leg comes first" in notes[1]


def test_rows_that_are_in_order_already_are_told_so(tmp_path, body, weights):
    np.save(tmp_path / "J.npy", weights)
    with pytest.raises(DataError, match=r"next: .*left leg first \(joint set h36m_17\)"):
        load_regressor(tmp_path / "J.npy", body, joints=JOINT_SETS["h36m_17_right_first"])


def test_a_sidecar_or_the_form_of_the_file_gives_the_order(tmp_path, regressor, weights, j19):
    save_regressor(regressor, tmp_path / "J.npy", legs="right")
    assert same_bits(load_regressor(tmp_path / "J.npy", note=len).weights, weights)
    save_regressor(replace(regressor, about={}), tmp_path / "J19.pkl", template=j19[0])
    assert same_bits(load_regressor(tmp_path / "J19.pkl", note=len).weights, weights)
    (tmp_path / "J17.pkl").write_bytes(pickle.dumps(weights))
    with pytest.raises(DataError, match="nothing gives the order of its rows"):
        load_regressor(tmp_path / "J17.pkl")


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
        (lambda w: np.concatenate([w, w[:7]]), "as many rows as SMPL's own skeleton of 24 joints"),
        (lambda w: w[:14], r"shape \(14, 6890\), expected \(17, 6890\)"),
        (lambda w: w[:, :6889], "for 6889 vertices, the body has 6890"),
        (nan_row, "row 5 holds NaN or infinity"),
        (
            empty_row,
            "positive entries of row 3 sum to 0, expected a positive, .* .1 of 17",
        ),
        (lambda w: 1.7e308 * np.sign(w), "positive entries of row 0 sum to inf, .* .17 of 17 rows"),
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
        message = r"shape \(2,\), expected a matrix"
    else:
        torch.save(torch.from_numpy(np.ascontiguousarray(matrix)), path)
    with pytest.raises(DataError, match=message):
        load_regressor(path, body)


def exchanged(sidecar, one, other):
    """The sidecar with two joint names exchanged."""
    names = [{one: other, other: one}.get(name, name) for name in sidecar["joint_names"]]
    return json.dumps(sidecar | {"joint_names": names})


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
        ("[]", "not the sidecar of a regressor: it holds a list"),
        ("[" * 10**5, "nested too deep"),
        ('{"sha256": 1, "sha256": 2}', "key 'sha256' stands in it twice"),
        ("\ud800".encode("utf-8", "surrogatepass"), "not the sidecar of a regressor"),
        (json.dumps({"joint_names": []}), "'topology_hash' is None, expected a str"),
        (json.dumps(good | {"vertices": 13}), "vertices are 13, J.npy has 6890"),
        (json.dumps(good | {"about": []}), "'about' is .., expected a dict"),
        (
            json.dumps(good | {"joint_names": dict.fromkeys(H36M_17)}),
            "'joint_names' is .* a list",
        ),
        (json.dumps(good | {"joint_names": ["nose"]}), "expected the 17"),
        (json.dumps(good | {"joint_names": [1] * 10**5}), "expected the 17"),
        (json.dumps(good | {"joint_names": list(H36M_17_RIGHT_FIRST)}), "left_ankle.*on the wrong side"),
        (exchanged(good, "spine", "neck"), r"order of its sidecar(.|\n)*\(neck\).*as if it were spine"),
        (exchanged(good, "left_knee", "left_ankle"), r"order of its sidecar(.|\n)*\(left_knee\)"),
    ]:
        sidecar.write_bytes(change if isinstance(change, bytes) else change.encode())
        with pytest.raises(DataError, match=message) as error:
            load_regressor(path, body)
        assert "J.npy" in str(error.value) and len(str(error.value)) < 2500


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
    with pytest.raises(DataError, match="with 1 joint names, expected"):
        save_regressor(replace(regressor, joint_names=("nose",)), tmp_path / "J.npy")
    with pytest.raises(DataError, match="are complex128"):
        save_regressor(replace(regressor, weights=regressor.weights * 1j), tmp_path / "J.npy")
    assert [path.name for path in tmp_path.iterdir() if path.stem in ("ours", "J")] == []
