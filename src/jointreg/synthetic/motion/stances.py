"""Where pelvis and feet are: standing, stooping, sitting on a stool or on the floor.

Feet stay where they are planted; places are x, y of the room, headings about the vertical, radians.
"""

from typing import NamedTuple

import numpy as np

from jointreg.synthetic.motion.actions import GESTURES
from jointreg.synthetic.motion.kinematics import JOINT, SIDES, SIGN, Figure, Posture, about, pose, still
from jointreg.synthetic.motion.rhythm import up_and_down, wobble

FLOOR_LEAN = np.radians(-24)
"""Forward lean of the pelvis of a person who sits on the floor."""
FLOOR_CENTRE = 0.2
"""How far before the middle of their place the feet of such a person are, metres."""


class Stance(NamedTuple):
    """A person who stays in one place for N moments; the stances fill `posture`."""

    person: Figure
    posture: Posture
    times: np.ndarray
    """Seconds from the start of the take, (N,)."""
    place: np.ndarray
    """Of the feet, or of the stool: x, y of the room, metres, (2,)."""
    heading: float
    generator: np.random.Generator


def stand(stance: Stance, sway: float = 1.0) -> None:
    """Feet planted, weight shifting from leg to leg; `sway` is a factor on the shifts."""
    person, posture, times, place, heading, generator = stance
    across = sway * wobble(times, generator, 0.02, 1)[:, 0]
    along = wobble(times, generator, 0.012, 1)[:, 0]
    yaw = wobble(times, generator, 0.09, 1)[:, 0]
    width = generator.uniform(0.10, 0.15)
    height = 0.994 * person.leg_length + person.ankle_height + person.rest[0, 1]
    height -= person.rest[JOINT["left_hip"], 1]
    # The pelvis sinks where the sway would stretch a leg too far.
    height -= 0.15 * (np.abs(across) + np.abs(along))
    body = about("y", heading)
    centre = np.array([place[0], 0.0, -place[1]])
    shift = np.stack([across, height, along], axis=-1)
    posture.pelvis = centre + shift @ body.T
    posture.pelvis_rotation = body @ about("y", yaw) @ about("z", 0.6 * across)
    for side in SIDES:
        toe_out = SIGN[side] * generator.uniform(0.08, 0.3)
        spot = np.array([SIGN[side] * width, person.ankle_height, generator.uniform(-0.05, 0.05)])
        posture.ankles[side] = np.tile(centre + body @ spot, (len(times), 1))
        posture.feet[side] = np.tile(body @ about("y", toe_out), (len(times), 1, 1))


def stoop(stance: Stance) -> np.ndarray:
    """Standing, and again and again bending hips, knees and back to the floor before the feet.

    Returns:
        How far down, 0 to 1, (N,).
    """
    stand(stance)
    person, posture, times, _, heading, generator = stance
    down = up_and_down(times, generator, up_s=(0.7, 1.4), down_s=(0.2, 0.5), change_s=0.8)
    deep = generator.uniform(0.27, 0.36)
    fall = about("y", heading) @ [0.0, -deep * person.leg_length, -0.2 * person.leg_length]
    posture.pelvis += down[:, None] * fall
    posture.pelvis_rotation = posture.pelvis_rotation @ about("x", np.radians(38) * down)
    posture.trunk[:, 0] += np.radians(38) * down
    posture.head[:, 0] -= np.radians(22) * down
    return down


