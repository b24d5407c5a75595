"""Truth in the forms of 3DPW and EMDB, as their files are described: the planted bodies come back."""

import pickle

import numpy as np
import pytest

from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import DataError
from jointreg.evaluation.matching import matched_rows
from jointreg.evaluation.truth_files import read_truth
from jointreg.geometry.rotations import from_axis_angle, to_axis_angle

COUNT = 7
H36M = JOINT_SETS["h36m_17"]
VALID = np.array([1, 1, 0, 1, 1, 1, 0], bool)


@pytest.fixture
def planted(generator, make_bodies):
    """Bodies in the camera's frame, cameras, and axis-angle in the room's frame."""
    rotations, betas, _ = make_bodies(generator, COUNT)
    cameras = np.tile(np.eye(4), (COUNT, 1, 1))
    cameras[:, :3, :3] = from_axis_angle(generator.normal(0, 1, (COUNT, 3)))
    room = rotations.astype(np.float64)
    room[:, 0] = cameras[:, :3, :3].transpose(0, 2, 1) @ room[:, 0]
    return rotations, betas[0], cameras, to_axis_angle(room).reshape(COUNT, 72)


def threedpw(planted):
    """Two people; the second is the planted one."""
    _, betas, cameras, pose = planted
    return {
        "sequence": "downtown",
        "poses": [np.zeros((COUNT, 72)), pose],
        "betas": [np.zeros(10), np.concatenate([betas, np.full(3, 0.1)])],
        "trans": [np.zeros((COUNT, 3))] * 2,
        "genders": ["f", "m"],
        "campose_valid": [np.ones(COUNT, int), VALID.astype(int)],
        "cam_poses": cameras,
        "cam_intrinsics": np.eye(3),
    }


def emdb(planted):
    _, betas, cameras, pose = planted
    smpl = {"poses_root": pose[:, :3], "poses_body": pose[:, 3:], "betas": betas, "trans": pose[:, :3]}
    return {
        "gender": "male",
        "n_frames": COUNT,
        "good_frames_mask": VALID,
        "camera": {"extrinsics": cameras, "intrinsics": np.eye(3)},
        "smpl": smpl,
    }


@pytest.mark.parametrize(("make", "track"), [(threedpw, "1"), (emdb, "")])
def test_the_bodies_of_valid_frames_in_the_cameras_frame(tmp_path, body, planted, make, track):
    path, told = tmp_path / "sequence.pkl", []
    path.write_bytes(pickle.dumps(make(planted), protocol=2))
    truth = read_truth(path, H36M, body, track, told.append, body_file="SMPL_NEUTRAL.npz")
    assert np.abs(truth["rotations"] - planted[0][VALID]).max() < 1e-5
    assert np.abs(truth["betas"] - planted[1]).max() < 1e-6
    assert truth["frame"].tolist() == np.flatnonzero(VALID).tolist()
    told = " ".join(told)
    assert "2 of 7 frames are not valid" in told and "is 'm" in told
    assert "posed by SMPL_NEUTRAL.npz, which has to be SMPL of that gender" in told


def test_predictions_of_every_frame_and_of_named_frames_match(tmp_path, body, planted):
    path = tmp_path / "sequence.pkl"
    path.write_bytes(pickle.dumps(emdb(planted)))
    truth = read_truth(path, H36M, body, note=str)
    every = {"joints": np.arange(COUNT)}
    named = {"joints": np.array([5, 4, 3, 1, 0]), "frame": np.array([5, 4, 3, 1, 0])}
    for predictions in (every, named):
        found = matched_rows(predictions, truth, "p", "t", str)
        assert found["joints"].tolist() == np.flatnonzero(VALID).tolist()
    with pytest.raises(DataError, match="has 6 rows"):
        matched_rows({"joints": np.arange(6)}, truth, "p", "t", str)


