"""Calibrated videos: labels land on what they show, and what cannot be is refused."""

from dataclasses import replace

import av
import numpy as np
import pytest
from room import NAMES, room_cameras, write_qualisys

from jointreg import config
from jointreg.config.sequences import Work
from jointreg.datasets.checks import check_recording
from jointreg.datasets.in_picture import share_in_picture
from jointreg.datasets.multiview import read_recording_labels
from jointreg.datasets.readers import open_dataset
from jointreg.errors import ConfigError, DataError, ShapeError, UnitError
from jointreg.frames.prepare import prepare, wanted_frames
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, rows


def person(frames=6):
    """A standing person of 17 joints that walks along x, metres, z up."""
    side = 0.12
    heights = [
        0.95,
        0.93,
        0.5,
        0.08,
        0.93,
        0.5,
        0.08,
        1.2,
        1.45,
        1.55,
        1.7,
        1.4,
        1.15,
        0.9,
        1.4,
        1.15,
        0.9,
    ]
    across = [0, 1, 1, 1, -1, -1, -1, 0, 0, 0, 0, 1.5, 1.6, 1.6, -1.5, -1.6, -1.6]
    joints = np.zeros((17, 3))
    joints[:, 2], joints[:, 1] = np.array(heights) - 0.9, side * np.array(across)
    return joints + 0.05 * np.arange(frames)[:, None, None] * [1, 0, 0]


def write_video(path, centres, size, rate=30):
    """One bright blob a frame at `centres` (N, 2) px."""
    column, row = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for x, y in centres:
            blob = 20 + 220 * np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * 4**2))
            image = np.repeat(blob[..., None], 3, axis=2).astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


@pytest.fixture
def recording(tmp_path):
    """Two synchronised videos of the nose; the right one starts two frames earlier."""
    cameras, joints = room_cameras(), person()
    folder = tmp_path / "walk"
    folder.mkdir()
    write_qualisys(tmp_path / "room.qca.txt", cameras)
    offsets = {"left": 0, "right": 2}
    for name, camera in cameras.items():
        centres = camera.project(camera.from_world(joints[:, 9]))
        before = np.repeat([[5.0, 5.0]], offsets[name], axis=0)
        write_video(folder / f"{name}.mp4", np.concatenate([before, centres]), camera.size)
    np.savez(
        folder / "labels.npz", joints_world=joints, cameras=NAMES, frame_offsets=[0, 2], about="planted"
    )
    return tmp_path


def settings(root, calibration="room.qca.txt"):
    return config.Dataset(
        source="multiview",
        root=str(root),
        calibration=str(root / calibration),
        damaged="",
        skip_damaged=True,
    )


def sequence(takes=("walk",), cameras=NAMES, first=0, last=-1):
    return Work("P1", "Walking", tuple(takes), tuple(cameras), first, last, "train")


def brightest(image):
    weight = np.maximum(image.astype(float).mean(-1) - 60, 0)
    column, row = np.meshgrid(np.arange(image.shape[1]), np.arange(image.shape[0]))
    return np.array([(weight * column).sum(), (weight * row).sum()]) / weight.sum()


def test_labels_land_on_what_each_video_shows_at_that_moment(recording):
    from jointreg.datasets.video import read_frames

    for take in open_dataset(settings(recording)).recordings(sequence()):
        numbers = [n + take.frame_offset for n in take.frames]
        projected = take.camera.project(take.joints_cam[:, 9])
        for expected, (_, image) in zip(projected, read_frames(take.video, numbers), strict=True):
            np.testing.assert_allclose(brightest(image), expected, atol=0.3)


