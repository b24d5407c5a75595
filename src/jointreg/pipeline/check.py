"""One check of `jointreg doctor`."""

from collections.abc import Callable
from typing import NamedTuple

from jointreg.errors import JointregError


class Check(NamedTuple):
    """The result of one check."""

    passed: bool | None
    """None if only some uses need it."""
    what: str
    result: str
    """Version, contents, or the error."""
    get: str = ""
    """Where to get it, if it is missing."""
    blocks: str = ""
    """The first stage that waits for it, if it is missing or wrong."""


def attempt(what: str, look: Callable[[], str], get: str = "", blocks: str = "") -> Check:
    """A check that fails with the error's text. Without a package of an extra it does not fail."""
    try:
        return Check(True, what, look())
    except ImportError as error:
        return Check(None, what, f"needs {error.name or error}, which is not installed")
    except JointregError as error:
        return Check(False, what, str(error), "" if error.next_step else get, blocks)
    except Exception as error:  # whatever a damaged installation raises
        return Check(False, what, f"{type(error).__name__}: {error}", get, blocks)
