"""The matrix in a regressor file of any joint set, and the names of its rows where the file has them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from jointreg.errors import DataError, default_cure
from jointreg.exchange.formats import LARGEST, decode_named, format_of
from jointreg.files.input import read_file, require_file

LARGEST_BYTES = 10**9
"""A larger file is no regressor and is not read; one of 25 joints of 73,639 vertices has 15 MB."""


@default_cure("docs/exchange.md lists the files that are read")
def read_matrix(
    path: str | Path, note: Callable[[str], None] = print
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """The matrix in a file, rows for joints, and the names of the rows where the file gives them.

    Args:
        path: npy, npz, pt or pkl; or txt, `row column weight` a line under `# rows columns` (EasyMocap).
        note: called with a sentence if the matrix is transposed.

    Returns:
        (J, V) float64, as in the file, J at most V; and J names or None.

    Raises:
        DataError: no such file, or no plain matrix of real numbers in it.
    """
    path = Path(path)
    require_file(path, "regressor", "check the path")
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise DataError(f"{path} has {size} bytes, expected a regressor of at most {LARGEST_BYTES}")
    if path.suffix.lower() == ".txt":
        matrix, names = _read_triplets(path), None
    else:
        matrix, names = decode_named(read_file(path, "regressor", None), format_of(path), str(path))
    if len(matrix) > matrix.shape[1] > 0 and names is None:  # a mesh has more vertices than joints
        note(f"{path}: stored as vertices x joints {matrix.shape}, transposed")
        matrix = np.ascontiguousarray(matrix.T)
    return matrix, names


def _read_triplets(path: Path) -> np.ndarray:
    cure = "expected a line `# rows columns`, then `row column weight` in every line"
    try:
        mark, *shape = path.read_text(encoding="utf-8").split("\n", 1)[0].split()
        rows, columns = (int(size) for size in shape)
        if mark != "#" or rows < 1 or columns < 1 or rows * columns > LARGEST:
            raise ValueError(f"its first line is '{mark} {' '.join(shape)}'")
        entries = np.loadtxt(path, comments="#", ndmin=2)
        place = entries[:, :2].astype(np.intp)
        if entries.shape[1] != 3 or (place != entries[:, :2]).any():
            raise ValueError("lines without two whole numbers and a weight")
        if place.min() < 0 or (place >= (rows, columns)).any():
            raise ValueError(f"a place outside of {rows} x {columns}")
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no list of weights: {error!s:.200}", cure) from error
    matrix = np.zeros((rows, columns))
    np.add.at(matrix, tuple(place.T), entries[:, 2])
    return matrix
