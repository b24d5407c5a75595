"""Errors that a user can act on: what, where, expected against found, what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager

INSTALL = "pip install -e '.[{}]' in the checkout"
"""The next step where a package of an extra is missing; jointreg is on no package index."""


class JointregError(Exception):
    """Base of every error the package raises for a user's mistake or a damaged file.

    Args:
        what: one sentence naming the file or value, with expected against found.
        next_step: what the reader should do now; printed on a line of its own.
    """

    def __init__(self, what: str, next_step: str | None = None) -> None:
        super().__init__(what)
        self.next_step: str | None = None
        self.advise(next_step)

    def advise(self, next_step: str | None) -> None:
        """Add what the reader should do now, where the error does not name it."""
        if self.next_step is None and next_step is not None:
            self.next_step = next_step
            self.args = (f"{self.args[0]}\n  next:   {next_step}",)


@contextmanager
def default_cure(next_step: str) -> Iterator[None]:
    """Add this next step to every JointregError of the block, or decorated function, that has none."""
    try:
        yield
    except JointregError as error:
        error.advise(next_step)
        raise


class ConfigError(JointregError):
    """The configuration or one of its tables is wrong."""


class DataError(JointregError):
    """Raw data on disk is missing, damaged or disagrees with itself."""


class StoreError(JointregError):
    """An intermediate `.zarr.zip` does not match its schema."""


class ShapeError(JointregError):
    """Arrays that belong together differ in shape."""


class UnitError(JointregError):
    """A quantity is far outside its plausible range, usually millimetres for metres."""


class SolverError(JointregError):
    """An optimiser or solver did not return a usable answer."""


class SourceError(JointregError):
    """Source code of the package that a digest of it cannot follow."""
