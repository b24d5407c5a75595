"""Where rows may land: genuine files pass, other joints, orders and meshes are refused by name."""

import re
from dataclasses import replace

import numpy as np
import pytest
from planted_regressors import GENUINE_MM, genuine_stand_in, landing_at, silent

from jointreg.cli import main
from jointreg.config.joint_sets import JOINT_SETS, OTHER_SETS, joint_set
from jointreg.errors import DataError
from jointreg.exchange.placement import (
    LANDINGS_M,
    LIMITS_M,
    crossed,
    expected_joints,
    known_set,
    require_placement,
    require_reach,
)
from jointreg.exchange.regressor_files import load_regressor, save_regressor
from jointreg.regressor import Regressor
from jointreg.skeleton import H36M_14, H36M_17, SMPL_24, rows

RIGHT_FIRST = [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]
ARMS_AND_LEGS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
COCO = ["nose", "left_eye", "right_eye", "left_ear", "right_ear"]
COCO += [f"{side}_{joint}" for joint in ARMS_AND_LEGS for side in ("left", "right")]
MPII = ["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"]
MPII += ["pelvis", "thorax", "neck", "head_top", "right_wrist", "right_elbow", "right_shoulder"]
MPII += ["left_shoulder", "left_elbow", "left_wrist"]
FACE_M = {"left_eye": [0.03, 0.03, -0.04], "right_eye": [-0.03, 0.03, -0.04]}
FACE_M |= {"left_ear": [0.07, 0.01, -0.12], "right_ear": [-0.07, 0.01, -0.12]}


def landing_as(names, body, generator):
    """Rows of another joint set, each within 3 cm of its joint."""
    skeleton = dict(zip(SMPL_24, body.joint_regressor @ body.template, strict=True))
    places = {**skeleton, **dict(zip(H36M_17, expected_joints(body), strict=True))}
    places |= {"thorax": places["neck"]} | {name: places["nose"] + FACE_M[name] for name in FACE_M}
    wanted = np.array([places[name] for name in names])
    return landing_at(wanted + generator.uniform(-0.015, 0.015, wanted.shape), body)


@pytest.mark.parametrize("name", GENUINE_MM)
@pytest.mark.parametrize("order", [list(range(17)), RIGHT_FIRST], ids=["left first", "right first"])
def test_rows_that_land_as_far_as_the_genuine_ones_are_accepted(tmp_path, body, name, order):
    """Hips 133 and 146 mm off, 138 and 147 mm; nose and head top more than 70."""
    genuine = genuine_stand_in(body, name)
    away = np.linalg.norm(genuine @ body.template - expected_joints(body), axis=1)
    assert np.allclose(1e3 * away, np.linalg.norm(GENUINE_MM[name], axis=1), atol=0.1)
    assert 0.13 < away[H36M_17.index("left_hip")] < away[H36M_17.index("right_hip")] < 0.15
    np.save(tmp_path / "J.npy", genuine[order])
    assert np.array_equal(load_regressor(tmp_path / "J.npy", body, note=len).weights, genuine)


def test_the_table_of_limits_quotes_the_farthest_genuine_rows():
    away = np.max([np.linalg.norm(mm, axis=1) for mm in GENUINE_MM.values()], axis=0)
    for joint, (genuine, limit) in LANDINGS_M.items():
        of_joint = [metres for name, metres in zip(H36M_17, away, strict=True) if name.endswith(joint)]
        assert 1e3 * genuine == pytest.approx(max(of_joint), abs=1)
        assert limit > genuine + 0.04


@pytest.mark.parametrize("joint", H36M_17)
def test_a_row_may_land_up_to_the_limit_of_its_joint_and_no_farther(tmp_path, body, weights, joint):
    """One row moved towards the middle of the body, 2 mm inside and 2 mm outside its limit."""
    row, places = H36M_17.index(joint), expected_joints(body)
    inward = places[H36M_17.index("spine")] - places[row] + [0, 0, 1e-3]
    for step, refused in ((-0.002, False), (0.002, True)):
        moved = weights.copy()
        moved[row] = landing_at(
            [places[row] + inward / np.linalg.norm(inward) * (LIMITS_M[row] + step)], body
        )
        np.save(tmp_path / "J.npy", moved)
        if refused:
            with pytest.raises(DataError, match=rf"row {row} \({joint}\) lands 0\.\d+ m from its joint"):
                load_regressor(tmp_path / "J.npy", body)
        else:
            load_regressor(tmp_path / "J.npy", body, note=silent)


