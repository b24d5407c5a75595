"""The open data set as the pipeline reads it: every subject, every camera, through the lens."""

import cv2
import numpy as np
import pytest

from jointreg.config import Dataset
from jointreg.config.sequences import Work
from jointreg.datasets.human36m.metadata import CAMERAS
from jointreg.datasets.readers import open_dataset
from jointreg.synthetic.parameters import load_parameters
from jointreg.synthetic.rig import write_rig
from jointreg.synthetic.subject import write_subject

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, root):
    """One frame of every subject, filmed by all four cameras."""
    folder = tmp_path_factory.mktemp("open")
    raw, truth = folder / "raw", folder / "truth"
    parameters = load_parameters(root / "config/generator.yaml")
    write_rig(raw, truth, parameters, SUBJECTS, ["Walking"], ["1"], CAMERAS, seed=0)
    for subject in SUBJECTS:
        write_subject(subject, raw, truth, parameters, {"Walking": ["1"]}, CAMERAS, 1, 5.0, seed=0)
    settings = Dataset(
        source="human36m",
        root=str(raw),
        calibration=str(raw / "metadata.xml"),
        damaged="",
        skip_damaged=True,
    )
    return open_dataset(settings)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_labels_land_on_the_2d_labels_through_the_lens(dataset, subject):
    """OpenCV projects the labels that the reader delivers onto D2_Positions."""
    sequence = Work(subject, "Walking", ("1",), CAMERAS, 0, -1, "train")
    recordings = dataset.recordings(sequence)
    assert [recording.camera.name for recording in recordings] == list(CAMERAS)
    bent = []
    for recording in recordings:
        camera = recording.camera
        projected, _ = cv2.projectPoints(
            recording.joints_cam[0], np.zeros(3), np.zeros(3), camera.intrinsics, camera.distortion
        )
        apart = np.linalg.norm(projected[:, 0] - recording.joints_image_px[0], axis=1)
        assert apart.max() < 0.5, camera.name
        straight, _ = cv2.projectPoints(
            recording.joints_cam[0], np.zeros(3), np.zeros(3), camera.intrinsics, np.zeros(5)
        )
        bent.append(np.linalg.norm(straight - projected, axis=-1).max())
    # The lens bends by more than the tolerance: an ignored distortion would not pass.
    assert max(bent) > 1.0
