"""What the virtual people do: a table of actions, and the motion of one take of each.

Procedural, not captured: a stance (standing, sitting, walking) moves pelvis and feet, gestures drawn
from the action's row move the arms. All randomness of a take comes from one generator, and motion is
a function of time, so more frames or another frame rate show more of the same take.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jointreg.errors import ConfigError
from jointreg.synthetic.gait import walk
from jointreg.synthetic.kinematics import JOINT, SIDES, SIGN, Figure, Posture, about, pose
from jointreg.synthetic.parameters import Motion


@dataclass(frozen=True)
class Action:
    """One row of the action table."""

    stance: str
    """standing, sitting or walking."""
    gestures: tuple[str, ...]
    """What the leading arm does, drawn in random order; rows of `GESTURES`."""
    rest: str
    """What the other arm does most of the time, a row of `GESTURES`; `swing` follows the legs."""
    both: float
    """Probability that the other arm gestures too."""
    trunk: tuple[float, float, float]
    """Mean forward bend, left twist, right bend of the trunk, degrees."""


ACTIONS: dict[str, Action] = {
    "Directions": Action(
        "standing", ("point_front", "point_side", "point_up", "point_across"), "hang", 0.3, (2, 0, 0)
    ),
    "Sitting": Action("sitting", ("on_knee", "explain", "on_lap"), "on_knee", 0.4, (7, 0, 0)),
    "Walking": Action("walking", ("swing",), "swing", 1.0, (4, 0, 0)),
}
"""Actions that can be made. A further one is a further row, with its gestures below."""

GESTURES: dict[str, tuple[float, float, float, float]] = {
    "hang": (11, 75, 0, 16),
    "swing": (7, 90, 0, 24),
    "point_front": (86, 15, 0, 8),
    "point_side": (84, 78, 0, 8),
    "point_up": (132, 50, 0, 14),
    "point_across": (72, -12, 5, 30),
    "on_knee": (36, 10, 0, 38),
    "on_lap": (24, 15, 22, 62),
    "explain": (38, 32, 8, 88),
}
"""Elevation from hanging, plane (0 forward, 90 outward), inward twist, elbow bend; degrees."""

GESTURE_JITTER = np.radians([5.0, 6.0, 4.0, 6.0])
"""sd between two times that a take shows the same gesture, radians."""

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
            "take the row out of the sequence table, or add it to jointreg.synthetic.motion.ACTIONS",
        )
    return ACTIONS[action]


def perform(
    person: Figure,
    action: str,
    take: int,
    times: np.ndarray,
    settings: Motion,
    stools_m: Sequence[tuple[float, float]],
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Move one person through one take.

    Args:
        person: whose body.
        action: row of `ACTIONS`.
        take: 0, 1, ...; takes have places of their own, so that each pixel shows the empty room in
            most of a subject's frames.
        times: moments, seconds from the start of the take, (N,), rising.
        settings: ranges to draw from.
        stools_m: x, y of the stools in the room frame, metres.
        generator: of this take.

    Returns:
        Rotations (N, 24, 3, 3) and translation (N, 3) metres, stage frame (y up).

    Raises:
        ConfigError: the generator has no such action.
    """
    row = require_known(action)
    amplitude = generator.uniform(*settings.amplitude)
    posture = _empty(len(times))
    posture.trunk = np.radians(row.trunk) + _wobble(times, generator, settings.sway_rad, 3)
    posture.head = _wobble(times, generator, 2 * settings.sway_rad, 3)
    if row.stance == "walking":
        phase = walk(person, posture, times, settings, take, generator)
        _swing_arms(posture, phase, amplitude, generator)
    else:
        heading = generator.uniform(-np.pi, np.pi)
        if row.stance == "sitting":
            _sit(person, posture, times, stools_m[take % len(stools_m)], heading, generator)
        else:
            places = settings.standing_places_m
            jitter = settings.place_jitter_m * np.clip(generator.standard_normal(2), -2, 2)
            place = np.add(places[take % len(places)], jitter)
            _stand(person, posture, times, place, heading, generator)
        _gesture(posture, row, times, settings, amplitude, generator)
    for side in SIDES:
        posture.arms[side] = np.clip(posture.arms[side], LOWEST, HIGHEST)
    return pose(person, posture)


