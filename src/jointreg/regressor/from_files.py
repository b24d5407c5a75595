"""A regressor of any mesh and joint set from files: what `jointreg fit` does."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from jointreg import __version__
from jointreg.arrays import out_of_step
from jointreg.body.files import load_body
from jointreg.body.model import Body
from jointreg.config.joint_sets import JOINT_SETS, JointSet
from jointreg.datasets.facing import require_facing
from jointreg.errors import ConfigError, DataError
from jointreg.exchange.meshes import Mesh
from jointreg.exchange.placement import require_places, require_reach
from jointreg.exchange.regressor import Regressor
from jointreg.exchange.sidecar import UNKNOWN
from jointreg.predictions.vertices import LONGEST_EDGES, edge_ratio
from jointreg.provenance import content_digest
from jointreg.regressor.label_files import read_labels
from jointreg.regressor.labelled_meshes import LabelledMeshes
from jointreg.regressor.mirror import mirror_of_mesh
from jointreg.regressor.own_candidates import fit_own_candidates

OPEN_LICENCE = "CC0 1.0, the open body of jointreg"
CHUNK_CHECKED = 8
"""Frames on which the faces of the mesh are compared."""
LARGE_MM = 100.0
"""A residual that labels of the mesh's own joints do not have."""


def fit_files(
    vertices: Sequence[str],
    labels: str,
    joints: JointSet | None = None,
    mesh: Mesh | None = None,
    max_vertices: int = 0,
    note: Callable[[str], None] = print,
    body: Body | None = None,
    *,
    symmetric: bool = False,
    people: int = 0,
    licence: str = "",
) -> Regressor:
    """Fit a regressor to posed meshes and labels in files.

    Args:
        vertices: files of posed vertices, metres, or of parameters of `body`, as `open_meshes` takes
            them.
        labels: a file as `read_labels` takes it.
        joints: the joint set of the labels; of named labels in a file the joints to fit, in its order.
        mesh: any pose of the mesh, whose faces then identify it and whose axes name directions.
        max_vertices: most vertices with a weight for each joint; 0 for no limit.
        note: called with a sentence on frames without labels and on large residuals.
        body: poses the parameters in the files.
        symmetric: treat left and right alike; needs `joints` and a mesh that is its own mirror image.
        people: number of people in the frames, for the card; 0 where it is not known.
        licence: of the body that the meshes are of, for the card; that of the open body is known.

    Returns:
        Weights (J, V). `about` contains how they were made: digests, frames, residuals, version.

    Raises:
        ConfigError: a limit below zero, a number of people that cannot be, or `symmetric` without what
            it needs.
        DataError, UnitError, SolverError: as the readers and the fit; another mesh or joint set.
    """
    if max_vertices < 0:
        raise ConfigError(
            f"max_vertices is {max_vertices}, expected a number of vertices, or 0 for no limit",
            "give 1 or more, or leave it out",
        )
    if people < 0:
        raise ConfigError(f"people is {people}, expected a number of people", "leave --people out")
    if symmetric and (joints is None or mesh is None or max_vertices == 1):
        raise ConfigError(
            "a symmetric fit needs the sides of the joints and of the mesh, and 2 vertices or more",
            "give --joints, and --mesh or --body; raise --max-vertices",
        )
    read = read_labels(labels, joints)
    frames = LabelledMeshes(vertices, read, note, body)
    if mesh is not None and len(mesh.vertices) != frames.n_vertices:
        raise DataError(
            f"the mesh has {len(mesh.vertices)} vertices, the frames have {frames.n_vertices}",
            "give the mesh of the frames",
        )
    if people > frames.frames:
        raise ConfigError(
            f"people is {people}, but there are {frames.frames} frames", "correct --people"
        )
    if mesh is not None:
        _require_faces(mesh, next(iter(frames))[0], vertices[0])
    repeated = _repeated(frames.labels.joints)
    if repeated:
        note(
            f"{repeated} of {frames.frames} frames have the labels of another frame: they add nothing "
            "to the fit, and its standard errors come out too small"
        )
    names = read.titles
    if not read.names:
        note(
            f"{labels} does not name its joints, so the rows are called {names[0]} to {names[-1]}: "
            "--joints names them, and evaluate needs the names"
        )
    still = np.flatnonzero(((read.joints == 0) | np.isnan(read.joints)).all(axis=(0, 2)))
    if len(still):
        note(
            f"{names[still[0]]} is at the origin in every frame, so labels are relative to it: meshes "
            "have to be relative to the same point, or every joint is shifted"
        )
    reference = None if mesh is None else mesh.vertices
    mirror = mirror_of_mesh(mesh, joints, body) if symmetric and mesh and joints else None
    fitted = fit_own_candidates(
        frames, names, max_vertices=max_vertices, reference=reference, mirror=mirror
    )
    residuals = fitted.about["residual_rms_mm"]
    large = [f"{name} {residuals[name]:.0f} mm" for name in names if residuals[name] > LARGE_MM]
    if large:
        note(
            f"residuals are large, {', '.join(large):.300}: look whether labels and vertices have the "
            "same axes, place and order of frames, and joints their own names"
        )
    _note_frames(_read(frames, fitted.weights), frames.labels.joints, note)
    known = joints or next((one for one in JOINT_SETS.values() if one.joints == names), None)
    if known is not None:
        _note_names(fitted.weights, known, body or _open_body(mesh), frames, labels, note)
    about = {
        "topology_hash": UNKNOWN if mesh is None else mesh.topology_hash,
        "frames": frames.frames,
        "vertices": frames.n_vertices,
        "people": people,
        "body_licence": licence or _licence(mesh),
        "axes": "first frame" if mesh is None else "mesh",
        "vertices_sha256": frames.digests(),
        "labels_sha256": {Path(labels).name: content_digest(Path(labels))},
        "max_vertices": max_vertices,
        "symmetric": symmetric,
        "jointreg": __version__,
    }
    return Regressor(fitted.weights, names, fitted.about | about)


