"""Files of predictions are scored against files of labels: rows by what names them, or a refusal."""

import numpy as np
import pytest

from jointreg import stores
from jointreg.config.settings import Evaluate
from jointreg.errors import DataError, UnitError
from jointreg.evaluation.score_files import read_labels, score
from jointreg.exchange.placement import expected_joints
from jointreg.geometry.rotations import to_axis_angle
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, rows

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
        means, count = score(
            body,
            tmp_path / "predictions.npz",
            tmp_path / "labels.npz",
            {"J": weights},
            Evaluate(joints=17, root="pelvis", average="frames"),
            note=told.append,
            **more,
        )
        return means["J"]["mpjpe"], count, " ".join(told)

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
    with pytest.raises(DataError, match="frame 3 stands twice"):
        run(theirs, {"joints_cam": joints[:2], "frame": [3, 3]})
    with pytest.raises(DataError, match="3 stands twice"):
        twice = numbers.copy()
        twice[1] = 3
        run(bodies | {"frame": twice}, {"joints_cam": joints[:1], "frame": [3]})
    with pytest.raises(DataError, match="by nothing"):
        run(bodies, {"joints_cam": joints, "frame": numbers})


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
    protocol = Evaluate(joints=17, root="pelvis", average="frames")
    means, count = score(body, path, store, {"J": weights}, protocol)
    assert means["J"]["mpjpe"] < 1e-2 and count == COUNT


def test_labels_with_the_right_leg_first_give_the_right_number_and_a_note(run, scene):
    bodies, joints = scene
    error, _, told = run(bodies, {"joints_cam": joints[:, rows(H36M_17_RIGHT_FIRST)]})
    assert error < 1e-2 and "right leg comes first" in told


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


def test_what_the_workflow_refuses_the_command_line_refuses(run, scene):
    bodies, joints = scene
    one = joints.copy()
    one[2] *= 1000
    for labels, error, message in (
        (1000 * joints, UnitError, "divide millimetres by 1000"),
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
        read_labels(tmp_path / "labels.npz")
