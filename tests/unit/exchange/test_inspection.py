"""The table of `jointreg inspect`."""

import numpy as np
import pytest

from jointreg.exchange.inspection import inspect
from jointreg.exchange.placement import expected_joints
from jointreg.regressor import Regressor
from jointreg.skeleton import H36M_17


def test_inspection_of_a_known_matrix(body, weights):
    """n equal weights count as n vertices; the distance is that of the vertex chosen."""
    weights = weights.copy()
    hip, wrist = H36M_17.index("right_hip"), H36M_17.index("left_wrist")
    weights[hip] = 0
    weights[hip, 40:44] = 0.25
    weights[wrist] = 2 * np.eye(body.n_vertices)[123]
    table = inspect(Regressor(weights), body)
    assert (table[hip].vertices, table[hip].effective_vertices, table[hip].row_sum) == (4, 4, 1)
    assert (table[wrist].vertices, table[wrist].effective_vertices, table[wrist].row_sum) == (1, 1, 2)
    away = np.linalg.norm(2 * body.template[123] - expected_joints(body)[wrist])
    assert table[wrist].distance_mm == pytest.approx(1e3 * away)
    sides = {row.joint: row.side for row in table if row.joint not in ("right_hip", "left_wrist")}
    assert all(
        side == name.split("_")[0] for name, side in sides.items() if "ght_" in name or "eft_" in name
    )
    assert {sides[name] for name in ("pelvis", "spine", "neck", "nose", "head_top")} == {"middle"}
