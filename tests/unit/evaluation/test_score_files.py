"""Predictions are scored against a truth, in the arithmetic of the field: rows by what names them."""

from dataclasses import replace

import numpy as np
import pytest

from jointreg import stores
from jointreg.errors import DataError, UnitError
from jointreg.evaluation.label_files import read_labelled_frames
from jointreg.evaluation.presets import OWN, PRESETS, plain, preset, with_root
from jointreg.evaluation.score_files import read_pair, score
from jointreg.evaluation.score_text import sentences
from jointreg.exchange.placement import expected_joints
from jointreg.geometry.rotations import from_axis_angle, to_axis_angle
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, SMPL_24, rows

COUNT = 8


@pytest.fixture(scope="module")
def weights(body):
    """A regressor: each joint the mean of the 24 vertices nearest to its place."""
    found = np.zeros((17, body.n_vertices))
    for row, place in enumerate(expected_joints(body)):
        found[row, np.argsort(np.linalg.norm(body.template - place, axis=1))[:24]] = 1 / 24
    return found


@pytest.fixture
def scene(body, weights, make_bodies, generator):
    """Arrays of predictions, and the joints that the regressor reads from them."""
    rotations, betas, translation = make_bodies(generator, COUNT)
    joints = weights @ body.vertices(rotations, betas, translation).astype(np.float64)
    pose = to_axis_angle(rotations).reshape(COUNT, 72)
    return {"pose": pose, "betas": betas}, joints


@pytest.fixture
def run(tmp_path, body, weights):
    """Function (predictions, labels) -> MPJPE in mm, frames, and what was told."""

    def call(predictions, labels, **more):
        told = []
        np.savez(tmp_path / "predictions.npz", **predictions)
        np.savez(tmp_path / "labels.npz", **labels)
        files = tmp_path / "predictions.npz", tmp_path / "labels.npz"
        pair = read_pair(*files, plain(), body, body, note=told.append, **more)
        scores = score(pair, {"J": weights}, {}, plain(), told.append)
        (means,) = scores.means.values()
        return means["mpjpe"], scores.frames, " ".join(told)

    return call


ORDER = [3, 0, 7, 2, 6, 1, 5, 4]


def shuffled(arrays):
    return {key: value[ORDER] for key, value in arrays.items()}


def test_frame_numbers_without_names_in_the_labels_are_those_of_the_rows(run, scene):
    bodies, joints = scene
    numbered = bodies | {"frame_ids": np.arange(COUNT)}
    assert run(numbered, {"joints_cam": joints})[0] < 1e-2
    error, _, told = run(shuffled(numbered), {"joints_cam": joints})
    assert error < 1e-2 and "sorted by their frame numbers" in told
    for wrong in (np.arange(COUNT) + 10, np.arange(COUNT) * 5):
        with pytest.raises(DataError, match="does not name their frames"):
            run(bodies | {"frame_ids": wrong}, {"joints_cam": joints})
    with pytest.raises(DataError, match="does not name their frames"):
        run(numbered, {"joints_cam": joints[:5]})


@pytest.mark.parametrize("step", [1, 5])
def test_labels_that_number_their_frames_are_matched_by_them(run, scene, step):
    bodies, joints = scene
    numbers = 3 + step * np.arange(COUNT)
    theirs = shuffled(bodies | {"frame_ids": numbers})
    some = [6, 2, 3]
    error, count, _ = run(theirs, {"joints_cam": joints[some], "frame": numbers[some]})
    assert error < 1e-2 and count == 3
    with pytest.raises(DataError, match="1 of 1 labelled frames have no prediction, first 99"):
        run(theirs, {"joints_cam": joints[:1], "frame": [99]})
    with pytest.raises(DataError, match=r"(?s)1 of 3 labelled frames.*count frames from 1: subtract 1"):
        run(bodies | {"frame_ids": np.arange(COUNT) + 1}, {"joints_cam": joints[:3], "frame": range(3)})
    told = run(bodies | {"frame": np.arange(COUNT) + 1}, {"joints_cam": joints[2:3], "frame": [3]})[2]
    assert "frames begin at 1 and are taken to count from 0" in told
    two, one = np.repeat(["1", "2"], [4, COUNT - 4]), np.repeat("1", COUNT)
    for mixed, cause in (
        ({"take": two, "camera": one}, r"labels\.npz names its rows by `frame`"),
        ({"take": two}, "frame numbers of several takes, but not both"),
        ({"camera": two}, "frame numbers of several cameras, but not both"),
    ):
        with pytest.raises(DataError, match=cause):
            run(theirs | mixed, {"joints_cam": joints[some], "frame": numbers[some]})
    with pytest.raises(DataError, match="frame 3 stands twice"):
        run(theirs, {"joints_cam": joints[:2], "frame": [3, 3]})
    with pytest.raises(DataError, match="3 stands twice"):
        twice = numbers.copy()
        twice[1] = 3
        run(bodies | {"frame": twice}, {"joints_cam": joints[:1], "frame": [3]})
    with pytest.raises(DataError, match=r"(?s)by nothing.*add to the predictions an array `frame`"):
        run(bodies, {"joints_cam": joints, "frame": numbers})
    with pytest.raises(DataError, match=r"the arrays points, none(.|\n)*joints .N, J, 3.; vert.*betas"):
        run({"points": joints}, {"joints_cam": joints})


