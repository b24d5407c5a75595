"""Posing and observing bodies in plain torch operations: for other devices, and as second opinion.

The same maps as `jointreg.body.skinning`, whose kernels are tested against these, on any device and with
torch's own autograd. On a CPU several times slower and hungrier. Has not been run on a GPU.

Source: Loper et al., SMPL, SIGGRAPH Asia 2015, Eq. 2-10.
"""

import numpy as np
import torch

from jointreg.body._skinning_numba import NEAR
from jointreg.body.model import Body
from jointreg.body.skinning import SparseRegressor, check_parameters, read_joints


class PlainSkinner:
    """The constants of one body model, as `jointreg.body.skinning.Skinner`.

    Args:
        body: the body model.
        vertices: pose only these rows, (S,) integers; None for all.
        dtype: torch.float64 or torch.float32.
        device: of the constants, and of all tensors given to `vertices`.
    """

    n_vertices: int
    """Vertices posed, S."""

    def __init__(
        self,
        body: Body,
        vertices: np.ndarray | None = None,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> None:
        def constant(values: np.ndarray) -> torch.Tensor:
            return torch.tensor(values, dtype=dtype, device=device)

        chosen = np.arange(body.n_vertices) if vertices is None else np.asarray(vertices)
        self.n_vertices, self.n_betas, self.n_joints = len(chosen), body.n_betas, len(body.parents)
        self.dtype, self.parents = dtype, body.parents.tolist()
        self.template = constant(body.template[chosen])
        self.shape_directions = constant(body.shape_directions[chosen])
        self.pose_directions = constant(body.pose_directions[:, chosen].reshape(-1, 3 * len(chosen)))
        self.skinning_weights = constant(body.skinning_weights[chosen])
        regressor = body.joint_regressor.astype(np.float64)
        self.rest = constant(regressor @ body.template)
        self.rest_directions = constant(np.einsum("kv,vcb->kcb", regressor, body.shape_directions))

    def vertices(
        self, rotations: torch.Tensor, betas: torch.Tensor, translation: torch.Tensor
    ) -> torch.Tensor:
        """Pose the mesh.

        Args:
            rotations: global orientation and relative joint rotations, (N, K, 3, 3).
            betas: shape coefficients, (N, B).
            translation: added to every vertex, metres, (N, 3).

        Returns:
            (N, S, 3) metres.

        Raises:
            ShapeError: an array does not fit the body, or has another dtype than the skinner.
        """
        check_parameters(self.n_joints, self.n_betas, self.dtype, rotations, betas, translation)
        turned = rotations[:, 1:] - torch.eye(3, dtype=self.dtype, device=rotations.device)
        offsets = turned.flatten(1) @ self.pose_directions
        shaped = self.template + torch.einsum("nb,vcb->nvc", betas, self.shape_directions)
        shaped = shaped + offsets.reshape(-1, self.n_vertices, 3)
        rest = self.rest + torch.einsum("nb,kcb->nkc", betas, self.rest_directions)
        turn, offset = self._bones(rotations, rest)
        turn = torch.einsum("vk,nkij->nvij", self.skinning_weights, turn)
        offset = torch.einsum("vk,nki->nvi", self.skinning_weights, offset)
        return (turn @ shaped[..., None])[..., 0] + offset + translation[:, None]

    def _bones(self, rotations: torch.Tensor, rest: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where each bone takes the points of the rest pose: x -> turn x + offset."""
        turn, position = [], []
        for k, parent in enumerate(self.parents):
            if parent < 0:
                turn.append(rotations[:, k])
                position.append(rest[:, k])
            else:
                along = (turn[parent] @ (rest[:, k] - rest[:, parent])[..., None])[..., 0]
                turn.append(turn[parent] @ rotations[:, k])
                position.append(position[parent] + along)
        turns = torch.stack(turn, dim=1)
        return turns, torch.stack(position, dim=1) - (turns @ rest[..., None])[..., 0]


def observe_plain(
    vertices: torch.Tensor, regressor: SparseRegressor, intrinsics: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints and image points of posed meshes, as `jointreg.body.skinning.observe`.

    Args:
        vertices: camera frame, metres, (N, V, 3).
        regressor: of the joints.
        intrinsics: pinhole K of each frame, pixels, (N, 3, 3).

    Returns:
        joints (N, J, 3) metres, and points (N, V, 2) pixels. Points nearer than 1 cm to the camera
        plane, or behind it, are NaN.
    """
    pinhole = torch.as_tensor(np.asarray(intrinsics)).to(vertices)
    depth = vertices[..., 2:]
    in_view = vertices / torch.where(depth > NEAR, depth, torch.nan)
    points = torch.einsum("nij,nvj->nvi", pinhole[:, :2], in_view)
    return read_joints(vertices, regressor), points
