"""A short fingerprint of each row of a regressor, which recognises the row in any file.

It is taken of a row's shares (positive part, divided by its sum), so scale, order of the rows, format
and precision do not change it. A sketch describes which vertices the row reads, two numbers describe
its weights. Weights cannot be computed back from it.

Source of the sketch: Li and Koenig 2010, b-bit minwise hashing. It gives the part of vertices that two
rows have in common, |A and B| / |A or B|, with a standard deviation of at most 0.09.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SLOTS = 32
"""Bytes of a sketch: the last byte of the smallest hash of a vertex, for as many hash functions."""
SMALLEST_SHARE = 1e-3
"""Vertices with a smaller share of a row are left out of the sketch: precision decides about them."""
TOLERANCE = 1e-6
"""Shares stored as float32 move effective number (in parts) and checksum by less."""
HALF_TOLERANCE = 8e-3
"""The same for float16 and bfloat16."""
SAME_SLOTS = 0.9
"""Part of a sketch that agrees for equal rows: one may lack a vertex at the smallest share."""
_BLOCK = 4096


class Fingerprint(NamedTuple):
    """What describes a row."""

    vertices: int
    """Columns of its matrix."""
    entries: int
    """Vertices with at least `SMALLEST_SHARE`."""
    effective: float
    """1 / sum of squared shares."""
    checksum: float
    """Sum of the shares, each times a pseudo-random number in [0, 1) of its vertex."""
    sketch: bytes
    """`SLOTS` bytes."""


def fingerprint(row: np.ndarray) -> Fingerprint | None:
    """The fingerprint of one row, (V,); None where it has no positive, finite sum."""
    with np.errstate(over="ignore", invalid="ignore"):
        positive = np.maximum(row.astype(np.float64), 0.0)
        total = positive.sum()
    if not 0 < total < np.inf:
        return None
    read = np.flatnonzero(positive)
    shares = positive[read] / total
    large = read[shares >= SMALLEST_SHARE]
    if not len(large):
        large = read[shares == shares.max()]
    smallest = np.full(SLOTS, np.iinfo(np.uint64).max)
    for begin in range(0, len(large), _BLOCK):
        hashes = _hashes(large[begin : begin + _BLOCK, None], np.arange(SLOTS))
        smallest = np.minimum(smallest, hashes.min(axis=0))
    numbers = (_hashes(read, np.array(SLOTS)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return Fingerprint(
        vertices=len(row),
        entries=len(large),
        effective=float(1 / np.square(shares).sum()),
        checksum=float(shares @ numbers),
        sketch=(smallest & np.uint64(255)).astype(np.uint8).tobytes(),
    )


def _hashes(vertices: np.ndarray, function: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each vertex by each function, by the mixing steps of splitmix64."""
    mixed = vertices.astype(np.uint64) + np.uint64(1)
    mixed = mixed * np.uint64(0x9E3779B97F4A7C15)
    for salt in (np.uint64(0), function.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03)):
        mixed = mixed ^ salt
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return mixed


class Table:
    """Known fingerprints, side by side for comparison."""

    def __init__(self, known: Sequence[Fingerprint]) -> None:
        self.vertices = np.array([one.vertices for one in known], dtype=np.int64)
        self.effective = np.array([one.effective for one in known], dtype=np.float64)
        self.checksum = np.array([one.checksum for one in known], dtype=np.float64)
        sketches = b"".join(one.sketch for one in known)
        self.sketches = np.frombuffer(sketches, np.uint8).reshape(len(known), SLOTS)

    def common(self, one: Fingerprint) -> np.ndarray:
        """Estimated part of vertices that each known row has in common with `one`, (K,), 0 to 1."""
        agree = (self.sketches == np.frombuffer(one.sketch, np.uint8)).mean(axis=1)
        chance = 1 / 256
        estimates = np.clip((agree - chance) / (1 - chance), 0.0, 1.0)
        return np.where(self.vertices == one.vertices, estimates, 0.0)

    def same(self, one: Fingerprint, tolerance: float = TOLERANCE) -> int | None:
        """Index of the known row with the same vertices and shares; None where there is none."""
        away = np.abs(self.checksum - one.checksum)
        same = (
            (self.common(one) >= SAME_SLOTS)
            & (away <= tolerance)
            & (np.abs(self.effective / one.effective - 1) <= tolerance)
        )
        return int(np.where(same, away, np.inf).argmin()) if same.any() else None
