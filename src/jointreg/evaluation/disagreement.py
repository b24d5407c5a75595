"""Signs that predictions and truth do not belong together: a mirrored side, a turned one, other rows.

Joints are (N, J, 3), metres, of the same rows and joints on both sides. Few rows show nothing: a method
may fail on all of them.
"""

import numpy as np

from jointreg import arrays
from jointreg.arrays import lengths
from jointreg.errors import DataError
from jointreg.geometry.procrustes import align, fit_similarity

LEAST_ROWS = 10
"""Rows that are needed to suspect the file and not the method."""
LEAST_M = 0.05
"""Mean distance of joints below which nothing is suspected."""
CLEARLY = 0.6
"""A change explains the errors if it brings them below this share."""
MOST = 0.8
"""Share of the rows that a mirror has to explain."""
FIRST_ROWS = 50
"""Rows, spread evenly, that decide whether all rows are compared."""
HALF_AS_CLEARLY = 0.8
"""A quick look at the first rows: only where a change brings their errors below this share are all rows
compared."""
TURNED_RAD = np.pi / 6
"""Smallest rotation of all rows alike that is named."""


def require_not_mirrored(
    predicted: np.ndarray, true: np.ndarray, mirror: np.ndarray, where: str
) -> None:
    """Refuse predictions that are mirrored, or whose left and right are exchanged, against the truth.

    Args:
        predicted: in any frame of reference.
        true: in any frame of reference.
        mirror: the joint on the other side of each, (J,).
        where: names the file of the predictions.

    Raises:
        DataError: one of the two changes brings most rows much nearer to the truth after alignment.
    """
    if len(true) < LEAST_ROWS:
        return
    first = _spread(len(true))
    plain, _, errors = _mirrored(predicted[first], true[first], mirror)
    if np.median(errors) > HALF_AS_CLEARLY * np.median(plain):
        return
    plain, change, errors = _mirrored(predicted, true, mirror)
    if np.median(plain) > LEAST_M and (errors < CLEARLY * plain).mean() > MOST:
        raise DataError(
            f"{where}: after alignment joints lie {1000 * np.median(plain):.0f} mm (median) from the "
            f"truth, and {1000 * np.median(errors):.0f} mm with {change}: one of the two is "
            "mirrored",
            "turn the axis of that file round, or exchange left and right",
        )


def _mirrored(
    predicted: np.ndarray, true: np.ndarray, mirror: np.ndarray
) -> tuple[np.ndarray, str, np.ndarray]:
    """Errors after alignment (N,) metres, the change that lessens them most, and those after it."""
    plain, reflected, exchanged = (
        lengths(align(points, true) - true).mean(axis=1)
        for points in (predicted, predicted * (-1, 1, 1), predicted[:, mirror])
    )
    changes = (("an axis turned round", reflected), ("left and right exchanged", exchanged))
    return plain, *min(changes, key=lambda each: float(np.median(each[1])))


def _spread(count: int) -> slice:
    """About `FIRST_ROWS` of the rows."""
    return slice(None, None, max(count // FIRST_ROWS, 1))


def suspicions(predicted: np.ndarray, true: np.ndarray, root: np.ndarray) -> list[str]:
    """Sentences on what would explain large errors better than the method.

    Args:
        predicted: of the rows that are looked at.
        true: of the same rows.
        root: joints whose mean both sides are moved to.
    """
    if len(true) < LEAST_ROWS:
        return []
    one, other = (points - points[:, root].mean(axis=1, keepdims=True) for points in (predicted, true))
    errors = lengths(one - other).mean(axis=1)
    if not np.median(errors) > LEAST_M:
        return []
    rotation = fit_similarity(one.reshape(1, -1, 3), other.reshape(1, -1, 3)).rotation[0]
    angle = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))
    turned = lengths(one @ rotation.T - other).mean(axis=1) if angle > TURNED_RAD else errors
    if np.median(turned) < CLEARLY * np.median(errors):
        return [
            f"one rotation of all rows by {np.degrees(angle):.0f} degrees brings the errors from "
            f"{1000 * np.median(errors):.0f} to {1000 * np.median(turned):.0f} mm (median): look "
            "whether both sides are in the camera's frame of reference"
        ]
    first = _spread(len(true))
    if np.median(_nearest(one[first], other)) > HALF_AS_CLEARLY * np.median(errors[first]):
        return []
    nearest = _nearest(one, other)
    if np.median(nearest) < CLEARLY * np.median(errors):
        return [
            f"other rows of the truth lie nearer to the predictions, {1000 * np.median(nearest):.0f} mm "
            f"(median), than their own, {1000 * np.median(errors):.0f} mm: look whether the rows of "
            "both files are of one person, in one order and numbered alike"
        ]
    return []


def out_of_step(predicted: np.ndarray, true: np.ndarray, root: np.ndarray) -> list[str]:
    """A sentence where rows before or after the own ones of the truth lie nearer to the predictions.

    Args:
        predicted: all rows, in the order of time.
        true: the same rows.
        root: joints whose mean both sides are moved to.
    """
    if len(true) < LEAST_ROWS:
        return []
    one, other = (points - points[:, root].mean(axis=1, keepdims=True) for points in (predicted, true))
    found = arrays.out_of_step(one, other)
    if found is None:
        return []
    step, error, now = found
    return [
        f"row n{step:+d} of the truth lies nearer to row n of the predictions, {1000 * error:.0f} mm a "
        f"coordinate, than row n, {1000 * now:.0f} mm: look whether the frames of both "
        "files are numbered alike"
    ]


def _nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Mean distance of the joints (N, J, 3) to those of the nearest of other rows (M, J, 3), (N,)."""
    flat, other = points.reshape(len(points), -1), others.reshape(len(others), -1)
    squares = np.square(other).sum(axis=1) - 2 * flat @ other.T
    return lengths(points - others[squares.argmin(axis=1)]).mean(axis=1)
