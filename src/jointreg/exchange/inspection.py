"""Each row of a joint regressor measured on its body: the table of `jointreg inspect`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import JOINT_SETS, JointSet
from jointreg.exchange.placement import expected_joints
from jointreg.exchange.regressor import Regressor
from jointreg.files.text_table import text_table

MIDDLE_M = 0.02
"""A joint this near to the plane between left and right is on neither side."""


class Row(NamedTuple):
    """One joint of a regressor on the T-pose of its body."""

    joint: str
    vertices: int
    """Vertices with a weight."""
    effective_vertices: float
    """1 / sum of squared shares: n for n equal weights, 1 for a single vertex."""
    row_sum: float
    distance_mm: float | None
    """To `exchange.placement.expected_joints`; None where the body's skeleton is not SMPL's."""
    side: str
    """`left`, `right` or `middle` of the body."""


def inspect(regressor: Regressor, body: Body, joint_set: JointSet = JOINT_SETS["h36m_17"]) -> list[Row]:
    """Measure every row of a regressor on its body.

    Args:
        regressor: rows in the order of the set, V vertices, as `load_regressor` gives it.
        body: the body that it was loaded with.
        joint_set: the joints of the rows.
    """
    weights = regressor.weights
    sums = weights.sum(axis=1)
    joints = weights @ body.template.astype(np.float64)
    expected = expected_joints(body, joint_set)
    shares = weights / sums[:, None]
    return [
        Row(
            joint=name,
            vertices=int(np.count_nonzero(weights[row])),
            effective_vertices=float(1 / np.square(shares[row]).sum()),
            row_sum=float(sums[row]),
            distance_mm=(
                None if expected is None else 1e3 * float(np.linalg.norm(joints[row] - expected[row]))
            ),
            side=_side(joints[row, 0]),
        )
        for row, name in enumerate(regressor.joint_names)
    ]


def _side(x: float) -> str:
    """The side of a joint at x metres on an SMPL-format body, whose left is +x."""
    if abs(x) < MIDDLE_M:
        return "middle"
    return "left" if x > 0 else "right"


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text for a terminal, with the meaning of the columns below."""
    columns = ("joint", "vertices", "effective", "row sum", "from joint", "side")
    lines = [
        (
            row.joint,
            row.vertices,
            f"{row.effective_vertices:.1f}",
            f"{row.row_sum:.5f}",
            "-" if row.distance_mm is None else f"{row.distance_mm:.0f} mm",
            row.side,
        )
        for row in rows
    ]
    return "\n".join(
        [
            text_table([columns, *lines], "lrrrrl", rule=True),
            "",
            "effective: 1 / sum of squared shares. from joint: distance on the T-pose to the skeleton's",
            "joint; for nose and head top to the foremost and the highest vertex of the skull, for the",
            "face to its middle.",
        ]
    )
