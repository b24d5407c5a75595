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
    """To `exchange.placement.expected_joints`; None without a body, or where its skeleton is not
    SMPL's."""
    side: str
    """`left`, `right` or `middle` of the body; `-` without one."""


def inspect(
    regressor: Regressor, body: Body | None, joint_set: JointSet = JOINT_SETS["h36m_17"]
) -> list[Row]:
    """Measure every row of a regressor, and where it lies on its body.

    Args:
        regressor: V vertices. With a body as `load_regressor` gives it, rows in the order of the set;
            without one as in its file, of which weights below zero do not count.
        body: the body that it was loaded with; None leaves places out.
        joint_set: the joints of the rows.
    """
    weights = np.maximum(regressor.weights, 0.0)
    sums = weights.sum(axis=1)
    joints = expected = None
    if body is not None:
        joints = weights @ body.template.astype(np.float64)
        expected = expected_joints(body, joint_set)
    shares = weights / np.where(sums > 0, sums, 1.0)[:, None]
    return [
        Row(
            joint=name,
            vertices=int(np.count_nonzero(weights[row])),
            effective_vertices=float(1 / np.square(shares[row]).sum()) if sums[row] > 0 else 0.0,
            row_sum=float(sums[row]),
            distance_mm=(
                None
                if joints is None or expected is None
                else 1e3 * float(np.linalg.norm(joints[row] - expected[row]))
            ),
            side="-" if joints is None else _side(joints[row, 0]),
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
