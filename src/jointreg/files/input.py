"""Files that a user names, read whole: refused where there is none, or something else under the name."""

import os
from pathlib import Path

from jointreg.errors import DataError, JointregError

LARGEST_BYTES = 8 * 10**9
"""A larger file is not read; the largest known input has 0.5 GB."""
LISTED = 8
"""Most files of a folder that an error lists."""
ABSENT = "does not exist"


def require_file(
    path: str | Path,
    what: str,
    cure: str | None,
    error: type[JointregError] = DataError,
    *,
    may_be_empty: bool = False,
) -> None:
    """Refuse a path that is missing, a folder, a device or pipe, or a file without a byte.

    Args:
        path: what the user named.
        what: names it in errors: `body model`.
        cure: the next step for errors.
        error: the class of the error.
        may_be_empty: whether a file without a byte means something.

    Raises:
        DataError, or `error`: names the path and what stands there.
    """
    path = Path(path)
    try:
        if path.is_file():
            size = path.stat().st_size
            if (size or may_be_empty) and size <= LARGEST_BYTES:
                return
            fault = f"has {size} bytes, expected under {LARGEST_BYTES}" if size else "is an empty file"
            if not size:
                cure = cure or "write it again, or fetch it again: it has no byte"
        elif path.is_dir():
            fault = "is a folder, expected a file"
        else:
            fault = "is a device or a pipe, expected a file" if path.exists() else absence(path)
    except OSError as cause:
        fault = f"cannot be looked at: {cause.strerror}"
    raise error(f"{what} {path!s:.300} {fault}", cure)


def read_file(
    path: str | Path,
    what: str,
    cure: str | None,
    error: type[JointregError] = DataError,
    *,
    may_be_empty: bool = False,
) -> bytes:
    """The bytes of a file. Arguments as for `require_file`.

    Raises:
        DataError, or `error`: as `require_file`, or the file cannot be read.
    """
    require_file(path, what, cure, error, may_be_empty=may_be_empty)
    try:
        return Path(path).read_bytes()
    except OSError as cause:
        raise error(f"{what} {path!s:.300} cannot be read: {cause.strerror}", cure) from cause


def absence(path: Path) -> str:
    """How a path is missing, for errors: it does not exist, or is or lies behind a link to nothing.

    Of links to links the last one decides.
    """
    for part in (path, *path.parents):
        if part.is_symlink() and not part.exists():
            end = os.path.realpath(part)
            leads = "itself" if os.path.lexists(end) else f"{end}, which does not exist"
            return f"is a link to {leads}" if part == path else f"{ABSENT}: {part} is a link to {leads}"
    return ABSENT


def is_given(path: Path) -> bool:
    """Whether an optional file is there. A link to nothing counts: reading it then names the link."""
    return path.is_file() or absence(path) != ABSENT


def contents(folder: Path) -> str:
    """What a folder has, for the error about a file that it lacks."""
    names = sorted(file.name for file in folder.iterdir())
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"the folder has {', '.join(names[:LISTED])}{more}" if names else "the folder is empty"
