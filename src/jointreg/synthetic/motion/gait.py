"""Walking: feet that stay where they are planted, a pelvis that follows, round an ellipse in the room.

One cycle is two steps. A foot stands for the first `STANCE` of its own cycle and swings for the rest.
"""

import numpy as np

from jointreg.synthetic.motion.kinematics import (
    JOINT,
    REACH,
    SIDES,
    SIGN,
    Figure,
    Posture,
    about,
    sole_heights,
)
from jointreg.synthetic.parameters import Motion

STANCE = 0.6
"""Share of the cycle that a foot is on the floor at comfortable speed (Perry, Gait Analysis, 1992)."""
LANDING, PUSH = np.radians(18), np.radians(42)
"""Toes up at heel strike; heel up at toe-off."""
CLEARANCE = 0.045
"""How high the swinging ankle rises above its straight way, metres."""


def walk(
    person: Figure,
    posture: Posture,
    times: np.ndarray,
    settings: Motion,
    take: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Fill pelvis, feet and trunk sway of `posture` with walking.

    Returns:
        Phase of the left foot in cycles, (N,); a whole number is its heel strike.
    """
    speed = generator.uniform(*settings.walk_speed_m_s)
    cycle = generator.uniform(*settings.walk_cycle_s)
    round_about = 1.0 if take % 2 == 0 else -1.0
    path = _Ellipse(settings.walk_path_m, round_about, generator.uniform(0, 2 * np.pi))
    phase = times / cycle + generator.uniform(0, 1)
    width = generator.uniform(0.045, 0.07)
    stride = speed * cycle
    centre, yaw = path.at(stride * phase)
    centre += (0.02 * np.sin(2 * np.pi * (phase - 0.05)))[:, None] * about("y", yaw)[:, :, 0]
    turn = -0.09 * np.cos(2 * np.pi * phase)
    pelvis = about("y", yaw + turn)
    longest = [np.full(len(times), person.ankle_height + 0.985 * person.leg_length)]
    for side in SIDES:
        lead = 0.0 if side == "left" else 0.5
        _foot(person, posture, side, path, phase + lead, lead, stride, SIGN[side] * width)
        hip = centre + pelvis @ (person.rest[JOINT[f"{side}_hip"]] - person.rest[0])
        away = np.linalg.norm((posture.ankles[side] - hip)[:, [0, 2]], axis=1)
        leg = REACH * person.leg_length
        up = np.sqrt(leg**2 - np.minimum(away, 0.9 * leg) ** 2)
        longest.append(posture.ankles[side][:, 1] + up)
    # The hips are as high as both legs allow; a smooth minimum, so they vault over each foot.
    height = -0.008 * np.log(np.exp(-np.stack(longest) / 0.008).sum(axis=0))
    centre[:, 1] = height - person.rest[JOINT["left_hip"], 1] + person.rest[0, 1]
    posture.pelvis, posture.pelvis_rotation = centre, pelvis
    posture.trunk[:, 1] -= 2 * turn
    return phase


def _foot(
    person: Figure,
    posture: Posture,
    side: str,
    path: "_Ellipse",
    phase: np.ndarray,
    start: float,
    stride: float,
    across: float,
) -> None:
    """Ankle, foot and toes of one side; `phase` is the foot's own, `start` its lead on the left one."""
    cycle = np.floor(phase)
    share = phase - cycle
    # The foot is planted where the body passes in the middle of the stance.
    spots, yaws = [], []
    for step in (0, 1):
        spot, yaw = path.at(stride * (cycle + step + STANCE / 2 - start))
        spots.append(spot + across * about("y", yaw)[:, :, 0])
        yaws.append(yaw + np.sign(across) * 0.1)
    swing = np.clip((share - STANCE) / (1 - STANCE), 0, 1)
    pitch = np.interp(share, [0, 0.1, 0.32, STANCE, 0.8, 1], [-LANDING, 0, 0, PUSH, 0.1, -LANDING])
    ahead = swing * swing * (3 - 2 * swing)
    yaw = yaws[0] + ahead * (yaws[1] - yaws[0])
    height, forward = sole_heights(person, pitch)
    place = spots[0] + ahead[:, None] * (spots[1] - spots[0])
    place[:, 1] = height + CLEARANCE * np.sin(np.pi * swing)
    foot = about("y", yaw)
    posture.ankles[side] = place + forward[:, None] * foot[:, :, 2]
    posture.feet[side] = foot @ about("x", pitch)
    on_floor = 1 - np.clip(swing / 0.25, 0, 1)
    posture.toes[side] = np.maximum(pitch, 0) * on_floor


class _Ellipse:
    """A closed path in the stage frame, by distance walked."""

    def __init__(self, half: tuple[float, float], direction: float, start: float) -> None:
        angle = np.linspace(0, 2 * np.pi, 721)
        points = np.stack([half[0] * np.cos(angle), half[1] * np.sin(angle)], axis=1)
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        self._length = np.concatenate([[0.0], np.cumsum(steps)])
        self._angle = angle
        self._half = half
        self._direction = direction
        self._start = float(np.interp(start, angle, self._length))

    def at(self, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position on the floor (N, 3) and continuous heading about y (N,) after `distance` metres."""
        total = self._length[-1]
        along = self._start + self._direction * distance
        angle = np.interp(along % total, self._length, self._angle)
        x, y = self._half[0] * np.cos(angle), self._half[1] * np.sin(angle)
        dx, dy = -self._half[0] * np.sin(angle), self._half[1] * np.cos(angle)
        # Room (x, y) is stage (x, -z); heading h looks along (sin h, cos h) in stage (x, z).
        heading = np.arctan2(self._direction * dx, -self._direction * dy)
        around = np.floor(along / total) * 2 * np.pi
        base = np.arctan2(self._direction * -np.sin(0.0), -self._direction * self._half[1])
        winding = (heading - base) % (2 * np.pi)
        return np.stack([x, np.zeros_like(x), -y], axis=-1), base + winding + around