def test_labels_beside_the_picture_are_refused_with_the_reading_that_mends_them(recording, capsys):
    joints_world = person()
    (right,) = open_dataset(settings(recording)).recordings(sequence(cameras=["right"]))
    camera = right.camera
    rotation, translation = camera.rotation, camera.translation
    wrong = {
        "translation is the camera's position": (rotation, -rotation.T @ translation),
        "rotation and translation are camera to world": (rotation.T, -rotation.T @ translation),
    }
    for cause, (turn, shift) in wrong.items():
        read = replace(camera, rotation=turn, translation=shift)
        with pytest.raises(DataError, match=f"0% of the labels lie in the picture(.|\n)*{cause}"):
            check_recording(replace(right, camera=read, joints_cam=read.from_world(joints_world)))
    beside = np.where(np.arange(6)[:, None, None] < 2, 3.0, 0.0) * [1, 0, 0]
    partly = replace(right, joints_cam=right.joints_cam + beside)
    assert share_in_picture(partly) == pytest.approx(4 / 6)
    check_recording(partly)
    assert not capsys.readouterr().out
    y_up = joints_world[..., [0, 2, 1]] * [1, 1, -1]
    check_recording(replace(right, joints_cam=camera.from_world(y_up)))
    assert "lies in the picture, or is seen from above" in capsys.readouterr().out


def test_frames_of_the_video_without_a_row_are_counted(recording, capsys):
    path = recording / "walk/labels.npz"
    open_dataset(settings(recording)).recordings(sequence())
    assert "not used" not in capsys.readouterr().out
    np.savez(path, joints_world=person(4), cameras=NAMES, frame_offsets=[0, 2])
    open_dataset(settings(recording)).recordings(sequence())
    assert "4 rows; the last 2 frames of left.mp4 have none" in capsys.readouterr().out


def test_videos_of_two_rates_are_refused(recording):
    camera = room_cameras()["right"]
    write_video(recording / "walk" / "right.mp4", np.full((8, 2), 5.0), camera.size, rate=60)
    with pytest.raises(DataError, match="camera left has 30 frames a second, that of camera right 60"):
        open_dataset(settings(recording)).recordings(sequence())


def test_first_and_last_frame_select_and_videos_are_listed_without_labels(recording):
    dataset = open_dataset(settings(recording))
    assert dataset.recordings(sequence(first=2, last=4))[0].frames == range(2, 5)
    (recording / "walk" / "labels.npz").unlink()
    assert list(dataset.videos_of("walk")) == list(NAMES)
    assert dataset.takes("P1", "Walking") == ["walk"]


def test_missing_parts_are_named(recording):
    dataset = open_dataset(settings(recording))
    with pytest.raises(DataError, match="run does not exist"):
        dataset.recordings(sequence(takes=["run"]))
    with pytest.raises(DataError, match="'top' is not in the calibration"):
        dataset.recordings(sequence(cameras=["top"]))
    with pytest.raises(ConfigError, match="plain folder name"):
        dataset.recordings(sequence(takes=["../walk"]))
    video = recording / "walk" / "right.mp4"
    assert dataset.recordings(sequence())[1].video == video
    video.rename(video.with_suffix(".MP4"))
    assert dataset.recordings(sequence())[1].video == video.with_suffix(".MP4")
    video.with_suffix(".MP4").rename(video.with_name("Right.mp4"))
    with pytest.raises(
        DataError, match=r"no video of camera 'right'.*has Right\.mp4, labels\.npz, left"
    ):
        dataset.recordings(sequence())
    with pytest.raises(DataError, match="nowhere does not exist"):
        open_dataset(settings(recording / "nowhere", "x.json"))


def test_bad_labels_are_refused(recording, tmp_path):
    path = recording / "walk" / "labels.npz"
    np.savez(path, joints_world=1000 * person())
    with pytest.raises(UnitError, match="millimetres"):
        open_dataset(settings(recording)).recordings(sequence())
    np.savez(path, joints_world=person()[:, :14])
    with pytest.raises(ShapeError, match=r"\(6, 14, 3\)"):
        read_recording_labels(path)
    np.savez(path, joints=person())
    with pytest.raises(DataError, match="expected joints_world"):
        read_recording_labels(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataError, match="not a readable npz"):
        read_recording_labels(path)