def test_one_of_several_people_is_chosen(tmp_path, body, planted):
    path = tmp_path / "sequence.pkl"
    path.write_bytes(pickle.dumps(threedpw(planted)))
    for track in ("", "2", "m"):
        with pytest.raises(DataError, match=r"(?s)2 people \(0, 1\).*--truth-track"):
            read_truth(path, H36M, body, track, str)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cam_poses": np.eye(4)}, "expected .F, 72., .F, 4, 4."),
        ({"poses": [np.zeros((3, 72))] * 2}, "expected .F, 72."),
        ({"campose_valid": [np.zeros(COUNT)] * 2}, "no valid frame"),
        ({"campose_valid": 3}, "no known form"),
        ({"poses": [None, None]}, "no known form"),
    ],
)
def test_damaged_sequences_are_refused(tmp_path, body, planted, change, message):
    path = tmp_path / "sequence.pkl"
    path.write_bytes(pickle.dumps(threedpw(planted) | change))
    with pytest.raises(DataError, match=message):
        read_truth(path, H36M, body, "1", str)


def test_bodies_of_smplx_in_no_known_form_are_refused(tmp_path, body):
    keys = ["global_orient", "body_pose", "left_hand_pose", "transl", "betas"]
    np.savez(tmp_path / "truth.npz", **dict.fromkeys(keys, np.zeros((2, 3))))
    with pytest.raises(DataError, match=r"(?s)bodies of SMPL-X.*np\.savez"):
        read_truth(tmp_path / "truth.npz", H36M, body)
    np.savez(tmp_path / "truth.npz", pose_cam=np.zeros((2, 72)), shape=np.zeros((2, 10)))
    with pytest.raises(DataError, match=r"expected \(N, 165\)"):
        read_truth(tmp_path / "truth.npz", H36M, body)


def test_parameters_need_a_body_and_meshes_do_not(tmp_path, body, planted):
    rotations, betas = planted[:2]
    np.savez(tmp_path / "bodies.npz", rotations=rotations, betas=betas)
    np.savez(tmp_path / "meshes.npz", vertices=body.vertices(rotations, np.tile(betas, (COUNT, 1))))
    assert len(read_truth(tmp_path / "bodies.npz", H36M, body)["rotations"]) == COUNT
    assert len(read_truth(tmp_path / "meshes.npz", H36M, None)["vertices"]) == COUNT
    with pytest.raises(DataError, match="need a body"):
        read_truth(tmp_path / "bodies.npz", H36M, None)
    (tmp_path / "emdb.pkl").write_bytes(pickle.dumps(emdb(planted)))
    with pytest.raises(DataError, match="--truth-body"):
        read_truth(tmp_path / "emdb.pkl", H36M, None, note=str)


def test_betas_of_each_frame_are_those_of_its_body(tmp_path, body, planted, generator):
    content, betas = threedpw(planted), generator.normal(0, 1, (COUNT, 10))
    content["betas"][1] = betas
    path = tmp_path / "sequence.pkl"
    path.write_bytes(pickle.dumps(content))
    assert np.allclose(read_truth(path, H36M, body, "1", note=str).betas, betas[VALID])
    content["betas"][1] = betas[:3]
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match="or of each frame"):
        read_truth(path, H36M, body, "1", note=str)


def test_a_pose_that_is_not_a_number_names_its_frame(tmp_path, body, planted):
    content, path = threedpw(planted), tmp_path / "sequence.pkl"
    frame = np.flatnonzero(VALID)[-1]
    content["poses"][1] = content["poses"][1].copy()
    content["poses"][1][frame, 7] = np.nan
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=f"rotations of frame {frame} are NaN"):
        read_truth(path, H36M, body, "1", note=str)


def test_a_person_is_refused_where_a_file_names_none(tmp_path, body, planted):
    (tmp_path / "emdb.pkl").write_bytes(pickle.dumps(emdb(planted)))
    np.savez(tmp_path / "labels.npz", joints_cam=np.zeros((3, 17, 3)))
    for name in ("emdb.pkl", "labels.npz"):
        with pytest.raises(DataError, match="names no people"):
            read_truth(tmp_path / name, H36M, body, "1", note=str)


def test_a_frame_that_stands_twice_would_count_twice(tmp_path, body, planted):
    meshes = body.vertices(planted[0], np.tile(planted[1], (COUNT, 1)))
    np.savez(tmp_path / "twice.npz", vertices=meshes, frame=[0, 1, 2, 2, 4, 5, 6])
    with pytest.raises(DataError, match="frame 2 stands twice"):
        read_truth(tmp_path / "twice.npz", H36M, None)
