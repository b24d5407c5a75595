"""The table of actions: the fifteen of Human3.6M, and the gestures that they are made of."""

from dataclasses import dataclass

import numpy as np

from jointreg.errors import ConfigError

Angles = tuple[float, float, float, float]


@dataclass(frozen=True)
class Action:
    """One row of the action table."""

    stance: str
    """standing, stooping, sitting, on_floor or walking."""
    gestures: tuple[str, ...]
    """Gestures of the leading arm, drawn in random order; rows of `GESTURES` or `REACHES`."""
    rest: str
    """Gesture of the other arm most of the time; `swing` follows the legs."""
    both: float
    """Probability that the other arm gestures too."""
    trunk: tuple[float, float, float]
    """Mean forward bend, left twist, right bend of the trunk, degrees."""
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The same of the head against the chest."""
    other: tuple[str, ...] = ()
    """Gestures of the other arm; empty: those of the leading one."""
    together: bool = False
    """Whether both arms change at once, from a gesture to the next; `PARTNER` pairs the gestures."""
    descent: tuple[str, ...] = ()
    """Both arms at equal steps of the way down, of a stance that goes down; empty: the gesture of the
    moment."""
    pace: float = 1.0
    """Factor on the time that a gesture is held."""
    sway: float = 1.0
    """Factor on the shifts of weight of a standing person."""
    look: float = 0.0
    """Mean turn of the head towards the side of the leading arm, degrees."""
    unsteady: float = 0.0
    """Share by which the walking speed rises and falls."""


@dataclass(frozen=True)
class Reach:
    """A gesture that puts the hand at a place on the person's own body, whatever the body's size."""

    anchor: str
    """Skeleton joint: head, or one of the trunk."""
    offset_m: tuple[float, float, float]
    """Hand joint from the anchor: outward, up, forward (for the spine: of the skin)."""
    start: Angles
    """Arm angles as in `GESTURES`: of all that reach, the nearest are taken."""


ACTIONS: dict[str, Action] = {
    "Directions": Action(
        "standing", ("point_front", "point_side", "point_up", "point_across"), "hang", 0.3, (2, 0, 0)
    ),
    "Sitting": Action("sitting", ("on_knee", "explain", "on_lap"), "on_knee", 0.4, (7, 0, 0)),
    "Walking": Action("walking", ("swing",), "swing", 1.0, (4, 0, 0)),
    "Discussion": Action(
        "standing", ("talk_low", "talk_wide", "talk_high"), "forearm", 0.85, (4, 0, 0), pace=0.8
    ),
    "Eating": Action(
        "sitting", ("to_mouth", "plate"), "plate", 0.1, (14, 0, 0), (10, 0, 0), other=("on_knee",)
    ),
    "Greeting": Action(
        "standing", ("wave", "wave", "handshake"), "hang", 0.3, (4, 0, 0), other=("forearm",)
    ),
    "Phoning": Action(
        "standing", ("at_ear",), "hang", 0.6, (4, 0, 0), (6, 0, 0), other=("talk_low", "on_hip")
    ),
    "Posing": Action(
        "standing",
        ("wide", "on_hip", "arms_up", "flex"),
        "hang",
        1.0,
        (-2, 0, 0),
        together=True,
        sway=1.5,
    ),
    "Purchases": Action(
        "stooping",
        ("carry", "carry", "shelf"),
        "carry",
        1.0,
        (3, 0, 0),
        together=True,
        descent=("", "grip"),
    ),
    "SittingDown": Action(
        "on_floor",
        ("on_shin", "explain", "on_shin"),
        "on_shin",
        0.5,
        (34, 0, 0),
        (-8, 0, 0),
        descent=("hang", "balance", ""),
    ),
    "Smoking": Action(
        "standing", ("to_mouth", "aside"), "across_belly", 0.25, (0, 0, 0), other=("hang",)
    ),
    "Photo": Action(
        "standing",
        ("camera", "camera", "camera_low"),
        "camera",
        1.0,
        (6, 0, 0),
        (4, 0, 0),
        together=True,
    ),
    "Waiting": Action(
        "standing",
        ("crossed", "crossed", "hang"),
        "hang",
        1.0,
        (3, 0, 0),
        together=True,
        pace=1.5,
        sway=2.2,
    ),
    "WalkDog": Action(
        "walking", ("leash", "leash_low"), "swing", 0.0, (-2, 0, 0), (14, 0, 0), unsteady=0.5
    ),
    "WalkTogether": Action("walking", ("linked",), "swing", 0.0, (3, 0, 0), look=28),
}
"""Actions that can be made, by Human3.6M's names. One more is one more row, with its gestures below."""