def sit(stance: Stance, seat: float | None = None) -> None:
    """On a stool, feet before it. `seat`: height of the pelvis joint, None for level thighs."""
    person, posture, times, stool, heading, generator = stance
    height = _sitting_pelvis(person) if seat is None else seat
    lean = np.radians(-8) + wobble(times, generator, 0.02, 1)[:, 0]
    body = about("y", heading)
    centre = np.array([stool[0], 0.0, -stool[1]])
    spot = np.array([0.0, height, 0.0])
    posture.pelvis = np.tile(centre + body @ spot, (len(times), 1))
    posture.pelvis_rotation = body @ about("y", wobble(times, generator, 0.04, 1)[:, 0])
    posture.pelvis_rotation = posture.pelvis_rotation @ about("x", lean)
    thigh = np.linalg.norm(person.rest[JOINT["left_knee"]] - person.rest[JOINT["left_hip"]])
    floor = person.ankle_height + (height - _sitting_pelvis(person))
    for side in SIDES:
        toe_out = SIGN[side] * generator.uniform(0.1, 0.35)
        forward = thigh + generator.uniform(-0.04, 0.10)
        spot = np.array([SIGN[side] * generator.uniform(0.13, 0.19), floor, forward])
        posture.ankles[side] = np.tile(centre + body @ spot, (len(times), 1))
        posture.feet[side] = np.tile(body @ about("y", toe_out), (len(times), 1, 1))


def sit_on_floor(stance: Stance) -> np.ndarray:
    """From standing to sitting on the floor, knees up, and up again; the feet stay planted.

    Returns:
        How far down, 0 to 1, (N,).
    """
    person, posture, times, place, heading, generator = stance
    body = about("y", heading)
    forward = body[:, 2]
    feet = place + FLOOR_CENTRE * np.array([forward[0], -forward[2]])
    stand(stance._replace(place=feet))
    down = up_and_down(times, generator, up_s=(0.2, 0.6), down_s=(2.2, 4.0), change_s=1.5)
    away = generator.uniform(0.50, 0.56) * person.leg_length
    seated = np.mean([posture.ankles[side][0] for side in SIDES], axis=0) - away * forward
    seated[1] = floor_seat(person)
    posture.pelvis += down[:, None] * (seated - posture.pelvis)
    # Bent forward on the way, over the feet.
    squat = 4 * down * (1 - down)
    lean = FLOOR_LEAN * down + np.radians(20) * squat
    posture.pelvis_rotation = posture.pelvis_rotation @ about("x", lean)
    posture.trunk[:, 0] = posture.trunk[:, 0] * (0.2 + 0.8 * down) + np.radians(26) * squat
    posture.knees_up = 2 * down
    return down


def seat_height(person: Figure) -> float:
    """Height of the stool on which this person's thighs are about level, metres."""
    posture = still(1)
    stance = Stance(person, posture, np.zeros(1), np.zeros(2), 0.0, np.random.default_rng(0))
    sit(stance, seat=0.0)
    posture.trunk, posture.head = np.zeros((1, 3)), np.zeros((1, 3))
    for side in SIDES:
        posture.arms[side] = np.radians([GESTURES["on_knee"]])
    return _sitting_pelvis(person) + _lowest_seat(person, posture)


def floor_seat(person: Figure) -> float:
    """Height of the pelvis joint of this person sitting on the floor, metres."""
    posture = still(1)
    posture.pelvis_rotation = about("x", np.array([FLOOR_LEAN]))
    for side in SIDES:
        spot = [SIGN[side] * 0.125, 0.0, 0.53 * person.leg_length]
        posture.ankles[side] = np.array([spot])
    return -_lowest_seat(person, posture)


def _lowest_seat(person: Figure, posture: Posture) -> float:
    """Lowest point of the buttocks of a posture of one moment whose pelvis stands at x = z = 0."""
    rotations, translation = pose(person, posture)
    vertices = person.body.vertices(rotations, person.betas[None], translation)[0]
    weights = person.body.skinning_weights
    seat = weights[:, [JOINT["pelvis"], JOINT["left_hip"], JOINT["right_hip"]]].sum(axis=1) > 0.9
    near = np.hypot(vertices[:, 0], vertices[:, 2]) < 0.17
    return float(vertices[seat & near, 1].min())


def _sitting_pelvis(person: Figure) -> float:
    """Height of the pelvis joint over the floor when the thighs are about level."""
    shin = np.linalg.norm(person.rest[JOINT["left_ankle"]] - person.rest[JOINT["left_knee"]])
    drop = person.rest[JOINT["pelvis"], 1] - person.rest[JOINT["left_hip"], 1]
    return float(person.ankle_height + shin + drop + 0.03)
