"""JSON files that hold one table of keys, as sidecars do."""

import json
from pathlib import Path
from typing import Any

from jointreg.errors import DataError
from jointreg.files.input import require_file

LARGEST_BYTES = 10**7
"""A larger file is not read. Ours have some kilobytes."""


def read_object(path: Path, what: str, cure: str) -> dict[str, Any]:
    """The keys and values of a JSON file.

    Args:
        path: the file.
        what: what the file should be, for errors: `the sidecar of a regressor`.
        cure: the next step for errors.

    Raises:
        DataError: missing, too large, not UTF-8, not JSON, nested too deep, a key twice, or no table
            of keys.
    """
    require_file(path, what, cure)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError(f"it has {path.stat().st_size} bytes, expected under {LARGEST_BYTES}")
        table = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
        if not isinstance(table, dict):
            raise ValueError(f"it holds a {type(table).__name__}, expected keys and values")
    except RecursionError as error:
        raise DataError(f"{path} is not {what}: nested too deep", cure) from error
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not {what}: {error!s:.200}", cure) from error
    return table


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A table of keys, each of which stands in the file once."""
    table = dict(pairs)
    if len(table) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key '{twice:.40}' stands in it twice")
    return table
