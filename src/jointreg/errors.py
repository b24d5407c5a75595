"""Errors that a user can act on: what, where, expected against found, what to do next."""


class JointregError(Exception):
    """Base of every error the package raises for a user's mistake or a damaged file.

    Args:
        what: one sentence naming the file or value, with expected against found.
        next_step: what the reader should do now; printed on a line of its own.
    """

    def __init__(self, what: str, next_step: str | None = None) -> None:
        super().__init__(what if next_step is None else f"{what}\n  next:   {next_step}")


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
