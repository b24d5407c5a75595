"""VoxelPose's form of Shelf and Campus, and calibrations that are known and not read."""

import json

import cv2
import numpy as np
import pytest

from jointreg.datasets.calibration import CURES, fitted, read_calibration
from jointreg.errors import DataError

ROTATIONS = {"0": [1.5, 0.2, -0.3], "1": [1.2, -1.1, 0.9]}
CENTRE = np.array([0.4, -0.1, 0.8])


def shelf(tmp_path, **changes):
    """A file of two cameras 3.5 m from a person, with the path and each camera's place in metres."""
    content, places = {}, {}
    for name, vector in ROTATIONS.items():
        rotation = cv2.Rodrigues(np.array(vector))[0]
        places[name] = CENTRE - 3.5 * rotation[2]
        content[name] = {
            "k": [[-0.1], [0.05], [0.01]],
            "p": [[0.002], [-0.003]],
            "R": rotation.tolist(),
            "T": (1000 * places[name])[:, None].tolist(),
            "fx": 1063.5,
            "fy": 1071.9,
            "cx": 511.7,
            "cy": 390.1,
        } | changes
    path = tmp_path / "calibration_shelf.json"
    path.write_text(json.dumps(content))
    return path, places


def test_voxelposes_positions_in_millimetres_project_as_opencv_does(tmp_path, generator, capsys):
    path, places = shelf(tmp_path)
    cameras = read_calibration(path)
    printed = capsys.readouterr().out
    assert printed.count("X_cam = R (X - T), T in mm") == 1
    assert printed.count("that of each video is taken") == 1
    points = CENTRE + generator.normal(0, 0.3, (50, 3))
    matrix = np.array([[1063.5, 0, 511.7], [0, 1071.9, 390.1], [0, 0, 1]])
    lens = np.array([-0.1, 0.05, 0.002, -0.003, 0.01])
    for name, camera in cameras.items():
        camera = fitted(camera, (1032, 776))
        vector = np.array(ROTATIONS[name])
        shift = -cv2.Rodrigues(vector)[0] @ places[name]
        pixels, _ = cv2.projectPoints(points, vector, shift, matrix, lens)
        assert np.abs(camera.project(camera.from_world(points)) - pixels[:, 0]).max() < 1e-6
    path, _ = shelf(tmp_path, size=[1032, 776])
    assert read_calibration(path)["0"].size == (1032, 776)
    assert "that of each video" not in capsys.readouterr().out


def test_a_translation_under_a_capital_letter_is_not_guessed(tmp_path):
    """T without the other keys of VoxelPose may be a translation or a position."""
    path, _ = shelf(tmp_path)
    content = json.loads(path.read_text())
    for camera in content.values():
        del camera["k"]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="camera '0': lacks"):
        read_calibration(path)


@pytest.mark.parametrize("ending", CURES)
def test_known_calibrations_that_are_not_read_have_a_cure_of_their_own(tmp_path, ending):
    path = tmp_path / f"cameras{ending}"
    path.write_bytes(b"anything")
    with pytest.raises(DataError, match="expected") as error:
        read_calibration(path)
    assert CURES[ending] in str(error.value)
