"""Joints of a person in other units, orders and frames of reference, whatever file they stand in."""

from collections.abc import Callable

import numpy as np

from inputs.case import Damage
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, rows

OTHER_SIDE = [
    name.replace("left", "#").replace("right", "left").replace("#", "right") for name in H36M_17
]


def one_row(joints: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The joints with one row changed."""
    changed = joints.copy()
    changed[2] = change(changed[2])
    return changed


def exchanged(joints: np.ndarray, first: str, second: str) -> np.ndarray:
    """The joints with two of them exchanged."""
    order = list(H36M_17)
    a, b = order.index(first), order.index(second)
    order[a], order[b] = order[b], order[a]
    return joints[:, rows(order)]


def people(damage: Callable[..., Damage], *, metres: bool = True) -> list[Damage]:
    """Joints in other units, orders and frames of reference. `metres`: no other unit is converted."""
    in_mm = "refused" if metres else "noted"
    return [
        damage("are in millimetres", lambda j: 1000 * j, in_mm),
        damage("are in centimetres", lambda j: 100 * j),
        damage("are in inches", lambda j: j / 0.0254),
        damage("are in feet", lambda j: j / 0.3048),
        damage("are half as large", lambda j: j / 2),
        damage("are in millimetres in one row", lambda j: one_row(j, lambda r: 1000 * r)),
        damage("are zero in one row", lambda j: one_row(j, lambda r: 0 * r)),
        damage("are half as large in one row", lambda j: one_row(j, lambda r: r / 5)),
        damage("are 1e300 in one row", lambda j: one_row(j, lambda r: r * 0 + 1e300)),
        damage("have one far off", lambda j: one_row(j, lambda r: _far(r))),
        damage("are a point", lambda j: 0 * j + 1),
        damage("are right leg first", lambda j: j[:, rows(H36M_17_RIGHT_FIRST)], "noted"),
        damage("are reversed", lambda j: j[:, ::-1]),
        damage("are shifted by one", lambda j: np.roll(j, 1, axis=1)),
        damage("have sides exchanged", lambda j: j[:, rows(OTHER_SIDE)], untold=True),
        damage("are mirrored", lambda j: j * [-1, 1, 1], untold=True),
        damage(
            "have knees and ankles exchanged",
            lambda j: exchanged(exchanged(j, "left_knee", "left_ankle"), "right_knee", "right_ankle"),
        ),
        damage("have hip and shoulder exchanged", lambda j: exchanged(j, "left_hip", "left_shoulder")),
        damage("have pelvis and head exchanged", lambda j: exchanged(j, "pelvis", "head_top")),
        damage("have one wrist at the other", lambda j: exchanged(j, "left_wrist", "left_shoulder")),
        damage("are in 16 columns", lambda j: j[:, :16]),
        damage("are in two dimensions", lambda j: j[..., :2]),
        damage("are homogeneous", lambda j: np.concatenate([j, np.ones_like(j[..., :1])], axis=-1)),
        damage("are flat rows", lambda j: j.reshape(len(j), -1)),
        damage("have axes first", lambda j: j.transpose(2, 0, 1)),
    ]


def _far(row: np.ndarray) -> np.ndarray:
    changed = row.copy()
    changed[5] += 7.0
    return changed
