"""Official body models: pickles with chumpy inside, three models, one clean npz, and what is refused."""

import hashlib
import json
import pickle
import pickletools
import sys
from dataclasses import replace

import numpy as np
import pytest
from official_files import ChumpyAway, official_smpl, python2_pickle, smpl_arrays, with_fingers

from jointreg.body import convert_body, load_body
from jointreg.errors import DataError, UnitError
from jointreg.geometry.rotations import from_axis_angle
from jointreg.regressor import Regressor, load_regressor, save_regressor
from jointreg.skeleton import H36M_AS_SMPL, SMPL_24, rows

FIELDS = ("template", "shape_directions", "pose_directions", "skinning_weights", "joint_regressor")


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in FIELDS)


@pytest.fixture(scope="module")
def official(body):
    return official_smpl(body)


@pytest.mark.parametrize("protocol", [0, 2])
def test_an_official_pickle_is_the_body_that_went_in(tmp_path, body, protocol):
    raw = official_smpl(body, protocol)
    classes = {arg for code, arg, _ in pickletools.genops(raw) if code.name == "GLOBAL"}
    assert {"chumpy.ch Ch", "chumpy.reordering Select", "scipy.sparse.csc csc_matrix"} <= classes
    assert {"numpy.core.multiarray _reconstruct", "__builtin__ set"} <= classes  # as Python 2 wrote
    (tmp_path / "basicModel.pkl").write_bytes(raw)
    loaded = load_body(tmp_path / "basicModel.pkl")
    assert "chumpy" not in sys.modules
    assert same(loaded, body)
    assert np.array_equal(loaded.parents, body.parents)
    assert loaded.topology_hash == body.topology_hash
    assert np.array_equal(loaded.mirror, body.mirror)


def test_chumpy_expressions_are_worked_out_or_refused_by_name(tmp_path, body):
    path = tmp_path / "body.pkl"
    arrays = smpl_arrays(body)
    with ChumpyAway() as chumpy:
        sum_of = chumpy.make("chumpy.ch_ops.add", _cache={"r": arrays["v_template"]})
        path.write_bytes(python2_pickle(arrays | {"v_template": sum_of}))
        assert same(load_body(path), body)
        lost = chumpy.make("chumpy.ch_ops.add")
        path.write_bytes(python2_pickle(arrays | {"v_template": lost}))
    with pytest.raises(DataError, match=r"v_template(.|\n)*chumpy.ch_ops.add does not contain"):
        load_body(path)


def test_every_truncation_is_refused(tmp_path, official, generator):
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.touch()
    with pytest.raises(DataError, match=r"SMPL_NEUTRAL\.pkl is an empty file"):
        load_body(path)
    for length in [1, 2, *generator.integers(3, len(official) - 1, 12)]:
        path.write_bytes(official[:length])
        with pytest.raises(DataError, match=r"SMPL_NEUTRAL\.pkl is not a plain pickle"):
            load_body(path)


def test_a_foreign_class_is_named_wherever_it_stands(tmp_path, body):
    path, marker = tmp_path / "body.pkl", tmp_path / "marker"

    class Foreign:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    for place in ({"v_template": Foreign()}, {"unused": [Foreign()]}):
        path.write_bytes(pickle.dumps(smpl_arrays(body) | place))
        with pytest.raises(DataError, match=r"class _?io\.open is not allowed"):
            load_body(path)
    with ChumpyAway() as chumpy:
        hidden = chumpy.make("chumpy.ch.Ch", x=Foreign())
        path.write_bytes(python2_pickle(smpl_arrays(body) | {"v_template": hidden}))
    with pytest.raises(DataError, match=r"open is not allowed"):
        load_body(path)
    assert not marker.exists()


