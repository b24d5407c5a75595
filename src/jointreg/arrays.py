"""Arrays from callers and files: real numbers, finite, on a grid, indices, or text."""

from typing import Any

import numpy as np

from jointreg.errors import DataError, ShapeError

_AT_ONCE = 512
"""Frames whose points fit into a processor's cache."""

LARGEST = 1e15
"""No length, weight or angle is larger, in any unit. Squares of it stay within float32."""

DIGITS = 53
"""Binary digits of float64."""

STEPS = 3
"""Rows by which two sides may be out of step to be noticed."""
NEARER = 0.9
"""They are where the rows of another step differ by less than this share."""
SMALL_M = 1e-3
"""Smaller differences, root mean square, are not out of step."""


def real_array(value: Any, name: str) -> np.ndarray:
    """A value as an array of real numbers of its own type, not copied where it is one. Shape: any.

    Args:
        value: an array, or what NumPy makes one of.
        name: begins the error.

    Raises:
        ShapeError: rows of different lengths, words, or a tensor with a gradient or on a GPU.
        DataError: complex numbers, truth values, or a masked array: a part of it would be lost.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise DataError(
            f"{name} is a masked array, expected numbers without a mask", "leave masked rows out"
        )
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ShapeError(
            f"{name} is no array of numbers: {error!s:.120}",
            "give rows of one length; in place of a tensor give tensor.detach().cpu().numpy()",
        ) from error
    if array.dtype.kind in "cb":
        raise DataError(f"{name} is {array.dtype}, expected real numbers")
    if array.dtype.kind not in "fiu":
        raise ShapeError(f"{name} is {array.dtype!s:.40}, expected an array of real numbers")
    return array


def require_finite(array: np.ndarray, name: str) -> None:
    """Refuse NaN, infinity and numbers beyond `LARGEST` in an array whose rows are frames.

    Raises:
        DataError: names the first such frame.
    """
    numbers = array.ravel("K")  # in the order of memory, whatever the axes
    with np.errstate(over="ignore", invalid="ignore"):
        if array.dtype in (np.float32, np.float64) and numbers @ numbers <= LARGEST:
            return  # no number is larger than the root of the sum of their squares
    if not numbers.size or (numbers.min() >= -LARGEST and numbers.max() <= LARGEST):
        return
    wrong = ~(np.abs(array) <= LARGEST)
    if wrong.any():
        frame, *rest = np.argwhere(wrong)[0].tolist()
        joint = f", joint {rest[0]}" if len(rest) > 1 else ""
        value = array[(frame, *rest)]
        how = f"is {value:g}" if np.isfinite(value) else "is not finite"
        raise DataError(
            f"{name} {how} at frame {frame}{joint}",
            "leave frames without a prediction or label out, and report how many",
        )


def lengths(vectors: np.ndarray) -> np.ndarray:
    """Length of each vector, (..., 3) -> (...), in a third of the time of `np.linalg.norm`."""
    return np.sqrt(np.einsum("...k,...k->...", vectors, vectors))


def ends_from(points: np.ndarray, origin: int) -> tuple[float, float]:
    """Smallest and largest coordinate after each frame is moved so that one of its points is at zero.

    Args:
        points: of frames.
        origin: the point of a frame that lies at zero then.
    """
    ends = []
    for first in range(0, len(points), _AT_ONCE):
        frames = points[first : first + _AT_ONCE].reshape(-1, 3 * points.shape[1])
        planes = np.ascontiguousarray(frames.T).reshape(-1, 3, len(frames))  # fast along the frames
        away = planes - planes[origin]
        ends += [away.min(), away.max()]
    return float(min(ends)), float(max(ends))


def indices(value: Any, count: int, name: str) -> np.ndarray:
    """Some of the indices 0 to count - 1 as an array of one dimension.

    Args:
        value: integers. A mask, or numbers with a fraction, would be read as other indices.
        count: how many there are to choose from.
        name: begins the error.

    Raises:
        ShapeError: no integers, none at all, not one-dimensional, or one that does not exist.
        DataError: truth values.
    """
    array = real_array(value, name)
    if array.ndim != 1 or array.size == 0:
        raise ShapeError(f"{name} have shape {array.shape}, expected some of 0..{count - 1}")
    if array.dtype.kind == "f":
        raise ShapeError(f"{name} are {array.dtype}, expected integers, some of 0..{count - 1}")
    if array.min() < 0 or array.max() >= count:
        raise ShapeError(
            f"{name} {str(array.tolist())[:120]} do not all exist, expected some of 0..{count - 1}"
        )
    return array.astype(np.intp)


def texts(values: Any) -> np.ndarray:
    """Names as an array of text, of their shape. Bytes are read as UTF-8; what is not is marked."""
    array = np.asarray(values)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    return array.astype(str)


def on_grid(values: np.ndarray, step: float) -> np.ndarray:
    """Values rounded to multiples of `step`, a power of two.

    Products of such values are multiples of its square. Their sums are exact, in any order and fused or
    not, as long as they stay below 2**DIGITS times that square.
    """
    rounded = np.multiply(values, 1 / step)
    np.rint(rounded, out=rounded)
    rounded *= step
    return rounded


def out_of_step(points: np.ndarray, others: np.ndarray) -> tuple[int, float, float] | None:
    """The step s, of at most `STEPS` rows either way, at which others[n + s] lie nearest to points[n].

    Args:
        points: (N, J, 3) metres, of rows in the order of time; N above `STEPS`.
        others: of the same shape; NaN for a missing one.

    Returns:
        s, and the root mean square difference of the coordinates at s and at 0, metres. None unless the
        first is clearly smaller, and the second not small.
    """
    errors = {}
    for step in range(-STEPS, STEPS + 1):
        of_points, of_others = (slice(max(k, 0), len(points) + min(k, 0)) for k in (-step, step))
        errors[step] = float(np.sqrt(np.nanmean(np.square(points[of_points] - others[of_others]))))
    best = min(errors, key=lambda step: errors[step])
    found = errors[best] < NEARER * errors[0] and errors[0] >= SMALL_M
    return (best, errors[best], errors[0]) if found else None