def test_pictures_are_matched_by_name_whatever_their_folder(run, scene):
    bodies, joints = scene
    names = np.array([f"S9_Walking 1.54138969_{n + 1:06d}.jpg" for n in range(COUNT)])
    theirs = shuffled(bodies | {"imgname": np.array([f"images/{name}" for name in names])})
    assert run(theirs, {"joints_cam": joints[:4], "imgname": names[:4]})[0] < 1e-2
    other = np.array([f"a/{n}.png" for n in range(COUNT)])
    theirs = shuffled(bodies | {"image_path": other})
    assert run(theirs, {"joints_cam": joints, "imgname": other})[0] < 1e-2
    with pytest.raises(DataError, match="labelled frames have no prediction"):
        run(theirs, {"joints_cam": joints, "imgname": names})


def test_frame_numbers_match_labels_of_one_take_and_camera(run, scene):
    bodies, joints = scene
    numbers = np.arange(COUNT)
    identity = {"take": np.repeat("1", COUNT), "camera": np.repeat("a", COUNT), "frame": numbers}
    theirs = shuffled(bodies | {"frame_ids": numbers})
    error, _, told = run(theirs, {"joints_cam": joints} | identity)
    assert error < 1e-2 and "taken for take 1, camera a" in told
    identity["camera"][3:] = "b"
    with pytest.raises(DataError, match="lacks take, camera and frame"):
        run(theirs, {"joints_cam": joints} | identity)
    identity |= {"camera": np.repeat("a", COUNT), "frame": np.repeat(2, COUNT)}
    with pytest.raises(DataError, match="take 1, camera a, frame 2 stands twice"):
        run(theirs, {"joints_cam": joints} | identity)


def test_pictures_match_a_store_of_prepare(tmp_path, body, weights, scene):
    """SPIN names takes by file; the store has the names."""
    bodies, joints = scene
    numbers = np.arange(COUNT)
    arrays = {
        "crops": np.zeros((COUNT, 224, 224, 3), np.uint8),
        "joints_cam": joints.astype(np.float32),
        "joints_px": np.zeros((COUNT, 17, 2), np.float32),
        "crop_intrinsics": np.tile(np.eye(3), (COUNT, 1, 1)),
        "camera": np.zeros(COUNT, np.int16),
        "take": np.zeros(COUNT, np.int16),
        "frame": numbers.astype(np.int32),
    }
    facts = {
        "rows": stores.rows_digest(arrays["take"], arrays["camera"], arrays["frame"]),
        "camera_names": ["54138969"],
        "cameras": {},
        "take_names": ["1"],
        "take_files": {"1": "Walking 1"},
        "joint_names": list(H36M_17),
        "labels": "S9 Walking",
        "image_size": {},
    }
    store = tmp_path / "Walking.zarr.zip"
    stores.FRAMES.write(store, arrays, attrs=facts)
    names = np.array([f"S9_Walking_1.54138969_{n + 1:06d}.jpg" for n in numbers])
    path = tmp_path / "predictions.npz"
    np.savez(path, **shuffled(bodies | {"imgname": names}))
    scores = score(read_pair(path, store, plain(), body, body), {"J": weights}, {}, plain())
    assert scores.means["J"]["mpjpe"] < 1e-2 and scores.frames == COUNT