def test_moments_that_lack_a_joint_are_left_out_and_counted(recording, capsys):
    """Frame 4 has no left ankle: it has no row, at any frame step, and the others keep theirs."""
    joints = person()
    joints[4, 3] = np.nan
    np.savez(recording / "walk/labels.npz", joints_world=joints)
    takes = open_dataset(settings(recording)).recordings(sequence(cameras=["left"]))
    assert "1 of 6 frames lack a joint, first frame 4, left_ankle" in capsys.readouterr().out
    check_recording(takes[0])
    assert wanted_frames(takes[0], 1).tolist() == [0, 1, 2, 3, 5]
    assert wanted_frames(takes[0], 2).tolist() == [0, 2]
    arrays, _ = prepare(takes, config.Prepare(frame_step=2, margin_m=0.3))
    assert arrays["frame"].tolist() == [0, 2] and np.isfinite(arrays["joints_cam"]).all()
    np.savez(recording / "walk/labels.npz", joints_world=joints * np.nan)
    with pytest.raises(DataError, match="6 of 6 frames lack a joint"):
        read_recording_labels(recording / "walk/labels.npz")


def test_a_joint_that_is_never_labelled_is_named(tmp_path):
    joints = person()
    joints[:, H36M_17.index("right_wrist")] = np.nan
    np.savez(tmp_path / "labels.npz", joints_world=joints)
    words = r"6 of 6 frames lack a joint, first frame 0, right_wrist(.|\n)*without it, dataset\.joints"
    with pytest.raises(DataError, match=words):
        read_recording_labels(tmp_path / "labels.npz")


def test_labels_with_the_right_leg_first_are_reordered_and_that_is_printed(tmp_path, capsys):
    path = tmp_path / "labels.npz"
    theirs = person()[:, rows(H36M_17_RIGHT_FIRST)]
    np.savez(path, joints_world=theirs)
    assert np.array_equal(read_recording_labels(path)[0], person())
    assert "the right leg comes first" in capsys.readouterr().out
    np.savez(path, joints_world=theirs, joint_names=np.array(H36M_17_RIGHT_FIRST))
    assert np.array_equal(read_recording_labels(path)[0], person())


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ({"joints_world": np.array([["a"]])}, DataError, "expected numbers"),
        ({"cameras": ["a"], "frame_offsets": ["b"]}, DataError, "frame_offsets is .U1"),
        ({"cameras": ["a"], "frame_offsets": [np.inf]}, DataError, "expected whole numbers from 0"),
        ({"cameras": ["a", "a"], "frame_offsets": [0, 1]}, DataError, "one a camera"),
        ({"cameras": ["a"], "frame_offsets": [0, 1]}, ShapeError, "frame_offsets"),
        ({"joint_names": ["nose"] * 17}, DataError, "joint_names are"),
        ({"cameras": [np.nan], "frame_offsets": [0]}, DataError, "cameras is float64, expected names"),
        (
            {"cameras": np.array([None, {}], dtype=object), "frame_offsets": [0, 1]},
            DataError,
            "cameras is object, expected names",
        ),
    ],
)
def test_damaged_label_files_are_named(tmp_path, arrays, error, message):
    np.savez(tmp_path / "labels.npz", **{"joints_world": person()} | arrays)
    with pytest.raises(error, match=message):
        read_recording_labels(tmp_path / "labels.npz")


def test_a_recording_in_another_order_or_frame_of_reference_is_refused(recording):
    path = recording / "walk/labels.npz"
    for change, error, message in (
        (lambda p: p[:, ::-1], (DataError, UnitError), "walk"),
        (lambda p: p * [1, 1, 0.5] + [0, 0, 2.0], (DataError, UnitError), "walk"),
        (lambda p: np.where(np.arange(6)[:, None, None] == 3, 1000 * p, p), DataError, "frame 3"),
        (lambda p: np.where(np.arange(6)[:, None, None] == 3, 0 * p, p), DataError, "row 3 is at"),
    ):
        np.savez(path, joints_world=change(person()))
        with pytest.raises(error, match=message):
            for take in open_dataset(settings(recording)).recordings(sequence()):
                check_recording(take)
