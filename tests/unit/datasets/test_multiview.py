"""Calibrated videos: calibration formats agree, labels land on what the videos show."""

import json
from dataclasses import replace

import av
import numpy as np
import pytest
from room import NAMES, room_cameras, write_qualisys

from jointreg import config
from jointreg.config.sequences import Work
from jointreg.datasets.calibration import fitted, read_calibration
from jointreg.datasets.checks import check_recording
from jointreg.datasets.in_picture import share_in_picture
from jointreg.datasets.multiview import read_recording_labels
from jointreg.datasets.readers import open_dataset
from jointreg.errors import ConfigError, DataError, ShapeError, UnitError
from jointreg.frames.prepare import prepare, wanted_frames
from jointreg.geometry import rotations as so3
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


def write_json(path, cameras, unit="m", **changes):
    factor = {"m": 1, "mm": 1000}[unit]
    table = {
        name: {
            "size": list(camera.size),
            "matrix": camera.intrinsics.tolist(),
            "distortions": camera.distortion[:4].tolist(),
            "rotation": so3.to_axis_angle(camera.rotation).tolist(),
            "translation": (factor * camera.translation).tolist(),
        }
        for name, camera in cameras.items()
    }
    path.write_text(json.dumps({"unit": unit, "metadata": {"error": 0.1}, **table, **changes}))


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


def assert_same(first, second):
    assert first.name == second.name and first.size == second.size
    for key in ("rotation", "translation", "intrinsics", "distortion"):
        np.testing.assert_allclose(getattr(first, key), getattr(second, key), atol=1e-6)


def test_qualisys_file_gives_the_cameras_back(tmp_path):
    write_qualisys(tmp_path / "a.qca.txt", room_cameras())
    for name, camera in read_calibration(tmp_path / "a.qca.txt").items():
        assert_same(camera, room_cameras()[name])


@pytest.mark.parametrize("unit", ["m", "mm"])
def test_json_gives_the_cameras_back_in_any_unit(tmp_path, unit):
    write_json(tmp_path / "a.json", room_cameras(), unit)
    for name, camera in read_calibration(tmp_path / "a.json").items():
        assert_same(camera, room_cameras()[name])


def test_toml_gives_the_cameras_back(tmp_path):
    camera = room_cameras()["left"]
    lines = [
        "[cam_1]",
        'name = "left"',
        "size = [320.0, 240.0]",
        f"matrix = {camera.intrinsics.tolist()}",
    ]
    lines += [f"distortions = {camera.distortion.tolist()}", f"rotation = {camera.rotation.tolist()}"]
    lines += [f"translation = {camera.translation.tolist()}", "[metadata]", "error = 0.2"]
    (tmp_path / "a.toml").write_text("\n".join(lines))
    assert_same(read_calibration(tmp_path / "a.toml")["left"], camera)


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


def test_a_smaller_video_with_bars_shows_the_same_points():
    """Scaled evenly to 240 x 180 and centred in 240 x 200: a corner of the picture stays that corner."""
    camera = room_cameras()["left"]
    points = np.random.default_rng(0).uniform([-0.5, -0.5, 3.5], [0.5, 0.5, 4.5], (20, 3))
    full, small = camera.project(points), fitted(camera, (240, 200)).project(points)
    np.testing.assert_allclose(small, (full + 0.5) * 0.75 - 0.5 + [0, 10], atol=1e-9)
    assert fitted(camera, camera.size) is camera


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


def test_bad_calibrations_are_refused(tmp_path):
    path = tmp_path / "a.json"
    for change, error, words in (
        ({"unit": "inch"}, DataError, "unit is 'inch'"),
        ({"left": {"size": [320, 240]}}, DataError, "lacks"),
        ({"left": 3}, DataError, "expected a table"),
    ):
        write_json(path, room_cameras())
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(error, match=words):
            read_calibration(path)
    mirrored = room_cameras()
    flat = json.loads((write_json(path, mirrored), path.read_text())[1])
    flat["left"]["rotation"] = (np.diag([1.0, 1, -1]) @ mirrored["left"].rotation).tolist()
    path.write_text(json.dumps(flat))
    with pytest.raises(DataError, match="proper rotation"):
        read_calibration(path)
    flat = json.loads((write_json(path, mirrored, "mm"), path.read_text())[1]) | {"unit": "m"}
    path.write_text(json.dumps(flat))
    with pytest.raises(UnitError, match="millimetres"):
        read_calibration(path)
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><calibration>&b;</calibration>'
    (tmp_path / "a.xml").write_text(bomb)
    with pytest.raises(DataError, match="DOCTYPE"):
        read_calibration(tmp_path / "a.xml")


def camera_table(**changes):
    """One camera as JSON, before the origin."""
    table = {
        "matrix": [[600.0, 0, 319.5], [0, 600.0, 239.5], [0, 0, 1]],
        "distortions": [-0.1, 0.02, 0, 0],
        "rotation": [0.1, 0, 0],
        "translation": [0, 0, 4],
        "size": [640, 480],
    }
    return table | changes


