"""Files that torch.save wrote as torch tensors, plain containers and NumPy's scalars; no code is run.

Without torch, as arrays: `jointreg.files.saved_tensors`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jointreg.errors import DataError
from jointreg.files.saved_tensors import require_sound

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
