"""SMPL posing with gradients, fast on one core: the differentiable twin of `jointreg.body.Body`.

The arithmetic is that of `jointreg.body.posing`. `observe` computes posed joints and image points, which
data can be compared with, in one pass forwards and one backwards.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from jointreg.body import _skinning_numba, rotation_6d
from jointreg.body.model import Body
from jointreg.body.posing import Layout, Posed
from jointreg.errors import ShapeError
from jointreg.exact import product


class Skinner(Layout):
    """A layout that poses tensors, with their gradients.

    Args:
        body: the body model.
        vertices: as for `Layout`.
        dtype: torch.float64 or torch.float32.
    """

    def __init__(
        self, body: Body, vertices: np.ndarray | None = None, dtype: torch.dtype = torch.float64
    ) -> None:
        super().__init__(body, vertices, np.float32 if dtype == torch.float32 else np.float64)
        self.dtype = dtype

    def vertices(
        self, rotations: torch.Tensor, betas: torch.Tensor, translation: torch.Tensor
    ) -> torch.Tensor:
        """Pose the mesh.

        Args:
            rotations: global orientation and relative joint rotations, (N, K, 3, 3). The gradient
                treats the nine entries of each as free.
            betas: shape coefficients, (N, B).
            translation: added to every vertex, metres, (N, 3).

        Returns:
            (N, S, 3) metres, in memory (S, 3, N).

        Raises:
            ShapeError: an array does not fit the body, or has another dtype than the skinner.
        """
        check_parameters(self.n_joints, self.n_betas, self.dtype, rotations, betas, translation)
        return _Vertices.apply(rotations, betas, translation, self)


def check_parameters(
    n_joints: int,
    n_betas: int,
    dtype: torch.dtype,
    rotations: torch.Tensor,
    betas: torch.Tensor,
    translation: torch.Tensor,
) -> None:
    """Refuse arrays that are not (N, K, 3, 3), (N, B) and (N, 3) of `dtype`.

    Raises:
        ShapeError: an array has another shape or dtype.
    """
    expected = {
        "rotations": (rotations, (len(rotations), n_joints, 3, 3)),
        "betas": (betas, (len(rotations), n_betas)),
        "translation": (translation, (len(rotations), 3)),
    }
    for name, (value, shape) in expected.items():
        if tuple(value.shape) != shape or value.dtype != dtype:
            raise ShapeError(
                f"{name} are {value.dtype} of shape {tuple(value.shape)}, expected {dtype} {shape}"
            )


class SparseRegressor:
    """A joint regressor reduced to the vertices it uses.

    Args:
        weights: joints from vertices, (J, V).
        within: the vertices of every later call, (S,) ascending rows of the V; None for all.
    """

    support: np.ndarray
    """Vertices with a weight in some joint, (R,) rows of the S."""
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
        vertices: camera frame, metres, (N, V, 3); fastest in the memory layout of `Skinner.vertices`.
        regressor: joints from these vertices.
        intrinsics: pinhole K of each frame, pixels, (N, 3, 3).

    Returns:
        joints (N, J, 3) metres, and points (N, V, 2) pixels, in memory (V, 2, N). Points nearer
        than 1 cm to the camera plane, or behind it, are NaN: `jointreg.silhouette` refuses them.

    Source: paper III, Eq. 3 and 4; projection as `jointreg.geometry.camera.project_pinhole`.
    """
    return _Observe.apply(vertices, regressor, np.asarray(intrinsics))


