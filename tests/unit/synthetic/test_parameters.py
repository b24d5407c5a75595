"""Files of the generator that make no sense are refused, and the message names the key."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from project import ROOT

from jointreg.errors import ConfigError
from jointreg.synthetic.parameters import load_parameters

CONFIG = ROOT / "config" / "generator.yaml"


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("labels.moving.slide_m_rad.knee", 8.0, r"slide_m_rad\.knee\n.*less than or equal to 0\.03"),
        ("labels.moving.slide_m_rad.left_knee", 0.008, r"slide_m_rad\n.*left_knee.*, expected"),
        ("labels.moving.wander_m", -0.001, r"wander_m\n.*greater than or equal to 0"),
        ("labels.moving.own", 1.5, r"own\n.*less than or equal to 1"),
        ("standard_regressor.human36m_assumed_cm.hip", [1, 2, 3], "human36m_assumed_cm has .*'hip'"),
        ("subjects.S1.free", -1, r"free\n.*greater than or equal to 0"),
        ("labels.points_cm", "none", "valid dictionary"),
        ("clothes.tight", None, r"clothes\.tight"),
        ("clothes.loose.trunk_m", [5, 40], r"trunk_m\n.*at most 0\.08 m"),
        ("clothes.loose.trunk_m", [0.04, 0.005], r"trunk_m\n.*least <= most"),
        ("clothes.loose.hang_m", [-0.01, 0.01], r"hang_m\n.*0 <= least"),
        ("clothes.loose.fold_m", 0.001, r"fold_m\n.*greater than or equal to 0\.04"),
        ("clothes.loose.fold_s", 1e-9, r"fold_s\n.*greater than or equal to 0\.1"),
        ("clothes.loose.folds", 3.0, r"folds\n.*less than or equal to 0\.5"),
        ("labels.subject_offset_m", 6.0, r"subject_offset_m\n.*less than or equal to 0\.05"),
        ("labels.subject_offset_m", float("nan"), r"subject_offset_m\n.*finite"),
        ("labels.points_cm.hip", [-189, -231, 189], r"points_cm\.hip\n.*at most 30 cm from a joint"),
        ("labels.points_cm.hips", [0, 0, 0], r"points_cm\n.*'hips'.*, expected"),
        ("standard_regressor.assumed_cm.nose", [0, 0, 94], r"assumed_cm\.nose\n.*at most 30 cm"),
        ("room.desk.depth_m", 70.0, r"depth_m\n.*less than or equal to 3"),
        ("motion.gesture_s", [2, 1], r"gesture_s\n.*least <= most"),
        ("motion.walk_cycle_s", [0, 1], r"walk_cycle_s\n.*above 0"),
        ("estimators.pose_noise_rad", 50.0, r"pose_noise_rad\n.*less than or equal to 1"),
        ("video.preset", "warp", r"preset\n.*'veryslow'"),
    ],
)
def test_values_that_make_no_sense_are_refused(
    tmp_path: Path, place: str, value: Any, message: str
) -> None:
    values = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    *above, last = place.split(".")
    block = values
    for key in above:
        block = block[key]
    block[last] = value
    path = tmp_path / "generator.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as refusal:
        load_parameters(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff\xfe", "is not YAML"),
        (b"a: " + b"[" * 10**4, "is not YAML"),
        (b"a: 1\na: 2\n", "key 'a' stands twice"),
        (b"- 1\n", "contains a list"),
        (b"a: 1\n", "Extra inputs are not permitted"),
    ],
)
def test_other_files_are_refused(tmp_path, raw, words):
    (tmp_path / "generator.yaml").write_bytes(raw)
    with pytest.raises(ConfigError, match=rf"generator\.yaml(.|\n)*{words}"):
        load_parameters(tmp_path / "generator.yaml")
    with pytest.raises(ConfigError, match="does not exist"):
        load_parameters(tmp_path / "none.yaml")


def test_the_shipped_parameters_are_read():
    assert load_parameters(CONFIG).subjects
