"""Where a person looks, by the joints: nose and bent knees point forward, as left and right say.

If they point backward, left and right are exchanged, or an axis is mirrored.
"""

import numpy as np

from jointreg.config.joint_sets import JointSet
from jointreg.errors import ConfigError, DataError

CLEAR = 0.8
"""Share of the rows that have to agree before they decide something."""
AHEAD_M = 0.02
"""Nose and bent knees show where a person looks if they lie this far out of line; less in a child."""
UPSIDE_DOWN_RAD = 2 * np.pi / 3
"""Angle between the trunk and the picture's upward direction of a person upside down."""
_FEW = 0.1
"""Share of the rows that have to show it."""
_PARTS = (
    ("nose", ("face",)),  # eyes and ears
    ("nose", ("neck", "head_top")),
    ("left_knee", ("left_hip", "left_ankle")),
    ("right_knee", ("right_hip", "right_ankle")),
)
"""A place, and those whose middle it lies before. Of the nose the first that the joint set has."""


def backward(joints: np.ndarray, joint_set: JointSet, least: float = AHEAD_M) -> dict[str, float]:
    """Share of the rows in which nose and knees point backward, of those that show it.

    Args:
        joints: (N, J, 3) metres, NaN where one is missing.
        joint_set: what they are.
        least: how far they have to lie out of line, metres.

    Returns:
        Place -> share, 0 to 1; without the places that the set lacks or that few rows show.

    Raises:
        ConfigError: the set has no joints at the ends of a trunk.
    """
    names = zip(joint_set.joints, joint_set.places, strict=True)
    places = np.array(["nose" if joint == "nose" else place for joint, place in names])
    at = {place: joints[:, places == place].mean(axis=1) for place in places.tolist()}
    pairs = [
        (f"left_{part}", f"right_{part}")
        for part in ("hip", "shoulder")
        if {f"left_{part}", f"right_{part}"} <= set(at)
    ]
    if not pairs:
        return {}
    low, high = joint_set.trunk(joints)
    forward = np.cross(np.sum([at[left] - at[right] for left, right in pairs], axis=0), high - low)
    length = np.linalg.norm(forward, axis=-1)
    forward = forward / np.maximum(length, 1e-12)[:, None]
    shares: dict[str, float] = {}
    for place, ends in _PARTS:
        if place in shares or not {place, *ends} <= set(at):
            continue
        ahead = ((at[place] - np.mean([at[end] for end in ends], axis=0)) * forward).sum(axis=-1)
        clear = (np.abs(ahead) > least) & (length > 1e-4)
        if clear.mean() > _FEW:
            shares[place] = float((ahead[clear] < 0).mean())
    return shares


def require_facing(joints: np.ndarray, joint_set: JointSet, where: str) -> None:
    """Refuse joints of which nose or knees point backward, and none points forward.

    Args:
        joints: (N, J, 3) metres, NaN where one is missing.
        joint_set: what they are; of a set without a trunk nothing is seen.
        where: names them in the error.

    Raises:
        DataError: names the places.
    """
    try:
        shares = backward(joints, joint_set)
    except ConfigError:
        return
    wrong = [place for place, share in shares.items() if share > CLEAR]
    if wrong and min(shares.values()) >= 1 - CLEAR:
        raise DataError(
            f"{where}: by left and right {' and '.join(wrong)} point backward: the two sides are "
            "exchanged, or an axis is mirrored",
            "exchange left and right, or turn one axis round, of labels and meshes",
        )


def leans(ends: tuple[np.ndarray, np.ndarray], angle_rad: float) -> bool:
    """Whether in most rows a person's trunk leans farther than this from the picture's upward direction.

    Args:
        ends: lower and upper end of the trunk, (N, 3) each, in a camera's frame, y down.
        angle_rad: radians.
    """
    trunk = ends[1] - ends[0]
    down = trunk[:, 1] / np.maximum(np.linalg.norm(trunk, axis=-1), 1e-12)
    return float((down > -np.cos(angle_rad)).mean()) > CLEAR
