"""SMPL posing with gradients, fast on one core: the differentiable twin of `jointreg.body.Body`.

Frames are innermost in memory, so that every kernel works on many frames at once. Template, shape
and pose offsets come from one matrix product (3V, 1 + B + 207) x (218, N); bones are blended with
the few non-zero skinning weights of each vertex. `observe` reads off what the data can be compared
with, posed joints and image points, in one pass each way. Kernels are float32 or float64.

Source: Loper et al., SMPL, SIGGRAPH Asia 2015, Eq. 2-10. Checked against `Body.vertices` and smplx.
"""

from typing import Any

import numpy as np
import torch

from jointreg import _skin
from jointreg.body import Body
from jointreg.errors import ShapeError


class Skinner:
    """The constants of one body model, laid out for fast posing.

    Args:
        body: the body model.
        vertices: pose only these rows, (S,) integers; None for all. Joints that need few vertices
            are posed some ten times faster this way.
        dtype: torch.float32, or torch.float64 for tests of gradients.
    """

    n_vertices: int
    """Vertices posed, S."""

    def __init__(
        self, body: Body, vertices: np.ndarray | None = None, dtype: torch.dtype = torch.float32
    ) -> None:
        real = np.float32 if dtype == torch.float32 else np.float64
        chosen = np.arange(body.n_vertices) if vertices is None else np.asarray(vertices)
        self.n_vertices, self.n_betas, self.n_joints = len(chosen), body.n_betas, len(body.parents)
        self.dtype = dtype
        shape = body.shape_directions[chosen].reshape(-1, body.n_betas)
        pose = body.pose_directions[:, chosen].reshape(len(body.pose_directions), -1).T
        template = body.template[chosen].reshape(-1, 1)
        self.offsets = torch.from_numpy(np.concatenate([template, shape, pose], axis=1).astype(real))
        weights = body.skinning_weights[chosen]
        rows, self.bone = (index.astype(np.int32) for index in np.nonzero(weights))
        self.weight = weights[weights != 0].astype(real)
        self.first = np.searchsorted(rows, np.arange(len(chosen) + 1)).astype(np.int32)
        regressor = body.joint_regressor.astype(np.float64)
        directions = np.einsum("kv,vcb->kcb", regressor, body.shape_directions.astype(np.float64))
        self.rest = (regressor @ body.template).astype(real)
        self.rest_directions = directions.astype(real)
        self.parents = body.parents.astype(np.int32)

    def vertices(
        self, rotations: torch.Tensor, betas: torch.Tensor, translation: torch.Tensor
    ) -> torch.Tensor:
        """Pose the mesh.

        Args:
            rotations: global orientation and relative joint rotations, (N, K, 3, 3). The gradient
                is that of nine free entries.
            betas: shape coefficients, (N, B).
            translation: added to every vertex, metres, (N, 3).

        Returns:
            (N, S, 3) metres, in memory (S, 3, N).

        Raises:
            ShapeError: an array does not fit the body, or has another dtype than the skinner.
        """
        count = len(rotations)
        expected = {
            "rotations": (rotations, (count, self.n_joints, 3, 3)),
            "betas": (betas, (count, self.n_betas)),
            "translation": (translation, (count, 3)),
        }
        for name, (value, shape) in expected.items():
            if tuple(value.shape) != shape or value.dtype != self.dtype:
                raise ShapeError(
                    f"{name} are {value.dtype} of shape {tuple(value.shape)}, "
                    f"expected {self.dtype} {shape}"
                )
        return _Vertices.apply(rotations, betas, translation, self)


class SparseRegressor:
    """A joint regressor reduced to the vertices it uses.

    Args:
        weights: joints from vertices, (J, V).
        within: the vertices that will be given, (S,) ascending rows of the V; None for all.
    """

    support: np.ndarray
    """Vertices with a weight in some joint, (R,) rows of the S given."""
    weights: np.ndarray
    """(J, R)."""

    def __init__(self, weights: np.ndarray, within: np.ndarray | None = None) -> None:
        weights = np.asarray(weights)
        if within is not None:
            weights = weights[:, within]
        self.support = np.flatnonzero((weights != 0).any(axis=0))
        self.weights = np.ascontiguousarray(weights[:, self.support])