GESTURES: dict[str, Angles] = {
    "hang": (11, 75, 0, 16),
    "swing": (7, 90, 0, 24),
    "point_front": (86, 15, 0, 8),
    "point_side": (84, 78, 0, 8),
    "point_up": (132, 50, 0, 14),
    "point_across": (72, -12, 5, 30),
    "on_knee": (36, 10, 0, 38),
    "on_lap": (24, 15, 22, 62),
    "explain": (38, 32, 8, 88),
    "forearm": (16, 35, 12, 78),
    "talk_low": (24, 35, 0, 70),
    "talk_wide": (40, 62, -18, 60),
    "talk_high": (52, 40, 0, 92),
    "plate": (26, 22, 20, 78),
    "wave": (92, 58, -50, 82),
    "handshake": (48, 4, 5, 38),
    "wide": (88, 86, 0, 8),
    "arms_up": (142, 62, 0, 16),
    "flex": (86, 84, -58, 96),
    "carry": (24, 10, 12, 82),
    "shelf": (96, 12, 0, 22),
    "grip": (80, 4, 4, 12),
    "balance": (105, 12, 0, 30),
    "on_shin": (72, 12, 0, 30),
    "aside": (26, 62, -8, 84),
    "leash": (52, 8, 0, 22),
    "leash_low": (38, 10, 0, 30),
    "linked": (18, 15, 30, 88),
}
"""Elevation from hanging, plane (0 forward, 90 outward), inward twist, elbow bend; degrees."""

REACHES: dict[str, Reach] = {
    "at_ear": Reach("head", (0.11, 0.02, 0.065), (45, 40, 0, 130)),
    "to_mouth": Reach("head", (0.02, -0.085, 0.17), (45, 30, 20, 120)),
    "camera": Reach("head", (0.075, 0.0, 0.30), (62, 40, 10, 105)),
    "camera_low": Reach("spine3", (0.07, 0.03, 0.18), (35, 30, 15, 95)),
    "on_hip": Reach("pelvis", (0.21, 0.11, 0.06), (38, 95, 30, 85)),
    "crossed": Reach("spine3", (-0.07, 0.0, 0.15), (50, 40, 30, 100)),
    "crossed_below": Reach("spine3", (-0.04, -0.09, 0.055), (45, 40, 40, 100)),
    "across_belly": Reach("spine2", (-0.05, 0.0, 0.075), (40, 35, 40, 95)),
}
"""Places for the hand joint; the fingers reach 8 cm farther."""

PARTNER = {"crossed": "crossed_below"}
"""Gesture of the other arm when both act together. A gesture not named here is its own partner."""

BEATS: dict[str, tuple[float, Angles]] = {
    "wave": (1.7, (0, 0, 16, 16)),
    "talk_low": (1.1, (4, 0, 0, 9)),
    "talk_wide": (1.0, (4, 6, 0, 7)),
    "talk_high": (1.2, (5, 0, 0, 9)),
    "leash": (0.9, (8, 5, 0, 6)),
}
"""Movement to and fro within a gesture: Hz and half range of the four angles, degrees."""

GESTURE_JITTER = np.radians([5.0, 6.0, 4.0, 6.0])
"""sd between two times that a take shows the same gesture, radians."""
REACH_JITTER = 0.3
"""Factor on it for a hand that is at a place: about 2 cm."""

LOWEST, HIGHEST = np.radians([-40, -90, -60, 2]), np.radians([165, 110, 60, 140])
"""Limits of the four arm angles (shoulder and elbow range of healthy adults), radians."""


def require_known(action: str) -> Action:
    """Row of the action table.

    Raises:
        ConfigError: the generator has no such action.
    """
    if action not in ACTIONS:
        raise ConfigError(
            f"action '{action}' is unknown to the open data set, expected one of {', '.join(ACTIONS)}",
            "take the row out of the sequence table, or add it to jointreg.synthetic.actions.ACTIONS",
        )
    return ACTIONS[action]
