"""Clothes: a shell off the skin that hangs, folds and moves, and leaves the body below as it is."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from project import ROOT
from worlds import world

from jointreg.body import Body
from jointreg.errors import ConfigError
from jointreg.geometry.rotations import from_axis_angle
from jointreg.skeleton import SMPL_24
from jointreg.synthetic.clothes import LEAST_M, Clothes
from jointreg.synthetic.motion.kinematics import STAGE_TO_WORLD
from jointreg.synthetic.parameters import Outfit, Parameters, load_parameters
from jointreg.synthetic.rig import write_rig
from jointreg.synthetic.subject import write_subject
from jointreg.synthetic.truth import Masks, read_bodies
from jointreg.synthetic.worn import worn

CONFIG = ROOT / "config" / "generator.yaml"
CAMERA = "60457274"


@pytest.fixture(scope="module")
def skin(body: Body) -> np.ndarray:
    """The T-pose, standing upright in the room, its soles on the floor."""
    upright = body.template.astype(np.float64) @ STAGE_TO_WORLD.T
    return upright - [0, 0, upright[:, 2].min()]


def _exact(thickness_m: float, **changes: object) -> Outfit:
    """An outfit of one thickness everywhere but for what `changes` says."""
    parts = ("trunk", "upper_arm", "forearm", "thigh", "shin", "shoes", "hair")
    same = {f"{part}_m": (thickness_m, thickness_m) for part in parts}
    plain = {"long_sleeves": True, "hang_m": (0.0, 0.0), "folds": 0.0, "fold_m": 0.1, "fold_s": 1.0}
    return Outfit(**(same | plain | changes))


def _away(body: Body, outfit: Outfit, skin: np.ndarray, time_s: float = 0.0) -> np.ndarray:
    return Clothes(body, "S1", outfit, 2).on(skin, time_s) - skin


def test_a_shell_has_the_thickness_that_was_asked_for(body: Body, skin: np.ndarray) -> None:
    away = np.linalg.norm(_away(body, _exact(0.02), skin), axis=1)
    region = worn(body, long_sleeves=True)
    np.testing.assert_array_equal(away[region == "skin"] > 1e-6, False)
    part = body.skinning_weights.argmax(axis=1)
    legs = np.isin(part, [SMPL_24.index(f"{side}_knee") for side in ("left", "right")])
    assert np.median(away[(region == "trousers") & legs]) == pytest.approx(0.02, abs=2e-4)
    assert away.max() < 0.021
    # What lies on the body from above is nearer.
    assert np.percentile(away[region == "shirt"], 1) < 0.012


def test_nobody_is_outside_of_what_they_wear(body: Body, parameters: Parameters) -> None:
    generator = np.random.default_rng(0)
    rotations = from_axis_angle(0.35 * generator.standard_normal((3, 24, 3)))
    for moment, posed in enumerate(body.vertices(rotations, np.zeros((3, 10))).astype(np.float64)):
        posed = posed @ STAGE_TO_WORLD.T + [0, 0, 1.0]
        for outfit in (parameters.clothes.tight, parameters.clothes.loose):
            clothes = Clothes(body, "S6", outfit, parameters.planted_seed)
            away = clothes.on(posed, float(moment)) - posed
            normals = np.zeros_like(posed)
            a, b, c = (posed[body.faces[:, k]] for k in range(3))
            for k in range(3):
                np.add.at(normals, body.faces[:, k], np.cross(b - a, c - a))
            normals /= np.linalg.norm(normals, axis=1, keepdims=True)
            dressed = worn(body, outfit.long_sleeves) != "skin"
            assert (away * normals).sum(axis=1)[dressed].min() > LEAST_M - 1e-5
            assert np.linalg.norm(away, axis=1).max() < 0.15


def test_cloth_hangs_below_level_arms_and_not_below_upright_legs(body: Body, skin: np.ndarray) -> None:
    bare, hung = (_away(body, _exact(0.02, hang_m=(h, h)), skin) for h in (1e-9, 0.03))
    lower = (bare - hung)[:, 2]
    part = body.skinning_weights.argmax(axis=1)
    arm = part == SMPL_24.index("left_elbow")
    shin = part == SMPL_24.index("left_knee")
    normals_down = skin[:, 2] < np.median(skin[arm, 2]) - 0.02
    assert np.median(lower[arm & normals_down]) > 0.015
    assert np.median(lower[arm & ~normals_down]) < 0.01
    assert np.abs(np.median(lower[shin])) < 0.003


def test_folds_move_with_time_and_are_the_same_again(body: Body, skin: np.ndarray) -> None:
    outfit = _exact(0.02, folds=0.3)
    first, later, again = (_away(body, outfit, skin, time_s) for time_s in (0.0, 0.4, 0.0))
    np.testing.assert_array_equal(first, again)
    cloth = np.isin(worn(body, long_sleeves=True), ["shirt", "trousers"])
    moved = np.linalg.norm(later - first, axis=1)
    assert 0.002 < moved[cloth].mean() < 0.02
    other = Clothes(body, "S5", outfit, 2).on(skin, 0.0) - skin
    assert np.linalg.norm(other - first, axis=1)[cloth].mean() > 0.002
    smooth = _away(body, _exact(0.02), skin)
    spread = np.linalg.norm(first - smooth, axis=1)[cloth]
    assert np.sqrt(np.mean(spread**2)) == pytest.approx(0.3 * 0.02, rel=0.25)


def test_masks_show_the_clothes_and_bodies_the_person_inside(
    tmp_path: Path, parameters: Parameters
) -> None:
    covered, files, bodies = {}, {}, {}
    rig = tmp_path / "rig"
    write_rig(rig / "data", rig / "truth", parameters, ("S5",), ("Sitting",), ("1",), (CAMERA,), 3)
    for cut in ("none", "tight", "loose"):
        shutil.copytree(rig, tmp_path / cut)
        root, truth = tmp_path / cut / "data", tmp_path / cut / "truth"
        kinds = world(clothes=cut)
        write_subject("S5", root, truth, parameters, {"Sitting": ("1",)}, (CAMERA,), 1, 5.0, 3, kinds)
        covered[cut] = Masks(truth, "S5", "Sitting").coverage("1", CAMERA, 0, (1000, 1002)) / 255
        bodies[cut] = read_bodies(truth, "S5", "Sitting")
        files[cut] = {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.suffix in (".cdf", ".npz", ".npy", ".xml")
        }
    # Clothes change what cameras see. Labels, predictions, J_std and true bodies stay.
    assert files["loose"] == files["tight"] == files["none"]
    for key, value in bodies["none"].items():
        np.testing.assert_array_equal(bodies["loose"][key], value)
    none, tight, loose = (covered[cut].sum() for cut in ("none", "tight", "loose"))
    assert 1.02 < tight / none < 1.12
    assert 1.12 < loose / none < 1.4
    assert (covered["none"] - covered["loose"]).clip(0).sum() < 0.005 * none
    thickness = json.loads((tmp_path / "loose/truth/clothes/S5/thickness.json").read_text())
    low, high = parameters.clothes.loose.trunk_m
    assert low <= thickness["trunk"] <= high


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trunk_m": [0.03, 0.01]}, "expected 0 <= least <= most"),
        ({"trunk_m": [-0.01, 0.01]}, "expected 0 <= least <= most"),
        ({"thigh_m": [15.0, 35.0]}, r"at most 0\.08 m off the skin \(the unit is metres\)"),
        ({"folds": 0.9}, "less than or equal to 0.5"),
        ({"fold_m": 0.0}, "greater than or equal to 0.04"),
        ({"fold_s": 0.0}, "greater than or equal to 0.1"),
        ({"long_sleeves": False}, r"expected \[0, 0\], or long_sleeves: true"),
        ({"skirt_m": [0.1, 0.2]}, "Extra inputs"),
    ],
)
def test_clothes_that_make_no_sense_are_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    values = yaml.safe_load(CONFIG.read_text())
    values["clothes"]["loose"] |= changes
    path = tmp_path / "generator.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=message):
        load_parameters(path)
