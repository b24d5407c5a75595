"""How far a refit moves the joints from those of the regressor that held the bodies in E_joint.

An error of that regressor goes into the bodies, and silhouettes take part of it away. The distance is
that part. While it is large, labels still hold the bodies, and a further round moves them on. A small
one is no bound of the error: what the labels of all subjects have in common stays.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from jointreg.body.joints import regressed_joints
from jointreg.body.model import Body
from jointreg.regressor.fitting import Sequences
from jointreg.stores.schema import Record


def movement_mm(
    body: Body,
    sequences: Sequences,
    regressor: np.ndarray,
    start: np.ndarray,
    *,
    workers: int = 1,
) -> np.ndarray:
    """Root mean square distance of the joints of two regressors over all frames, mm, (J,).

    Args:
        body: the body model.
        sequences: stores BODIES, and FRAMES, which are not used, of each sequence.
        regressor: fitted to these bodies, (J, V).
        start: held the bodies in E_joint, (J, V).
        workers: threads; the result is the same to the last bit.

    Raises:
        ShapeError: a regressor does not fit the body.
    """
    both = {"fitted": regressor, "start": start}

    def moved(bodies: Record) -> tuple[np.ndarray, int]:
        fitted, before = regressed_joints(body, bodies.rotations, bodies.betas, both)
        return np.square(fitted - before).sum(axis=2).sum(axis=0), len(fitted)

    with ThreadPoolExecutor(workers) as pool:
        squares, frames = zip(*pool.map(moved, (bodies for bodies, _ in sequences)), strict=True)
    return 1e3 * np.sqrt(np.sum(squares, axis=0) / sum(frames))