@pytest.mark.parametrize(("kind", "suffix"), [("SMPL-H", "pkl"), ("SMPL-X", "npz")])
def test_smplh_and_smplx_with_resting_hands_agree_with_smplx(
    tmp_path, body, generator, monkeypatch, kind, suffix
):
    smplx = pytest.importorskip("smplx", reason="smplx is the yardstick: pip install smplx")
    import torch
    from smplx.joint_names import SMPLH_JOINT_NAMES

    arrays = with_fingers(body, kind, generator)
    path = tmp_path / f"MODEL.{suffix}"
    if suffix == "npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(python2_pickle(arrays))
    ours = load_body(path)
    assert ours.joint_names == SMPL_24
    options = {"batch_size": 4, "use_pca": False, "flat_hand_mean": True, "ext": suffix}
    ids = smplx.vertex_ids.vertex_ids  # its extra joints are vertices, which a mesh of 6890 must have
    monkeypatch.setitem(ids, "smplx", ids["smplh"])
    model = (smplx.SMPLH if kind == "SMPL-H" else smplx.SMPLX)(str(path), **options)
    axis_angle = generator.normal(0, 0.4, (4, 24, 3)).astype(np.float32)
    axis_angle[:, 22:] = 0
    betas = generator.normal(0, 1, (4, 10)).astype(np.float32)
    theirs = model(
        global_orient=torch.tensor(axis_angle[:, 0]),
        body_pose=torch.tensor(axis_angle[:, 1:22].reshape(4, -1)),
        betas=torch.tensor(betas),
    )
    rotations = from_axis_angle(axis_angle)
    assert np.abs(ours.vertices(rotations, betas) - theirs.vertices.detach().numpy()).max() < 1e-5
    found, known = ours.joints(rotations, betas), theirs.joints.detach().numpy()
    assert np.abs(found[:, :22] - known[:, :22]).max() < 1e-5
    shift = 0 if kind == "SMPL-H" else 3
    middle = [SMPLH_JOINT_NAMES.index(f"{side}_middle1") + shift for side in ("left", "right")]
    assert np.abs(found[:, 22:] - known[:, middle]).max() < 1e-5


