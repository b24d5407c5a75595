"""Files that torch.save wrote, read as data: tensors, plain containers and NumPy's scalars, no code."""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from jointreg.errors import DataError

_SCALAR = np.float64(0).__reduce__()[0]
_ARRAY: Any = np.empty(0).__reduce__()[0]
_SCALARS: list[Any] = [
    np.dtype,
    np.ndarray,
    *{type(np.dtype(name)) for name in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "bool")},
    (_SCALAR, "numpy._core.multiarray.scalar"),
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_ARRAY, "numpy._core.multiarray._reconstruct"),
    (_ARRAY, "numpy.core.multiarray._reconstruct"),
]
"""What pickled NumPy scalars and arrays are made of, in NumPy 1 and 2."""


LARGEST_REPEATED = 10**9
"""Bytes that a tensor may take that repeats the numbers of its file, as tensor.expand makes them."""


def read_tensors(path: Path, what: str, cures: Sequence[str]) -> Any:
    """What a file of torch.save contains; large tensors are mapped into memory where the format allows.

    Args:
        path: the file.
        what: names it in errors, for example `checkpoint of spin`.
        cures: what to do about a foreign class, and about a damaged file.

    Raises:
        DataError: damaged (its checksums are compared), or it names a class that is not plain data.
    """
    try:
        mapped = require_sound(path, path.stat().st_size)
        with torch.serialization.safe_globals(_SCALARS):
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:
        reason = str(error).rpartition("WeightsUnpickler error:")[2].strip()
        foreign = re.search(r"GLOBAL (\S+) was not an allowed global", reason)
        if foreign:
            raise DataError(
                f"{path} names {foreign[1]}, expected tensors and numbers only: it is not read, because "
                "that could run code",
                cures[0],
            ) from error
        raise DataError(
            f"{path} ({path.stat().st_size} bytes) is not a readable {what}, truncated or damaged: "
            f"{(reason or type(error).__name__).splitlines()[0][:200]}",
            cures[1],
        ) from error


def require_sound(file: Path | BinaryIO, size: int) -> bool:
    """Refuse a zip of torch.save whose records are damaged or larger than the file.

    torch compares no checksum, and stores its tensors uncompressed.

    Args:
        file: the file.
        size: of it, bytes.

    Returns:
        Whether it is a zip. The format before 2020 is none, and cannot be mapped into memory.

    Raises:
        ValueError: names what is wrong.
    """
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        declared = sum(record.file_size for record in archive.infolist())
        if declared > 2 * size + 10**6:
            raise ValueError(f"it declares {declared} bytes, but has {size}")
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of its record {damaged:.60} is wrong")
    return True


def as_arrays(value: Any, where: str) -> Any:
    """The same with arrays in the place of tensors.

    Raises:
        DataError: a tensor without plain numbers (sparse, quantised, without storage).
    """
    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.is_quantized or value.is_meta:
            raise DataError(f"{where} has a tensor without plain numbers", "save tensor.cpu().numpy()")
        size = value.numel() * value.element_size()
        if size > max(value.untyped_storage().nbytes(), LARGEST_REPEATED):
            raise DataError(
                f"{where} has a tensor of shape {tuple(value.shape)!s:.80} with fewer numbers than that",
                "save tensor.contiguous().cpu().numpy()",
            )
        wide = value.float() if value.dtype == torch.bfloat16 else value
        return wide.detach().numpy().copy()
    if isinstance(value, dict):
        return {key: as_arrays(item, where) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_arrays(item, where) for item in value]
    return value
