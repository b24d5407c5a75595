"""SMPL posing on one core without torch: constants of a body laid out for the kernels, posed meshes.

Frames are innermost in memory, so that every kernel works on many frames at once. One pass over the
vertices adds shape and pose offsets and blends the bones. Only what moves a vertex is computed: its
non-zero skinning weights, and the joints whose pose offsets are not all zero there (2.3 of 23 on the
open body). Dense offsets cost as much as a dense matrix product; small ones are not dropped.
Kernels are float64, or float32 where a caller asks for it.

Source: Loper et al., SMPL, SIGGRAPH Asia 2015, Eq. 2-10. Checked against `Body.vertices` and smplx.
"""

import numpy as np

from jointreg.body import _skinning_numba
from jointreg.body.model import Body
from jointreg.exact import product


class Layout:
    """The constants of one body model, laid out for fast posing.

    Args:
        body: the body model.
        vertices: pose only these rows, (S,) integers; None for all. A regressor that uses few
            vertices needs only them, which is some ten times faster.
        real: numpy.float64 or numpy.float32.
    """

    n_vertices: int
    """Vertices posed, S."""

    def __init__(
        self,
        body: Body,
        vertices: np.ndarray | None = None,
        real: type[np.float64 | np.float32] = np.float64,
    ) -> None:
        chosen = np.arange(body.n_vertices) if vertices is None else np.asarray(vertices)
        self.n_vertices, self.n_betas, self.n_joints = len(chosen), body.n_betas, len(body.parents)
        self.template = body.template[chosen].astype(real)
        groups = _grouped(body.shape_directions[chosen], body.pose_directions[:, chosen]).astype(real)
        used = (groups != 0).any(axis=(2, 3))
        self.offsets = groups[used].reshape(-1, 3 * _skinning_numba.COLUMNS)
        self.first_group, self.group = _lists(used)
        weights = body.skinning_weights[chosen]
        self.weight = weights[weights != 0].astype(real)
        self.first_bone, self.bone = _lists(weights != 0)
        regressor = body.joint_regressor.astype(np.float64)
        shapes = body.shape_directions.astype(np.float64).reshape(body.n_vertices, -1)
        self.rest = product(regressor, body.template.astype(np.float64)).astype(real)
        self.rest_directions = product(regressor, shapes).reshape(-1, body.n_betas).astype(real)
        """(3 K, B), metres."""
        self.parents = body.parents.astype(np.int32)


class Posed:
    """Posed meshes as arrays, frames innermost, with what their derivatives need.

    Args:
        layout: constants of the body, S vertices.
        rotations, betas, translation: contiguous arrays of the layout's type, (N, 24, 3, 3), (N, B) and
            (N, 3) metres.
    """

    vertices: np.ndarray
    """Metres, (S, 3, N)."""
    glob: np.ndarray
    """Global rotations of the joints, (N, K, 3, 3)."""

    def __init__(
        self, layout: Layout, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray
    ) -> None:
        self.layout, self.rotations = layout, rotations
        moved = product(betas, layout.rest_directions.T)
        self.rest = layout.rest + moved.reshape(-1, layout.n_joints, 3)
        self.bones, self.glob = _skinning_numba.chain(rotations, self.rest, layout.parents)
        factors = _skinning_numba.factors(rotations, betas)
        self._shape_of_factors = factors.shape
        real, lanes = rotations.dtype, self.bones.shape[3]
        pose, self._pose_back = _skinning_numba.BLENDING[lanes]
        self.shaped = np.empty((len(self.bones), layout.n_vertices, 3 * lanes), dtype=real)
        self.vertices = np.empty((layout.n_vertices, 3, len(rotations)), dtype=real)
        pose(
            layout.template,
            layout.offsets,
            layout.first_group,
            layout.group,
            factors,
            self.bones,
            layout.first_bone,
            layout.bone,
            layout.weight,
            np.ascontiguousarray(translation.T),
            np.zeros((3, 3 * lanes), dtype=real),
            self.shaped,
            self.vertices,
        )

    def gradients(self, pull: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients of rotations (N, K, 3, 3), entries free, betas (N, B) and translation (N, 3).

        `pull` (S, 3, N) is the gradient of `vertices`.
        """
        layout, real = self.layout, self.rotations.dtype
        factors, bones = np.zeros(self._shape_of_factors, dtype=real), np.zeros_like(self.bones)
        move = np.empty((3, len(self.rotations)), dtype=real)
        self._pose_back(
            pull,
            self.shaped,
            layout.offsets,
            layout.first_group,
            layout.group,
            self.bones,
            layout.first_bone,
            layout.bone,
            layout.weight,
            np.empty((3, 3 * bones.shape[3]), dtype=real),
            factors,
            bones,
            move,
        )
        turn, rest = _skinning_numba.chain_back(
            self.rotations, self.rest, layout.parents, self.glob, bones
        )
        betas = product(rest.reshape(len(rest), -1), layout.rest_directions)
        _skinning_numba.factors_back(factors, turn, betas)
        return turn, betas, move.T.copy()


def _grouped(shape_directions: np.ndarray, pose_directions: np.ndarray) -> np.ndarray:
    """All offsets, padded with zeros to groups of columns: (S, groups, COLUMNS, 3)."""
    count, _, n_betas = shape_directions.shape
    shape_groups = -(-n_betas // _skinning_numba.COLUMNS)
    shape = np.zeros((count, shape_groups * _skinning_numba.COLUMNS, 3), dtype=shape_directions.dtype)
    shape[:, :n_betas] = shape_directions.transpose(0, 2, 1)
    pose = np.zeros((count, len(pose_directions) // 9, _skinning_numba.COLUMNS, 3), dtype=shape.dtype)
    pose[:, :, :9] = pose_directions.transpose(1, 0, 2).reshape(count, -1, 9, 3)
    return np.concatenate([shape.reshape(count, shape_groups, _skinning_numba.COLUMNS, 3), pose], axis=1)


def _lists(marked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start of each row in the list of marked columns, and that list, row after row (int32)."""
    rows, columns = np.nonzero(marked)
    first = np.searchsorted(rows, np.arange(len(marked) + 1))
    return first.astype(np.int32), columns.astype(np.int32)
