"""Which known matrix a regressor is, row by row: the statement of `jointreg identify`."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from jointreg.body.files import load_body
from jointreg.config.joint_sets import JOINT_SETS
from jointreg.exchange.fingerprints import HALF_TOLERANCE, TOLERANCE, fingerprint
from jointreg.exchange.known import Known, KnownFile, KnownRow
from jointreg.exchange.sidecar import digest

LEAST_COMMON = 0.2
"""Rows with a smaller part of vertices in common are not called near: the sketch cannot measure it."""
HIPS = ("left_hip", "right_hip")


class Match(NamedTuple):
    """What is known of one row of a matrix."""

    row: int
    same: KnownRow | None
    """The known row with the same vertices and shares."""
    nearest: KnownRow | None
    """Without `same`, the known row with most vertices in common; None where none is near."""
    common: float
    """Part of vertices in common with `same` or `nearest`, estimated."""
    empty: bool = False
    """Whether the row reads no vertex, or is not finite."""


class Identity(NamedTuple):
    """What is known of a matrix."""

    shape: tuple[int, int]
    precision: str
    """The shortest mantissa that holds all weights: bfloat16, float16, float32 or float64."""
    row_sums: tuple[float, float]
    """Smallest and largest of the finite ones; NaN where none is."""
    negative: int
    """Weights below zero."""
    matches: tuple[Match, ...]
    """One a row."""
    files: tuple[KnownFile, ...]
    """Public files with this matrix, to the last bit."""
    other_mesh: bool
    """Whether no known matrix has this number of vertices."""


def identify(matrix: np.ndarray, known: Known) -> Identity:
    """Compare a matrix with all known ones.

    Args:
        matrix: (J, V), rows for joints, in any scale and precision.
        known: from `read_known`.
    """
    table = known.table
    precision = _precision(matrix)
    tolerance = HALF_TOLERANCE if precision in ("float16", "bfloat16") else TOLERANCE
    matches = []
    for row, weights in enumerate(matrix):
        one = fingerprint(weights)
        same = nearest = None
        common = 0.0
        if one is not None:
            index = table.same(one, tolerance)
            if index is not None:
                same, common = known.rows[index], 1.0
            else:
                parts = table.common(one)
                best = int(parts.argmax())
                if parts[best] >= LEAST_COMMON:
                    nearest, common = known.rows[best], float(parts[best])
        matches.append(Match(row, same, nearest, common, empty=one is None))
    with np.errstate(over="ignore", invalid="ignore"):
        sums = matrix.sum(axis=1)
    sums = sums[np.isfinite(sums)] if np.isfinite(sums).any() else np.array([np.nan])
    sha256 = digest(matrix)
    return Identity(
        shape=(matrix.shape[0], matrix.shape[1]),
        precision=precision,
        row_sums=(float(sums.min()), float(sums.max())),
        negative=int(np.count_nonzero(matrix < 0)),
        matches=tuple(matches),
        files=tuple(file for file in known.files if file.sha256 == sha256),
        other_mesh=matrix.shape[1] not in table.vertices,
    )


def public_matrix(matrix: np.ndarray, known: Known) -> str | None:
    """The name of the known matrix that all rows are from, in any order; None where there is none."""
    names = {match.same and match.same.matrix for match in identify(matrix, known).matches}
    return names.pop() if len(names) == 1 else None


def _precision(matrix: np.ndarray) -> str:
    with np.errstate(over="ignore"):
        single = matrix.astype(np.float32)
        if not np.array_equal(single, matrix, equal_nan=True):
            return "float64"
        if not (single.view(np.uint32) & np.uint32(0xFFFF)).any():
            return "bfloat16"  # the upper half of a float32
        half = np.array_equal(matrix.astype(np.float16), matrix, equal_nan=True)
    return "float16" if half else "float32"


def statement(identity: Identity, known: Known, names: Sequence[str] | None = None) -> str:
    """The identity as text for a terminal.

    Args:
        identity: of a matrix.
        known: what it was compared with.
        names: of its rows, where its file gives them.
    """
    joints, vertices = identity.shape
    low, high = identity.row_sums
    lines = [
        f"{joints} rows for {vertices} vertices, exact in {identity.precision}, "
        f"row sums {low:.4g} to {high:.4g}"
        + (f", {identity.negative} weights below zero" if identity.negative else "")
    ]
    same = [match for match in identity.matches if match.same]
    for matrix, group in _by_matrix(same).items():
        rows = [match.row for match in group]
        own = [match.same.row for match in group if match.same]
        of = f"'s {numbers(own)}" + (", in its own order" if own == rows and len(own) > 1 else "")
        lines.append(f"{_rows(rows)} {matrix}{of}")
        lines.append(f"  known from {known.source(matrix).where}")
    unknown = [match for match in identity.matches if not match.same]
    if unknown and len(same) < joints:
        lines += _unknown(unknown, identity)
    if identity.files:
        lines.append("the whole matrix, to the last bit, is that of")
        lines += [f"  {file.where}" for file in identity.files]
    known_names = [match.same.joint if match.same else "-" for match in identity.matches]
    names = list(names) if names else known_names
    lines += [f"joints: {one.title}" for one in JOINT_SETS.values() if list(one.joints) == names]
    lines.append(_root(names))
    return "\n".join(lines)


def _by_matrix(matches: Sequence[Match]) -> dict[str, list[Match]]:
    groups: dict[str, list[Match]] = {}
    for match in matches:
        row = match.same or match.nearest
        groups.setdefault("" if row is None else row.matrix, []).append(match)
    return groups


def _rows(rows: Sequence[int]) -> str:
    return f"row {rows[0]} is" if len(rows) == 1 else f"rows {numbers(rows)} are"


def _unknown(matches: Sequence[Match], identity: Identity) -> list[str]:
    """Lines on the rows that are in no known matrix."""
    rows = f"{_rows([match.row for match in matches])} unknown"
    if identity.other_mesh:
        return [f"{rows}: no known matrix has {identity.shape[1]} vertices"]
    lines = [rows]
    empty = [match.row for match in matches if match.empty]
    if empty:
        lines.append(f"  {numbers(empty)}: read no vertex, or hold NaN or infinity")
    for matrix, group in _by_matrix([match for match in matches if not match.empty]).items():
        at = numbers([match.row for match in group])
        if not matrix:
            lines.append(f"  {at}: no known row is near, none has a fifth of the vertices in common")
            continue
        near = numbers([match.nearest.row for match in group if match.nearest])
        parts = sorted({f"{100 * match.common:.0f}" for match in group}, key=int)
        span = parts[0] if len(parts) == 1 else f"{parts[0]} to {parts[-1]}"
        lines.append(f"  {at}: nearest {matrix}'s {near}, about {span} % of the vertices in common")
    return lines


def _root(names: Sequence[str]) -> str:
    """The root that the rows allow."""
    if "pelvis" in names:
        return f"root: pelvis, row {names.index('pelvis')}"
    if all(hip in names for hip in HIPS):
        left, right = (names.index(hip) for hip in HIPS)
        return f"root: no row of a pelvis; the middle of the hips, rows {left} and {right}"
    return "root: not known, no row is named pelvis or hip"


def origin(sidecar: Mapping[str, Any] | None, known: Known) -> str:
    """Lines on the mesh that the sidecar of a file names, and on the regressor that it was derived from.

    Args:
        sidecar: from `read_sidecar`; without one there are no lines.
        known: the public files, one of which it may be.
    """
    if sidecar is None:
        return ""
    faces, derived = sidecar["topology_hash"], sidecar["about"].get("derived", {})
    own = " (the open body)" if faces == load_body("open").topology_hash else ""
    mesh = f"\nits sidecar: of the mesh with faces {faces:.12}{own}"
    if not isinstance(derived, dict) or "regressor" not in derived:
        return mesh
    same = [file.matrix for file in known.files if file.sha256 == derived.get("regressor_sha256")]
    return mesh + (
        f"\nits sidecar: derived by {derived.get('by')} from {derived['regressor']}, "
        + (f"which is {same[0]}" if same else "which is not a known file")
        + f"; map: {derived.get('map')}"
    )


def numbers(values: Sequence[int]) -> str:
    """Whole numbers in their order, runs of three and more as `first-last`: 6, 5, 4, 7-16."""
    runs = []
    for _, group in groupby(enumerate(values), key=lambda pair: pair[1] - pair[0]):
        run = [value for _, value in group]
        runs += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(value) for value in run]
    return ", ".join(runs)
