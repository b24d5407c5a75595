"""The SMPL body as a function of rotations, betas and translation (NumPy; no torch).

The reference implementation of skinning; files are `jointreg.body.files`. The fast, differentiable form
used by the optimisation is `jointreg.body.skinning`; both are checked against smplx.

Source: Loper et al., SMPL, SIGGRAPH Asia 2015.
"""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from jointreg.arrays import real_array, require_finite
from jointreg.errors import DataError, ShapeError
from jointreg.geometry.rotations import determinants
from jointreg.skeleton import SMPL_24

LARGEST_BETA = 100.0
"""Betas are in standard deviations of a population; beyond this no mesh is left."""


def topology_hash(faces: np.ndarray) -> str:
    """sha256 of the faces (F, 3) as int32."""
    return hashlib.sha256(np.ascontiguousarray(faces, dtype=np.int32).tobytes()).hexdigest()


@dataclass(frozen=True, repr=False)
class Body:
    """One body model. V vertices, F faces, K joints (24 for SMPL), B shape directions."""

    template: np.ndarray
    """Vertices in T-pose at zero betas, metres, shape (V, 3)."""
    shape_directions: np.ndarray
    """Vertex offset of one unit of each beta, metres, shape (V, 3, B)."""
    pose_directions: np.ndarray
    """Vertex offsets of the entries of (R_k - I), k = 1..K-1, metres, shape (9 (K-1), V, 3)."""
    skinning_weights: np.ndarray
    """Rows sum to 1, shape (V, K)."""
    joint_regressor: np.ndarray
    """Skeleton joints from the shaped template, shape (K, V)."""
    parents: np.ndarray
    """Parent of each joint, -1 for the root; parents come before their children, shape (K,)."""
    faces: np.ndarray
    """Vertex indices of each triangle, shape (F, 3), int32."""
    mirror: np.ndarray | None = field(default=None)
    """Vertex on the other side of the body, shape (V,); None where the file has no such map."""
    joint_names: tuple[str, ...] = SMPL_24

    def __repr__(self) -> str:
        joints = len(self.joint_names)
        return f"Body({self.n_vertices} vertices, {joints} joints, {self.n_betas} shape directions)"

    @property
    def n_vertices(self) -> int:
        """Number of vertices V."""
        return len(self.template)

    @property
    def n_betas(self) -> int:
        """Number of shape directions B."""
        return self.shape_directions.shape[2]

    @cached_property
    def topology_hash(self) -> str:
        """The identity of the mesh a regressor belongs to."""
        return topology_hash(self.faces)

    @cached_property
    def _offset_matrix(self) -> np.ndarray:
        shape = self.shape_directions.transpose(2, 0, 1).reshape(self.n_betas, 3 * self.n_vertices)
        pose = self.pose_directions.reshape(len(self.pose_directions), -1)
        return np.concatenate([shape, pose]).astype(np.float64)

    @cached_property
    def _rest(self) -> tuple[np.ndarray, np.ndarray]:
        """T-pose joints at zero betas (K, 3), and what each beta adds (K, 3, B)."""
        regressor = self.joint_regressor.astype(np.float64)
        directions = np.einsum("kv,vcb->kcb", regressor, self.shape_directions.astype(np.float64))
        return regressor @ self.template, directions

    def rest_joints(self, betas: np.ndarray) -> np.ndarray:
        """Skeleton joints in T-pose, betas (N, B) -> (N, K, 3) metres, float64."""
        template, directions = self._rest
        return template + np.einsum("nb,kcb->nkc", np.asarray(betas, dtype=np.float64), directions)

    def transforms(self, rotations: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Forward kinematics, float64: global rotations (N, K, 3, 3), positions (N, K, 3) metres."""
        rotations, rest = np.asarray(rotations, dtype=np.float64), self.rest_joints(betas)
        glob = np.empty_like(rotations)
        position = np.empty_like(rest)
        glob[:, 0], position[:, 0] = rotations[:, 0], rest[:, 0]
        for joint in range(1, len(self.parents)):
            parent = self.parents[joint]
            bone = rest[:, joint] - rest[:, parent]
            glob[:, joint] = glob[:, parent] @ rotations[:, joint]
            position[:, joint] = position[:, parent] + np.einsum("nab,nb->na", glob[:, parent], bone)
        return glob, position

    def joints(
        self, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray | None = None
    ) -> np.ndarray:
        """Posed skeleton joints, (N, K, 3) metres, without skinning; otherwise as `vertices`."""
        rotations, betas, translation = self._checked(rotations, betas, translation)
        position = self.transforms(rotations, betas)[1]
        return position if translation is None else position + translation[:, None]

    def vertices(
        self, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray | None = None
    ) -> np.ndarray:
        """Pose the mesh by linear blend skinning.

        Args:
            rotations: global orientation and 23 relative joint rotations, (N, K, 3, 3). That they are
                orthogonal is not checked.
            betas: shape coefficients, (N, B).
            translation: added to every vertex, metres, (N, 3); None for zero.

        Returns:
            (N, V, 3) metres, float32, in the frame of the global orientation and translation. Computed
            in float64, so that the order of a machine's sums does not reach the digits of float32.

        Raises:
            ShapeError: an array does not fit this body.
            DataError: NaN, infinity or complex numbers, a mirrored rotation, betas beyond 100.
        """
        rotations, betas, translation = self._checked(rotations, betas, translation)
        count, vertices, joints = len(rotations), self.n_vertices, len(self.parents)
        glob, position = self.transforms(rotations, betas)
        offset = position - np.einsum("nkab,nkb->nka", glob, self.rest_joints(betas))
        pose = (rotations[:, 1:] - np.eye(3)).reshape(count, 9 * (len(self.parents) - 1))
        coefficients = np.concatenate([betas, pose], axis=1)
        shaped = self.template + (coefficients @ self._offset_matrix).reshape(count, vertices, 3)
        bones = np.concatenate([glob, offset[..., None]], axis=-1).reshape(count, joints, 12)
        blend = np.matmul(self.skinning_weights.astype(np.float64), bones)
        blend = blend.reshape(count, vertices, 3, 4)
        posed = np.einsum("nvab,nvb->nva", blend[..., :3], shaped) + blend[..., 3]
        if translation is not None:
            posed += translation[:, None]
        return posed.astype(np.float32)

    def _checked(
        self, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The arguments of `vertices` as arrays, each of its shape and of finite, real numbers."""
        rotations, betas = real_array(rotations, "rotations"), real_array(betas, "betas")
        count = len(rotations) if rotations.ndim else 0
        arrays = {"rotations": rotations, "betas": betas}
        shapes = {"rotations": (count, len(self.parents), 3, 3), "betas": (count, self.n_betas)}
        if translation is not None:
            translation = arrays["translation"] = real_array(translation, "translation")
            shapes["translation"] = (count, 3)
        for name, array in arrays.items():
            if array.shape != shapes[name]:
                raise ShapeError(f"{name} have shape {array.shape}, expected {shapes[name]}")
            require_finite(array, name)
        mirrored = np.flatnonzero((determinants(rotations) <= 0).any(axis=1))
        if len(mirrored):
            raise DataError(f"rotations of row {mirrored[0]} mirror, expected a determinant of 1")
        if np.abs(betas).max(initial=0.0) > LARGEST_BETA:
            raise DataError(f"betas reach {np.abs(betas).max():.3g}, expected at most {LARGEST_BETA:g}")
        return rotations, betas, translation


def part_of(body: Body, vertices: np.ndarray) -> Body:
    """The same body with only some vertices: poses them exactly as the whole body would.

    Args:
        body: the whole body, V vertices.
        vertices: indices to keep. Those that the skeleton's joints depend on must be among them.

    Returns:
        A body of len(vertices) vertices, in that order, without faces.

    Raises:
        ShapeError: a vertex that a skeleton joint depends on is left out.
    """
    vertices = np.asarray(vertices, dtype=np.intp)
    needed = np.flatnonzero(body.joint_regressor.any(axis=0))
    if not np.isin(needed, vertices).all():
        raise ShapeError(
            f"{len(np.setdiff1d(needed, vertices))} vertices that carry the skeleton are left out",
            "add np.flatnonzero(body.joint_regressor.any(axis=0))",
        )
    return replace(
        body,
        template=body.template[vertices],
        shape_directions=body.shape_directions[vertices],
        pose_directions=body.pose_directions[:, vertices],
        skinning_weights=body.skinning_weights[vertices],
        joint_regressor=body.joint_regressor[:, vertices],
        faces=np.zeros((0, 3), dtype=np.int32),
        mirror=None,
    )
