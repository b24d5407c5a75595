"""The body against smplx, and files that are no body."""

import pickle

import numpy as np
import pytest
from official_files import smpl_arrays

from jointreg.body import load_body
from jointreg.errors import DataError, ShapeError
from jointreg.geometry.rotations import from_axis_angle


@pytest.fixture(scope="module", name="smpl_arrays")
def plain_arrays(body):
    return smpl_arrays(body)


def test_agrees_with_smplx(body, smpl_arrays, generator):
    smplx = pytest.importorskip("smplx", reason="smplx is the yardstick: pip install smplx")
    import torch
    from smplx.utils import Struct

    model = smplx.SMPL(model_path="", data_struct=Struct(**smpl_arrays), batch_size=8)
    axis_angle = generator.normal(0, 0.5, (8, 24, 3)).astype(np.float32)
    betas = generator.normal(0, 1.5, (8, 10)).astype(np.float32)
    translation = generator.normal(0, 2, (8, 3)).astype(np.float32)
    theirs = model(
        global_orient=torch.tensor(axis_angle[:, 0]),
        body_pose=torch.tensor(axis_angle[:, 1:].reshape(8, -1)),
        betas=torch.tensor(betas),
        transl=torch.tensor(translation),
    )
    rotations = from_axis_angle(axis_angle)
    ours = body.vertices(rotations, betas, translation)
    assert np.abs(ours - theirs.vertices.detach().numpy()).max() < 1e-5
    joints = body.joints(rotations, betas, translation)
    assert np.abs(joints - theirs.joints[:, :24].detach().numpy()).max() < 1e-5


def test_a_body_is_shown_in_a_line(body):
    assert repr(body) == "Body(6890 vertices, 24 joints, 10 shape directions)"


def test_open_body_is_closed_symmetric_and_of_human_size(body):
    edges = np.sort(body.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 2).all()
    assert body.n_vertices - len(unique) + len(body.faces) == 2
    flipped = body.template[body.mirror] * [-1, 1, 1]
    assert np.abs(flipped - body.template).max() < 1e-5
    assert 1.5 < np.ptp(body.template[:, 1]) < 1.9
    assert np.allclose(body.skinning_weights.sum(1), 1, atol=1e-5)
    assert ((body.skinning_weights > 0).sum(1) <= 4).all()


def test_npz_and_pickle_give_the_same_body(tmp_path, body, smpl_arrays):
    np.savez(tmp_path / "body.npz", **smpl_arrays)
    import scipy.sparse

    (tmp_path / "body.pkl").write_bytes(
        pickle.dumps(smpl_arrays | {"J_regressor": scipy.sparse.csc_matrix(body.joint_regressor)})
    )
    for name in ("body.npz", "body.pkl"):
        loaded = load_body(tmp_path / name)
        assert np.array_equal(loaded.template, body.template)
        assert np.array_equal(loaded.joint_regressor, body.joint_regressor)
        assert loaded.topology_hash == body.topology_hash


@pytest.mark.parametrize("damage", ["missing", "truncated", "shape", "key"])
def test_files_that_are_no_body_are_refused(tmp_path, smpl_arrays, damage):
    path = tmp_path / "body.npz"
    if damage == "shape":
        smpl_arrays = smpl_arrays | {"weights": smpl_arrays["weights"][:-1]}
    if damage == "key":
        smpl_arrays = {k: v for k, v in smpl_arrays.items() if k != "posedirs"}
    if damage != "missing":
        np.savez(path, **smpl_arrays)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(DataError, match=r"body\.npz"):
        load_body(path)


def test_wrong_shapes_are_named(body):
    with pytest.raises(ShapeError, match=r"\(2, 23, 3, 3\)"):
        body.vertices(np.zeros((2, 23, 3, 3)), np.zeros((2, 10)))
    with pytest.raises(ShapeError, match=r"\(2, 9\)"):
        body.vertices(np.zeros((2, 24, 3, 3)), np.zeros((2, 9)))


def posed(make_bodies, generator, count=3):
    rotations, betas, translation = make_bodies(generator, count)
    return {"rotations": rotations, "betas": betas, "translation": translation}


@pytest.mark.parametrize("method", ["vertices", "joints"])
def test_no_frames_give_no_bodies(body, make_bodies, generator, method):
    arguments = {name: array[:0] for name, array in posed(make_bodies, generator).items()}
    assert getattr(body, method)(**arguments).shape == (0, 6890 if method == "vertices" else 24, 3)


@pytest.mark.parametrize("method", ["vertices", "joints"])
@pytest.mark.parametrize(
    ("name", "change", "error", "message"),
    [
        ("translation", lambda t: t[:1], ShapeError, r"\(1, 3\), expected \(3, 3\)"),
        ("translation", lambda t: t[0], ShapeError, r"\(3,\), expected \(3, 3\)"),
        ("translation", lambda t: t * np.nan, DataError, "translation is not finite at frame 0"),
        ("rotations", lambda r: 1.0, ShapeError, r"rotations have shape \(\), expected"),
        ("rotations", lambda r: r[:, :20], ShapeError, r"expected \(3, 24, 3, 3\)"),
        ("rotations", lambda r: r * np.nan, DataError, "rotations is not finite at frame 0"),
        ("rotations", lambda r: r * np.float32([1, 1, -1]), DataError, "rotations of row 0 mirror"),
        ("betas", lambda b: b[:, :4], ShapeError, r"betas have shape \(3, 4\), expected \(3, 10\)"),
        ("betas", lambda b: b + np.inf, DataError, "betas is not finite at frame 0"),
        ("betas", lambda b: b + 0j, DataError, "betas is complex64"),
        (
            "betas",
            lambda b: b + np.float32(1e3),
            DataError,
            r"betas reach 1e\+03, expected at most 100",
        ),
        ("betas", lambda b: b.astype(str), ShapeError, "betas is <U"),
        ("betas", lambda b: np.ma.masked_array(b, b > 0), DataError, "betas is a masked array"),
    ],
)
def test_arguments_that_are_no_bodies_are_refused(
    body, make_bodies, generator, method, name, change, error, message
):
    arguments = posed(make_bodies, generator)
    with pytest.raises(error, match=message):
        getattr(body, method)(**(arguments | {name: change(arguments[name])}))
