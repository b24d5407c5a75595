"""From a described posture to SMPL rotations: arms by angles, legs by the places of the feet.

Stage frame: y up, floor at y = 0, a body with zero heading faces +z with +x to its left; metres.
N is the number of moments.
"""

from dataclasses import dataclass

import numpy as np

from jointreg.body.model import Body
from jointreg.geometry.rotations import from_axis_angle
from jointreg.skeleton import SMPL_24

SIDES = ("left", "right")
SIGN = {"left": 1.0, "right": -1.0}
STAGE_TO_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Stage frame (y up) to the data set's room frame (z up)."""
JOINT = {name: index for index, name in enumerate(SMPL_24)}
REACH = 0.9985
"""Longest hip-ankle distance over leg length: a knee never locks."""


@dataclass
class Posture:
    """N moments of one person, stage frame. Angles in radians."""

    pelvis: np.ndarray
    """Pelvis joint, (N, 3) metres."""
    pelvis_rotation: np.ndarray
    """Global, (N, 3, 3)."""
    trunk: np.ndarray
    """Forward bend, twist to the left, bend to the right of chest against pelvis, (N, 3)."""
    head: np.ndarray
    """The same of the head against the chest, (N, 3)."""
    arms: dict[str, np.ndarray]
    """Side -> elevation from hanging, plane (0 forward, pi/2 outward), inward twist, elbow, (N, 4)."""
    ankles: dict[str, np.ndarray]
    """Side -> ankle joint, (N, 3) metres."""
    feet: dict[str, np.ndarray]
    """Side -> global rotation of the foot, (N, 3, 3)."""
    toes: dict[str, np.ndarray]
    """Side -> upward bend of the toes, (N,)."""
    knees_up: np.ndarray
    """How much more knees point up than to where pelvis and feet look: 0 not at all, 2 half, (N,)."""


def still(count: int) -> Posture:
    """A posture of `count` moments with every angle and position zero."""
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
        knees_up=np.zeros(count),
    )


@dataclass(frozen=True)
class Figure:
    """Measures of one subject's T-pose that posing needs."""

    body: Body
    betas: np.ndarray
    """(10,)."""
    rest: np.ndarray
    """Skeleton joints, (24, 3) metres."""
    ankle_height: float
    """Ankle joint above the sole, metres."""
    heel: float
    """Back end of the sole behind the ankle joint, metres."""
    ball: float
    """Toe joint before the ankle joint, metres."""

    @property
    def leg_length(self) -> float:
        """Hip to ankle of the straight leg, metres."""
        hip, knee, ankle = (self.rest[JOINT[f"left_{name}"]] for name in ("hip", "knee", "ankle"))
        return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))


def figure(body: Body, betas: np.ndarray) -> Figure:
    """Measure one subject's T-pose, betas (10,)."""
    rest = body.rest_joints(betas[None])[0].astype(np.float64)
    shaped = body.template + body.shape_directions @ betas
    foot = body.skinning_weights[:, [JOINT["left_ankle"], JOINT["left_foot"]]].sum(axis=1) > 0.5
    ankle = rest[JOINT["left_ankle"]]
    return Figure(
        body=body,
        betas=np.asarray(betas, dtype=np.float64),
        rest=rest,
        ankle_height=float(ankle[1] - shaped[foot, 1].min()),
        heel=float(ankle[2] - shaped[foot, 2].min()),
        ball=float(rest[JOINT["left_foot"], 2] - ankle[2]),
    )


def pose(person: Figure, posture: Posture) -> tuple[np.ndarray, np.ndarray]:
    """SMPL parameters of a posture.

    Returns:
        Rotations (N, 24, 3, 3) and translation (N, 3) metres, stage frame.
    """
    count = len(posture.pelvis)
    rotations = np.tile(np.eye(3), (count, 24, 1, 1))
    rotations[:, 0] = posture.pelvis_rotation
    third, half = bend(posture.trunk / 3), bend(posture.head / 2)
    for name in ("spine1", "spine2", "spine3"):
        rotations[:, JOINT[name]] = third
    for name in ("neck", "head"):
        rotations[:, JOINT[name]] = half
    for side in SIDES:
        collar, shoulder, elbow = _arm(SIGN[side], posture.arms[side])
        rotations[:, JOINT[f"{side}_collar"]] = collar
        rotations[:, JOINT[f"{side}_shoulder"]] = shoulder
        rotations[:, JOINT[f"{side}_elbow"]] = elbow
        hip, knee, ankle = _leg(person, side, posture)
        rotations[:, JOINT[f"{side}_hip"]] = hip
        rotations[:, JOINT[f"{side}_knee"]] = knee
        rotations[:, JOINT[f"{side}_ankle"]] = ankle
        rotations[:, JOINT[f"{side}_foot"]] = about("x", -posture.toes[side])
    return rotations, posture.pelvis - person.rest[0]


def hand_position(person: Figure, side: str, angles: np.ndarray) -> np.ndarray:
    """Hand joint where trunk and pelvis are as in the T-pose, (N, 4) -> (N, 3) metres."""
    names = (f"{side}_{name}" for name in ("collar", "shoulder", "elbow", "hand"))
    collar, shoulder, elbow, hand = (person.rest[JOINT[name]] for name in names)
    girdle, upper, fore = _arm(SIGN[side], angles)
    upper = girdle @ upper
    fore = upper @ fore
    # Wrist and hand go on straight from the forearm.
    return collar + girdle @ (shoulder - collar) + upper @ (elbow - shoulder) + fore @ (hand - elbow)


