"""How far a refit moves the joints, and the bound on its error that follows.

E_joint holds bodies where the regressor in it reads the labels, so an error of that regressor goes into
the bodies. What silhouettes have taken away of it shows as the distance of the refitted joints from
those of that regressor. What labels still hold is a share of the error before. Where a round of
refinement takes away at least half, the rest is no longer than the distance. The spread between people
does not see this error, because all people have it.
"""

from typing import Any

import numpy as np

from jointreg.body.joints import regressed_joints
from jointreg.body.model import Body
from jointreg.regressor.fitting import Sequences

COLUMNS = ("moved_mm", "bound_mm")
"""Columns of regressor_<name>.csv beside those of `identifiability`: docs/regressor.md."""


def movement_mm(
    body: Body, sequences: Sequences, regressor: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Root mean square distance of the joints of two regressors over all frames, mm, (J,).

    Args:
        body: the body model.
        sequences: stores BODIES, and FRAMES, which are not used, of each sequence.
        regressor: fitted to these bodies, (J, V).
        start: held the bodies in E_joint, (J, V).

    Raises:
        ShapeError: a regressor does not fit the body.
    """
    squares, frames = np.zeros(len(regressor)), 0
    for bodies, _ in sequences:
        both = {"fitted": regressor, "start": start}
        fitted, before = regressed_joints(body, bodies.rotations, bodies.betas, both)
        squares += np.square(fitted - before).sum(axis=2).sum(axis=0)
        frames += len(fitted)
    return 1e3 * np.sqrt(squares / frames)


def with_bounds(rows: list[dict[str, Any]], moved_mm: np.ndarray | None) -> list[dict[str, Any]]:
    """The rows of `identifiability_rows` with the columns `COLUMNS`.

    Args:
        rows: one a joint.
        moved_mm: of `movement_mm`; None for a regressor of bodies that were not refined.

    Returns:
        `bound_mm`: sqrt(people_mm^2 + moved_mm^2); None where one of them is.
    """
    if moved_mm is None:
        return [row | dict.fromkeys(COLUMNS) for row in rows]
    bounds = [
        None if row["people_mm"] is None else float(np.hypot(row["people_mm"], moved))
        for row, moved in zip(rows, moved_mm, strict=True)
    ]
    return [
        row | {"moved_mm": float(moved), "bound_mm": bound}
        for row, moved, bound in zip(rows, moved_mm, bounds, strict=True)
    ]
