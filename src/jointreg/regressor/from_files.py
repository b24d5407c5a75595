"""The command `jointreg fit`: a regressor of any mesh and joint set from files, and its card."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from jointreg import __version__
from jointreg.errors import ConfigError, DataError
from jointreg.exchange.joint_sets import JointSet
from jointreg.exchange.meshes import Mesh
from jointreg.exchange.regressor import Regressor
from jointreg.exchange.sidecar import UNKNOWN
from jointreg.files.text_table import text_table
from jointreg.regressor.labelled_meshes import LabelledMeshes, Labels, read_labels
from jointreg.regressor.own_candidates import fit_own_candidates

LARGE_MM = 100.0
"""A residual that labels of the mesh's own joints do not have."""


def fit_files(
    vertices: Sequence[str],
    labels: str,
    joints: JointSet | None = None,
    mesh: Mesh | None = None,
    max_vertices: int = 0,
    note: Callable[[str], None] = print,
) -> Regressor:
    """Fit a regressor to posed meshes and labels in files.

    Args:
        vertices: files of posed vertices, metres, as `LabelledMeshes` reads them.
        labels: a file as `read_labels` takes it.
        joints: the joint set of the labels; of named labels in a file the joints to fit, in its order.
        mesh: any pose of the mesh, whose faces then identify it.
        max_vertices: most vertices with a weight for each joint; 0 for no limit.
        note: called with a sentence on frames without labels and on large residuals.

    Returns:
        Weights (J, V). `about` contains how they were made: digests, frames, residuals, version.

    Raises:
        ConfigError: a limit below zero.
        DataError, UnitError, SolverError: as the readers and the fit; another mesh or joint set.
    """
    if max_vertices < 0:
        raise ConfigError(
            f"max_vertices is {max_vertices}, expected a number of vertices, or 0 for no limit",
            "give 1 or more, or leave it out",
        )
    read = _of_set(read_labels(labels), joints, labels)
    frames = LabelledMeshes(vertices, read, note)
    if mesh is not None and len(mesh.vertices) != frames.n_vertices:
        raise DataError(
            f"the mesh has {len(mesh.vertices)} vertices, the frames have {frames.n_vertices}",
            "give the mesh of the frames",
        )
    names = read.names or tuple(f"joint {k}" for k in range(read.joints.shape[1]))
    fitted = fit_own_candidates(frames, names, max_vertices=max_vertices)
    residuals = fitted.about["residual_rms_mm"]
    large = [f"{name} {residuals[name]:.0f} mm" for name in names if residuals[name] > LARGE_MM]
    if large:
        note(
            f"residuals are large, {', '.join(large):.300}: look whether labels and vertices have the "
            "same axes, place and order of frames, and joints their own names"
        )
    off = _frames_off(frames, fitted.weights)
    if off:
        note(
            f"{len(off)} of {frames.frames} frames, the first is frame {off[0]}, have half of their "
            f"labels over {LARGE_MM:g} mm from the fit: look whether mesh and labels are of one moment"
        )
    about = {
        "topology_hash": UNKNOWN if mesh is None else mesh.topology_hash,
        "frames": frames.frames,
        "vertices_sha256": frames.digests(),
        "labels_sha256": {Path(labels).name: hashlib.sha256(Path(labels).read_bytes()).hexdigest()},
        "max_vertices": max_vertices,
        "jointreg": __version__,
    }
    return Regressor(fitted.weights, names, fitted.about | about)


def _frames_off(frames: LabelledMeshes, weights: np.ndarray) -> list[int]:
    """Frames whose labels lie farther than `LARGE_MM` from the fitted joints, in the median."""
    used = np.flatnonzero(weights.any(axis=0))
    distances = [
        np.linalg.norm(weights[:, used] @ vertices[:, used] - joints, axis=2)
        for vertices, joints in frames
    ]
    every = np.concatenate(distances)
    labelled = np.flatnonzero(np.isfinite(every).any(axis=1))
    middle = np.nanmedian(every[labelled], axis=1)
    return labelled[1e3 * middle > LARGE_MM].tolist()


def _of_set(labels: Labels, joints: JointSet | None, where: str) -> Labels:
    """Labels in the order of a joint set."""
    if joints is None:
        return labels
    if labels.names is None:
        if labels.joints.shape[1] != len(joints.joints):
            raise DataError(
                f"{where} has {labels.joints.shape[1]} joints, expected {joints.title}",
                "name the joint set of the labels with --joints",
            )
        return labels._replace(names=joints.joints)
    missing = [name for name in joints.joints if name not in labels.names]
    if missing:
        raise DataError(
            f"{where} has no joint {', '.join(missing):.200}, expected {joints.title}",
            "name the joints as the set does, or leave --joints out",
        )
    order = [labels.names.index(name) for name in joints.joints]
    return labels._replace(joints=labels.joints[:, order], names=joints.joints)


def card(name: str, fitted: Regressor) -> str:
    """How a regressor was made, in Markdown: the text that goes with the file.

    Args:
        name: of the regressor's file.
        fitted: from `fit_files`.
    """
    about = fitted.about
    digests = [*about["vertices_sha256"].items(), *about["labels_sha256"].items()]
    columns = ("joint", "labelled frames", "residual, mm", "vertices", "row sum")
    keys = ("labelled_frames", "residual_rms_mm", "nonzeros", "row_sums")
    rows = [(joint, *(about[key][joint] for key in keys)) for joint in fitted.joint_names]
    return "\n".join(
        [
            f"# {name}",
            "",
            f"A joint regressor, {len(rows)} joints of a mesh of {fitted.weights.shape[1]} vertices "
            f"(faces: sha256 {about['topology_hash'][:12]}). Fitted by jointreg {about['jointreg']} to "
            f"{about['frames']} frames: {about['solver']}; at most {about['max_vertices'] or 'any'} "
            "vertices a joint.",
            "",
            "```text",
            text_table([columns, *rows], "lrrrr", rule=True),
            "```",
            "",
            "Residual: root mean square distance from the labels that were fitted to. It does not cover",
            "poses and people that the frames do not have.",
            "",
            *(f"- {file}: sha256 {digest}" for file, digest in digests),
            "",
        ]
    )
