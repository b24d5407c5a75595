"""Where refinement starts: the initial method's bodies, moved to the labels."""

from collections.abc import Mapping

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.body.skinning import Skinner, SparseRegressor, read_joints
from jointreg.errors import DataError
from jointreg.refine.sample import Sample


def start_translation(
    body: Body, bodies: Mapping[str, np.ndarray], joints_cam: np.ndarray, regressor: np.ndarray
) -> np.ndarray:
    """Translation that puts the regressed joints' mean on that of the labels, (N, 3) metres.

    t = mean_j (X_j - J_spin V_j), with V posed at the origin.
    """
    within = np.flatnonzero((np.asarray(regressor) != 0).any(axis=0))
    skinner, sparse = Skinner(body, within), SparseRegressor(regressor, within)
    rotations = torch.from_numpy(np.ascontiguousarray(bodies["rotations"], dtype=np.float64))
    betas = torch.from_numpy(np.ascontiguousarray(bodies["betas"], dtype=np.float64))
    with torch.no_grad():
        vertices = skinner.vertices(rotations, betas, betas.new_zeros(len(betas), 3))
        joints = read_joints(vertices, sparse).numpy()
    return (np.asarray(joints_cam, dtype=np.float64) - joints).mean(axis=1)


def start_bodies(body: Body, sample: Sample, regressor: np.ndarray) -> dict[str, np.ndarray]:
    """The initial method's rotations and betas with `start_translation`.

    Raises:
        DataError: labels put a body behind the camera.
    """
    translation = start_translation(body, sample.bodies, sample.joints_cam, regressor)
    behind = translation[:, 2] <= 0
    if behind.any():
        frame = int(np.argmax(behind))
        raise DataError(
            f"frame {frame}: labels put the body at {translation[frame].tolist()} m, "
            "expected z > 0 (camera frame: x right, y down, z forward)",
            "check joints_cam of that frame and the extrinsics of its camera",
        )
    rotations, betas = (np.asarray(sample.bodies[name]) for name in ("rotations", "betas"))
    return {"rotations": rotations, "betas": betas, "translation": translation}