def seat_height(person: Figure) -> float:
    """Height of the stool on which this person's thighs are about level, metres."""
    posture = _empty(1)
    generator = np.random.default_rng(0)
    _sit(person, posture, np.zeros(1), (0.0, 0.0), 0.0, generator, seat=0.0)
    posture.trunk, posture.head = np.zeros((1, 3)), np.zeros((1, 3))
    for side in SIDES:
        posture.arms[side] = np.radians([GESTURES["on_knee"]])
    rotations, translation = pose(person, posture)
    vertices = person.body.vertices(rotations, person.betas[None], translation)[0]
    weights = person.body.skinning_weights
    seat = weights[:, [JOINT["pelvis"], JOINT["left_hip"], JOINT["right_hip"]]].sum(axis=1) > 0.9
    near = np.hypot(vertices[:, 0], vertices[:, 2]) < 0.17
    return _sitting_pelvis(person) + float(vertices[seat & near, 1].min())


def _sitting_pelvis(person: Figure) -> float:
    """Height of the pelvis joint over the floor when the thighs are about level."""
    shin = np.linalg.norm(person.rest[JOINT["left_ankle"]] - person.rest[JOINT["left_knee"]])
    drop = person.rest[JOINT["pelvis"], 1] - person.rest[JOINT["left_hip"], 1]
    return float(person.ankle_height + shin + drop + 0.03)


def _stand(
    person: Figure,
    posture: Posture,
    times: np.ndarray,
    place: np.ndarray,
    heading: float,
    generator: np.random.Generator,
) -> None:
    """Feet planted, weight shifting from leg to leg. `place`: x, y of the room frame."""
    across = _wobble(times, generator, 0.02, 1)[:, 0]
    along = _wobble(times, generator, 0.012, 1)[:, 0]
    yaw = _wobble(times, generator, 0.09, 1)[:, 0]
    width = generator.uniform(0.10, 0.15)
    height = 0.994 * person.leg_length + person.ankle_height + person.rest[0, 1]
    height -= person.rest[JOINT["left_hip"], 1]
    # The pelvis sinks where the sway would stretch a leg too far.
    height -= 0.15 * (np.abs(across) + np.abs(along))
    body = about("y", heading)
    centre = np.array([place[0], 0.0, -place[1]])
    sway = np.stack([across, height, along], axis=-1)
    posture.pelvis = centre + sway @ body.T
    posture.pelvis_rotation = body @ about("y", yaw) @ about("z", 0.6 * across)
    for side in SIDES:
        toe_out = SIGN[side] * generator.uniform(0.08, 0.3)
        spot = np.array([SIGN[side] * width, person.ankle_height, generator.uniform(-0.05, 0.05)])
        posture.ankles[side] = np.tile(centre + body @ spot, (len(times), 1))
        posture.feet[side] = np.tile(body @ about("y", toe_out), (len(times), 1, 1))


def _sit(
    person: Figure,
    posture: Posture,
    times: np.ndarray,
    stool: tuple[float, float],
    heading: float,
    generator: np.random.Generator,
    seat: float | None = None,
) -> None:
    """On a stool, feet before it. `seat`: height of the pelvis joint, None for level thighs."""
    height = _sitting_pelvis(person) if seat is None else seat
    lean = np.radians(-8) + _wobble(times, generator, 0.02, 1)[:, 0]
    body = about("y", heading)
    centre = np.array([stool[0], 0.0, -stool[1]])
    spot = np.array([0.0, height, 0.0])
    posture.pelvis = np.tile(centre + body @ spot, (len(times), 1))
    posture.pelvis_rotation = body @ about("y", _wobble(times, generator, 0.04, 1)[:, 0])
    posture.pelvis_rotation = posture.pelvis_rotation @ about("x", lean)
    thigh = np.linalg.norm(person.rest[JOINT["left_knee"]] - person.rest[JOINT["left_hip"]])
    floor = person.ankle_height + (height - _sitting_pelvis(person))
    for side in SIDES:
        toe_out = SIGN[side] * generator.uniform(0.1, 0.35)
        forward = thigh + generator.uniform(-0.04, 0.10)
        spot = np.array([SIGN[side] * generator.uniform(0.13, 0.19), floor, forward])
        posture.ankles[side] = np.tile(centre + body @ spot, (len(times), 1))
        posture.feet[side] = np.tile(body @ about("y", toe_out), (len(times), 1, 1))