def test_expected_joints_are_the_skeletons(body):
    """Numbers read off the open body: its crown lies at 0.771 m."""
    joints = dict(zip(H36M_17, expected_joints(body), strict=True))
    assert np.allclose(joints["left_hip"], [0.109, -0.015, -0.008], atol=1e-3)
    assert np.allclose(joints["right_wrist"], [-0.649, 0.451, 0.012], atol=1e-3)
    assert joints["head_top"][1] == pytest.approx(body.template[:, 1].max())
    assert joints["head_top"][1] == pytest.approx(0.771, abs=1e-3)
    assert not crossed(expected_joints(body))
    assert crossed(expected_joints(body) * [-1, 1, 1]) == tuple(n for n in H36M_17 if "left" in n)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (COCO, "COCO's 17 joints, expected Human3.6M's 17"),
        (H36M_14, "the 14 joints of LSP and 3DPW(.|\n)*use J_regressor_h36m.npy"),
        (MPII, "MPII's 16 joints"),
        (SMPL_24, "SMPL's own skeleton of 24 joints"),
    ],
    ids=["COCO", "LSP", "MPII", "SMPL"],
)
@pytest.mark.parametrize("factor", [1, 3.5], ids=["normalised", "raw"])
def test_known_joint_sets_are_named(tmp_path, body, generator, names, text, factor):
    np.save(tmp_path / "J.npy", factor * landing_as(names, body, generator))
    with pytest.raises(DataError, match=text) as error:
        load_regressor(tmp_path / "J.npy", body, note=len)
    assert "mesh" not in str(error.value)


def test_rows_of_coco_with_the_crown_for_eyes_and_ears_are_cocos(tmp_path, body, weights):
    face = ["nose", "head_top", "head_top", "head_top", "head_top"]
    np.save(tmp_path / "J.npy", weights[rows(face + COCO[5:])])
    with pytest.raises(DataError, match="holds COCO's 17 joints"):
        load_regressor(tmp_path / "J.npy", body)


def test_without_a_body_the_number_of_rows_names_what_it_may_be(tmp_path, weights):
    for count, text in [
        (9, "J_regressor_extra"),
        (14, "LSP and 3DPW or"),
        (24, "SMPL's own"),
        (25, "OpenPose's 25"),
    ]:
        np.save(tmp_path / "J.npy", np.concatenate([weights, weights])[:count])
        with pytest.raises(DataError, match=f"as many rows as .*{text}"):
            load_regressor(tmp_path / "J.npy")


def test_every_known_set_has_places_of_its_own(body):
    """Rows exactly at a set's places are named after that set, and no set is Human3.6M's."""
    skeleton = dict(zip(SMPL_24, body.joint_regressor @ body.template, strict=True))
    joints = dict(zip(H36M_17, expected_joints(body), strict=True))
    middle = joints["nose"] * [1, 0.5, 0] + joints["head_top"] * [0, 0.5, 1]
    places = skeleton | {name: joints[name] for name in ("nose", "head_top")} | {"face": middle}
    for known in OTHER_SETS:
        assert known_set(np.array([places[name] for name in known.places]), body) is known
    assert known_set(expected_joints(body), body) is None


@pytest.mark.parametrize(
    ("exchanged", "text"),
    [
        ([(1, 4)], r"2 of 17 rows.*\n  row 1 \(left_hip\) lands 0.2\d+ m from its joint, on the wrong"),
        ([(11, 14), (12, 15), (13, 16)], r"6 of 17 rows(.|\n)*right_wrist\) lands 1.\d+ m.*wrong side"),
        ([(1, 11)], r"2 of 17 rows(.|\n)*row 11 \(left_shoulder\) lands 0.4"),
        ([(0, 4)], r"2 of 17 rows(.|\n)*row 0 \(pelvis\) lands 0.1\d+ m .*as if it were right_hip"),
        ([(7, 8)], r"2 of 17 rows(.|\n)*row 8 \(neck\) lands 0.3\d+ m .*as if it were spine"),
    ],
    ids=["one pair of hips", "right arm first", "hip and shoulder", "pelvis and hip", "spine and neck"],
)
@pytest.mark.parametrize("matrix", ["near", "genuine"])
def test_rows_in_no_known_order_are_refused_and_the_cure_works(
    tmp_path, monkeypatch, body, weights, exchanged, text, matrix
):
    sound = genuine_stand_in(body) if matrix == "genuine" else weights
    order = list(range(17))
    for a, b in exchanged:
        order[a], order[b] = order[b], order[a]
    np.save(tmp_path / "J.npy", sound[order])
    with pytest.raises(DataError, match=text if matrix == "near" else "rows are off") as error:
        load_regressor(tmp_path / "J.npy", body)
    command = re.search(r"np\.save\('reordered\.npy', J\[.*?\]\)", str(error.value))
    monkeypatch.chdir(tmp_path)
    exec(command[0], {"np": np, "J": np.load("J.npy")})
    assert np.array_equal(load_regressor("reordered.npy", body, note=silent).weights, sound)


