"""True bodies of the open data set: people of the model, and free people, who have no betas."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.body.joints import regressed_joints
from jointreg.body.model import Body
from jointreg.datasets.human36m.metadata import read_metadata
from jointreg.errors import DataError
from jointreg.geometry.camera import Camera
from jointreg.stores.schema import Record
from jointreg.synthetic import truth as truth_files
from jointreg.synthetic.layout import subject_number

FRAMES_READ = ["joints_cam", "crop_intrinsics", "take", "camera", "frame"]


@dataclass(frozen=True)
class TrueBodies:
    """True bodies of N rows. `free_vertices` replaces what betas give where the person is free."""

    rotations: np.ndarray
    """(N, 24, 3, 3), camera frame."""
    betas: np.ndarray
    """(N, B): the person's own, or those of the model's person nearest to a free one."""
    translation: np.ndarray
    """(N, 3) metres, camera frame."""
    free_vertices: np.ndarray | None = None
    """(N, V, 3) metres, camera frame; None for people of the model."""
    free_t_pose: np.ndarray | None = None
    """(V, 3) metres: the T-pose of a free person."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.betas)

    def vertices(self, body: Body) -> np.ndarray:
        """True meshes, (N, V, 3) metres, camera frame."""
        if self.free_vertices is not None:
            return self.free_vertices
        return body.vertices(self.rotations, self.betas, self.translation)

    def t_pose(self, body: Body) -> np.ndarray:
        """True meshes in T-pose, (N, V, 3) metres."""
        if self.free_t_pose is not None:
            return np.tile(self.free_t_pose, (len(self), 1, 1))
        return t_pose(body, self.betas)

    def joints(self, body: Body, regressors: Mapping[str, np.ndarray]) -> np.ndarray:
        """Joints of every regressor, weights (J, V), on every true body: (R, N, J, 3) metres."""
        if self.free_vertices is None:
            return regressed_joints(body, self.rotations, self.betas, regressors, self.translation)
        mesh = self.free_vertices.astype(np.float64)
        return np.stack([weights @ mesh for weights in regressors.values()])


def t_pose(body: Body, betas: np.ndarray) -> np.ndarray:
    """Vertices in T-pose, (N, V, 3) metres: no pose offsets and no rotations of bones."""
    return body.template + np.einsum("nb,vcb->nvc", betas, body.shape_directions)


def read_cameras(calibration: str | Path, subject: str) -> dict[str, Camera]:
    """A subject's cameras by name, from the open data set's metadata.xml."""
    number = subject_number(subject)
    every = read_metadata(calibration).cameras
    return {camera.name: camera for (owner, _), camera in every.items() if owner == number}


def true_bodies(
    truth: str | Path, subject: str, action: str, frames: Record, cameras: Mapping[str, Camera]
) -> TrueBodies:
    """The true body of every row of a store FRAMES, matched by take, camera and frame.

    Args:
        truth: folder of the truth.
        subject: whose body.
        action: of the sequence.
        frames: store FRAMES.
        cameras: the subject's cameras by name; free people's vertices are stored in the room's frame.

    Raises:
        DataError: the truth has no body for a row.
    """
    own = model_bodies(truth, subject, action, frames)
    free = truth_files.read_vertices(truth, subject, action)
    if free is None:
        return TrueBodies(**own)
    keys = row_keys(frames)
    moments = list(zip(free["take"], free["frame"].astype(int), strict=True))
    rows = _rows_of(moments, [(take, frame) for take, _, frame in keys], f"{subject} {action}")
    vertices = np.empty((len(keys), *free["vertices"].shape[1:]), dtype=np.float32)
    names = np.array([camera for _, camera, _ in keys])
    for name in np.unique(names):
        of_camera = names == name
        vertices[of_camera] = cameras[str(name)].from_world(free["vertices"][rows[of_camera]])
    return TrueBodies(**own, free_vertices=vertices, free_t_pose=free["t_pose"])


def model_bodies(truth: str | Path, subject: str, action: str, frames: Record) -> dict[str, np.ndarray]:
    """The model's true body of every row of a store FRAMES; of a free person the nearest one.

    Returns:
        The arrays of `stores.BODIES`.

    Raises:
        DataError: the truth has no body for a row.
    """
    bodies = truth_files.read_bodies(truth, subject, action)
    columns = (bodies["take"], bodies["camera"], bodies["frame"].astype(int))
    chosen = _rows_of(list(zip(*columns, strict=True)), row_keys(frames), f"{subject} {action}")
    return {key: bodies[key][chosen] for key in ("rotations", "betas", "translation")}


def all_true_bodies(truth: str | Path, subject: str, action: str) -> TrueBodies:
    """Every true body of a sequence; free people once a moment, in the room's frame.

    For distances between joints of one body, which no rigid motion changes.
    """
    bodies = truth_files.read_bodies(truth, subject, action)
    free = truth_files.read_vertices(truth, subject, action)
    if free is None:
        return TrueBodies(*(bodies[key] for key in ("rotations", "betas", "translation")))
    some = slice(len(free["vertices"]))
    rotations, betas, translation = (bodies[key][some] for key in ("rotations", "betas", "translation"))
    return TrueBodies(
        rotations, betas, translation, free_vertices=free["vertices"], free_t_pose=free["t_pose"]
    )


def row_keys(frames: Record) -> list[tuple[str, str, int]]:
    """Take, camera and frame number of every row, by name."""
    takes, cameras = frames.attrs["take_names"], frames.attrs["camera_names"]
    index = zip(frames["take"], frames["camera"], frames["frame"], strict=True)
    return [(str(takes[take]), str(cameras[camera]), int(frame)) for take, camera, frame in index]


def _rows_of(stored: list[Any], wanted: list[Any], sequence: str) -> np.ndarray:
    """Row of `stored` for each of `wanted`, both keys of strings and numbers."""
    row = {tuple(map(_plain, key)): at for at, key in enumerate(stored)}
    try:
        return np.array([row[key] for key in wanted], dtype=np.intp)
    except KeyError as error:
        raise DataError(
            f"the truth of {sequence} has no body for take, camera, frame {error.args[0]}",
            "rerun the rule synthesize",
        ) from error


def _plain(value: Any) -> str | int:
    return str(value) if isinstance(value, str) else int(value)