def _swing_arms(
    posture: Posture, phase: np.ndarray, amplitude: float, generator: np.random.Generator
) -> None:
    """Each arm swings with the opposite leg."""
    size = np.radians(24) * amplitude
    for side in SIDES:
        swing = -np.cos(2 * np.pi * phase) if side == "left" else np.cos(2 * np.pi * phase)
        out, _, _, elbow = np.radians(GESTURES["swing"])
        forward = size * swing + 0.06
        elevation = np.hypot(forward, out)
        plane = np.arctan2(out, forward)
        bend = elbow + 0.35 * size * (1 + swing) + generator.normal(0, 0.05)
        posture.arms[side] = np.stack([elevation, plane, np.zeros_like(plane), bend], axis=-1)


def _gesture(
    posture: Posture,
    row: Action,
    times: np.ndarray,
    settings: Motion,
    amplitude: float,
    generator: np.random.Generator,
) -> None:
    """Arms move from gesture to gesture, held and blended."""
    leading = SIDES[generator.integers(2)]
    rest = np.radians(GESTURES[row.rest])
    # A stream a side: how long the take is must not change what the other arm does.
    for side, draw in zip(SIDES, generator.spawn(2), strict=True):
        sway = _wobble(times, draw, 0.03, 4)
        held: list[np.ndarray] = []
        starts: list[float] = []
        order: list[str] = []
        moment = 0.0
        while moment <= times[-1] + settings.change_s or not held:
            if not order:
                order = list(draw.permutation(row.gestures))
            name = order.pop()
            if side != leading and draw.random() > row.both:
                name = row.rest
            angles = np.radians(GESTURES[name])
            angles = rest + amplitude * (angles - rest) if row.stance == "standing" else angles
            held.append(angles + GESTURE_JITTER * draw.standard_normal(4))
            starts.append(moment)
            moment += settings.change_s + draw.uniform(*settings.gesture_s)
        posture.arms[side] = _blend(times, np.array(starts), np.array(held), settings.change_s)
        posture.arms[side] += sway
    # People look and turn a little towards the arm that shows the way.
    show = np.maximum(posture.arms[leading][:, 0] - np.radians(30), 0)
    turned = SIGN[leading] * 0.25 * show * np.sin(posture.arms[leading][:, 1])
    posture.trunk[:, 1] += 0.5 * turned
    posture.head[:, 1] += turned


def _blend(times: np.ndarray, starts: np.ndarray, held: np.ndarray, change_s: float) -> np.ndarray:
    """Hold row k from starts[k] on, moving there within `change_s`; (N,) -> (N, 4)."""
    now = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, len(starts) - 1)
    share = np.clip((times - starts[now]) / change_s, 0, 1)
    share = (share * share * (3 - 2 * share))[:, None]
    before = held[np.maximum(now - 1, 0)]
    return before + share * (held[now] - before)


def _wobble(times: np.ndarray, generator: np.random.Generator, sd: float, width: int) -> np.ndarray:
    """Slow smooth noise of standard deviation `sd`: three sines a column, (N,) -> (N, width)."""
    frequency = generator.uniform(0.08, 0.55, (3, width))
    phase = generator.uniform(0, 2 * np.pi, (3, width))
    waves = np.sin(2 * np.pi * frequency * times[:, None, None] + phase)
    return sd * np.sqrt(2 / 3) * waves.sum(axis=1)


def _empty(count: int) -> Posture:
    zeros = np.zeros((count, 3))
    eye = np.tile(np.eye(3), (count, 1, 1))
    return Posture(
        pelvis=zeros.copy(),
        pelvis_rotation=eye.copy(),
        trunk=zeros.copy(),
        head=zeros.copy(),
        arms={side: np.zeros((count, 4)) for side in SIDES},
        ankles={side: zeros.copy() for side in SIDES},
        feet={side: eye.copy() for side in SIDES},
        toes={side: np.zeros(count) for side in SIDES},
    )
