"""EasyMocap's two files: what OpenCV's FileStorage writes comes back, and projects as OpenCV does."""

import cv2
import numpy as np
import pytest

from jointreg.datasets.calibration import fitted, read_calibration
from jointreg.datasets.easymocap import other_file
from jointreg.errors import DataError, UnitError

NAMES = ("01", "2", "north")
MATRIX = np.array([[1270.5, 0, 962.25], [0, 1291.75, 538.5], [0, 0, 1]])
LENS = np.array([[-0.04, 0.33, -0.004, 0.011, 0.05]])
ROTATIONS = {name: np.array([[1.6, 0.3 * n - 0.4, 0.2]]) for n, name in enumerate(NAMES)}
TRANSLATIONS = {name: np.array([[0.1], [1.1], [4.5 + n]]) for n, name in enumerate(NAMES)}


def write(folder, size=None, names=NAMES, lens=LENS):
    """Both files as EasyMocap writes them by OpenCV; the first has a camera that the second lacks."""
    for file, some in (("intri.yml", [*names, "spare"]), ("extri.yml", names)):
        storage = cv2.FileStorage(str(folder / file), cv2.FILE_STORAGE_WRITE)
        storage.startWriteStruct("names", cv2.FileNode_SEQ)
        for name in some:
            storage.write("", name)
        storage.endWriteStruct()
        for name in some:
            if file == "intri.yml":
                storage.write(f"K_{name}", MATRIX)
                storage.write(f"dist_{name}", lens)
                for key, value in zip("WH", size or (), strict=False):
                    storage.write(f"{key}_{name}", value)
            else:
                storage.write(f"R_{name}", ROTATIONS[name])
                storage.write(f"Rot_{name}", cv2.Rodrigues(ROTATIONS[name])[0])
                storage.write(f"T_{name}", TRANSLATIONS[name])
        storage.release()


@pytest.mark.parametrize("file", ["intri.yml", "extri.yml"])
def test_cameras_project_as_opencv_does_with_the_files_numbers(tmp_path, generator, capsys, file):
    write(tmp_path, (1920, 1080))
    cameras = read_calibration(tmp_path / file)
    assert tuple(cameras) == NAMES
    points = generator.normal(0, 0.5, (50, 3))
    for name, camera in cameras.items():
        pixels, _ = cv2.projectPoints(points, ROTATIONS[name], TRANSLATIONS[name], MATRIX, LENS)
        assert np.abs(camera.project(camera.from_world(points)) - pixels[:, 0]).max() < 1e-6
        assert camera.size == (1920, 1080)
    printed = capsys.readouterr().out
    assert "1 cameras have no place in extri.yml: spare" in printed
    assert "names no size" not in printed


def test_without_a_size_that_of_the_video_is_taken_if_the_axis_meets_its_middle(tmp_path, capsys):
    write(tmp_path)
    cameras = read_calibration(tmp_path / "intri.yml")
    assert "names no size of its pictures, that of each video is taken" in capsys.readouterr().out
    camera = fitted(cameras["01"], (1920, 1080))
    assert camera.size == (1920, 1080)
    assert np.array_equal(camera.intrinsics, MATRIX)
    for smaller in ((960, 540), (640, 480)):
        with pytest.raises(DataError, match=r"meets a video of \d+ x \d+ px at 962.2, 538.5 px"):
            fitted(cameras["01"], smaller)


def test_four_coefficients_and_files_without_the_vector_or_the_matrix(tmp_path):
    write(tmp_path, (1920, 1080), lens=LENS[:, :4])
    first = read_calibration(tmp_path / "extri.yml")
    assert first["2"].distortion.tolist() == [*LENS[0, :4].tolist(), 0.0]
    text = (tmp_path / "extri.yml").read_text()
    for dropped in ("R_2", "Rot_2"):
        (tmp_path / "extri.yml").write_text(text.replace(f"{dropped}:", f"another_{dropped}:"))
        camera = read_calibration(tmp_path / "extri.yml")["2"]
        assert np.abs(camera.rotation - first["2"].rotation).max() < 1e-12


def test_each_file_names_the_other():
    assert other_file("a/intri.yml") == ["a/extri.yml"]
    assert other_file("a/extri.yml") == ["a/intri.yml"]
    assert other_file("cameras.json") == []


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("extri.yml", None, None, r"extri\.yml does not exist"),
        ("extri.yml", "names:", "name:", "lacks the list `names`"),
        ("extri.yml", '"2"', '"01"', "a camera stands twice"),
        ("extri.yml", "R_2:", "R_01:", "the key 'R_01' stands twice"),
        ("extri.yml", "T_2:", "t_2:", r"camera '2': lacks the matrix T_2"),
        ("extri.yml", "1.6000000000000001", "1.7", "R_01 and Rot_01 are different rotations"),
        ("extri.yml", "1.6000000000000001", "91.6", "expected a turn in radians"),
        ("extri.yml", "1.6000000000000001", ".Nan", "R_01 is no matrix of numbers"),
        ("intri.yml", "1270.5", "x", "K_01 is no matrix of numbers"),
        ("intri.yml", "cols: 5", "cols: 4", r"dist_01 has 5 numbers in 1 x 4"),
        ("intri.yml", "---", "--- [", "not readable"),
        ("intri.yml", "W_2: 1920", "W_2: -1", "one of W_2 and H_2"),
        ("intri.yml", "W_2: 1920", "W_2: wide", "W_2 is 'wide'"),
    ],
)
def test_damaged_files_are_refused_by_the_entry(tmp_path, file, old, new, message):
    write(tmp_path, (1920, 1080))
    path = tmp_path / file
    if old is None:
        path.unlink()
    else:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        read_calibration(path)


def test_millimetres_are_refused_with_a_cure_of_the_file(tmp_path, monkeypatch):
    for name in NAMES:
        monkeypatch.setitem(TRANSLATIONS, name, 1000 * TRANSLATIONS[name])
    write(tmp_path, (1920, 1080))
    with pytest.raises(UnitError, match=r"divide every T by 1000"):
        read_calibration(tmp_path / "extri.yml")
