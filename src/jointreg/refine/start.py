"""Where refinement starts: translations and cameras."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.body.skinning import Skinner, SparseRegressor, read_joints
from jointreg.errors import DataError
from jointreg.geometry.camera import project_pinhole

WEAK_FOCAL_PX = 5000.0
"""Focal length of the weak-perspective camera, whatever the crop's size (SPIN and its heirs)."""
CPU = torch.device("cpu")


def start_translation(
    body: Body, bodies: Mapping[str, np.ndarray], joints_cam: np.ndarray, regressor: np.ndarray
) -> np.ndarray:
    """Translation that puts the regressed joints' mean on that of the labels, (N, 3) metres float32.

    t = mean_j (X_j - J_spin V_j), with V posed at the origin.
    """
    within = np.flatnonzero((np.asarray(regressor) != 0).any(axis=0))
    skinner, sparse = Skinner(body, within), SparseRegressor(regressor, within)
    rotations = torch.from_numpy(np.ascontiguousarray(bodies["rotations"], dtype=np.float32))
    betas = torch.from_numpy(np.ascontiguousarray(bodies["betas"], dtype=np.float32))
    with torch.no_grad():
        vertices = skinner.vertices(rotations, betas, betas.new_zeros(len(betas), 3))
        joints = read_joints(vertices, sparse).numpy()
    return (np.asarray(joints_cam, dtype=np.float32) - joints).mean(axis=1)


def start_bodies(
    body: Body, bodies: Mapping[str, np.ndarray], joints_cam: np.ndarray, regressor: np.ndarray
) -> dict[str, np.ndarray]:
    """The initial method's rotations and betas with `start_translation`.

    Raises:
        DataError: labels put a body behind the camera.
    """
    translation = start_translation(body, bodies, joints_cam, regressor)
    behind = translation[:, 2] <= 0
    if behind.any():
        frame = int(np.argmax(behind))
        raise DataError(
            f"frame {frame}: labels put the body at {translation[frame].tolist()} m, "
            "expected z > 0 (camera frame: x right, y down, z forward)"
        )
    rotations, betas = np.asarray(bodies["rotations"]), np.asarray(bodies["betas"])
    return {"rotations": rotations, "betas": betas, "translation": translation}


def weak_perspective(count: int, size: tuple[int, int]) -> np.ndarray:
    """K of the networks' camera for crops of (height, width) pixels, (count, 3, 3)."""
    height, width = size
    camera = [[WEAK_FOCAL_PX, 0, (width - 1) / 2], [0, WEAK_FOCAL_PX, (height - 1) / 2], [0, 0, 1]]
    return np.tile(np.array(camera), (count, 1, 1))


def move_to_camera(
    body: Body, betas: np.ndarray, translation: np.ndarray, seen: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """Translation with which a body looks alike through another camera of the same orientation.

    The pelvis keeps its pixel, the depth grows with the focal length.

    Args:
        body: the body model.
        betas: (N, B).
        translation: metres, (N, 3), before.
        seen: K it is seen through now, (N, 3, 3).
        wanted: K it shall be seen through, (N, 3, 3).

    Returns:
        Metres, (N, 3).
    """
    root = body.rest_joints(betas)[:, 0].astype(np.float64)
    pixels = project_pinhole((root + translation)[:, None], seen)[:, 0]
    depth = (root + translation)[:, 2] * wanted[:, 1, 1] / seen[:, 1, 1]
    rays = np.linalg.solve(wanted, np.concatenate([pixels, np.ones_like(pixels[:, :1])], 1)[..., None])
    return rays[..., 0] * depth[:, None] - root


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread inside: sums come out alike on every machine, and jobs share its cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
