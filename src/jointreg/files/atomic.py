"""Files that are whole or not there."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jointreg.errors import DataError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path; what is written there becomes `path` if the block ends without an error.

    After an error the old file is untouched and the temporary one is removed. The temporary name ends
    as `path` does, since some writers go by the ending. It is drawn at random, so that two writers
    never share one, on two machines neither. The folder is made.

    Raises:
        DataError: the name has a character that no file name can have.
    """
    if "\0" in str(path):
        raise DataError(f"file name {str(path)!r} has a NUL character", "write to another name")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def replace_file(path: str | Path, contents: bytes) -> None:
    """Write a whole file at once, through `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(contents)


def sidecar_path(path: str | Path) -> Path:
    """The JSON file that describes another file, beside it: `<path>.json`."""
    return Path(f"{path}.json")