def test_labels_with_the_right_leg_first_give_the_right_number_and_a_note(run, scene):
    bodies, joints = scene
    error, _, told = run(bodies, {"joints_cam": joints[:, rows(H36M_17_RIGHT_FIRST)]})
    assert error < 1e-2 and "right leg comes first" in told


def test_labels_in_millimetres_give_the_same_number_and_a_note(run, scene):
    bodies, joints = scene
    joints = joints.copy()
    joints[2] = np.nan
    error, frames, told = run(bodies, {"joints_cam": 1000 * joints})
    assert error < 1e-2 and frames == COUNT - 1 and "labels.npz: joints_cam are in millimetres" in told


def test_rows_that_lack_a_joint_are_left_out_and_counted(run, scene):
    bodies, joints = scene
    joints = joints.copy()
    joints[4, 3] = np.nan
    error, count, told = run(bodies, {"joints_cam": joints})
    assert error < 1e-2 and count == COUNT - 1
    assert "1 of 8 rows lack a joint, first row 4, left_ankle" in told
    numbered = shuffled(bodies | {"frame": np.arange(COUNT)})
    assert run(numbered, {"joints_cam": joints})[:2] == (pytest.approx(0, abs=1e-2), COUNT - 1)
    with pytest.raises(DataError, match="no frames with all joints"):
        run(bodies, {"joints_cam": joints * np.nan})


@pytest.mark.parametrize("kind", ["joints", "vertices", "betas", "pose"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_the_labels_leave_out_do_not_matter(run, scene, body, make_bodies, kind, value):
    """Broken predictions of such a row; of a labelled row they are refused with a cure that works."""
    bodies, joints = scene
    posed = body.vertices(from_axis_angle(bodies["pose"].reshape(COUNT, 24, 3)), bodies["betas"])
    whole = {"joints": {"joints": joints}, "vertices": {"vertices": posed}}.get(kind, bodies)
    broken = {key: array.copy() for key, array in whole.items()}
    broken[kind][5, ..., -1] = value
    with pytest.raises(DataError, match=r"of labelled row 5 are NaN or inf(.|\n)*NaN in its joints"):
        run(broken, {"joints_cam": joints})
    labels = joints.copy()
    labels[5] = value
    error, frames, _ = run(broken, {"joints_cam": labels})
    assert frames == COUNT - 1 and error == pytest.approx(0, abs=1e-2)


def test_what_the_workflow_refuses_the_command_line_refuses(run, scene):
    bodies, joints = scene
    one = joints.copy()
    one[2] *= 1000
    for labels, error, message in (
        (100 * joints, UnitError, "probably centimetres taken for metres"),
        (joints / 2, UnitError, "legs are"),
        (one, DataError, "a leg of row 2"),
        (joints * [1, -1, -1], DataError, "the trunk points .* degrees"),
        (joints[..., [0, 2, 1]] * [1, -1, 1], DataError, "the trunk points .* degrees"),
        (joints[:, ::-1], (DataError, UnitError), "labels.npz"),
        (0 * joints, UnitError, "legs are 0 m"),
        (joints > 0, DataError, "expected an array of numbers"),
    ):
        with pytest.raises(error, match=message):
            run(bodies, {"joints_cam": labels})
    turned = bodies | {"pose": bodies["pose"].copy()}
    turned["pose"][:, :3] = 0  # y up
    with pytest.raises(DataError, match=r"predictions\.npz: the trunk points"):
        run(turned, {"joints_cam": joints})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"joint_names": np.array([["nose"] * 17])}, "joint_names are"),
        ({"frame": np.array(["a"] * COUNT)}, "frame numbers are no numbers"),
        ({"frame": np.full(COUNT, np.inf)}, "frame number inf"),
        ({"frame": np.arange(3)}, "frame missing or not one a row"),
        ({"camera": np.repeat("a", COUNT)}, "frame, take missing"),
        ({"joints_cam": np.array({"a": 1}, dtype=object)}, "expected an array of numbers"),
        (
            {
                "take": np.array([{}] * COUNT, dtype=object),
                "camera": np.repeat("a", COUNT),
                "frame": np.arange(COUNT),
            },
            "take is object, expected names",
        ),
    ],
)
def test_damaged_labels_are_named(tmp_path, scene, arrays, message):
    np.savez(tmp_path / "labels.npz", **{"joints_cam": scene[1]} | arrays)
    with pytest.raises(DataError, match=message):
        read_labelled_frames(tmp_path / "labels.npz")


