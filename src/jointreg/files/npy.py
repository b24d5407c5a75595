"""The header of an npy file, read before memory is taken for the array that it declares."""

import io
import math
from typing import IO, NamedTuple

import numpy as np

from jointreg.errors import DataError

_READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,  # only the names of columns are written otherwise
}


class Header(NamedTuple):
    """What an npy file declares, and where its array begins."""

    shape: tuple[int, ...]
    dtype: np.dtype
    begin: int
    """Bytes before the array."""
    fortran: bool
    """Whether the first index runs fastest."""


def read_header(stream: IO[bytes]) -> Header:
    """The header of an npy file that begins here.

    Raises:
        ValueError: no npy, or of an unknown version.
    """
    version = np.lib.format.read_magic(stream)
    if version not in _READ_HEADER:
        raise ValueError(f"version {version} of the npy format is not known")
    shape, fortran, dtype = _READ_HEADER[version](stream)
    return Header(shape, dtype, stream.tell(), fortran)


def read_array(raw: bytes, where: str) -> np.ndarray:
    """The array of plain values in the bytes of an npy file.

    Raises:
        DataError: it ends before the array that it declares.
        ValueError: no npy, or one of Python objects.
    """
    header = read_header(io.BytesIO(raw))
    size, rest = math.prod(header.shape) * header.dtype.itemsize, len(raw) - header.begin
    if not header.dtype.hasobject and size > rest:
        raise DataError(
            f"{where} is not a plain npy array: it ends after {rest} of {size} bytes",
            "fetch the file again: it is truncated",
        )
    return np.load(io.BytesIO(raw), allow_pickle=False)
