"""A regressor moved to another mesh by one sparse product, J_target = J_source @ M."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.errors import DataError
from jointreg.exchange.meshes import OPEN_BODY, Mesh, read_mesh
from jointreg.exchange.named_rows import NamedRows
from jointreg.exchange.placement import require_own_mesh, wide_rows
from jointreg.exchange.sidecar import UNKNOWN, digest
from jointreg.exchange.vertex_maps import LARGEST_DISTANCE_M, VertexMap, map_between, read_map
from jointreg.plausible import BODY_M, to_metres

GROWN_M = 1.7
"""Longest side of the box around a grown person, about."""

FEW_ROWS = 1 / 20
"""A matrix with so many rows a column is a regressor; maps of two meshes have more."""


def vertex_map_of(
    rows: NamedRows,
    file: str | None,
    source: Mesh | None,
    target: Mesh | None,
    limit_m: float | None = None,
    note: Callable[[str], None] = print,
) -> VertexMap:
    """The map in a file, or of two meshes where no file is given.

    Args:
        rows: the regressor, (J, S), whose vertices need a place on the target.
        file: a published map; with `target` if it gives faces.
        source: the regressor's mesh, metres.
        target: the new mesh, metres, in the shape, pose and place of `source`.
        limit_m: farthest distance between the two; None for `LARGEST_DISTANCE_M`.
        note: called with a sentence on raw weights, and on meshes that do not seem to belong together.

    Raises:
        DataError: neither a file nor two meshes, a file and a source mesh, a mesh of another size, with
            other faces or other numbers of its vertices than the regressor's, or as `read_map` and
            `map_between`.
        UnitError: a mesh that extends as no body does in metres.
    """
    matrix = rows.matrix
    negative = np.count_nonzero(matrix < 0)
    if negative:
        note(
            f"raw weights: {negative} below zero. They are moved as they are, and may meet positive "
            "ones on a vertex of the new mesh: to cut them first, as readers do, use `jointreg convert`"
        )
    if file is not None and (source is not None or limit_m is not None):
        raise DataError(
            f"map {file} and --from or --limit are given", "give a map, or two meshes in one pose"
        )
    if file is not None:
        return read_map(file, target)
    if source is None or target is None:
        raise DataError(
            "neither a map nor two meshes are given", "give --map FILE, or --from MESH --to MESH"
        )
    if len(source.vertices) != matrix.shape[1]:
        raise DataError(
            f"the regressor is for {matrix.shape[1]} vertices, the mesh of --from has "
            f"{len(source.vertices)}",
            "give the mesh that the regressor belongs to",
        )
    faces = rows.about.get("topology_hash", UNKNOWN)
    if faces not in (UNKNOWN, source.topology_hash):
        raise DataError(
            f"the regressor's sidecar names a mesh with other faces than that of --from (sha256 "
            f"{faces!s:.12}, {source.topology_hash[:12]}): vertices may have other numbers",
            "give the mesh that the regressor was made for",
        )
    for option, mesh in (("--from", source), ("--to", target)):
        extent = float(np.ptp(mesh.vertices, axis=0).max())
        BODY_M.require(
            extent,
            f"the mesh of {option} extends over {extent:.4g}",
            f"{to_metres(extent)}, of both meshes",
        )
    if faces == UNKNOWN:
        require_own_mesh(matrix, source.vertices, "the regressor", "the mesh of --from")
    if sorted((_inside(source), _inside(target))) == [-1, 1]:
        note("one of the two meshes is inside out: if it is mirrored, left and right are exchanged")
    used = np.flatnonzero(matrix.any(axis=0))
    return map_between(source, target, used, LARGEST_DISTANCE_M if limit_m is None else limit_m)


def _inside(mesh: Mesh) -> int:
    """1 where the faces are seen from outside, -1 from inside, 0 where the mesh is open or flat."""
    a, b, c = (mesh.vertices[mesh.faces] - mesh.vertices.mean(axis=0)).transpose(1, 0, 2)
    volume = float((a * np.cross(b, c)).sum() / 6)
    box = float(np.ptp(mesh.vertices, axis=0).prod())
    return int(np.sign(volume)) if abs(volume) > 0.01 * box else 0


def transfer(matrix: np.ndarray, vertex_map: VertexMap, where: str) -> np.ndarray:
    """The regressor of the target mesh.

    Exact: on meshes that agree with the map both regressors give the same joints. Row sums and, as the
    map has no negative weight, signs stay.

    Args:
        matrix: of the source mesh, (J, S).
        vertex_map: (S, T).
        where: names the regressor in errors.

    Returns:
        (J, T) float64.

    Raises:
        DataError: a map of another mesh, in the other direction, or with negative weights.
    """
    rows, columns = vertex_map.matrix.shape
    if matrix.shape[1] != rows:
        if rows < FEW_ROWS * columns:
            raise DataError(
                f"the map has {rows} rows, expected one for each of {matrix.shape[1]} vertices",
                "this is a regressor: give the map of the meshes as --map",
            )
        other_way = "this map leads the other way"
        if rows == columns:  # MHR's form takes its faces of `--to`, whatever mesh they belong to
            other_way += ", or is one of other meshes"
        raise DataError(
            f"{where} is for {matrix.shape[1]} vertices, the map gives {rows} vertices as sums of "
            f"{columns}",
            f"{other_way}: MHR's `mhr2smpl` moves a regressor of SMPL to MHR"
            if columns in (matrix.shape[1], rows)
            else "give the map between the regressor's mesh and the new one",
        )
    lowest = vertex_map.matrix.data.min(initial=0.0)
    if lowest < 0:
        raise DataError(
            f"the map has weights down to {lowest:.3g}, expected none below zero",
            "weights outside of a triangle turn signs: make the map of nearest points",
        )
    return np.asarray((vertex_map.matrix.T @ matrix.T).T)


def require_on_mesh(moved: np.ndarray, rows: NamedRows, target: Mesh, where: str) -> None:
    """Refuse a regressor that was moved by a map of other meshes: it reads the new mesh all over.

    Args:
        moved: of the target mesh, (J, T).
        rows: the regressor; one of the open body may read that all over, too.
        target: any pose and unit.
        where: names the regressor in the error.

    Raises:
        DataError: as `exchange.placement.require_own_mesh`.
    """
    body = read_mesh(OPEN_BODY)
    own = rows.about.get("topology_hash") == body.topology_hash
    if own and wide_rows(rows.matrix, body.vertices) > 1:
        return
    metres = target.vertices * (GROWN_M / np.ptp(target.vertices, axis=0).max())
    require_own_mesh(moved, metres, f"{where}, moved by the map,", "the mesh of --to")


def derivation(
    regressor: Path,
    matrix: np.ndarray,
    about: dict[str, Any],
    vertex_map: VertexMap,
    target: Mesh | None,
) -> dict[str, Any]:
    """What the sidecar of a moved regressor contains about its making.

    Args:
        regressor: the file of the source mesh.
        matrix: its content.
        about: of its own sidecar, with `topology_hash`; empty without one.
        vertex_map: the map.
        target: the target mesh; None where the map alone gives it.
    """
    return {
        "topology_hash": UNKNOWN if target is None else target.topology_hash,
        "derived": {
            "by": "transfer",
            "regressor": regressor.name,
            "regressor_sha256": digest(matrix),
            "regressor_about": about,
            **vertex_map.about,
        },
    }
