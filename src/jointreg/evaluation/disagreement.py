"""Signs that predictions and truth do not belong together: a mirrored side, a turned one, other rows.

Joints are (N, J, 3), metres, of the same rows and joints on both sides. Few rows show nothing: a method
may fail on all of them.
"""

import numpy as np

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
    plain, reflected, exchanged = (
        np.linalg.norm(align(points, true) - true, axis=-1).mean(axis=1)
        for points in (predicted, predicted * (-1, 1, 1), predicted[:, mirror])
    )
    changes = (("an axis turned round", reflected), ("left and right exchanged", exchanged))
    change, errors = min(changes, key=lambda each: float(np.median(each[1])))
    if np.median(plain) > LEAST_M and (errors < CLEARLY * plain).mean() > MOST:
        raise DataError(
            f"{where}: after alignment joints lie {1000 * np.median(plain):.0f} mm (median) from the "
            f"truth, and {1000 * np.median(errors):.0f} mm with {change}: one of the two is "
            "mirrored",
            "turn the axis of that file round, or exchange left and right",
        )


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
    errors = np.linalg.norm(one - other, axis=-1).mean(axis=1)
    if not np.median(errors) > LEAST_M:
        return []
    rotation = fit_similarity(one.reshape(1, -1, 3), other.reshape(1, -1, 3)).rotation[0]
    angle = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))
    turned = np.linalg.norm(one @ rotation.T - other, axis=-1).mean(axis=1)
    if angle > TURNED_RAD and np.median(turned) < CLEARLY * np.median(errors):
        return [
            f"one rotation of all rows by {np.degrees(angle):.0f} degrees brings the errors from "
            f"{1000 * np.median(errors):.0f} to {1000 * np.median(turned):.0f} mm (median): look "
            "whether both sides are in the camera's frame of reference"
        ]
    flat, others = one.reshape(len(one), -1), other.reshape(len(other), -1)
    squares = np.square(others).sum(axis=1) - 2 * flat @ others.T
    nearest = np.linalg.norm(one - other[squares.argmin(axis=1)], axis=-1).mean(axis=1)
    if np.median(nearest) < CLEARLY * np.median(errors):
        return [
            f"other rows of the truth lie nearer to the predictions, {1000 * np.median(nearest):.0f} mm "
            f"(median), than their own, {1000 * np.median(errors):.0f} mm: look whether the rows of "
            "both files are of one person, in one order and numbered alike"
        ]
    return []