def test_shuffled_rows_are_refused(tmp_path, body, generator):
    genuine = genuine_stand_in(body)
    for _ in range(20):
        order = generator.permutation(17)
        np.save(tmp_path / "J.npy", genuine[order])
        with pytest.raises(DataError, match="rows are off"):
            load_regressor(tmp_path / "J.npy", body)


def test_a_matrix_for_another_mesh_of_the_same_size_is_refused(tmp_path, body, weights):
    """The same vertices in another order, as those of SMPL and of the open body are to each other."""
    renumbered = np.random.default_rng(9).permutation(body.n_vertices)
    np.save(tmp_path / "J.npy", weights[:, renumbered])
    with pytest.raises(DataError, match=r"does not fit this body(.|\n)*meshes with as many") as error:
        load_regressor(tmp_path / "J.npy", body)
    away = np.linalg.norm(weights[:, renumbered] @ body.template - expected_joints(body), axis=1)
    for name, metres, limit in zip(H36M_17, away, LIMITS_M, strict=True):
        if metres > limit:
            assert f"({name}) lands {metres:.3f} m" in str(error.value)
    assert (away > LIMITS_M).sum() > 12
    # With a sidecar the faces show it first.
    about = {"topology_hash": body.topology_hash}
    save_regressor(Regressor(weights, about=about), tmp_path / "K.npy")
    with pytest.raises(DataError, match="mesh with other faces"):
        load_regressor(tmp_path / "K.npy", replace(body, faces=body.faces[::-1]))


def test_a_sidecar_that_is_a_link_to_nothing_is_not_passed_over(tmp_path, body, weights):
    np.save(tmp_path / "J.npy", weights)
    (tmp_path / "J.npy.json").symlink_to("archive/J.npy.json")
    with pytest.raises(DataError, match=r"J\.npy\.json is a link to .*which does not exist"):
        load_regressor(tmp_path / "J.npy", body)


def test_a_sidecar_does_not_vouch_for_rows_that_land_elsewhere(tmp_path, body, weights):
    moved = weights.copy()
    wrist, elbow = H36M_17.index("left_wrist"), H36M_17.index("left_elbow")
    moved[wrist] = 0.1 * moved[wrist] + 0.9 * moved[elbow]
    regressor = Regressor(moved, about={"topology_hash": body.topology_hash})
    save_regressor(regressor, tmp_path / "J.npy")
    found = r"order of its sidecar(.|\n)*row 13 \(left_wrist\) lands 0.2(.|\n)*the fit is at fault"
    with pytest.raises(DataError, match=found):
        load_regressor(tmp_path / "J.npy", body)


@pytest.mark.parametrize("joint", ["left_wrist", "nose", "pelvis"])
def test_no_regressor_is_saved_that_would_not_be_loaded(tmp_path, body, weights, joint):
    """A fit on labels with the right leg first, and one that leaves a row in the middle of the body."""
    about = {"topology_hash": body.topology_hash}
    save_regressor(Regressor(weights, about=about), tmp_path / "good.npy", body=body)
    with pytest.raises(DataError, match=r"left_hip\) lands .*wrong side(.|\n)*labels.*another order"):
        save_regressor(Regressor(weights[RIGHT_FIRST], about=about), tmp_path / "J.npy", body=body)
    lost = weights.copy()
    lost[H36M_17.index(joint)] = landing_at([[0.05, 0.25, 0.0]], body)
    with pytest.raises(DataError, match=rf"1 of 17 rows(.|\n)*{joint}\) lands .*limit(.|\n)*few frames"):
        save_regressor(Regressor(lost, about=about), tmp_path / "J.npy", body=body)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.npy", "good.npy.json"]


def test_a_fit_to_bodies_that_do_not_follow_the_labels_names_the_bodies(tmp_path, body, weights):
    """All joints near the middle of the body, sides exchanged: so untrained networks leave them."""
    places = weights[RIGHT_FIRST] @ body.template
    useless = landing_at(0.2 * places + 0.8 * places[:1], body)
    with pytest.raises(DataError, match=r"left_knee\) lands(.|\n)*whether the bodies are of"):
        save_regressor(Regressor(useless), tmp_path / "J.npy", body=body)


def test_sides_are_checked_where_the_skeleton_is_not_smpls(tmp_path, body, weights):
    strange = replace(body, joint_names=tuple(f"joint_{k}" for k in range(24)))
    np.save(tmp_path / "J.npy", weights[RIGHT_FIRST])
    assert np.array_equal(load_regressor(tmp_path / "J.npy", strange, note=len).weights, weights)
    order = list(range(17))
    order[12], order[15] = 15, 12
    with pytest.raises(DataError, match="left_elbow lie on the right side"):
        require_placement(weights[order] @ body.template, strange, "J.npy")


