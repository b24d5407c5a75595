"""Files of the field's tools in their published form: the planted bodies come back, or a reason."""

import json
import pickle
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from jointreg.errors import DataError, UnitError
from jointreg.geometry.rotations import to_axis_angle
from jointreg.predictions.bodies import read_predictions
from jointreg.predictions.files import read_file
from jointreg.predictions.other_tools import BY_KEYS

COUNT = 6


@pytest.fixture
def truth(make_bodies, generator):
    return make_bodies(generator, COUNT)


@pytest.fixture
def smpl(body):
    """A body with as many vertices as SMPL's."""
    return replace(body, template=np.zeros((6890, 3), np.float32))


@pytest.fixture
def smplx(body):
    """A body with as many vertices as SMPL-X's."""
    return replace(body, template=np.zeros((10475, 3), np.float32))


@pytest.fixture
def pose(truth):
    return to_axis_angle(truth[0]).reshape(COUNT, 72).astype(np.float32)


def same(found, truth, rows=slice(None), joints=24):
    assert np.abs(found["rotations"][:, :joints] - truth[0][rows][:, :joints]).max() < 1e-5
    assert np.abs(found["betas"] - truth[1][rows]).max() < 1e-6


def test_wham_reads_the_pose_in_the_cameras_frame(tmp_path, body, truth, pose):
    """joblib of a defaultdict; pose_world is the same person in a room's frame."""
    joblib = pytest.importorskip("joblib", reason="joblib writes WHAM's files: pip install joblib")
    people = defaultdict(dict)
    people[0] = {
        "pose": pose,
        "trans": np.ones((COUNT, 3)),
        "pose_world": np.zeros((COUNT, 72)),
        "trans_world": np.ones((COUNT, 3)),
        "betas": truth[1],
        "verts": np.zeros((COUNT, 4, 3)),
        "frame_ids": np.arange(COUNT),
    }
    joblib.dump(people, tmp_path / "wham_output.pkl")
    found = read_predictions(tmp_path / "wham_output.pkl", body)
    same(found, truth)
    assert found["frame"].tolist() == list(range(COUNT)) and "translation" not in found
    del people[0]["pose"]
    joblib.dump(people, tmp_path / "wham_output.pkl")
    with pytest.raises(DataError, match=r"'pose_world', poses in a room's frame"):
        read_predictions(tmp_path / "wham_output.pkl", body)


def gvhmr(truth, pose):
    camera = {
        "body_pose": pose[:, 3:66],
        "global_orient": pose[:, :3],
        "betas": truth[1],
        "transl": np.ones((COUNT, 3), np.float32),
    }
    return {
        "smpl_params_global": camera | {"global_orient": 0 * pose[:, :3]},
        "smpl_params_incam": camera,
        "K_fullimg": np.tile(np.eye(3, dtype=np.float32), (COUNT, 1, 1)),
        "net_outputs": {"static_conf_logits": np.zeros((1, COUNT, 6), np.float32)},
    }


@pytest.mark.parametrize("legacy", [False, True])
def test_gvhmrs_torch_file_is_read_in_the_cameras_frame(tmp_path, body, smplx, truth, pose, legacy):
    torch = pytest.importorskip("torch", reason="torch writes GVHMR's files")

    def tensors(value):
        if isinstance(value, dict):
            return {key: tensors(item) for key, item in value.items()}
        return torch.from_numpy(value)

    path = tmp_path / "hmr4d_results.pt"
    content = tensors(gvhmr(truth, pose))
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    found = read_predictions(path, smplx)
    same(found, truth, joints=22)
    assert found["frame"].tolist() == list(range(COUNT))
    with pytest.raises(DataError, match=r"hmr4d_results\.pt: its betas are of SMPL-X by its form"):
        read_predictions(path, body)
    del content["smpl_params_incam"]
    torch.save(content, path)
    with pytest.raises(DataError, match=r"room's frame only \('smpl_params_global'\)"):
        read_file(path)
    torch.save({"smpl_params_incam": torch.nn.Linear(1, 1)}, path)
    with pytest.raises(DataError, match=r"names torch\.nn.*(.|\n)*torch\.save\(dict, path\)"):
        read_file(path)
    raw = bytearray(path.read_bytes())
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError, match="file of torch"):
        read_file(path)


