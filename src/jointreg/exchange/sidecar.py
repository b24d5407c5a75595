"""The JSON file beside a regressor's matrix, `<file>.json`: what the matrix means and what it fits."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.body.model import Body
from jointreg.errors import DataError
from jointreg.files.atomic import replace_file, sidecar_path
from jointreg.skeleton import H36M_17


def digest(matrix: np.ndarray) -> str:
    """sha256 of the entries as little-endian float64, row by row: the identity of a matrix in a file."""
    return hashlib.sha256(np.ascontiguousarray(matrix, dtype="<f8").tobytes()).hexdigest()


def write_sidecar(
    path: Path, matrix: np.ndarray, names: Sequence[str], about: Mapping[str, Any]
) -> None:
    """Describe the matrix that was written to `path`, where it is known which mesh it belongs to.

    Args:
        path: the matrix file.
        matrix: as it stands in the file, (17, V); of a `SMPL_to_J19.pkl` the rows that are ours.
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
        "order": "left leg first" if tuple(names) == H36M_17 else "right leg first",
        "vertices": matrix.shape[1],
        "topology_hash": topology,
        "sha256": digest(matrix),
        "about": about,
    }
    replace_file(sidecar_path(path), (json.dumps(contents, indent=1) + "\n").encode())


def read_sidecar(path: Path, matrix: np.ndarray, body: Body | None) -> dict[str, Any] | None:
    """The sidecar of a matrix file, checked against the matrix and the body; None without one.

    Raises:
        DataError: not a sidecar, or one of another matrix, or of a mesh with other faces.
    """
    file = sidecar_path(path)
    if not file.is_file():
        return None
    cure = f"delete {file} to load the matrix as one of unknown origin"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        names, topology, sha256 = found["joint_names"], found["topology_hash"], found["sha256"]
        complete = sorted(names) == sorted(H36M_17) and isinstance(found["about"], dict)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is not the sidecar of a regressor: {error!r}", cure) from error
    if not complete:
        raise DataError(f"{file}: joint_names are {names}, expected the 17 of skeleton.H36M_17", cure)
    if sha256 != digest(matrix):
        raise DataError(f"{file} describes another matrix: its sha256 is not that of {path.name}", cure)
    if body is not None and topology != body.topology_hash:
        raise DataError(
            f"{path} belongs to a mesh with other faces (sha256 {str(topology)[:12]}, the body's is "
            f"{body.topology_hash[:12]})",
            "load it with the body that it was made for",
        )
    return found