def test_conversion_is_plain_complete_and_sealed(tmp_path, body, official):
    source, target = tmp_path / "SMPL_NEUTRAL.pkl", tmp_path / "clean" / "body.npz"
    source.write_bytes(official)
    convert_body(source, target)
    assert same(load_body(target), body)
    about = json.loads((tmp_path / "clean" / "body.npz.json").read_text())
    assert about["model"] == "SMPL" and about["source"] == "SMPL_NEUTRAL.pkl"
    assert about["source_sha256"] == hashlib.sha256(official).hexdigest()
    assert about["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert about["shapes"]["posedirs"] == [6890, 3, 207]
    assert about["topology_hash"] == body.topology_hash
    with np.load(target, allow_pickle=False) as plain:
        assert plain["J_regressor"].shape == (24, 6890)
    first = target.read_bytes()
    convert_body(source, target)
    assert target.read_bytes() == first
    target.write_bytes(first[:-1] + bytes([first[-1] ^ 1]))
    with pytest.raises(DataError, match="describes another file"):
        load_body(target)


@pytest.mark.parametrize("source", ["open", "SMPL_NEUTRAL.pkl"])
def test_a_converted_pickle_is_what_smplx_loads_without_chumpy(
    tmp_path, body, generator, official, source
):
    smplx = pytest.importorskip("smplx", reason="smplx is the yardstick: pip install smplx")
    import torch

    (tmp_path / "SMPL_NEUTRAL.pkl").write_bytes(official)
    target = tmp_path / "plain.pkl"
    convert_body(source if source == "open" else tmp_path / source, target)
    assert same(load_body(target), body)
    assert json.loads((tmp_path / "plain.pkl.json").read_text())["model"] == "SMPL"
    axis_angle = generator.normal(0, 0.4, (4, 24, 3)).astype(np.float32)
    betas = generator.normal(0, 1, (4, 10)).astype(np.float32)
    posed = smplx.SMPL(target, batch_size=4)(
        global_orient=torch.tensor(axis_angle[:, 0]),
        body_pose=torch.tensor(axis_angle[:, 1:].reshape(4, 69)),
        betas=torch.tensor(betas),
    ).vertices.detach()
    assert "chumpy" not in sys.modules
    assert np.abs(body.vertices(from_axis_angle(axis_angle), betas) - posed.numpy()).max() < 1e-5
    with pytest.raises(DataError, match=r"end in '\.txt', expected \.npz or \.pkl"):
        convert_body("open", tmp_path / "body.txt")


def test_a_body_of_another_topology_than_the_regressor_is_refused(tmp_path, body, generator):
    """A regressor on a body that numbers its vertices otherwise, with and without a sidecar."""
    order = generator.permutation(body.n_vertices)
    place = np.argsort(order)
    arrays = smpl_arrays(body) | {"f": place[body.faces].astype(np.uint32)}
    for key in ("v_template", "shapedirs", "posedirs", "weights"):
        arrays[key] = arrays[key][order]
    arrays["J_regressor"] = arrays["J_regressor"][:, order]
    np.savez(tmp_path / "other.npz", **arrays)
    other = load_body(tmp_path / "other.npz")
    names = [H36M_AS_SMPL[name] for name in H36M_AS_SMPL]
    weights = body.joint_regressor[rows(names, SMPL_24)].astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    path = tmp_path / "J_regressor_h36m.npy"
    save_regressor(Regressor(weights, about={"topology_hash": body.topology_hash}), path)
    with pytest.raises(DataError, match="mesh with other faces"):
        load_regressor(path, other)
    (tmp_path / "J_regressor_h36m.npy.json").unlink()
    with pytest.raises(DataError, match="does not fit this body"):
        load_regressor(path, other)


def moved(arrays, key, change):
    return {key: change(np.array(arrays[key], dtype=np.float64))}


def turned(arrays, signs, axes=(0, 1, 2)):
    """The template with other axes, each times a sign."""
    return {"v_template": arrays["v_template"][:, axes] * np.array(signs)}


def shuffled(arrays, key, axis=0):
    order = np.random.default_rng(3).permutation(arrays[key].shape[axis])
    return {key: np.take(arrays[key], order, axis=axis)}


def one_joint(weights):
    weights[:] = np.eye(24)[0]
    return weights


def repeated_vertex(faces):
    faces[7, 1] = faces[7, 0]
    return faces


def sides_exchanged(regressor):
    """Joints 1 and 2, 4 and 5, and so on: SMPL's left and right."""
    pairs = [(1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17), (18, 19), (20, 21), (22, 23)]
    for left, right in pairs:
        regressor[[left, right]] = regressor[[right, left]]
    return regressor


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda a: moved(a, "v_template", lambda v: 1000 * v), UnitError, "high, expected 0.4 to 2.2 m"),
        (lambda a: moved(a, "v_template", lambda v: v / 10), UnitError, "0.1645 high, expected 0.4 to"),
        (lambda a: moved(a, "v_template", lambda v: v / 0.0254), UnitError, "64.76 high, expected"),
        (lambda a: moved(a, "v_template", lambda v: v * np.nan), DataError, "v_template holds NaN"),
        (lambda a: moved(a, "v_template", lambda v: v * 1e300), DataError, "v_template holds NaN, inf"),
        (lambda a: turned(a, (1, -1, 1)), DataError, "positive volume"),
        (lambda a: turned(a, (-1, 1, 1)), DataError, "positive volume"),
        (lambda a: turned(a, (-1, -1, 1)), DataError, "do not rise upwards"),
        (lambda a: turned(a, (-1, 1, -1)), DataError, "left_collar do not rise to the body's left"),
        (lambda a: turned(a, (1, 1, 1), (1, 2, 0)), UnitError, "high, expected 0.4"),
        (lambda a: turned(a, (1, 1, 1), (1, 0, 2)), DataError, "positive volume"),
        (lambda a: turned(a, (1, 1, -1), (1, 0, 2)), DataError, "do not rise"),
        (lambda a: shuffled(a, "v_template"), DataError, "volume|do not rise"),
        (lambda a: moved(a, "J_regressor", lambda j: 0 * j), DataError, r"row 0 .*\(pelvis\) sums to 0"),
        (lambda a: moved(a, "J_regressor", lambda j: 2 * j), DataError, r"sums to 2, expected 1"),
        (lambda a: moved(a, "J_regressor", lambda j: j * 1e30), DataError, "J_regressor holds NaN, inf"),
        (
            lambda a: moved(a, "J_regressor", sides_exchanged),
            DataError,
            "do not rise to the body's left",
        ),
        (lambda a: shuffled(a, "J_regressor"), DataError, "do not rise"),
        (lambda a: shuffled(a, "J_regressor", 1), DataError, "do not rise"),
        (lambda a: shuffled(a, "weights"), DataError, r"vertices that follow .* m from it"),
        (lambda a: moved(a, "weights", one_joint), DataError, "no vertex follows joint 1 .23 such"),
        (lambda a: moved(a, "weights", lambda w: w * 0.9), DataError, "sum to 1"),
        (
            lambda a: moved(a, "weights", lambda w: 2 * w - np.roll(w, 1, axis=1)),
            DataError,
            "go down to -1",
        ),
        (
            lambda a: moved(a, "shapedirs", lambda d: 100 * d),
            UnitError,
            "shapedirs moves a vertex by 4.6",
        ),
        (lambda a: moved(a, "posedirs", lambda d: 100 * d), UnitError, "posedirs moves a vertex by 1.8"),
        (lambda a: {"shapedirs": a["shapedirs"][:, :, 0]}, DataError, "shapedirs has shape"),
        (lambda a: {"shapedirs": a["shapedirs"][:, :, :0]}, DataError, "expected at least one beta"),
        (lambda a: {"weights": a["weights"][:, :20]}, DataError, r"20 columns.*24 \(SMPL\)"),
        (
            lambda a: {"kintree_table": a["kintree_table"][:, ::-1]},
            DataError,
            "not the skeleton of SMPL",
        ),
        (lambda a: {"f": a["f"] + 1}, DataError, "triangles of vertices 0 to 6889"),
        (lambda a: {"f": a["f"][:0]}, DataError, r"f has shape \(0, 3\), expected triangles"),
        (lambda a: {"f": a["f"][:, :2]}, DataError, r"f has shape \(13776, 2\), expected triangles"),
        (lambda a: {"f": a["f"] + 0.5}, DataError, "f holds fractions"),
        (lambda a: {"f": a["f"][:, ::-1]}, DataError, "turned inside out"),
        (lambda a: {"f": a["f"][[*range(9), 3]]}, DataError, "faces that stand there twice"),
        (lambda a: moved(a, "f", repeated_vertex), DataError, "face 7 of f has a vertex twice"),
        (lambda a: {"weights": np.full((6890, 24), "x")}, DataError, "weights is <U1 of shape"),
    ],
)
def test_numbers_that_are_no_body_are_refused(tmp_path, body, change, error, message):
    arrays = smpl_arrays(body)
    np.savez(tmp_path / "body.npz", **(arrays | change(arrays)))
    with pytest.raises(error, match=message) as caught:
        load_body(tmp_path / "body.npz")
    assert "body.npz" in str(caught.value) and len(str(caught.value)) < 500