def observe(
    vertices: torch.Tensor, regressor: SparseRegressor, intrinsics: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints and image points of posed meshes, with one shared backward pass.

    Args:
        vertices: camera frame, metres, (N, V, 3); fastest as made by `Skinner.vertices`.
        regressor: of the joints.
        intrinsics: pinhole K of each frame, pixels, (N, 3, 3).

    Returns:
        joints (N, J, 3) metres, and points (N, V, 2) pixels, in memory (V, 2, N). Points nearer
        than 1 cm to the camera plane, or behind it, are NaN: `jointreg.silhouette` refuses them.

    Source: paper III, Eq. 3 and 4; projection as `jointreg.camera.project_pinhole`.
    """
    return _Observe.apply(vertices, regressor, np.asarray(intrinsics))


def read_joints(vertices: torch.Tensor, regressor: SparseRegressor) -> torch.Tensor:
    """Joints alone, differentiable: (N, V, 3) -> (N, J, 3) metres."""
    chosen = vertices[:, torch.from_numpy(regressor.support)]
    return torch.einsum("jr,nrc->njc", torch.from_numpy(regressor.weights).to(vertices.dtype), chosen)


def from_6d(six: torch.Tensor) -> torch.Tensor:
    """Gram-Schmidt on two interleaved columns, differentiable: (..., 6) -> (..., 3, 3).

    The same map as `jointreg.rotations.from_6d`.
    """
    columns = six.reshape(*six.shape[:-1], 3, 2)
    first = _unit(columns[..., 0])
    second = columns[..., 1]
    second = _unit(second - (first * second).sum(-1, keepdim=True) * first)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def _unit(vector: torch.Tensor) -> torch.Tensor:
    return vector / vector.square().sum(-1, keepdim=True).sqrt().clamp_min(1e-12)


class _Vertices(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, rotations: torch.Tensor, betas: torch.Tensor, translation: torch.Tensor, skin: Skinner
    ) -> torch.Tensor:
        turn = rotations.detach().contiguous().numpy()
        shape = betas.detach().contiguous().numpy()
        rest = skin.rest + np.einsum("nb,kcb->nkc", shape, skin.rest_directions)
        bones, glob = _skin.chain(turn, rest, skin.parents)
        coefficients = torch.from_numpy(_skin.coefficients(turn, shape))
        shaped = torch.mm(skin.offsets, coefficients)
        posed = torch.empty_like(shaped).view(skin.n_vertices, 3, -1)
        move = np.ascontiguousarray(translation.detach().numpy().T)
        _skin.blend(shaped.numpy(), bones, skin.first, skin.bone, skin.weight, move, posed.numpy())
        ctx.skin = skin
        ctx.arrays = (turn, rest, bones, glob, shaped)
        return posed.permute(2, 0, 1)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        skin = ctx.skin
        turn, rest, bones, glob, shaped = ctx.arrays
        pull = grad.permute(1, 2, 0).contiguous().numpy()
        grad_shaped = torch.empty_like(shaped)
        grad_bones, grad_move = np.zeros_like(bones), np.zeros((3, len(turn)), dtype=turn.dtype)
        _skin.blend_back(
            pull,
            shaped.numpy(),
            bones,
            skin.first,
            skin.bone,
            skin.weight,
            grad_shaped.numpy(),
            grad_bones,
            grad_move,
        )
        grad_turn, grad_rest = _skin.chain_back(turn, rest, skin.parents, glob, grad_bones)
        grad_coefficients = torch.mm(skin.offsets.T, grad_shaped)[1:].T
        from_offsets = grad_coefficients[:, skin.n_betas :].reshape(len(turn), -1, 3, 3)
        grad_rotations = torch.from_numpy(grad_turn)
        grad_rotations[:, 1:] += from_offsets
        from_joints = np.einsum("nkc,kcb->nb", grad_rest, skin.rest_directions)
        grad_betas = grad_coefficients[:, : skin.n_betas] + torch.from_numpy(from_joints)
        return grad_rotations, grad_betas, torch.from_numpy(grad_move.T.copy()), None


class _Observe(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, vertices: torch.Tensor, regressor: SparseRegressor, intrinsics: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        points_cam = vertices.detach().permute(1, 2, 0).contiguous().numpy()
        real = points_cam.dtype
        pinhole = np.ascontiguousarray(intrinsics[:, [0, 0, 0, 1, 1], [0, 1, 2, 1, 2]].T.astype(real))
        points = torch.empty((points_cam.shape[0], 2, points_cam.shape[2]), dtype=vertices.dtype)
        _skin.project(points_cam, pinhole, points.numpy())
        weights = torch.from_numpy(regressor.weights.astype(real))
        chosen = torch.from_numpy(points_cam[regressor.support])
        joints = torch.einsum("jr,rcn->njc", weights, chosen)
        ctx.arrays = (points_cam, pinhole, weights, regressor.support)
        return joints, points.permute(2, 0, 1)

    @staticmethod
    def backward(ctx: Any, grad_joints: torch.Tensor, grad_points: torch.Tensor) -> Any:
        points_cam, pinhole, weights, support = ctx.arrays
        pull = grad_points.permute(1, 2, 0).contiguous().numpy()
        grad = torch.empty(points_cam.shape, dtype=grad_points.dtype)
        _skin.project_back(points_cam, pinhole, pull, grad.numpy())
        grad.numpy()[support] += torch.einsum("jr,njc->rcn", weights, grad_joints).numpy()
        return grad.permute(2, 0, 1), None, None