def _repeated(joints: np.ndarray) -> int:
    """Frames whose labels (N, J, 3) are those of a frame before."""
    labelled = joints[~np.isnan(joints).all(axis=(1, 2))]
    distinct = np.unique(np.nan_to_num(labelled).reshape(len(labelled), -1), axis=0)
    return len(labelled) - len(distinct)


def _require_faces(mesh: Mesh, frames: np.ndarray, where: str) -> None:
    """Refuse a mesh of as many vertices in another order: its faces would identify the regressor.

    Args:
        mesh: in any pose and unit.
        frames: some of the posed meshes, (n, V, 3) metres.
        where: names their file.
    """
    rest, posed = (
        places / np.ptp(places, axis=-2).max(axis=-1)[..., None, None]
        for places in (mesh.vertices, frames[:CHUNK_CHECKED].astype(np.float64))
    )
    longer = edge_ratio(mesh.faces, rest, posed)
    if not longer < LONGEST_EDGES:
        raise DataError(
            f"{where}: edges of the mesh's faces are {longer:.0f} times as long in its frames (median): "
            "another mesh of as many vertices, or another order of them",
            "give the mesh of the frames",
        )


def _open_body(mesh: Mesh | None) -> Body | None:
    """The open body where the mesh has its faces."""
    body = load_body("open")
    return body if mesh is not None and mesh.topology_hash == body.topology_hash else None


def _note_names(
    weights: np.ndarray,
    joints: JointSet,
    body: Body | None,
    frames: LabelledMeshes,
    labels: str,
    note: Callable[[str], None],
) -> None:
    """A note where joints do not lie as their names say: labels under wrong names fit as well.

    On a body they land at known places. On another mesh their distances and their sides show it.
    """
    where = f"the regressor fitted to {labels}"
    try:
        if body is not None:
            require_places(weights @ body.template, joints, body, where)
            return
        meshes = next(iter(frames))[0].astype(np.float64)
        upright = meshes[np.ptp(meshes, axis=1).max(axis=1).argmax()]
        require_reach(weights @ upright, joints, upright, where)
        require_facing(frames.labels.joints, joints, where)
    except DataError as error:
        fault = str(error).partition("\n  next:")[0]
        note(f"{fault}: look whether the labels have their joints' own names and order")


def _licence(mesh: Mesh | None) -> str:
    if _open_body(mesh) is not None:
        return OPEN_LICENCE
    return "not given; weights of a fit to a licensed body may fall under the terms of that body"


def _read(frames: LabelledMeshes, weights: np.ndarray) -> np.ndarray:
    """The fitted joints of all frames, (N, J, 3) metres."""
    used = np.flatnonzero(weights.any(axis=0))
    return np.concatenate([weights[:, used] @ vertices[:, used] for vertices, _ in frames])


def _note_frames(read: np.ndarray, labels: np.ndarray, note: Callable[[str], None]) -> None:
    """A note where meshes and labels are not of one moment: some frames far off, or all out of step.

    Args:
        read: fitted joints, (N, J, 3) metres.
        labels: NaN for a missing one, (N, J, 3) metres.
        note: is called with the sentences.
    """
    distances = np.linalg.norm(read - labels, axis=2)
    labelled = np.flatnonzero(np.isfinite(distances).any(axis=1))
    off = labelled[1e3 * np.nanmedian(distances[labelled], axis=1) > LARGE_MM]
    if len(off):
        note(
            f"{len(off)} of {len(read)} frames, the first is frame {off[0]}, have half of their "
            f"labels over {LARGE_MM:g} mm from the fit: look whether mesh and labels are of one moment"
        )
    if found := out_of_step(read, labels):
        step, error, now = found
        note(
            f"label n{step:+d} lies nearer to mesh n, {1e3 * error:.0f} mm a coordinate, than label n, "
            f"{1e3 * now:.0f} mm: look whether the frames are out of step"
        )