def read_tables(folder, tables):
    (folder / "c.json").write_text(json.dumps(tables))
    return read_calibration(folder / "c.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"matrix": [[600, 0, 0], [0, 600, 0], [319.5, 239.5, 1]]}, "expected fx 0 cx"),
        ({"matrix": [[0.9, 0, 0.5], [0, 1.2, 0.5], [0, 0, 1]]}, "focal lengths are 0.9"),
        ({"matrix": [[600, 0, 2319], [0, 600, 239], [0, 0, 1]]}, "the optical axis meets"),
        ({"matrix": [[True, 0, 0], [0, 600, 0], [0, 0, 1]]}, "contains true or false"),
        ({"rotation": [90, 0, 0]}, "probably degrees"),
        ({"distortions": [1e6, 0, 0, 0]}, "a distortion coefficient is"),
        ({"distortions": [0.1] * 14}, "the sensor is tilted"),
        ({"distortions": [0.1] * 5, "fisheye": True}, "a fisheye lens has 4"),
        ({"fisheye": "no"}, "expected true or false"),
        ({"model": "mei"}, "model is 'mei', expected one of pinhole"),
        ({"model": "pinhole", "fisheye": True}, "name different lens models"),
        ({"flip": True}, "flip is True, which is not supported"),
        ({"size": [640.5, 480]}, "expected width and height in pixels"),
        ({"size": [10**7, 480]}, "size is 10000000 x 480"),
        ({"unit": "mm"}, "its unit is 'mm', that of the file 'm'"),
        ({"translation": [[[[0]]]]}, "'translation' has shape"),
        ({"translation": [0, 0, 1e300]}, r"the camera lies 1e\+300 m from the origin"),
        ({"matrix": [[600, 1e9, 319], [0, 600, 239], [0, 0, 1]]}, r"the skew is 1e\+09 px"),
        ({"distortions": [1e30] * 8}, r"a distortion coefficient is 1e\+30, expected under 1000000"),
        ({"name": ["left"]}, r"name is \"\['left'\]\", expected text"),
        ({"name": True}, "name is 'True', expected text"),
    ],
)
def test_a_calibration_key_is_used_or_refused_by_name(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        read_tables(tmp_path, {"left": camera_table(**changes)})


def test_calibrations_whose_names_or_keys_stand_twice_are_refused(tmp_path):
    with pytest.raises(DataError, match="two cameras are named 'a'"):
        read_tables(tmp_path, {"1": camera_table(name="a"), "2": camera_table(name="a")})
    (tmp_path / "c.json").write_text('{"unit": "mm", "unit": "m"}')
    with pytest.raises(DataError, match="the key 'unit' stands twice"):
        read_calibration(tmp_path / "c.json")
    (tmp_path / "c.json").write_text("[" * 5000 + "]" * 5000)
    with pytest.raises(DataError, match="not readable"):
        read_calibration(tmp_path / "c.json")
    with pytest.raises(DataError, match="unit is"):
        read_tables(tmp_path, {"unit": ["m"], "left": camera_table()})


def test_calibrations_as_other_tools_write_them_give_the_same_camera(tmp_path, capsys):
    """Pose2Sim's flag, Caliscope's nested tables, AIST++'s list, Panoptic's names and centimetres."""
    (wanted,) = read_tables(tmp_path, {"left": camera_table()}).values()
    ours = camera_table()
    panoptic = {
        "name": "left",
        "type": "hd",
        "resolution": ours["size"],
        "K": ours["matrix"],
        "distCoef": [*ours["distortions"], 0],
        "R": wanted.rotation.tolist(),
        "t": [[0], [0], [400]],
    }
    caliscope = camera_table(name="left", port=0, rotation_count=-1, error=0.4, ignore=False)
    listed = camera_table(name="left", translation=[0, 0, 400])
    for tables in (
        {"left": camera_table(fisheye=False)},
        {"cameras": {"0": caliscope}},
        {"unit": "cm", "cameras": [listed]},
        {"calibDataSource": "160422", "cameras": [panoptic]},
    ):
        assert_same(read_tables(tmp_path, tables)["left"], wanted)
    assert "not used" not in capsys.readouterr().out
    waiting = camera_table(rotation="null", translation="null")
    with pytest.raises(DataError, match=r"'rotation' is empty(.|\n)*add `ignore = true`"):
        read_tables(tmp_path, {"left": camera_table(), "right": waiting})
    cameras = read_tables(tmp_path, {"left": camera_table(), "right": waiting | {"ignore": True}})
    assert list(cameras) == ["left"]
    capsys.readouterr()
    read_tables(tmp_path, {"left": camera_table(gain=3)})
    assert "keys that are not used: gain" in capsys.readouterr().out
    with pytest.raises(DataError, match=r"tables of their own(.|\n)*metadata\.xml"):
        read_tables(tmp_path, {"intrinsics": {}, "extrinsics": {}})


@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_the_cure_for_the_unit_works_in_the_files_own_language(tmp_path, suffix):
    """Millimetres as FreeMoCap writes them; the cure is applied as it is printed."""
    tables = {
        name: camera_table(translation=[x, -645.7, 738.9])
        for name, x in (("cam_0", 0.0), ("cam_1", -2512.7))
    }
    path = tmp_path / f"c.{suffix}"
    if suffix == "json":
        text = json.dumps(tables)
    else:
        lines = [
            line
            for name, table in tables.items()
            for line in (f"[{name}]", *(f"{key} = {value}" for key, value in table.items()))
        ]
        text = "\n".join([*lines, "[metadata]", "error = 0.3", ""])
    path.write_text(text)
    with pytest.raises(UnitError, match="probably millimetres") as error:
        read_calibration(path)
    cure = str(error.value).split("`")[1]
    path.write_text("{" + cure + text[1:] if suffix == "json" else f"{cure}\n{text}")
    assert "first line" in str(error.value) or "first brace" in str(error.value)
    assert read_calibration(path)["cam_1"].translation[0] == pytest.approx(-2.5127)


def test_a_video_of_another_shape_is_named_or_refused(capsys):
    camera = room_cameras()["left"]
    fitted(camera, (240, 200))
    assert "between black bars" in capsys.readouterr().out
    with pytest.raises(DataError, match="turned or cut"):
        fitted(camera, (240, 320))
    half = replace(camera, size=(160, 120))
    with pytest.raises(DataError, match=r"middle of the video(.|\n)*size to 320 x 260"):
        fitted(half, (320, 260))


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
