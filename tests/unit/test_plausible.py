"""Bounds that hold for people in metres and refuse the same people in millimetres."""

import pytest

from jointreg import plausible
from jointreg.errors import UnitError
from jointreg.skeleton import H36M_17, PELVIS, SMPL_24

BOUNDS = {name: value for name, value in vars(plausible).items() if isinstance(value, plausible.Bounds)}


def test_the_open_body_is_plausible_in_metres_alone(body):
    """Measured on the template: hip to ankle, top to bottom."""
    template = body.template
    joints = dict(zip(SMPL_24, body.joint_regressor @ template, strict=True))
    lengths = {
        "LEG_M": joints["left_hip"][1] - joints["left_ankle"][1],
        "TEMPLATE_M": template[:, 1].max() - template[:, 1].min(),
        "BODY_M": (template.max(axis=0) - template.min(axis=0)).max(),
    }
    for name, length in lengths.items():
        assert BOUNDS[name].hold(length), name
        assert not BOUNDS[name].hold(1000 * length), name
        assert not BOUNDS[name].hold(length / 1000), name


@pytest.mark.parametrize("name", BOUNDS)
def test_both_ends_are_inside_and_nothing_beyond(name):
    low, high = BOUNDS[name]
    assert BOUNDS[name].hold(low) and BOUNDS[name].hold(high)
    assert not BOUNDS[name].hold(high * 1.0001) and not BOUNDS[name].hold(low - 0.0001)
    assert not BOUNDS[name].hold(float("nan"))


def test_the_error_names_length_bounds_and_cure():
    plausible.LEG_M.require(0.9, "legs are 0.9 m", "divide by 1000")
    with pytest.raises(UnitError, match=r"legs are 900 m, expected 0\.5 to 1\.3 m\n  next:   divide by"):
        plausible.LEG_M.require(900, "legs are 900 m", "divide by 1000")
    with pytest.raises(UnitError, match="expected under 5 m"):
        plausible.POSE_RADIUS_M.require(900, "reaches 900", "divide by 1000")


@pytest.mark.parametrize(
    ("unit", "metre"),
    [("millimetres", 1e-3), ("centimetres", 0.01), ("inches", 0.0254), ("feet", 0.3048)],
)
def test_a_person_in_another_unit_is_brought_to_metres(unit, metre):
    """Of every plausible size: the unit is among those of the cure. No unit makes a person of 1 km."""
    for size in (0.5, 1.1, 1.75, 2.1):
        assert f"{unit} times {metre:g}" in plausible.to_metres(size / metre)
    assert plausible.to_metres(1e6) == "give metres"


def test_the_pelvis_is_the_root_of_both_skeletons():
    assert H36M_17[PELVIS] == SMPL_24[PELVIS] == "pelvis"