def test_an_open_surface_is_a_body_and_is_noted(tmp_path, body, capsys):
    """SMPL-X's eyes leave such edges: its bodies can be posed and scored, but not rendered."""
    np.savez(tmp_path / "body.npz", **(smpl_arrays(body) | {"f": body.faces[:-1]}))
    assert same(load_body(tmp_path / "body.npz"), body)
    assert "3 edges have one face only" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ("{", "is not the sidecar of a body"),
        ("[1]", "it holds a list, expected keys and values"),
        ("null", "it holds a NoneType"),
        ("", "is an empty file"),
        ("[" * 10**5, "nested too deep"),
        ('{"sha256": 1}', "describes another file"),
        ('{"sha256": "a", "sha256": "b"}', "stands in it twice"),
    ],
)
def test_a_sidecar_that_is_none_is_refused_with_its_name(tmp_path, body, sidecar, message):
    convert_body("open", tmp_path / "body.npz")
    path = tmp_path / "body.npz.json"
    path.write_text(sidecar)
    with pytest.raises(DataError, match=rf"body\.npz\.json.*{message}(.|\n)*delete .*body\.npz\.json"):
        load_body(tmp_path / "body.npz")
    path.unlink()
    assert same(load_body(tmp_path / "body.npz"), body)


def test_a_map_of_sides_that_is_none_is_left_out(tmp_path, body, capsys):
    np.savez(tmp_path / "body.npz", **smpl_arrays(body), vert_sym_idxs=np.zeros(6890, int))
    assert load_body(tmp_path / "body.npz").mirror is None
    assert "does not pair" in capsys.readouterr().out
    assert same(replace(load_body("open"), mirror=None), load_body(tmp_path / "body.npz"))


def infant(template, joints):
    """A newborn's proportions, 0.55 m high: neck to crown 0.28 of it, legs 0.38."""
    neck, hip = (joints[SMPL_24.index(name), 1] for name in ("neck", "left_hip"))
    small = template.astype(np.float64)
    below, above = small[:, 1] < hip, small[:, 1] > neck
    small[below, 1] = hip + 0.62 * (small[below, 1] - hip)
    small[above, 1] = neck + 1.75 * (small[above, 1] - neck)
    small[above, 0] *= 1.5
    return small * 0.55 / np.ptp(small[:, 1])


def test_an_infants_template_is_read_with_a_note(tmp_path, body, capsys):
    arrays = smpl_arrays(body)
    arrays |= moved(arrays, "v_template", lambda v: infant(v, body.joint_regressor @ v))
    np.savez(tmp_path / "small.npz", **arrays)
    assert abs(np.ptp(load_body(tmp_path / "small.npz").template[:, 1]) - 0.55) < 1e-6
    assert "small.npz: the template is 0.55 m high, taken for an infant's" in capsys.readouterr().out


def test_a_grown_persons_template_in_half_size_is_refused(tmp_path, body, capsys):
    """Its proportions show it: an infant's head is larger, and its legs are shorter."""
    arrays = smpl_arrays(body)
    arrays |= moved(arrays, "v_template", lambda v: v / 2)
    np.savez(tmp_path / "half.npz", **arrays)
    with pytest.raises(UnitError, match=r"half\.npz: the template is 0\.82 m high and has a grown"):
        load_body(tmp_path / "half.npz")
    capsys.readouterr()
    np.savez(tmp_path / "whole.npz", **smpl_arrays(body))
    load_body(tmp_path / "whole.npz")
    assert capsys.readouterr().out == ""
