"""Calibrations: the formats agree, keys are used or refused, and what is printed of them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from room import room_cameras, write_qualisys

from jointreg.datasets.calibration import fitted, read_calibration
from jointreg.errors import DataError, UnitError
from jointreg.geometry import rotations as so3


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


def test_a_smaller_video_with_bars_shows_the_same_points():
    """Scaled evenly to 240 x 180 and centred in 240 x 200: a corner of the picture stays that corner."""
    camera = room_cameras()["left"]
    points = np.random.default_rng(0).uniform([-0.5, -0.5, 3.5], [0.5, 0.5, 4.5], (20, 3))
    full, small = camera.project(points), fitted(camera, (240, 200)).project(points)
    np.testing.assert_allclose(small, (full + 0.5) * 0.75 - 0.5 + [0, 10], atol=1e-9)
    assert fitted(camera, camera.size) is camera


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


def test_cameras_that_stand_in_one_place_are_printed(tmp_path, capsys):
    """VoxelPose's form has millimetres: metres make a room of millimetres."""
    camera = {"fx": 1e3, "fy": 1e3, "cx": 500, "cy": 400, "R": np.eye(3).tolist()}
    camera |= {"k": [0, 0, 0], "p": [0, 0]}
    for unit, printed in ((1, True), (1000, False)):
        file = tmp_path / "calibration.json"
        file.write_text(json.dumps({str(x): camera | {"T": [x * unit, 0, 0]} for x in (-3, 0, 3)}))
        read_calibration(file)
        assert ("of their middle" in capsys.readouterr().out) == printed
