"""Maps between meshes: every vertex of one mesh as a weighted sum of vertices of another.

A map M, (source vertices, target vertices), moves a regressor of the source mesh to the target mesh:
J_target = J_source @ M. Published maps of this kind: mhr2smpl and mhr2smplx of MHR's repository (faces
and weights of their corners), smplx2smpl of BEDLAM and of GVHMR (a matrix), smplx2smpl_deftrafo_setup
of SMPL-X's download (a matrix beside that of the normals).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jointreg.errors import DataError, default_cure
from jointreg.exchange.formats import sparse_matrix
from jointreg.exchange.meshes import Mesh, read_mesh
from jointreg.exchange.sidecar import digest
from jointreg.files.input import require_file
from jointreg.files.npy import read_array
from jointreg.files.pickles import as_matrix, read_npz, read_pickle
from jointreg.files.saved_tensors import read_saved
from jointreg.provenance import content_digest

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LARGEST_BYTES = 2 * 10**9
"""A larger file is no map and is not read; a dense one of SMPL and SMPL-X has 0.6 GB."""
LARGEST_SUM_ERROR = 1e-3
"""A vertex is a weighted mean of others: weights sum to 1 within this."""
NOISE = 1e-9
"""Entries nearer to zero are rounding errors of the map's maker, some of them negative: left out."""
WITH_NORMALS = "mtx"
"""Key of SMPL-X's own maps: as many columns for the normals follow those of the vertices."""
MATRIX_KEYS = ("matrix", WITH_NORMALS)
"""Keys of a matrix: BEDLAM, and the correspondences of SMPL, SMPL-H and SMPL-X from their download."""
FACE_KEYS = ("triangle_ids", "baryc_coords")
"""Keys of MHR's maps: face of the target mesh (S,) and weights of its corners (S, 3)."""
MHR_FACES = 18439, 36874, "f6748e290ef37fbb6877c4cc5bd7287105db9e98252b0ba170ae9ac3c45eacd6"
"""Vertices, faces and hash of the faces of MHR's mhr_face_mask.ply: other programs write them in
another order or begin with another corner, and the weights belong to the corners."""
LARGEST_DISTANCE_M = 0.02
"""Farthest that a vertex may lie from the other mesh where a map is made of both."""


class VertexMap(NamedTuple):
    """A map and what it was made of."""

    matrix: "csr_array"
    """(source vertices, target vertices), float64."""
    about: dict[str, Any]
    """Digests and numbers for the sidecar."""


