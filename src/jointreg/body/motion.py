"""How a body moves with its unknowns, for solvers that need rows of a Jacobian and not only gradients.

The unknowns of a body are P = 3 K + B + 3 numbers: for each joint a turn of all that hangs on it
about the camera's axes, radians; betas; translation, metres. A turn moves a point by a cross product
with its lever, so that a row costs one product for each joint between the point and the root.
"""

from dataclasses import dataclass

import numpy as np

from jointreg.body import _motion_numba
from jointreg.body.model import Body
from jointreg.body.posing import Posed


@dataclass(frozen=True)
class Skeleton:
    """The unknowns of N bodies and the joints that follow from them, all float64."""

    rotations: np.ndarray
    """(N, K, 3, 3)."""
    betas: np.ndarray
    """(N, B)."""
    translation: np.ndarray
    """Metres, (N, 3)."""
    rest: np.ndarray
    """Joints in T-pose, metres, (N, K, 3)."""
    glob: np.ndarray
    """Global rotations, (N, K, 3, 3)."""
    position: np.ndarray
    """Joints, metres, without the translation, (N, K, 3)."""
    shape_motion: np.ndarray
    """How a beta moves what hangs on a joint, less the change at rest, (N, K, 3, B)."""

    def __len__(self) -> int:
        """Number of bodies."""
        return len(self.betas)


class Motion:
    """The constants of one body model that its derivatives need."""

    def __init__(self, body: Body) -> None:
        regressor = body.joint_regressor.astype(np.float64)
        self.shape_directions = body.shape_directions.astype(np.float64)
        self.rest = regressor @ body.template.astype(np.float64)
        self.rest_directions = np.einsum("kv,vcb->kcb", regressor, self.shape_directions)
        self.parents = body.parents.astype(np.int32)
        self.joints, self.n_betas = len(body.parents), body.n_betas
        self.unknowns = 3 * self.joints + self.n_betas + 3

    def skeleton(self, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray) -> Skeleton:
        """The joints of bodies: rotations (N, K, 3, 3), betas (N, B), translation (N, 3) metres."""
        turn, shape, move = (
            np.ascontiguousarray(value, dtype=np.float64) for value in (rotations, betas, translation)
        )
        rest = np.tile(self.rest, (len(shape), 1, 1))
        for column in range(self.n_betas):  # in this order for any number of frames
            rest += shape[:, column, None, None] * self.rest_directions[..., column]
        chain = _motion_numba.skeleton(turn, rest, self.rest_directions, self.parents)
        return Skeleton(turn, shape, move, rest, *chain)

    def moved(self, skeleton: Skeleton, step: np.ndarray) -> Skeleton:
        """The bodies after a step of their unknowns, (N, P)."""
        turn = _motion_numba.turned(skeleton.rotations, skeleton.glob, self.parents, step)
        betas, move = step[:, 3 * self.joints : -3], step[:, -3:]
        return self.skeleton(turn, skeleton.betas + betas, skeleton.translation + move)

    def gradients(self, skeleton: Skeleton, posed: Posed, pull: np.ndarray) -> np.ndarray:
        """Exact gradient of the unknowns, (N, P) float64, from that of the posed vertices, (S, 3, N)."""
        turn, betas, move = posed.gradients(pull)
        return np.concatenate([self.turn_gradients(skeleton, turn), betas, move], axis=1)

    def turn_gradients(self, skeleton: Skeleton, grad: np.ndarray) -> np.ndarray:
        """Gradient of the turns, (N, 3 K), from that of the entries of the rotations, (N, K, 3, 3)."""
        grad = np.ascontiguousarray(grad, dtype=np.float64)
        return _motion_numba.subtree_gradients(grad, skeleton.rotations, skeleton.glob, self.parents)

    def rows(
        self,
        skeleton: Skeleton,
        posed: Posed,
        frame: int,
        vertices: np.ndarray,
        directions: np.ndarray,
    ) -> np.ndarray:
        """Derivatives of direction . vertex by the unknowns of one frame, with pose offsets held.

        Args:
            skeleton: of the frames that are posed.
            posed: the meshes, all vertices.
            frame: row of `skeleton`.
            vertices: indices, (R,).
            directions: camera frame, (R, 3).

        Returns:
            (R, P) float64. Turns also change the pose offsets (the vertices at rest), by little; rows
            leave that out, gradients do not.
        """
        layout = posed.layout
        return _motion_numba.vertex_rows(
            frame,
            vertices,
            directions,
            posed.shaped,
            posed.bones,
            skeleton.position,
            skeleton.shape_motion,
            layout.first_bone,
            layout.bone,
            layout.weight,
            self.parents,
            self.shape_directions,
        )
