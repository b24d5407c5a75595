"""Whose shape directions the betas of a prediction file belong to.

The same ten numbers give another person in SMPL and in SMPL-X. Betas therefore pose a body only if they
belong to its model, by what the file shows or by what the table of methods names.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jointreg.config.methods import BODIES, MODELS, RUN
from jointreg.errors import DataError
from jointreg.files.pickles import as_array
from jointreg.predictions.conventions import PARTS, WHOLE
from jointreg.predictions.vertices import mesh_name

OF_MESH: dict[int, tuple[str, ...]] = {6890: ("SMPL", "SMPL-H"), 10475: ("SMPL-X",)}
"""Vertices of a body -> models with this mesh. SMPL and SMPL-H also share their shape directions."""

_BY_WIDTH = {
    joints * numbers: model
    for joints, model in ((52, "SMPL-H"), (55, "SMPL-X"))
    for numbers in (3, 6, 9)  # axis-angle, 6D, matrix
}
"""Numbers in a row of rotations -> model."""

_OF_22 = frozenset(joints * numbers for joints in (21, 22) for numbers in (3, 6, 9))
"""The same of the body's joints without hands, with and without the root: SMPL-H or SMPL-X."""

_FACE = ("jaw_pose", "expression", "leye_pose", "reye_pose")
"""Entries that only files of SMPL-X have."""


def model_of(values: Mapping[str, Any], where: str = "file") -> str:
    """The model that a file shows by an entry `model`, its tool, or its joints; else empty.

    Args:
        values: from `predictions.files.read_file`.
        where: names the file in errors.
    """
    named = str(values.get("model", ""))
    if named in BODIES:
        return named
    if set(_FACE) & set(values):
        return "SMPL-X"
    return _BY_WIDTH.get(_width(values, where), "")


def _width(values: Mapping[str, Any], where: str) -> int:
    """Numbers in a row of rotations, of all joints or of those but the root; 0 without rotations."""
    key = next((key for key in (*WHOLE, PARTS[1]) if key in values), None)
    return 0 if key is None else int(np.prod(as_array(values[key], f"{where}: {key}").shape[1:]))


def require_shape_space(
    values: Mapping[str, Any],
    where: str,
    n_vertices: int,
    named: str = "",
    note: Callable[[str], None] = print,
) -> None:
    """Refuse betas of another model than the body's.

    Args:
        values: from `predictions.files.read_file`.
        where: names the file.
        n_vertices: of the body that is to be posed.
        named: column `body` of the method: one of `config.methods.BODIES`, or empty.
        note: is told of another model with the same shape directions, and of joints of two models.

    Raises:
        DataError: the model that is named, or that the file shows, has another mesh.
    """
    model = named or model_of(values, where)
    if not model and _width(values, where) in _OF_22:
        note(
            f"{where}: its 22 joints are SMPL-H's or SMPL-X's, whose betas differ; they are taken for "
            "the body's. An entry `model` in the file names them"
        )
    if model in ("", RUN):
        return
    fitting = OF_MESH.get(n_vertices, ())
    if model not in fitting:
        source = "the column `body`" if named else "its form"
        raise DataError(
            f"{where}: its betas are of {model} by {source}, the body has {n_vertices} vertices and is "
            f"{' or '.join(fitting) or 'none of ' + ', '.join(MODELS)}: other shape directions, which "
            "would give another person",
            f"give a body of {model} (--body; in the workflow the key `body`); or its 17 joints (kind "
            f"joints); or, if they are betas of this body, write `{RUN}` as an entry `model` into the "
            "file (or into the column `body` of the table of methods)",
        )
    if model == "SMPL-H":
        note(f"{where}: betas of SMPL-H, which has the shape directions of SMPL")


def require_model(meshes: np.ndarray, where: str, named: str) -> None:
    """Refuse meshes of another model than the method's.

    Args:
        meshes: (N, V, 3).
        where: names the file.
        named: column `body` of the method: one of `config.methods.BODIES`, or empty.

    Raises:
        DataError: the model that is named has another number of vertices.
    """
    count = meshes.shape[1]
    if named not in ("", RUN) and named not in OF_MESH.get(count, ()):
        raise DataError(
            f"{where} has meshes of {mesh_name(count)}, its method is of {named} by the column `body`",
            "correct the column `body` of the table of methods, or leave it empty",
        )