@pytest.fixture
def video(tmp_path, body, make_bodies, generator):
    """Parameters and meshes of predictions and of a truth that differ, 30 frames, as files."""
    files = {}
    for name in ("predicted", "true"):
        rotations, betas, _ = make_bodies(generator, 30)
        meshes = body.vertices(rotations, betas)
        files[name] = {
            "bodies": {"rotations": rotations, "betas": betas},
            "meshes": {"vertices": meshes},
        }
        for form, arrays in files[name].items():
            np.savez(tmp_path / f"{name}_{form}.npz", **arrays)
    return files


def scores_of(folder, protocol, body, weights, forms=("bodies", "bodies"), truth_weights=None):
    files = [
        folder / f"{name}_{form}.npz" for name, form in zip(("predicted", "true"), forms, strict=True)
    ]
    pair = read_pair(*files, protocol, body, body, note=str)
    truth = {"J": weights if truth_weights is None else truth_weights}
    return score(pair, {"J": weights}, truth, protocol, str)


@pytest.mark.parametrize("name", PRESETS)
def test_meshes_score_as_the_parameters_that_posed_them(tmp_path, body, weights, video, name):
    """Every metric of every protocol, on either side: to a micrometre."""
    protocol = preset(name)
    matrix = body.joint_regressor.astype(float) if protocol.regressor == OWN else weights
    first = scores_of(tmp_path, protocol, body, matrix)
    for forms in (("meshes", "bodies"), ("bodies", "meshes"), ("meshes", "meshes")):
        other = scores_of(tmp_path, protocol, body, matrix, forms)
        for metric, value in first.means["J"].items():
            unit = 30.0**2 if metric == "acceleration" else 1000.0
            assert abs(other.means["J"][metric] - value) < 1e-6 * unit, metric
        assert np.abs(other.joints["J"]["mpjpe"] - first.joints["J"]["mpjpe"]).max() < 1e-3
    assert set(first.means["J"]) == set(protocol.metrics)


def test_both_sides_by_one_regressor_in_ten_lines_of_numpy(tmp_path, body, weights, video):
    predicted, true = (video[name]["meshes"]["vertices"].astype(float) for name in ("predicted", "true"))
    p, t = weights @ predicted, weights @ true
    p, t = p - p[:, :1], t - t[:, :1]
    mpjpe = np.sqrt(((p - t) ** 2).sum(-1)).mean()
    found = scores_of(tmp_path, plain("17"), body, weights, ("meshes", "meshes"))
    assert found.means["J"]["mpjpe"] == pytest.approx(1000 * mpjpe, abs=1e-6)
    assert found.joints["J"]["mpjpe"] == pytest.approx(
        1000 * np.sqrt(((p - t) ** 2).sum(-1)).mean(0), abs=1e-6
    )


def published(predicted, true, pelvis):
    """Joints and vertices of both sides -> the numbers of the public evaluations, frame by frame.

    Written from their description: pelvis taken off, Procrustes by the singular vectors of the outer
    product with the scale by its trace, acceleration times 30 Hz squared.
    """
    sums = {"mpjpe": [], "pa_mpjpe": [], "pve": []}
    moved = []
    for (p, p_mesh), (t, t_mesh) in zip(
        zip(*predicted, strict=True), zip(*true, strict=True), strict=True
    ):
        p_root, t_root = pelvis(p), pelvis(t)
        a, b = p[1] - p_root, t[1] - t_root
        moved.append((a, b))
        sums["mpjpe"].append(np.mean([np.hypot(np.hypot(*d[:2]), d[2]) for d in a - b]))
        d = (p_mesh - p_root) - (t_mesh - t_root)
        sums["pve"].append(np.mean((d * d).sum(1) ** 0.5))
        x, y = (a - a.mean(0)).T, (b - b.mean(0)).T
        u, _, vt = np.linalg.svd(x @ y.T)
        z = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
        r = vt.T @ z @ u.T
        scale = np.trace(r @ x @ y.T) / (x * x).sum()
        sums["pa_mpjpe"].append(np.mean(np.linalg.norm(scale * r @ x - y, axis=0)))
    found = {key: 1000 * np.mean(values) for key, values in sums.items()}
    a, b = (np.array(side) for side in zip(*moved, strict=True))
    second = np.diff(a, 2, axis=0) - np.diff(b, 2, axis=0)
    return found | {"acceleration": 900 * np.mean(np.linalg.norm(second, axis=2))}


