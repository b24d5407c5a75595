"""Time, memory and disk follow from the frames that recordings have, not from those of Human3.6M."""

import json
from dataclasses import replace

import numpy as np
import pytest

from jointreg.config import load, read_yaml
from jointreg.config.methods import load_methods
from jointreg.config.sequences import Work
from jointreg.pipeline.disk import BYTES_A_FRAME, disk
from jointreg.pipeline.lengths import MEAN_RECORDING, frames_of, recording_frames

WORK = Work("P1", "moving", ("long", "short"), ("left", "right"), 2, -1, "train")


@pytest.fixture
def labelled(root, tmp_path):
    """Configuration of a run whose two recordings have 100 and 7 labelled moments."""
    camera = {"matrix": [[1000, 0, 500], [0, 1000, 500], [0, 0, 1]], "distortions": [0] * 4}
    camera |= {"rotation": [0, 0, 0], "translation": [0, 0, 4], "size": [1000, 1000]}
    (tmp_path / "cameras.json").write_text(json.dumps({"left": camera, "right": camera}))
    for name, count in (("long", 100), ("short", 7)):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "labels.npz", about="planted", joints_world=np.zeros((count, 17, 3)))
    files = {"root": str(tmp_path), "calibration": str(tmp_path / "cameras.json")}
    chosen = read_yaml(root / "config/config.yaml", root / "config/own_data.yaml") | {"run": "mine"}
    chosen["dataset"] |= files
    chosen["prepare"] |= {"frame_step": 10}
    return load(chosen)


def test_labels_say_how_long_a_recording_is(labelled):
    known = recording_frames(labelled, [WORK])
    assert known == {"long": 100, "short": 7}
    # Frames 2, 12, ..., 92 and frame 2: ten and one, by two cameras.
    assert frames_of(WORK, 10, known, MEAN_RECORDING) == (10 + 1) * 2
    assert frames_of(replace(WORK, last_frame=21), 10, known, MEAN_RECORDING) == (2 + 2) * 2


def test_small_films_take_a_small_disk(labelled, root):
    methods, known = load_methods(root / "config/methods.tsv"), recording_frames(labelled, [WORK])
    sizes = disk(labelled, [WORK], methods, known)
    assert sizes["prepare"] == (10 + 1) * 2 * BYTES_A_FRAME["prepare"]


def test_what_cannot_be_read_is_left_out(labelled, tmp_path):
    (tmp_path / "short" / "labels.npz").write_bytes(b"no archive")
    missing = replace(WORK, takes=("long", "short", "none"))
    known = recording_frames(labelled, [missing])
    assert known == {"long": 100}
    assert frames_of(WORK, 1, known, MEAN_RECORDING) == (98 + MEAN_RECORDING - 2) * 2
