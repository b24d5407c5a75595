"""How far a refit moves the joints from those of the regressor that held the bodies in E_joint.

An error of that regressor goes into the bodies, and silhouettes take part of it away. The distance is
that part. While it is large, labels still hold the bodies, and a further round moves them on. A small
one is no bound of the error: what the labels of all subjects have in common stays.
"""

import numpy as np

from jointreg.body.joints import regressed_joints
from jointreg.body.model import Body
from jointreg.regressor.fitting import Sequences


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
