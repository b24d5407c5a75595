"""Rotations of OpenCV's calibrations: what is odd is printed, what cannot be is refused."""

import json

import numpy as np
import pytest

from jointreg.datasets.opencv_calibration import read_opencv
from jointreg.errors import DataError


@pytest.mark.parametrize(("angle", "noted"), [(3.0, False), (3.5, True)])
def test_a_rotation_vector_beyond_pi_is_read_and_printed(tmp_path, capsys, angle, noted):
    camera = {
        "size": [640, 480],
        "matrix": [[500, 0, 320], [0, 500, 240], [0, 0, 1]],
        "distortions": [0, 0, 0, 0],
        "rotation": [0, 0, angle],
        "translation": [0, 0, 3],
    }
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"left": camera}))
    rotation = read_opencv(path)["left"].rotation
    np.testing.assert_allclose(rotation[0, :2], [np.cos(angle), -np.sin(angle)], atol=1e-12)
    assert ("turns by 3.5, more than pi" in capsys.readouterr().out) is noted
    path.write_text(json.dumps({"left": camera | {"rotation": [0, 0, 90]}}))
    with pytest.raises(DataError, match=r"turns by 90(.|\n)*degrees"):
        read_opencv(path)