def test_gvhmrs_content_in_a_pickle_is_one_person(tmp_path, smplx, truth, pose):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(gvhmr(truth, pose)))
    same(read_predictions(tmp_path / "a.pkl", smplx), truth, joints=22)


def prompt_hmr(truth, pose, people):
    """Person -> frames; parameters in both frames of reference, 55 joints."""
    whole = np.zeros((COUNT, 165), np.float32)
    whole[:, :66] = pose[:, :66]
    return {
        "camera": {"pred_cam_R": np.tile(np.eye(3), (COUNT, 1, 1))},
        "people": {
            name: {
                "track_id": name,
                "frames": np.arange(COUNT)[frames],
                "bboxes": np.ones((COUNT, 4))[frames],
                "smplx_cam": {
                    "pose": whole[frames],
                    "shape": truth[1][frames],
                    "trans": np.ones((COUNT, 3))[frames],
                },
                "smplx_world": {"pose": 0 * whole[frames], "shape": truth[1][frames]},
            }
            for name, frames in people.items()
        },
        "has_tracks": True,
    }


def test_prompthmrs_people_in_the_cameras_frame(tmp_path, smplx, truth, pose):
    path = tmp_path / "results.pkl"
    path.write_bytes(pickle.dumps(prompt_hmr(truth, pose, {1: slice(0, 4), 2: slice(4, COUNT)})))
    found = read_predictions(path, smplx)
    same(found, truth, joints=22)
    assert found["frame"].tolist() == list(range(COUNT))
    path.write_bytes(pickle.dumps(prompt_hmr(truth, pose, {1: slice(0, 4), 2: slice(2, COUNT)})))
    with pytest.raises(DataError, match=r"frame 2 has several people \(1, 2\)(.|\n)*--track 1"):
        read_predictions(path, smplx)
    same(read_predictions(path, smplx, track="2"), truth, slice(2, COUNT), joints=22)
    with pytest.raises(DataError, match="no person '7', only 1, 2"):
        read_predictions(path, smplx, track="7")


def phalp(truth, lost=(), extra=None):
    """4D-Humans' tracker: from the frames `lost` on the person's last body is repeated."""
    rotations, betas, _ = truth
    frames, last = {}, 0
    for frame in range(COUNT):
        last = last if frame in lost else frame
        people = [(1, last, frame - last)] + ([(7, 0, 0)] if frame == extra else [])
        frames[f"img/{frame:06d}.jpg"] = {
            "time": frame,
            "shot": 0,
            "tid": [name for name, _, _ in people],
            "tracked_ids": [name for name, _, since in people if since == 0],
            "tracked_time": [since for _, _, since in people],
            "smpl": [
                {
                    "global_orient": rotations[row, :1],
                    "body_pose": rotations[row, 1:],
                    "betas": betas[row],
                }
                for _, row, _ in people
            ],
        }
    return frames


def test_a_trackers_guess_for_a_lost_person_is_no_prediction(tmp_path, body, truth, capsys):
    path = tmp_path / "demo.pkl"
    path.write_bytes(pickle.dumps(phalp(truth, lost=(2, 3))))
    found = read_predictions(path, body)
    same(found, truth, [0, 1, 4, 5])
    assert found["frame"].tolist() == [0, 1, 4, 5]
    assert "2 bodies left out: the tracker had lost the person" in capsys.readouterr().out


@pytest.mark.parametrize("since", ["x", None, 0.5])
def test_a_trackers_count_that_is_none_is_named(tmp_path, body, truth, since):
    frames = phalp(truth)
    next(iter(frames.values()))["tracked_time"] = [since]
    (tmp_path / "demo.pkl").write_bytes(pickle.dumps(frames))
    with pytest.raises(DataError, match=r"demo\.pkl: tracked_time: frame number"):
        read_predictions(tmp_path / "demo.pkl", body)


def test_a_track_is_chosen_where_a_picture_has_several_people(tmp_path, body, truth):
    path = tmp_path / "demo.pkl"
    path.write_bytes(pickle.dumps(phalp(truth, extra=3)))
    with pytest.raises(DataError, match=r"frame 3 has several people \(1, 7\)"):
        read_predictions(path, body)
    same(read_predictions(path, body, track="1"), truth)
    with pytest.raises(DataError, match="not person 4 in any of 6 frames"):
        read_predictions(path, body, track="4")


