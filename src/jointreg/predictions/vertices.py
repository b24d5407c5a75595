"""Vertices of prediction files: posed meshes in metres.

The size of the body shows the unit: in metres, millimetres and centimetres the sizes of people do not
overlap.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jointreg.body.model import Body
from jointreg.datasets.unread import only_key
from jointreg.errors import DataError, UnitError
from jointreg.files.pickles import as_array
from jointreg.geometry.volume import volume
from jointreg.plausible import BODY_M, Bounds, to_metres

VERTICES = ("vertices", "pred_vertices", "verts", "verts_smplx", "smplx_vertices", "vertices3d")
"""Keys of posed vertices: SAM 3D Body has pred_vertices, WHAM verts, NLF vertices3d."""

MESHES: dict[int, str] = {
    6890: "SMPL or the open body",
    10475: "SMPL-X",
    13718: "Anny",
    18056: "SOMA",
    18439: "MHR, SAM 3D Body",
}
"""Number of vertices -> the body that is known to have it."""

UNITS: tuple[tuple[str, float, Bounds], ...] = (
    ("metres", 1.0, BODY_M),
    ("millimetres", 0.001, Bounds(400.0, 3000.0)),
)
"""Unit, its length in metres, and the extent of a person in it. Between them lie centimetres."""

HALF = "in half precision: coordinates of 4 m are rounded to 4 mm, of bfloat16 to 3 cm"
"""What a note says of numbers that have lost digits."""

FEWEST_VERTICES = 300
"""Of a mesh; sets of joints have fewer."""

LONGEST_EDGES = 3.0
"""Edges of the right mesh keep their length while it moves. Those of a mesh in another order are so many
times longer (median)."""


def is_mesh(array: Any) -> bool:
    """Whether an array without a name has meshes, (V, 3) or (N, V, 3), and not joints."""
    shape: tuple[int, ...] = array.shape if isinstance(array, np.ndarray) else ()
    return len(shape) in (2, 3) and shape[-1] == 3 and shape[-2] >= FEWEST_VERTICES


def vertices(values: Mapping[str, Any], where: str, note: Callable[[str], None] = print) -> np.ndarray:
    """Posed vertices (N, V, 3), metres.

    Args:
        values: from `predictions.files.read_file`.
        where: names the file in errors.
        note: is told the unit, where it is not metres.

    Raises:
        DataError: no vertices, or another shape.
        UnitError: centimetres, or a size that no person has in metres or millimetres.
    """
    key = only_key(values, VERTICES, where)
    if key is None:
        raise DataError(
            f"{where} has {', '.join(sorted(map(str, values))[:12])}, "
            f"expected one of {', '.join(VERTICES)}",
            "save the meshes: np.savez(file, vertices=...), (frames, V, 3)",
        )
    meshes = as_array(values[key], f"{where}: {key}")
    if meshes.ndim == 2:
        meshes = meshes[None]
    if meshes.ndim == 4 and meshes.shape[1] == 1:  # one person a picture
        meshes = meshes[:, 0]
    if meshes.ndim != 3 or meshes.shape[2] != 3 or not meshes.size or meshes.dtype.kind != "f":
        raise DataError(
            f"{where}: {key} is {meshes.dtype} of shape {meshes.shape}, expected floats (frames, V, 3)",
            "give one person's posed vertices, a row for each frame",
        )
    if meshes.dtype == np.float16:
        meshes = meshes.astype(np.float32)
    metre = metre_of(meshes, f"{where}: {key}", note)
    return meshes if metre == 1 else meshes * np.asarray(metre, meshes.dtype)


def in_half_precision(meshes: np.ndarray) -> bool:
    """Whether meshes (..., V, 3) are float16, or were bfloat16 before they were read as float32."""
    if meshes.dtype == np.float32 and meshes.size:
        return not (np.ascontiguousarray(meshes[-1]).view(np.uint32) & 0xFFFF).any()
    return meshes.dtype == np.float16


def metre_of(points: np.ndarray, what: str, note: Callable[[str], None] = print) -> float:
    """Factor to metres, by the longest side of the box around the points of each row.

    Args:
        points: (N, K, 3), of a whole person. Rows that are not numbers are passed over.
        what: names them in errors.
        note: is told the unit, where it is not metres.

    Raises:
        DataError: no row is finite.
        UnitError: centimetres, or a size that no person has in metres or millimetres.
    """
    with np.errstate(invalid="ignore"):
        extents = (points.max(axis=1) - points.min(axis=1)).max(axis=1)
    whole = np.isfinite(extents)
    if not whole.any():
        raise DataError(f"{what}: every row has NaN or infinity", "look at what the method printed")
    middle = float(np.median(extents[whole]))
    for unit, metre, bounds in UNITS:
        if bounds.hold(middle):
            wrong = np.flatnonzero(whole & ((extents < bounds.low) | (extents > bounds.high)))
            if len(wrong):
                raise UnitError(
                    f"{what} of row {wrong[0]} extend over {extents[wrong[0]] * metre:.3g} m, expected "
                    f"{BODY_M} ({len(wrong)} of {len(extents)} rows)",
                    "repair these rows, or give them as NaN",
                )
            if metre != 1:
                note(f"{what} are in {unit}, the bodies extend over {middle:.0f}")
            return metre
    raise UnitError(
        f"{what} extend over {middle:.4g} (median), expected {BODY_M}, or a thousand times that in mm"
        + ("; MHR's own model poses in centimetres" if BODY_M.hold(middle / 100) else ""),
        to_metres(middle),
    )


def mesh_name(count: int) -> str:
    """A mesh in words: 10475 vertices (SMPL-X)."""
    return f"{count} vertices" + (f" ({MESHES[count]})" if count in MESHES else "")


def edge_ratio(faces: np.ndarray, rest: np.ndarray, posed: np.ndarray) -> float:
    """How many times longer the edges of some faces are in posed meshes than at rest, by the medians.

    Args:
        faces: (F, 3).
        rest: (V, 3), in the unit of `posed`.
        posed: (N, V, 3).
    """
    one, other = faces[:: max(len(faces) // 500, 1), :2].T
    lengths = [np.linalg.norm(at[..., one, :] - at[..., other, :], axis=-1) for at in (posed, rest)]
    return float(np.median(lengths[0]) / np.median(lengths[1]))


def require_mesh(meshes: np.ndarray, body: Body, where: str) -> None:
    """Refuse vertices that are not those of the body's mesh, in its order.

    Args:
        meshes: (N, V, 3) metres.
        body: the body that its faces are taken from.
        where: names the file.

    Raises:
        DataError: another number of vertices, edges that no pose of the body has, or a mirrored mesh.
    """
    count = meshes.shape[1]
    if count != body.n_vertices:
        raise DataError(
            f"{where} has meshes of {mesh_name(count)}, the body has {mesh_name(body.n_vertices)}",
            "give the body of these meshes; or `--body none` with a regressor of their mesh, made by "
            "`jointreg transfer` or `jointreg fit`; in the workflow, a map in column `map` of the table "
            "of methods",
        )
    some = meshes[:: max(len(meshes) // 20, 1)]
    some = some[np.isfinite(some).all(axis=(1, 2))]
    if not len(some):
        return
    longer = edge_ratio(body.faces, body.template, some)
    if not longer < LONGEST_EDGES:
        raise DataError(
            f"{where}: edges of the body's faces are {longer:.0f} times as long in its meshes (median): "
            f"another mesh of {count} vertices, or another order of them",
            "give the body of these meshes with --body: SMPL and the open body have as many vertices",
        )
    inside = [
        np.median(volume(places - places.mean(axis=1, keepdims=True), body.faces))
        for places in (some, body.template[None])
    ]
    if np.sign(inside[0]) != np.sign(inside[1]):
        raise DataError(
            f"{where}: its meshes are inside out by the body's faces: they are mirrored, or their left "
            "and right are exchanged",
            "turn the mirrored axis round: x right, y down, z forward",
        )
