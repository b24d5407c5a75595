"""The JSON file beside a regressor's matrix, `<file>.json`: what the matrix means and what it fits."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import DataError
from jointreg.files.atomic import replace_file, sidecar_path
from jointreg.files.input import is_given
from jointreg.files.json_object import read_object
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST

REQUIRED = {"joint_names": list, "topology_hash": str, "sha256": str, "about": dict}
"""Keys that every sidecar has, and the type of their values."""

UNKNOWN = "unknown"
"""The topology hash of a mesh whose faces are not known."""

ORDERS = {known.joints: name for name, known in JOINT_SETS.items()} | {
    H36M_17: "left leg first",
    H36M_17_RIGHT_FIRST: "right leg first",
}
"""Joint names -> their order in one word or three."""


def unnamed(count: int) -> tuple[str, ...]:
    """What rows are called that nothing names."""
    return tuple(f"joint {row}" for row in range(count))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A sidecar's content with other names of joints, in lists and as keys."""
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(entry, names) for key, entry in value.items()}
    if isinstance(value, list):
        return [_renamed(entry, names) for entry in value]
    return names.get(value, value) if isinstance(value, str) else value


def digest(matrix: np.ndarray) -> str:
    """sha256 of the entries as little-endian float64, row by row: identifies a matrix or vertices."""
    return hashlib.sha256(np.ascontiguousarray(matrix, dtype="<f8").tobytes()).hexdigest()


def write_sidecar(
    path: Path, matrix: np.ndarray, names: Sequence[str], about: Mapping[str, Any]
) -> None:
    """Describe the matrix that was written to `path`, where its mesh is known.

    Args:
        path: the matrix file.
        matrix: as it stands in the file, (J, V); of a `SMPL_to_J19.pkl` the rows that are ours.
        names: of its rows.
        about: plain values; without `topology_hash` an older sidecar is removed and none is written.
    """
    about = dict(about)
    topology = about.pop("topology_hash", None)
    if topology is None:
        sidecar_path(path).unlink(missing_ok=True)  # it described the file that was replaced
        return
    contents = {
        "joint_names": list(names),
        "order": ORDERS.get(tuple(names), "own"),
        "vertices": matrix.shape[1],
        "topology_hash": topology,
        "sha256": digest(matrix),
        "about": about,
    }
    replace_file(sidecar_path(path), (json.dumps(contents, indent=1) + "\n").encode())


def read_sidecar(
    path: Path,
    matrix: np.ndarray,
    body: Body | None,
    joints: Sequence[str] | None = H36M_17,
    order: Sequence[str] | None = None,
) -> dict[str, Any] | None:
    """The sidecar of a matrix file, checked against the matrix and the body; None without one.

    Args:
        path: the matrix file.
        matrix: its content, (J, V).
        body: None skips the check of its faces.
        joints: names that the rows must have, in any order; None admits any, one a row.
        order: names for rows that the sidecar leaves without any (`unnamed`), in the order of the file.

    Raises:
        DataError: not a sidecar, or one of another matrix, or of a mesh with other faces.
    """
    file = sidecar_path(path)
    if not is_given(file):
        return None
    cure = f"delete {file} to load the matrix as one of unknown origin"
    table = read_object(file, "the sidecar of a regressor", cure)
    for key, kind in REQUIRED.items():
        if not isinstance(table.get(key), kind):
            raise DataError(
                f"{file} is not the sidecar of a regressor: '{key}' is {table.get(key)!r:.60}, expected "
                f"a {kind.__name__}",
                cure,
            )
    if order is not None and table["joint_names"] == list(unnamed(len(order))):
        table = _renamed(table, dict(zip(unnamed(len(order)), order, strict=True)))
    names = table["joint_names"]
    texts = list(map(str, names))
    if joints is None and (len(texts) != len(matrix) or len(set(texts)) != len(texts)):
        raise DataError(
            f"{file}: joint_names are {names!s:.300}, expected {len(matrix)} different names", cure
        )
    if joints is not None and sorted(texts) != sorted(joints):
        which = "the 17 of skeleton.H36M_17" if tuple(joints) == H36M_17 else ", ".join(joints)
        raise DataError(
            f"{file}: joint_names are {names!s:.300}, expected {which}",
            "name the rows: jointreg convert --joints SET"
            if texts == list(unnamed(len(texts)))
            else f"name the joint set of the file with --joints; or {cure}",
        )
    if table.get("vertices", matrix.shape[1]) != matrix.shape[1]:
        raise DataError(
            f"{file}: vertices are {table['vertices']!r:.40}, {path.name} has {matrix.shape[1]}", cure
        )
    if table["sha256"] != digest(matrix):
        raise DataError(f"{file} describes another matrix: its sha256 is not that of {path.name}", cure)
    if body is not None and table["topology_hash"] not in (UNKNOWN, body.topology_hash):
        raise DataError(
            f"{path} belongs to a mesh with other faces (sha256 {table['topology_hash'][:12]}, the "
            f"body's is {body.topology_hash[:12]})",
            "load it with the body that it was made for",
        )
    return table
