"""Sizes that an npz declares, compared with the bytes that it has before any of them is unpacked."""

import math
import zipfile
from pathlib import Path

from jointreg.errors import DataError
from jointreg.files.npy import read_header

DEFLATED = 1100
"""Deflate makes no content smaller than by 1032."""


def require_declared_sizes(path: Path, whole_bytes: int | None = None) -> None:
    """Refuse an npz one of whose arrays declares another size than the file can hold.

    A large file passes: only the head of each array is unpacked.

    Args:
        path: the npz.
        whole_bytes: most bytes of an array that is read whole; None where arrays are read in parts. An
            array smaller than the file itself always passes.

    Raises:
        DataError: names the array, and both sizes.
        ValueError, OSError, zipfile.BadZipFile: no npz, or an array of Python objects.
    """
    packed = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            most = DEFLATED * (min(info.compress_size, packed) + 100)
            if whole_bytes is not None:
                most = min(most, max(whole_bytes, packed))
            _require_size(info.file_size, most, f"{path}: {info.filename:.60}")
            with archive.open(info) as stream:
                header = read_header(stream)
            if header.dtype.hasobject:
                raise ValueError(f"{info.filename:.60} has Python objects, expected numbers")
            declared = header.begin + math.prod(header.shape) * header.dtype.itemsize
            _require_size(declared, info.file_size, f"{path}: {info.filename:.60}")


def _require_size(declared: int, most: int, where: str) -> None:
    if declared > most:
        raise DataError(
            f"{where} declares {declared} bytes, expected at most {most}",
            "fetch the file again, or save it again by np.savez: it is damaged",
        )
