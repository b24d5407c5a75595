"""The one description of every Zarr intermediate, and the only code that opens one.

One artefact is one zipped store. `Schema.write` checks the arrays, writes under a temporary name
and renames; `Schema.read` checks again, content digest included. Bytes depend on the content only:
entries carry a fixed time stamp, so writing the same arrays twice gives the same file.
"""

from jointreg.stores.schema import Array, Record, Schema, require_same_rows, rows_digest
from jointreg.stores.schemas import (
    BACKGROUND,
    BODIES,
    CROP,
    ENERGIES,
    ERRORS,
    FEATURES,
    FRAMES,
    JOINTS,
    LEARNING_CURVE,
    MASKS,
    OFFSETS,
    SCHEMAS,
    SUBJECT_OFFSETS,
    VERTICES,
    of_method,
)

__all__ = [
    "BACKGROUND",
    "BODIES",
    "CROP",
    "ENERGIES",
    "ERRORS",
    "FEATURES",
    "FRAMES",
    "JOINTS",
    "LEARNING_CURVE",
    "MASKS",
    "OFFSETS",
    "SCHEMAS",
    "SUBJECT_OFFSETS",
    "VERTICES",
    "Array",
    "Record",
    "Schema",
    "of_method",
    "require_same_rows",
    "rows_digest",
]