def as_published(joints, counted):
    """Pairs of all joints, which the pelvis is taken from, and of those that count."""
    return [(one, one[counted]) for one in joints]


@pytest.mark.parametrize("root", ["pelvis", "mid_hip"])
def test_3dpw_is_the_published_arithmetic(tmp_path, body, weights, video, root):
    """SPIN's and BEDLAM's pelvis row, and the middle of the hips of VIBE, WHAM, GVHMR, PromptHMR."""
    to_j14 = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]
    sides = []
    for name in ("predicted", "true"):
        meshes = video[name]["meshes"]["vertices"].astype(float)
        sides.append((as_published(weights @ meshes, to_j14), meshes))
    hips = {"pelvis": lambda j: j[0][0], "mid_hip": lambda j: (j[1][2] + j[1][3]) / 2}
    expected = published(*sides, hips[root])
    found = scores_of(tmp_path, with_root(preset("3dpw"), root), body, weights)
    assert found.means["J"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", ["emdb", "rich"])
def test_emdb_and_rich_are_the_published_arithmetic(tmp_path, body, video, name):
    """24 rows of the body's own matrix on posed vertices, from the middle of the hips."""
    matrix = body.joint_regressor.astype(float)
    sides = []
    for side in ("predicted", "true"):
        meshes = video[side]["meshes"]["vertices"].astype(float)
        sides.append((as_published(matrix @ meshes, slice(None)), meshes))
    expected = published(*sides, lambda j: (j[1][1] + j[1][2]) / 2)
    found = scores_of(tmp_path, preset(name), body, matrix)
    assert found.means["J"] == pytest.approx(expected, abs=1e-3)


def test_each_side_by_its_own_regressor(tmp_path, body, weights, video):
    """The truth by another regressor, against the same in numpy."""
    lifted = np.roll(weights, 1, axis=1)
    found = scores_of(tmp_path, plain(), body, weights, truth_weights=lifted)
    p, t = (
        one @ video[name]["meshes"]["vertices"].astype(float)
        for one, name in ((weights, "predicted"), (lifted, "true"))
    )
    expected = np.linalg.norm((p - p[:, :1]) - (t - t[:, :1]), axis=-1).mean()
    assert found.means["J"]["mpjpe"] == pytest.approx(1000 * expected, abs=1e-3)


def test_accelerations_need_frames_that_follow_one_another(tmp_path, scene):
    """Nine frames with one missing: the errors at frames 1 to 3 and 7, in m/s2 at 50 Hz."""
    _, joints = scene
    frames = np.array([0, 1, 2, 3, 4, 6, 7, 8])
    moving = joints.copy()
    moving[:, 3] += (0.01 * frames**2 / 2)[:, None] * [
        0.0,
        0,
        1,
    ]  # the left ankle: 0.01 m a frame squared
    np.savez(tmp_path / "predictions.npz", joints=joints, frame=frames)
    np.savez(tmp_path / "labels.npz", joints_cam=moving, frame=frames)
    protocol = replace(plain(), metrics=("mpjpe", "acceleration"), frame_rate=50.0)
    pair = read_pair(tmp_path / "predictions.npz", tmp_path / "labels.npz", protocol, None, note=str)
    found = score(pair, {}, {}, protocol, str)
    assert found.joints["as given"]["acceleration"][3] == pytest.approx(25.0, abs=1e-6)
    assert found.means["as given"]["acceleration"] == pytest.approx(25.0 / 17, abs=1e-6)
    assert found.accelerations == 4 and found.frames == 8
    slow = replace(protocol, frame_rate=0.0)
    assert score(pair, {}, {}, slow, str).joints["as given"]["acceleration"][3] == pytest.approx(10)
    told = []
    pair = pair._replace(times=pair.times * 3)
    every_third = score(pair, {}, {}, protocol, told.append).joints["as given"]["acceleration"][3]
    assert every_third == pytest.approx(25 / 9) and not told
    words = " ".join(sentences(pair, protocol, ["", ""], [], 8))
    assert "at 50 Hz, 60 ms apart" in words
    score(pair._replace(times=None), {}, {}, protocol, told.append)
    assert "no acceleration error" in told[0]


def test_joints_alone_are_scored_without_a_regressor(tmp_path, body, scene):
    _, joints = scene
    told = []
    np.savez(tmp_path / "predictions.npz", joints=1000 * joints[:, rows(H36M_17_RIGHT_FIRST)])
    np.savez(tmp_path / "labels.npz", joints_cam=joints)
    files = tmp_path / "predictions.npz", tmp_path / "labels.npz"
    found = score(read_pair(*files, plain(), None, note=told.append), {}, {}, plain(), told.append)
    assert found.means["as given"]["mpjpe"] < 1e-6
    told = " ".join(told)
    assert "right leg comes first" in told and "millimetres" in told


def test_joints_of_another_set_are_brought_to_its_order(tmp_path, body, make_bodies, generator):
    rotations, betas, _ = make_bodies(generator, COUNT)
    joints = body.joint_regressor.astype(float) @ body.vertices(rotations, betas)
    order = np.random.default_rng(1).permutation(24)
    names = np.array(SMPL_24)
    np.savez(tmp_path / "predictions.npz", joints=joints[:, order], joint_names=names[order])
    np.savez(tmp_path / "labels.npz", joints_cam=joints)
    files = tmp_path / "predictions.npz", tmp_path / "labels.npz"
    told = []
    pair = read_pair(*files, plain("smpl_24"), None, note=told.append)
    assert score(pair, {}, {}, plain("smpl_24")).means["as given"]["mpjpe"] < 1e-9
    assert any("reordered by their names" in one for one in told)
    assert any("in that order" in one for one in told)
    lost = joints - joints[:, :1]
    lost[0, 20] = 0
    for arrays, message in (
        ({"joints": joints, "joint_names": np.repeat("nose", 24)}, "contain nose twice"),
        ({"joints": joints[:, :23], "joint_names": names[:23]}, "has no joint right_hand"),
        ({"joints": joints[:, :20]}, r"shape .8, 20, 3., expected .N, 24, 3"),
        ({"joints": lost}, r"joint 20 of row 0 is at \(0, 0, 0\)"),
    ):
        np.savez(tmp_path / "predictions.npz", **arrays)
        with pytest.raises(DataError, match=message):
            read_pair(*files, plain("smpl_24"), None, note=str)


def test_meshes_in_another_frame_of_reference_are_refused(tmp_path, body, weights, video):
    turned = video["predicted"]["meshes"]["vertices"] * np.float32([1, -1, -1])
    np.savez(tmp_path / "predicted_meshes.npz", vertices=turned)
    with pytest.raises(DataError, match=r"the trunk points 1\d\d degrees"):
        scores_of(tmp_path, preset("3dpw"), body, weights, ("meshes", "bodies"))


def test_meshes_that_do_not_correspond_have_no_vertex_error(tmp_path, body, weights, video):
    told = []
    np.savez(tmp_path / "few.npz", vertices=video["true"]["meshes"]["vertices"][:, ::2])
    files = tmp_path / "predicted_meshes.npz", tmp_path / "few.npz"
    pair = read_pair(*files, preset("3dpw"), body, None, note=str)
    found = score(pair, {"J": weights}, {"K": weights[:, ::2] * 2}, preset("3dpw"), told.append)
    assert "pve" not in found.means["J"] and "no vertex error" in " ".join(told)


def test_meshes_of_as_many_vertices_in_another_order_have_no_vertex_error(
    tmp_path, body, weights, video, generator
):
    order, told = generator.permutation(body.n_vertices), []
    np.savez(tmp_path / "other.npz", vertices=video["true"]["meshes"]["vertices"][:, order])
    files = tmp_path / "predicted_meshes.npz", tmp_path / "other.npz"
    pair = read_pair(*files, preset("3dpw"), None, None, note=str)
    found = score(pair, {"J": weights}, {"J": weights[:, order]}, preset("3dpw"), told.append)
    whole = scores_of(tmp_path, preset("3dpw"), body, weights, ("meshes", "meshes")).means["J"]
    assert "pve" not in found.means["J"] and "no vertex error" in " ".join(told)
    assert abs(found.means["J"]["mpjpe"] - whole["mpjpe"]) < 1e-6