@pytest.mark.parametrize("name", ["coco_17", "openpose_25", "lsp_14", "smpl_24", "mhr_70"])
def test_a_regressor_of_any_joint_set_is_converted_and_inspected(tmp_path, body, name, capsys):
    """Rows that land at the places of the set, to another format and back; inspect prints each."""
    joints = JOINT_SETS[name]
    places = expected_joints(body, joints) * 0.98
    places[:, 0] += [
        0.01 * (one.startswith("left_") - one.startswith("right_")) for one in joints.joints
    ]
    weights = landing_at(places, body)
    np.save(tmp_path / "J.npy", 1.5 * weights)
    converted = str(tmp_path / "J.npz")
    assert main(["convert", str(tmp_path / "J.npy"), converted, "--joints", name]) == 0
    back = load_regressor(converted, body, joints=joints, note=silent)
    assert back.joint_names == joints.joints and np.allclose(back.weights, weights, atol=1e-12)
    assert back.about["topology_hash"] == body.topology_hash
    assert main(["inspect", converted, "--joints", name]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n{joint} " in printed for joint in joints.joints)


def test_rows_of_another_set_are_refused_with_their_distances(tmp_path, body):
    coco, human = JOINT_SETS["coco_17"], JOINT_SETS["h36m_17"]
    np.save(tmp_path / "J.npy", landing_at(expected_joints(body, coco) * 0.98, body))
    with pytest.raises(DataError, match=r"has 17 rows, expected MPII's 16 joints"):
        load_regressor(tmp_path / "J.npy", body, joints=JOINT_SETS["mpii_16"])
    turned = replace(coco, places=coco.places[::-1])
    with pytest.raises(DataError, match=r"row 0 \(nose\) lands 1\.\d+ m from its place"):
        load_regressor(tmp_path / "J.npy", body, joints=turned)
    with pytest.raises(DataError, match=r"holds COCO's 17 joints, expected Human3.6M's 17"):
        load_regressor(tmp_path / "J.npy", body, joints=human)


def test_legs_are_for_human36m_only(tmp_path, body, capsys):
    np.save(tmp_path / "J.npy", np.ones((14, body.n_vertices)) / body.n_vertices)
    command = ["convert", str(tmp_path / "J.npy"), str(tmp_path / "K.npy"), "--joints", "lsp_14"]
    command += ["--body", "none"]
    assert main([*command, "--legs", "right"]) == 1
    assert "--legs and --template are for Human3.6M's joints, not lsp_14" in capsys.readouterr().err
    assert main([*command, "--input-legs", "right"]) == 1
    assert "legs 'right' and a joint set are given" in capsys.readouterr().err
    assert not (tmp_path / "K.npy").exists()


def test_joints_of_a_set_on_the_wrong_side_are_refused(tmp_path, body):
    """Left and right rows exchanged in a set without hips and shoulders, near enough to the middle."""
    path = tmp_path / "eyes.tsv"
    table = "set\tjoint\tmirror\tplace\troot\neyes\tleft_eye\tright_eye\tface\tyes\n"
    path.write_text(table + "eyes\tright_eye\tleft_eye\tface\t-\n")
    joints = joint_set(str(path))
    places = expected_joints(body, joints) + np.array([[0.03, 0, 0], [-0.03, 0, 0]])
    np.save(tmp_path / "good.npy", landing_at(places, body))
    np.save(tmp_path / "bad.npy", landing_at(places[::-1], body))
    assert load_regressor(tmp_path / "good.npy", body, joints=joints).joint_names == joints.joints
    with pytest.raises(DataError, match=r"row 0 \(left_eye\) .* to the right of its mirror joint"):
        load_regressor(tmp_path / "bad.npy", body, joints=joints)


@pytest.mark.parametrize("name", sorted(JOINT_SETS))
def test_rows_of_every_set_are_within_reach_in_any_pose(body, make_bodies, generator, name):
    joints = JOINT_SETS[name]
    places = expected_joints(body, joints)
    near = np.linalg.norm(body.template - places[:, None], axis=2)
    weights = np.eye(body.n_vertices)[near.argmin(axis=1)]
    for vertices in body.vertices(*make_bodies(generator, 3)).astype(np.float64):
        require_reach(weights @ vertices, joints, vertices, "J.npy")


@pytest.mark.parametrize("name", ["coco_17", "h36m_17"])
@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_rows_of_the_other_set_are_out_of_reach(body, make_bodies, generator, name, unit):
    joints = JOINT_SETS[name]
    places = expected_joints(body, JOINT_SETS["h36m_17" if name == "coco_17" else "coco_17"])
    near = np.linalg.norm(body.template - places[:, None], axis=2)
    weights = np.eye(body.n_vertices)[near.argmin(axis=1)]
    for vertices in unit * body.vertices(*make_bodies(generator, 3)).astype(np.float64):
        with pytest.raises(DataError, match=r"J\.npy is not of"):
            require_reach(weights @ vertices, joints, vertices, "J.npy")