def project(
    vertices: np.ndarray, intrinsics: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Image points of posed meshes as arrays, frames innermost, and the way back of their gradient.

    Args:
        vertices: camera frame, metres, contiguous, (V, 3, N).
        intrinsics: pinhole K of each frame, pixels, (N, 3, 3).

    Returns:
        points (V, 2, N) pixels, NaN as in `observe`; and a function from their gradient, contiguous,
        to that of `vertices`.
    """
    real = vertices.dtype
    pinhole = np.ascontiguousarray(intrinsics[:, [0, 0, 0, 1, 1], [0, 1, 2, 1, 2]].T.astype(real))
    points = np.empty((vertices.shape[0], 2, vertices.shape[2]), dtype=real)
    _skinning_numba.project(vertices, pinhole, points)

    def back(pull: np.ndarray) -> np.ndarray:
        grad = np.empty_like(vertices)
        _skinning_numba.project_back(vertices, pinhole, pull, grad)
        return grad

    return points, back


def read_joints(vertices: torch.Tensor, regressor: SparseRegressor) -> torch.Tensor:
    """Joints alone, differentiable: (N, V, 3) -> (N, J, 3) metres."""
    if vertices.device.type == "cpu":
        return _Joints.apply(vertices, regressor)
    chosen = vertices[:, torch.from_numpy(regressor.support).to(vertices.device)]
    return torch.einsum("jr,nrc->njc", torch.from_numpy(regressor.weights).to(vertices), chosen)


def from_6d(six: torch.Tensor) -> torch.Tensor:
    """Gram-Schmidt on two interleaved columns, differentiable: (..., 6) -> (..., 3, 3).

    The same map as `jointreg.geometry.rotations.from_6d`.
    """
    if six.device.type != "cpu":
        return rotation_6d.plain(six)
    return rotation_6d.Rotations.apply(six.reshape(-1, 6)).reshape(*six.shape[:-1], 3, 3)


class _Vertices(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, rotations: torch.Tensor, betas: torch.Tensor, translation: torch.Tensor, skin: Skinner
    ) -> torch.Tensor:
        turn, shape, move = (
            value.detach().contiguous().numpy() for value in (rotations, betas, translation)
        )
        ctx.posed = Posed(skin, turn, shape, move)
        return torch.from_numpy(ctx.posed.vertices).permute(2, 0, 1)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        gradients = ctx.posed.gradients(grad.permute(1, 2, 0).contiguous().numpy())
        return *(torch.from_numpy(value) for value in gradients), None


class _Observe(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, vertices: torch.Tensor, regressor: SparseRegressor, intrinsics: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        points_cam = vertices.detach().permute(1, 2, 0).contiguous().numpy()
        points, back = project(points_cam, intrinsics)
        weights = regressor.weights.astype(points_cam.dtype)
        ctx.arrays = (back, weights, regressor.support)
        return _read(points_cam, weights, regressor.support), torch.from_numpy(points).permute(2, 0, 1)

    @staticmethod
    def backward(ctx: Any, grad_joints: torch.Tensor, grad_points: torch.Tensor) -> Any:
        back, weights, support = ctx.arrays
        grad = back(grad_points.permute(1, 2, 0).contiguous().numpy())
        _read_back(grad_joints, weights, support, grad)
        return torch.from_numpy(grad).permute(2, 0, 1), None, None


class _Joints(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vertices: torch.Tensor, regressor: SparseRegressor) -> torch.Tensor:
        points_cam = vertices.detach().permute(1, 2, 0).numpy()
        weights = regressor.weights.astype(points_cam.dtype)
        ctx.arrays = points_cam.shape, weights, regressor.support
        return _read(points_cam, weights, regressor.support)

    @staticmethod
    def backward(ctx: Any, grad_joints: torch.Tensor) -> Any:
        shape, weights, support = ctx.arrays
        grad = np.zeros(shape, dtype=weights.dtype)
        _read_back(grad_joints, weights, support, grad)
        return torch.from_numpy(grad).permute(2, 0, 1), None


def _read(vertices: np.ndarray, weights: np.ndarray, support: np.ndarray) -> torch.Tensor:
    """Joints (N, J, 3) of vertices (V, 3, N)."""
    joints = product(weights, vertices[support].reshape(len(support), -1))
    return torch.from_numpy(joints.reshape(len(weights), 3, -1)).permute(2, 0, 1)


def _read_back(pull: torch.Tensor, weights: np.ndarray, support: np.ndarray, grad: np.ndarray) -> None:
    """Add the gradient in the vertices to `grad` (V, 3, N); `pull` (N, J, 3) is that in the joints."""
    joints = pull.permute(1, 2, 0).reshape(len(weights), -1).numpy()
    grad[support] += product(weights.T, joints).reshape(len(support), *grad.shape[1:])
