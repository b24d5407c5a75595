"""Arms: swinging with the legs, going from gesture to gesture, reaching for a place on the own body."""

from copy import deepcopy

import numpy as np
from scipy.optimize import least_squares

from jointreg.synthetic.motion.actions import (
    BEATS,
    GESTURE_JITTER,
    GESTURES,
    HIGHEST,
    LOWEST,
    PARTNER,
    REACH_JITTER,
    REACHES,
    Action,
)
from jointreg.synthetic.motion.kinematics import JOINT, SIDES, SIGN, Figure, Posture, bend, hand_position
from jointreg.synthetic.motion.rhythm import blend, wobble
from jointreg.synthetic.parameters import Motion


def swing_arms(
    posture: Posture, phase: np.ndarray, amplitude: float, generator: np.random.Generator
) -> None:
    """Each arm swings with the opposite leg; `phase` of the left foot in cycles, (N,)."""
    size = np.radians(24) * amplitude
    for side in SIDES:
        swing = -np.cos(2 * np.pi * phase) if side == "left" else np.cos(2 * np.pi * phase)
        out, _, _, elbow = np.radians(GESTURES["swing"])
        forward = size * swing + 0.06
        elevation = np.hypot(forward, out)
        plane = np.arctan2(out, forward)
        bend_now = elbow + 0.35 * size * (1 + swing) + generator.normal(0, 0.05)
        posture.arms[side] = np.stack([elevation, plane, np.zeros_like(plane), bend_now], axis=-1)


def gesture(
    person: Figure,
    posture: Posture,
    row: Action,
    times: np.ndarray,
    settings: Motion,
    amplitude: float,
    generator: np.random.Generator,
) -> None:
    """Arms move from gesture to gesture, held and blended; an arm that swings is left as it is."""
    leading = SIDES[generator.integers(2)]
    # A stream a side: how long the take is must not change what the other arm does.
    draws = generator.spawn(2)
    if row.together:
        draws = [draws[0], deepcopy(draws[0])]
    for side, draw in zip(SIDES, draws, strict=True):
        if side == leading or row.rest != "swing":
            posture.arms[side] = _performed(
                person, row, side, side == leading, times, settings, amplitude, draw
            )
    # People look and turn a little towards the arm that shows the way.
    show = np.maximum(posture.arms[leading][:, 0] - np.radians(30), 0)
    turned = SIGN[leading] * 0.25 * show * np.sin(posture.arms[leading][:, 1])
    posture.trunk[:, 1] += 0.5 * turned
    posture.head[:, 1] += turned + SIGN[leading] * np.radians(row.look)


def on_the_way(arm: np.ndarray, row: Action, down: np.ndarray) -> np.ndarray:
    """Angles of one arm (N, 4) of a person who has gone `down` from 0 to 1, (N,): `Action.descent`."""
    angles = arm
    steps = np.linspace(0, 1, len(row.descent))
    for index, name in enumerate(row.descent):
        if name:
            share = np.interp(down, steps, np.eye(len(steps))[index])[:, None]
            angles = angles + share * (np.radians(GESTURES[name]) - arm)
    return angles


def reach(person: Figure, name: str, side: str, head: np.ndarray) -> np.ndarray:
    """Arm angles that put the hand joint at a place of `REACHES`.

    Args:
        person: whose arm.
        name: row of `REACHES`.
        side: left or right.
        head: bend of the head against the chest as in `Posture`, (3,) radians.

    Returns:
        The four angles, radians, within the limits of the joints; as near to the row's start as the
        place allows.
    """
    goal = REACHES[name]
    offset = np.array(goal.offset_m) * [SIGN[side], 1, 1]
    target = person.rest[JOINT[goal.anchor]] + offset
    if goal.anchor.startswith("spine"):
        target[2] = _skin(person, target[1]) + offset[2]
    elif goal.anchor == "head":
        neck, half = person.rest[JOINT["neck"]], bend(head / 2)
        target = neck + half @ (person.rest[JOINT["head"]] - neck + half @ offset)
    start = np.clip(np.radians(goal.start), LOWEST, HIGHEST)

    def miss(angles: np.ndarray) -> np.ndarray:
        """Centimetres of the hand, and a weak pull to the start that settles what they leave open."""
        place = hand_position(person, side, angles[None])[0]
        return np.concatenate([100 * (place - target), 0.3 * (angles - start)])

    return np.asarray(least_squares(miss, start, bounds=(LOWEST, HIGHEST)).x)


def _skin(person: Figure, height: float) -> float:
    """Front of the T-pose's trunk near a height, metres."""
    body = person.body
    spine = [JOINT[f"spine{number}"] for number in (1, 2, 3)]
    front = body.template + body.shape_directions @ person.betas
    front = front[body.skinning_weights[:, spine].sum(axis=1) > 0.5]
    return float(front[np.abs(front[:, 1] - height) < 0.04, 2].max())


def _performed(
    person: Figure,
    row: Action,
    side: str,
    leads: bool,
    times: np.ndarray,
    settings: Motion,
    amplitude: float,
    draw: np.random.Generator,
) -> np.ndarray:
    """Angles of one arm through a take, (N, 4)."""
    names = row.gestures if leads else row.other or row.gestures
    if row.together and not leads:
        names = tuple(PARTNER.get(name, name) for name in names)
    head = np.radians(row.head)
    angles = {
        name: reach(person, name, side, head) if name in REACHES else np.radians(GESTURES[name])
        for name in {*names, row.rest}
    }
    rest = angles[row.rest]
    sway = wobble(times, draw, 0.03, 4)
    held: list[np.ndarray] = []
    gestures: list[str] = []
    starts: list[float] = []
    order: list[str] = []
    moment = 0.0
    while moment <= times[-1] + settings.change_s or not held:
        if not order:
            order = list(draw.permutation(names))
        name = order.pop()
        if not leads and not row.together and draw.random() > row.both:
            name = row.rest
        aim, jitter = angles[name], GESTURE_JITTER
        if name in REACHES:
            jitter = REACH_JITTER * jitter
        elif row.stance == "standing":
            aim = rest + amplitude * (aim - rest)
        held.append(aim + jitter * draw.standard_normal(4))
        gestures.append(name)
        starts.append(moment)
        moment += settings.change_s + row.pace * draw.uniform(*settings.gesture_s)
    begin = np.array(starts)
    arm = blend(times, begin, np.array(held), settings.change_s) + sway
    for name in sorted(BEATS.keys() & angles):
        rate, size = BEATS[name]
        strength = np.array([[float(now == name)] for now in gestures])
        beat = blend(times, begin, strength, settings.change_s)
        arm += beat * np.sin(2 * np.pi * rate * times)[:, None] * np.radians(size)
    return arm
