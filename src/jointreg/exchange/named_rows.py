"""Regressor files of any joint set, with their rows as they stand there and the names of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from jointreg.config.joint_sets import JointSet
from jointreg.errors import DataError
from jointreg.exchange.formats import Format, encode, format_of
from jointreg.exchange.identification import identify
from jointreg.exchange.known import read_known
from jointreg.exchange.matrix_files import read_matrix
from jointreg.exchange.sidecar import read_sidecar, unnamed, write_sidecar
from jointreg.files.atomic import replace_file


class NamedRows(NamedTuple):
    """A matrix and what its rows are."""

    matrix: np.ndarray
    """(J, V) float64, as in the file."""
    joints: tuple[str, ...]
    """One name a row; `joint 0`, ... where nothing gives them."""
    about: dict[str, Any]
    """Of the sidecar, with `topology_hash`; empty without one."""


def read_named_rows(
    path: str | Path, joints: JointSet | None = None, note: Callable[[str], None] = print
) -> NamedRows:
    """A regressor file of any joint set; weights are not changed.

    The names are those of `joints`, of the file itself, of its sidecar, or of the public matrix that the
    rows are known from.

    Args:
        path: a file as `read_matrix` takes it.
        joints: the joint set of the rows; None looks for the names. It gives the order where neither
            the file, its sidecar nor a public matrix does.
        note: called with a sentence on where the names are from.

    Raises:
        DataError: as `read_matrix`, a sidecar of another matrix, a joint set of another size, rows that
            have other names, or a row that is not finite.
    """
    path = Path(path)
    matrix, names = read_matrix(path, note)
    wanted = None if joints is None else joints.joints
    sidecar = read_sidecar(path, matrix, None, wanted, wanted)
    about = {} if sidecar is None else sidecar["about"] | {"topology_hash": sidecar["topology_hash"]}
    if joints is not None and len(joints.joints) != len(matrix):
        raise DataError(
            f"{path} has {len(matrix)} rows, expected {joints.title}", "name the joint set of the file"
        )
    broken = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(broken):
        raise DataError(
            f"{path}: row {', '.join(map(str, broken)):.200} holds NaN or infinity",
            "take the file from its source again",
        )
    if sidecar is not None:
        names = tuple(sidecar["joint_names"])
    elif joints is not None:
        names = _order_of(joints, names or known_names(matrix), path)
    elif names is None:
        names = known_names(matrix)
        note(
            f"{path}: nothing names its rows" + ("" if names is None else "; names of the known matrix")
        )
    return NamedRows(matrix, names or unnamed(len(matrix)), about)


def _order_of(joints: JointSet, names: tuple[str, ...] | None, path: Path) -> tuple[str, ...]:
    """Names of the rows: those of the set, in the order that the file itself has where it names them."""
    if names is None:
        return joints.joints
    if sorted(names) != sorted(joints.joints):
        others = [name for name in names if name not in joints.joints]
        raise DataError(
            f"{path} has rows of {', '.join(others):.200}, expected {joints.title}",
            "name the joint set of the file, or leave --joints out: its rows have names",
        )
    return names


def known_names(matrix: np.ndarray) -> tuple[str, ...] | None:
    """Names of rows that are all known, by name and once."""
    matches = identify(matrix, read_known()).matches
    names = tuple(match.same.joint if match.same else "-" for match in matches)
    return names if "-" not in names and len(set(names)) == len(names) else None


def row_format(path: Path, format: Format | None = None) -> Format:
    """The format that a matrix of any joint set is written in.

    Raises:
        DataError: pkl, whose rows are one set's, or an unknown format.
    """
    form = format_of(path, format)
    if form == "pkl":
        raise DataError(f"{path}: a pkl holds the rows of SMPL_to_J19.pkl only", "write npy, npz or pt")
    return form


def write_named_rows(
    path: str | Path,
    matrix: np.ndarray,
    joints: Sequence[str],
    about: dict[str, Any],
    *,
    format: Format | None = None,
    dtype: Literal["float64", "float32"] | None = None,
) -> None:
    """Write a matrix of any joint set, and its sidecar where `about` has a `topology_hash`.

    Args:
        path: the file; its folder is made.
        matrix: (J, V).
        joints: names of the rows.
        about: plain values for the sidecar.
        format: npy, npz or pt; None takes the file's suffix.
        dtype: None writes float64, but float32 for pt.

    Raises:
        DataError: pkl, whose rows are one set's, or an unknown format.
    """
    path = Path(path)
    form = row_format(path, format)
    written = matrix.astype(dtype or ("float32" if form == "pt" else "float64"))
    replace_file(path, encode(written, form))
    write_sidecar(path, written, joints, about)
