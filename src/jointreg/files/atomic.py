"""Files that are whole or not there."""

import os
from pathlib import Path


def replace_file(path: Path, contents: bytes) -> None:
    """Write under a temporary name and rename: a file is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(contents)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sidecar_path(path: str | Path) -> Path:
    """The JSON file that describes another file, beside it: `<path>.json`."""
    return Path(f"{path}.json")
