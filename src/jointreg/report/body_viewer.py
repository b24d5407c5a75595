"""Data of the interactive body in the report: meshes, regressors and frames, small enough to embed.

Positions are rounded to 1/32767 of the largest coordinate of their set (under 0.1 mm) and packed as
int16; the page (assets/body_viewer.js) multiplies the regressors itself.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jointreg import stores
from jointreg.body.model import Body
from jointreg.config.examples import Example
from jointreg.config.joint_sets import H36M, JointSet, joint_set_of
from jointreg.errors import ConfigError
from jointreg.exchange.regressor import Regressor
from jointreg.stores.schema import Record, require_same_rows
from jointreg.tables.names import TABLE_1, regressor_name

FRAMES_SHOWN = 5
"""Frames of each example, evenly spread over those of one camera. Three bodies of one take 0.17 MB."""
DIGITS = 6
"""Significant digits of a weight in the page."""
TURN = np.array([1.0, -1.0, -1.0])
"""From the camera frame (y down, z forward) to the page's (y up, z to the viewer)."""


@dataclass(frozen=True)
class Clip:
    """Some frames of one sequence: bodies and labels in the camera frame."""

    title: str
    frames: tuple[str, ...]
    """Name of each frame."""
    labels: np.ndarray
    """Labelled joints, camera frame, metres, (N, J, 3)."""
    vertices: dict[str, np.ndarray]
    """Set of bodies (`initial`, `refined`, `true`) -> meshes in the camera frame, metres, (N, V, 3)."""
    joint_set: JointSet = H36M
    """What the labels are."""


def read_clip(
    body: Body, example: Example, frames: str, bodies: Mapping[str, str], true_meshes: str = ""
) -> Clip:
    """The frames of an example's sequence that the report shows, with posed bodies.

    Args:
        body: the body model.
        example: names the sequence. The frames are from the take and camera of its first frame.
        frames: store FRAMES of the sequence.
        bodies: set of bodies -> store BODIES of the same rows.
        true_meshes: store VERTICES of the same rows, if the truth is known.

    Raises:
        ConfigError: the sequence does not have the example's first row.
        StoreError: a store holds other rows than `frames`.
    """
    stored = stores.FRAMES.read(frames, only=["joints_cam", "camera", "take", "frame"])
    first = example.frames[0]
    if first >= len(stored.frame):
        raise ConfigError(
            f"examples: {example.subject} {example.action} names row {first}, "
            f"the sequence has rows 0 to {len(stored.frame) - 1}"
        )
    rows = _spread(stored, first)
    vertices = {}
    for name, path in bodies.items():
        stored_bodies = stores.BODIES.read(path)
        require_same_rows(stored, stored_bodies, f"{frames} and {path}")
        vertices[name] = body.vertices(**{key: value[rows] for key, value in stored_bodies.items()})
    if true_meshes:
        stored_meshes = stores.VERTICES.read(true_meshes)
        require_same_rows(stored, stored_meshes, f"{frames} and {true_meshes}")
        vertices["true"] = stored_meshes.vertices[rows]
    camera = stored.attrs["camera_names"][stored.camera[first]]
    return Clip(
        title=f"{example.subject} {example.action}, camera {camera}",
        frames=tuple(f"frame {stored.frame[row]}" for row in rows),
        labels=stored.joints_cam[rows],
        vertices=vertices,
        joint_set=joint_set_of(stored.attrs),
    )


def pack(body: Body, regressors: Mapping[str, Regressor], clips: Sequence[Clip]) -> dict[str, Any]:
    """Everything the page needs to draw, as plain values for JSON.

    Args:
        body: the body model; its template is the T-pose that the page begins with.
        regressors: name (std, spin, opt_full) -> regressor of its mesh.
        clips: example sequences; may be empty.
    """
    joint_set = joint_set_of(next((one.about for one in regressors.values()), {}))
    return {
        "faces": _text(body.faces, "<u2" if body.n_vertices <= 65536 else "<u4"),
        "face_bytes": 2 if body.n_vertices <= 65536 else 4,
        "template": _positions(body.template - _middle(body.template)),
        "joints": [name.replace("_", " ") for name in joint_set.joints],
        "limbs": [list(line) for line in joint_set.lines],
        "regressors": [
            {"name": name, "label": _label(name), "rows": [_support(row) for row in regressor.weights]}
            for name, regressor in regressors.items()
        ],
        "clips": [_clip(clip) for clip in clips],
    }


def _label(name: str) -> str:
    """J_opt of variant full is the J_opt of Table I."""
    return regressor_name(TABLE_1.get(name, name))


def _support(row: np.ndarray) -> dict[str, list[Any]]:
    """Vertices with a weight, heaviest first."""
    used = np.flatnonzero(row)
    used = used[np.argsort(-row[used], kind="stable")]
    return {"vertices": used.tolist(), "weights": [float(f"{w:.{DIGITS}g}") for w in row[used]]}


def _clip(clip: Clip) -> dict[str, Any]:
    """Frames one by one, each moved so that its labelled root is the origin."""
    frames = []
    for at, name in enumerate(clip.frames):
        origin = clip.joint_set.root(clip.labels[at])
        labels = np.round((clip.labels[at] - origin) * TURN, 4)
        meshes = {
            kind: _positions((vertices[at] - origin) * TURN) for kind, vertices in clip.vertices.items()
        }
        frames.append({"name": name, "labels": labels.tolist(), "bodies": meshes})
    return {"title": clip.title, "frames": frames}


def _spread(frames: Record, first: int) -> np.ndarray:
    """Rows of the first row's take and camera, evenly from the first to the last."""
    same = (frames.camera == frames.camera[first]) & (frames.take == frames.take[first])
    rows = np.flatnonzero(same)
    rows = rows[np.argsort(frames.frame[rows], kind="stable")]
    chosen = np.linspace(0, len(rows) - 1, min(FRAMES_SHOWN, len(rows)))
    return rows[np.round(chosen).astype(int)]


def _middle(vertices: np.ndarray) -> np.ndarray:
    return (vertices.min(axis=0) + vertices.max(axis=0)) / 2


def _positions(vertices: np.ndarray) -> dict[str, Any]:
    """(V, 3) metres as int16 and the length of one step."""
    step = max(float(np.abs(vertices).max()), 1e-6) / 32767
    return {"step": step, "data": _text(np.round(vertices / step), "<i2")}


def _text(array: np.ndarray, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()