@pytest.mark.parametrize("first", [0, 1])
def test_romps_results_of_a_video(tmp_path, body, truth, pose, first):
    results = {
        f"{number + first:08d}.jpg": {
            "cam": np.ones((1, 3)),
            "smpl_thetas": pose[[number]],
            "smpl_betas": truth[1][[number]],
        }
        for number in range(COUNT)
    }
    path = tmp_path / "video_results.npz"
    np.savez(path, results=results, sequence_results={})
    found = read_predictions(path, body)
    same(found, truth)
    assert found["frame"].tolist() == list(range(COUNT))
    del results[f"{2 + first:08d}.jpg"]
    np.savez(path, results=results)
    with pytest.raises(DataError, match="not numbered one by one"):
        read_predictions(path, body)


def test_bevs_eleven_shape_numbers_are_named(tmp_path, body, truth, pose):
    one = {"smpl_thetas": pose[:1], "smpl_betas": np.concatenate([truth[1][:1], [[0.2]]], axis=1)}
    np.savez(tmp_path / "a.npz", results=one)
    with pytest.raises(DataError, match="BEV's eleventh is a share of a child's body"):
        read_predictions(tmp_path / "a.npz", body)
    np.savez(tmp_path / "a.npz", results={"smpl_thetas": pose[:2], "smpl_betas": truth[1][:2]})
    with pytest.raises(DataError, match="of one picture with 2 people"):
        read_predictions(tmp_path / "a.npz", body)


def test_aists_motion_has_no_shape(tmp_path, body, truth, pose):
    motion = {"smpl_poses": pose, "smpl_trans": np.ones((COUNT, 3)), "smpl_scaling": np.ones(1)}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(motion))
    with pytest.raises(DataError, match="motion without shape: add betas"):
        read_predictions(tmp_path / "a.pkl", body)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(motion | {"betas": truth[1][0]}))
    assert np.abs(read_predictions(tmp_path / "a.pkl", body)["rotations"] - truth[0]).max() < 1e-5


def test_of_amass_sixteen_betas_ten_are_used_and_that_is_printed(tmp_path, smpl, truth, pose, capsys):
    whole = np.zeros((COUNT, 156), np.float32)
    whole[:, :66] = pose[:, :66]
    betas = np.concatenate([truth[1][0], [0.5, -0.7, 0, 0, 0, 0]])
    np.savez(tmp_path / "a.npz", poses=whole, betas=betas, trans=np.ones((COUNT, 3)), gender="male")
    found = read_predictions(tmp_path / "a.npz", smpl)
    assert np.abs(found["betas"] - truth[1][0]).max() < 1e-6
    printed = capsys.readouterr().out
    assert "of 16 betas the last 6 (up to 0.7) are left out" in printed
    assert "betas of SMPL-H, which has the shape directions of SMPL" in printed


def test_smplcodecs_files(tmp_path, smpl, truth, pose):
    """An npz under the suffix smpl: one shape, 22 joints, no names of frames."""
    content = {
        "codecVersion": np.array(2),
        "smplVersion": np.array(0),
        "shapeParameters": truth[1][0],
        "frameCount": np.array(COUNT),
        "frameRate": np.array(30.0),
        "bodyTranslation": np.ones((COUNT, 3)),
        "bodyPose": pose.reshape(COUNT, 24, 3),
    }
    path = tmp_path / "avatar.smpl"
    with path.open("wb") as stream:
        np.savez_compressed(stream, **content)
    found = read_predictions(path, smpl)
    assert np.abs(found["rotations"] - truth[0]).max() < 1e-5
    assert np.abs(found["betas"] - truth[1][0]).max() < 1e-6
    with path.open("wb") as stream:
        np.savez_compressed(stream, **content | {"smplVersion": np.array(5)})
    with pytest.raises(DataError, match="smplVersion is 5, expected one of 0"):
        read_predictions(path, smpl)
    path.write_bytes(b"PK is no archive")
    with pytest.raises(DataError, match="not a readable npz"):
        read_predictions(path, smpl)


