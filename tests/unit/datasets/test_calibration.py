"""What is printed of a calibration that is read."""

import json

import numpy as np

from jointreg.datasets.calibration import read_calibration


def test_cameras_that_stand_in_one_place_are_printed(tmp_path, capsys):
    """VoxelPose's form has millimetres: metres make a room of millimetres."""
    camera = {"fx": 1e3, "fy": 1e3, "cx": 500, "cy": 400, "R": np.eye(3).tolist()}
    camera |= {"k": [0, 0, 0], "p": [0, 0]}
    for unit, printed in ((1, True), (1000, False)):
        file = tmp_path / "calibration.json"
        file.write_text(json.dumps({str(x): camera | {"T": [x * unit, 0, 0]} for x in (-3, 0, 3)}))
        read_calibration(file)
        assert ("of their middle" in capsys.readouterr().out) == printed
