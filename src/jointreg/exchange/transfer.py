"""A regressor moved to another mesh by one sparse product, J_target = J_source @ M."""

from pathlib import Path
from typing import Any

import numpy as np

from jointreg.errors import DataError
from jointreg.exchange.meshes import Mesh
from jointreg.exchange.sidecar import UNKNOWN, digest
from jointreg.exchange.vertex_maps import LARGEST_DISTANCE_M, VertexMap, map_between, read_map


def vertex_map_of(
    matrix: np.ndarray,
    file: str | None,
    source: Mesh | None,
    target: Mesh | None,
    limit_m: float | None = None,
) -> VertexMap:
    """The map in a file, or of two meshes where no file is given.

    Args:
        matrix: the regressor, (J, S), whose vertices need a place on the target.
        file: a published map; with `target` if it gives faces.
        source: the regressor's mesh, metres.
        target: the new mesh, metres, in the shape, pose and place of `source`.
        limit_m: farthest distance between the two; None for `LARGEST_DISTANCE_M`.

    Raises:
        DataError: neither a file nor two meshes, a file and a source mesh, a mesh of another size than
            the regressor's, or as `read_map` and `map_between`.
    """
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
    used = np.flatnonzero(matrix.any(axis=0))
    return map_between(source, target, used, LARGEST_DISTANCE_M if limit_m is None else limit_m)


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
        turned = columns == matrix.shape[1]
        raise DataError(
            f"{where} is for {matrix.shape[1]} vertices, the map gives {rows} vertices as sums of "
            f"{columns}",
            "this map leads the other way: MHR's `mhr2smpl` moves a regressor of SMPL to MHR"
            if turned
            else "give the map between the regressor's mesh and the new one",
        )
    lowest = vertex_map.matrix.data.min(initial=0.0)
    if lowest < 0:
        raise DataError(
            f"the map has weights down to {lowest:.3g}, expected none below zero",
            "weights outside of a triangle turn signs: make the map of nearest points",
        )
    return np.asarray((vertex_map.matrix.T @ matrix.T).T)


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
