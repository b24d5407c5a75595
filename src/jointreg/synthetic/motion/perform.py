"""What the virtual people do: the motion of one take of one action.

Procedural, not captured: a stance moves pelvis and feet, gestures drawn from the action's row move the
arms. All randomness of a take comes from one generator, and motion is a function of time, so more
frames or another frame rate show more of the same take.
"""

from collections.abc import Sequence

import numpy as np

from jointreg.synthetic.motion.actions import ACTIONS, HIGHEST, LOWEST, require_known
from jointreg.synthetic.motion.arms import gesture, on_the_way, swing_arms
from jointreg.synthetic.motion.gait import walk
from jointreg.synthetic.motion.kinematics import SIDES, Figure, pose, still
from jointreg.synthetic.motion.rhythm import uneven, wobble
from jointreg.synthetic.motion.stances import Stance, seat_height, sit, sit_on_floor, stand, stoop
from jointreg.synthetic.parameters import Motion

__all__ = ["ACTIONS", "perform", "require_known", "seat_height"]


def perform(
    person: Figure,
    action: str,
    take: int,
    times: np.ndarray,
    settings: Motion,
    stools_m: Sequence[tuple[float, float]],
    generator: np.random.Generator,
    desks_rad: Sequence[float] = (),
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
        desks_rad: heading to the desk at each stool; without, people sit there in any direction.

    Returns:
        Rotations (N, 24, 3, 3) and translation (N, 3) metres, stage frame (y up).

    Raises:
        ConfigError: the generator has no such action.
    """
    row = require_known(action)
    amplitude = generator.uniform(*settings.amplitude)
    posture = still(len(times))
    posture.trunk = np.radians(row.trunk) + wobble(times, generator, settings.sway_rad, 3)
    posture.head = np.radians(row.head) + wobble(times, generator, 2 * settings.sway_rad, 3)
    down = np.zeros(len(times))
    if row.stance == "walking":
        walked = uneven(times, row.unsteady, generator) if row.unsteady else times
        phase = walk(person, posture, walked, settings, take, generator)
        swing_arms(posture, phase, amplitude, generator)
    else:
        heading = generator.uniform(-np.pi, np.pi)
        places = stools_m if row.stance == "sitting" else settings.standing_places_m
        place = np.array(places[take % len(places)])
        if row.stance == "sitting" and desks_rad:
            heading = desks_rad[take % len(places)] + 0.03 * heading
        if row.stance != "sitting":
            place = place + settings.place_jitter_m * np.clip(generator.standard_normal(2), -2, 2)
        stance = Stance(person, posture, times, place, heading, generator)
        if row.stance == "sitting":
            sit(stance)
        elif row.stance == "stooping":
            down = stoop(stance)
        elif row.stance == "on_floor":
            down = sit_on_floor(stance)
        else:
            stand(stance, row.sway)
    if row.gestures != ("swing",):
        gesture(person, posture, row, times, settings, amplitude, generator)
    for side in SIDES:
        posture.arms[side] = np.clip(on_the_way(posture.arms[side], row, down), LOWEST, HIGHEST)
    return pose(person, posture)