@pytest.mark.parametrize("tool", BY_KEYS)
def test_tools_that_are_not_read_are_named_with_a_cure(tmp_path, truth, pose, tool):
    keys, cure = BY_KEYS[tool]
    content = {"poses": pose, "betas": truth[1]} | dict.fromkeys(keys, np.zeros((COUNT, 3)))
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(DataError, match=f"is of {tool}, which are not read") as error:
        read_file(tmp_path / "a.npz")
    assert cure in str(error.value)


def test_a_scene_of_meshcapade_is_named(tmp_path):
    """glTF with the body's .smpl in it, and a camera."""
    scene = {"scenes": [{"extensions": {"MC_scene_description": {"smpl_bodies": []}}}], "buffers": []}
    path = tmp_path / "scene.mcs"
    path.write_text(json.dumps(scene, indent=2))
    with pytest.raises(DataError, match=r"is a scene of Meshcapade \(\.mcs\)(.|\n)*as \.smpl"):
        read_file(path)


def test_cameras_are_not_taken_for_people(tmp_path):
    """As mmpose's file of Human3.6M: pairs of subject and camera, with R, T and the lens."""
    cameras = {("S1", name): {"R": np.eye(3), "T": np.ones((3, 1)), "f": 1.0} for name in ("a", "b")}
    (tmp_path / "cameras.pkl").write_bytes(pickle.dumps(cameras))
    with pytest.raises(DataError, match=r"has 2 entries \(\('S1', 'a'\), .* without poses"):
        read_file(tmp_path / "cameras.pkl")


def test_a_list_of_outputs_and_a_folder_of_files_are_to_be_joined(tmp_path):
    path = tmp_path / "outputs.pkl"
    path.write_bytes(pickle.dumps([{"betas": np.zeros((1, 10))}] * 2))
    with pytest.raises(DataError, match=r"contains a list(.|\n)*np\.concatenate"):
        read_file(path)
    with pytest.raises(DataError, match=r"is a folder(.|\n)*join the frames of one person"):
        read_file(tmp_path)


def test_an_object_that_numpy_saved_is_read(tmp_path, body, truth, pose):
    np.save(tmp_path / "a.npy", {"pose": pose, "betas": truth[1]}, allow_pickle=True)
    same(read_predictions(tmp_path / "a.npy", body), truth)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"frame_ids": np.array(["a"] * COUNT)}, DataError, "frame numbers are no numbers"),
        ({"frame_ids": np.full(COUNT, np.nan)}, DataError, "frame number nan"),
        ({"frame_ids": [None] * COUNT}, DataError, "frame_ids"),
        ({"frame_ids": np.arange(COUNT) - 1}, DataError, "frame number -1"),
        ({"frame_ids": np.arange(3)}, DataError, "6 rows, but 3 of frame"),
        ({"frame_ids": [10**400] * COUNT}, DataError, "frame numbers are no numbers"),
        ({"frame_ids": np.arange(COUNT) + 1j}, DataError, "frame numbers are complex128"),
        ({"frame_ids": np.ones(COUNT, bool)}, DataError, "frame numbers are bool"),
        ({"pose": np.zeros((0, 72)), "betas": np.zeros((0, 10))}, DataError, "has no rows"),
        ({"betas": [[1.0], [1.0, 2.0]]}, DataError, "lists of different lengths"),
        ({"betas": np.full((COUNT, 10), 1e30)}, DataError, "betas reach 1e.30"),
        ({"betas": np.full((COUNT, 10), 14.0)}, DataError, "standard deviations"),
        ({"pose": np.float32(1.0)}, DataError, "expected numbers"),
        ({"translation": np.full((COUNT, 3), np.nan)}, DataError, "translation of row 0 are NaN"),
        ({"translation": np.array([[0, 0, 4.0]] * 5 + [[0, 0, 1e30]])}, UnitError, "row 5 is 1e.30"),
    ],
)
def test_damaged_arrays_are_named(tmp_path, body, truth, pose, values, error, message):
    content = {"pose": pose, "betas": truth[1]} | values
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(error, match=message):
        read_predictions(tmp_path / "a.pkl", body)