@default_cure("docs/exchange.md lists the maps that are read")
def read_map(path: str | Path, target: Mesh | None = None) -> VertexMap:
    """A published map.

    Args:
        path: a matrix, sparse or dense, in npz, npy, pt or pkl, also under one of `MATRIX_KEYS`; or an
            npz with the keys `FACE_KEYS`, as MHR's.
        target: the target mesh, by whose faces a map of the second kind is numbered.

    Raises:
        DataError: no readable map, rows that do not sum to 1, faces without a mesh or not of this mesh.
    """
    from scipy import sparse

    path = Path(path)
    require_file(path, "map", "check the path")
    if path.stat().st_size > LARGEST_BYTES:
        raise DataError(f"{path} has {path.stat().st_size} bytes, expected at most {LARGEST_BYTES}")
    content = _content(path)
    if isinstance(content, dict) and set(FACE_KEYS) <= set(content):
        numbers, weights = (np.asarray(content[key]) for key in FACE_KEYS)
        matrix = _of_faces(numbers, weights, target, path)
    else:
        key = ""
        if isinstance(content, dict):
            key = next((key for key in MATRIX_KEYS if key in content), "")
            if not key:
                keys = ", ".join(map(str, list(content)[:6]))
                raise DataError(
                    f"{path} holds {keys:.200}, expected a matrix, one of the keys "
                    f"{', '.join(MATRIX_KEYS)}, or {' and '.join(FACE_KEYS)}"
                )
            content = content[key]
        if not sparse.issparse(content):
            content = as_matrix(content, str(path))
        if content.ndim != 2 or content.dtype.kind not in "fiu" or 0 in content.shape:
            raise DataError(
                f"{path} holds {content.dtype} of shape {content.shape}, expected a matrix",
                "save the map alone: (old vertices, new vertices), real numbers",
            )
        matrix = sparse.csr_array(content, dtype=np.float64)
        if key == WITH_NORMALS:
            matrix = matrix[:, : matrix.shape[1] // 2]
    matrix.data[np.abs(matrix.data) < NOISE] = 0
    matrix.eliminate_zeros()
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    worst = int(np.abs(sums - 1).argmax())
    if not abs(sums[worst] - 1) <= LARGEST_SUM_ERROR:
        raise DataError(
            f"{path}: row {worst} sums to {sums[worst]:.4g}, expected 1: each vertex is to be a "
            "weighted mean of the other mesh's",
            "take a map of vertices; a transposed one has its rows and columns exchanged",
        )
    if target is not None and matrix.shape[1] != len(target.vertices):
        raise DataError(
            f"{path} is for a mesh of {matrix.shape[1]} vertices, the mesh has {len(target.vertices)}",
            "give the mesh that the map leads to",
        )
    about = {"map": path.name, "map_sha256": content_digest(path)}
    return VertexMap(matrix, about)


def read_map_by(path: str | Path, mesh: str | Path = "") -> "csr_array":
    """The matrix of a published map.

    Args:
        path: as for `read_map`.
        mesh: file of the mesh by whose faces the map is numbered; empty where it is a matrix.

    Raises:
        DataError: as `read_map` and `exchange.meshes.read_mesh`.
    """
    return read_map(path, read_mesh(mesh) if mesh else None).matrix


def _content(path: Path) -> Any:
    """A sparse or dense array, or a table of them."""
    suffix, where = path.suffix.lower(), str(path)
    if suffix in (".pt", ".pth"):
        return _tensor(path)
    raw = path.read_bytes()
    try:
        if suffix == ".npy":
            return read_array(raw, where)
        if suffix == ".npz":
            entries = read_npz(raw, where)
            if "format" in entries:
                return sparse_matrix(entries, where)
            return entries if len(entries) > 1 else next(iter(entries.values()), {})
        if suffix == ".pkl":
            return read_pickle(raw, where)
    except (ValueError, KeyError, TypeError, EOFError, OverflowError) as error:
        raise DataError(f"{where} is no map of plain numbers: {error!s:.200}") from error
    raise DataError(f"{where}: a map is npz, npy, pt or pkl, not '{suffix}'")


def _tensor(path: Path) -> Any:
    cures = ("save it as tensors: torch.save(matrix, file)", "fetch the file again")
    loaded = read_saved(path, "map", cures)
    if isinstance(loaded, dict):
        return {key: value for key, value in loaded.items() if hasattr(value, "dtype")}
    if not hasattr(loaded, "dtype"):
        raise DataError(
            f"{path} holds a {type(loaded).__name__}, expected a tensor", "torch.save(matrix, file)"
        )
    return loaded


def _of_faces(faces: np.ndarray, weights: np.ndarray, target: Mesh | None, path: Path) -> "csr_array":
    from scipy import sparse

    kinds = faces.dtype.kind in "iu" and weights.dtype.kind in "fiu"
    if faces.ndim != 1 or not faces.size or weights.shape != (len(faces), 3) or not kinds:
        raise DataError(
            f"{path}: {FACE_KEYS[0]} is {faces.dtype} of shape {faces.shape}, {FACE_KEYS[1]} "
            f"{weights.dtype} of shape {weights.shape}; expected whole numbers (S,) and numbers (S, 3)",
            "give MHR's map as its repository has it",
        )
    if target is None:
        raise DataError(
            f"{path} gives faces of the target mesh by number, so it needs that mesh",
            "give the mesh: transfer --to MESH, evaluate --map MAP MESH, column map_mesh of methods; "
            "MHR's is tools/mhr_smpl_conversion/assets/mhr_face_mask.ply",
        )
    if faces.min() < 0 or faces.max() >= len(target.faces):
        raise DataError(
            f"{path} names faces {faces.min()} to {faces.max()}, the mesh has {len(target.faces)}",
            "give the mesh that the map leads to",
        )
    count = len(target.vertices), len(target.faces)
    if count == MHR_FACES[:2] and target.topology_hash != MHR_FACES[2]:
        raise DataError(
            f"{path} gives faces by number and their corners by order; the mesh has as many "
            "vertices and faces as MHR's, but not its faces as MHR's repository has them",
            "give tools/mhr_smpl_conversion/assets/mhr_face_mask.ply itself, not a copy that another "
            "program wrote",
        )
    rows = np.repeat(np.arange(len(faces)), 3)
    columns = target.faces[faces].ravel()
    shape = len(faces), len(target.vertices)
    return sparse.csr_array((weights.ravel().astype(np.float64), (rows, columns)), shape=shape)


def map_between(
    source: Mesh, target: Mesh, used: np.ndarray, limit_m: float = LARGEST_DISTANCE_M
) -> VertexMap:
    """A map of two meshes of one shape in one pose: each vertex at the other's nearest point.

    Args:
        source: metres.
        target: metres, in the same place.
        used: vertices of the source that are needed, (U,); the others have no row.
        limit_m: farthest that one of them may lie from the target.

    Raises:
        DataError: a used vertex lies farther away, none is used, or the limit is no distance.
    """
    from scipy import sparse

    from jointreg.geometry.closest_points import closest_points

    if not len(used):
        raise DataError("the regressor reads no vertex: all weights are zero", "take it from its source")
    if not limit_m >= 0:
        raise DataError(f"the limit is {limit_m} m, expected a distance", "--limit 0.02 is 20 mm")

    face, weights, distance = closest_points(source.vertices[used], target.vertices, target.faces)
    if distance.max() > limit_m:
        boxes = [
            f"{np.ptp(mesh.vertices, axis=0).round(3).tolist()} around "
            f"{((mesh.vertices.max(axis=0) + mesh.vertices.min(axis=0)) / 2).round(3).tolist()}"
            for mesh in (source, target)
        ]
        raise DataError(
            f"vertex {used[distance.argmax()]} of the source mesh lies {distance.max():.3g} m from the "
            f"target, limit {limit_m:g} m; {np.count_nonzero(distance > limit_m)} of {len(used)} do",
            f"both meshes must be one shape in one pose, place and unit; their boxes are {boxes[0]} and "
            f"{boxes[1]} m. A larger limit is yours to choose: --limit",
        )
    columns = target.faces[face]
    rows = np.repeat(used, 3)
    shape = len(source.vertices), len(target.vertices)
    matrix = sparse.csr_array((weights.ravel(), (rows, columns.ravel())), shape=shape)
    matrix.eliminate_zeros()
    about = {
        "map": "nearest points of two meshes",
        "mean_distance_mm": round(1e3 * float(distance.mean()), 3),
        "largest_distance_mm": round(1e3 * float(distance.max()), 3),
        "source_vertices_sha256": digest(source.vertices),
        "target_vertices_sha256": digest(target.vertices),
    }
    return VertexMap(matrix, about)