def bend(angles: np.ndarray) -> np.ndarray:
    """Forward bend, left twist, right bend (..., 3) -> rotations (..., 3, 3)."""
    return about("y", angles[..., 1]) @ about("x", angles[..., 0]) @ about("z", -angles[..., 2])


def about(axis: str, angle: np.ndarray | float) -> np.ndarray:
    """Rotation about a coordinate axis, angle (...) -> (..., 3, 3)."""
    angle = np.asarray(angle, dtype=np.float64)
    return from_axis_angle(angle[..., None] * np.eye(3)["xyz".index(axis)])


def to_world(rotations: np.ndarray, translation: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, ...]:
    """SMPL parameters of the stage frame in the room frame; `root` is the T-pose's pelvis, (3,)."""
    return turn(rotations, translation, root, STAGE_TO_WORLD, np.zeros(3))


def turn(
    rotations: np.ndarray,
    translation: np.ndarray,
    root: np.ndarray,
    rotation: np.ndarray,
    shift: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """SMPL parameters after X -> rotation @ X + shift of every point.

    The global orientation turns about the T-pose's pelvis `root`, so the translation changes too.
    """
    turned = rotations.copy()
    turned[:, 0] = rotation @ rotations[:, 0]
    return turned, (translation + root) @ rotation.T + shift - root


def sole_heights(person: Figure, pitch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ankle joint of a pitched foot that touches the floor with ball (pitch > 0) or heel.

    Args:
        person: the figure.
        pitch: heel up is positive, (N,) radians.

    Returns:
        Height of the ankle (N,) and how far it moves forward (N,), metres, against the flat foot.
    """
    lever = np.where(pitch > 0, person.ball, -person.heel)
    height, cosine, sine = person.ankle_height, np.cos(pitch), np.sin(pitch)
    return height * cosine + lever * sine, lever - lever * cosine + height * sine


def _arm(sign: float, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Collar, shoulder and elbow rotations from the four angles of one arm, each (N, 3, 3)."""
    elevation, plane, twist, elbow = angles.T
    towards = np.stack([sign * np.sin(plane), np.zeros_like(plane), np.cos(plane)], axis=-1)
    axis = np.cross([0.0, -1.0, 0.0], towards)
    arm = from_axis_angle(axis * elevation[:, None])
    arm = arm @ about("z", np.full_like(twist, -sign * np.pi / 2)) @ about("x", twist)
    # The shoulder girdle takes part: it hangs with the arm and rises with it above the horizontal.
    lift = np.radians(-6) + 0.25 * np.maximum(np.abs(elevation) - np.pi / 3, 0)
    collar = about("z", sign * lift)
    return collar, np.swapaxes(collar, 1, 2) @ arm, about("y", -sign * elbow)


def _leg(person: Figure, side: str, posture: Posture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hip, knee and ankle rotations that put one foot at its place, each (N, 3, 3)."""
    rest = [
        person.rest[JOINT[name]] for name in ("pelvis", f"{side}_hip", f"{side}_knee", f"{side}_ankle")
    ]
    pelvis = posture.pelvis_rotation
    hip = posture.pelvis + np.einsum("nab,b->na", pelvis, rest[1] - rest[0])
    thigh, shin = rest[2] - rest[1], rest[3] - rest[2]
    a, b = np.linalg.norm(thigh), np.linalg.norm(shin)
    reach = posture.ankles[side] - hip
    distance = np.clip(np.linalg.norm(reach, axis=1), 1.02 * abs(a - b), REACH * (a + b))
    down = reach / np.linalg.norm(reach, axis=1, keepdims=True)
    # The knee points where foot and pelvis look to on average.
    ahead = pelvis[:, :, 2] + posture.feet[side][:, :, 2]
    ahead[:, 1] += posture.knees_up
    axis = np.cross(ahead, down)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    at_hip = np.arccos(np.clip((a * a + distance**2 - b * b) / (2 * a * distance), -1, 1))
    at_knee = np.pi - np.arccos(np.clip((a * a + b * b - distance**2) / (2 * a * b), -1, 1))
    thigh_now = np.einsum("nab,nb->na", from_axis_angle(-axis * at_hip[:, None]), down)
    shin_now = np.einsum("nab,nb->na", from_axis_angle(axis * at_knee[:, None]), thigh_now)
    thigh_global = _frame(thigh_now, axis) @ _frame(thigh[None], np.eye(3)[:1]).swapaxes(1, 2)
    shin_global = _frame(shin_now, axis) @ _frame(shin[None], np.eye(3)[:1]).swapaxes(1, 2)
    return (
        np.swapaxes(pelvis, 1, 2) @ thigh_global,
        np.swapaxes(thigh_global, 1, 2) @ shin_global,
        np.swapaxes(shin_global, 1, 2) @ posture.feet[side],
    )


def _frame(direction: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Right-handed frames with the first column along `direction`, the second near `side`."""
    first = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    second = side - (side * first).sum(axis=1, keepdims=True) * first
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-1)
