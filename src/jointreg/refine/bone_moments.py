"""Joints that a regressor reads, and their exact derivatives, without posing a mesh.

A joint is X_j = sum_v J_jv v. A vertex is blended from its bones, so the vertices at rest enter X_j
only through their moments: M_jb = sum_v J_jv w_vb x_v and m_jb = sum_v J_jv w_vb. Those are linear
in betas and in the entries of the rotations (pose offsets), and their coefficients are summed once.
After that a joint costs what its bones cost, whether J reads five vertices of theirs or all.
"""

import numpy as np
from numba import njit

from jointreg.body.model import Body
from jointreg.body.motion import Skeleton

kernel = njit(cache=True, nogil=True, error_model="numpy")


class BoneMoments:
    """The moments of one regressor on one body. A pair is a joint with a bone that moves it.

    Args:
        body: the body model.
        regressor: reads the joints, (J, V).
        more_betas: number of further columns of betas, which move no joint: thickness of clothes.
    """

    def __init__(self, body: Body, regressor: np.ndarray, more_betas: int = 0) -> None:
        regressor = np.asarray(regressor, dtype=np.float64)
        self.parents, self.count = body.parents.astype(np.int32), len(regressor)
        self.sums = regressor.sum(axis=1)
        first_pair, first_block = [0], [0]
        bones: list[int] = []
        block_joint: list[int] = []
        masses: list[float] = []
        places: list[np.ndarray] = []
        by_shape: list[np.ndarray] = []
        by_pose: list[np.ndarray] = []
        for row in regressor:
            used = np.flatnonzero(row)
            shares = row[used] * body.skinning_weights[used].T.astype(np.float64)
            template, shape = (
                values[used].astype(np.float64) for values in (body.template, body.shape_directions)
            )
            pose = body.pose_directions[:, used].astype(np.float64)
            for bone in np.flatnonzero(shares.any(axis=1)):
                share = shares[bone]
                bones.append(int(bone))
                masses.append(share.sum())
                places.append(share @ template)
                by_shape.append(np.tensordot(share, shape, axes=1))
                offsets = np.tensordot(pose, share, axes=(1, 0)).reshape(-1, 9, 3)
                joints = np.flatnonzero(offsets.any(axis=(1, 2)))
                block_joint.extend(joints + 1)
                by_pose.extend(offsets[joints].transpose(0, 2, 1))
                first_block.append(len(block_joint))
            first_pair.append(len(bones))
        self.first_pair, self.bone = np.array(first_pair, np.int32), np.array(bones, np.int32)
        self.first_block = np.array(first_block, np.int32)
        self.block_joint = np.array(block_joint, np.int32)
        self.mass = np.array(masses, np.float64)
        self.place = np.array(places, np.float64).reshape(-1, 3)
        self.by_shape = np.zeros((len(bones), 3, body.n_betas + more_betas))
        self.by_shape[..., : body.n_betas] = np.array(by_shape).reshape(len(bones), 3, body.n_betas)
        self.by_pose = np.array(by_pose, np.float64).reshape(-1, 3, 9)

    def joints(self, skeleton: Skeleton) -> np.ndarray:
        """The joints of N bodies, camera frame, metres, (N, J, 3) float64."""
        return _joints(_bones(skeleton), self._arrays(), skeleton.translation, self.sums)

    def rows(self, skeleton: Skeleton, frame: int) -> np.ndarray:
        """Derivatives of the joints of one frame by its unknowns (`body.motion`), (J, 3, P) float64."""
        bones, motion = _bones(skeleton), skeleton.shape_motion
        return _rows(frame, bones, self._arrays(), motion, self.sums, self.parents)

    def _arrays(self) -> tuple[np.ndarray, ...]:
        pairs = self.first_pair, self.bone, self.mass, self.place, self.by_shape
        return *pairs, self.first_block, self.block_joint, self.by_pose


def _bones(skeleton: Skeleton) -> tuple[np.ndarray, ...]:
    return skeleton.rotations, skeleton.betas, skeleton.rest, skeleton.glob, skeleton.position


@kernel
def _lever(n: int, p: int, bones: tuple, moments: tuple, moment: np.ndarray) -> None:
    """Posed moment of pair p in frame n, without the translation, into `moment` (3,)."""
    turn, betas, rest, glob, position = bones
    _, bone, mass, place, by_shape, first_block, block_joint, by_pose = moments
    b, share = bone[p], mass[p]
    x, y, z = place[p, 0], place[p, 1], place[p, 2]
    for c in range(betas.shape[1]):
        beta = betas[n, c]
        x += by_shape[p, 0, c] * beta
        y += by_shape[p, 1, c] * beta
        z += by_shape[p, 2, c] * beta
    for s in range(first_block[p], first_block[p + 1]):
        k = block_joint[s]
        for i in range(3):
            for j in range(3):
                entry = turn[n, k, i, j] - (1.0 if i == j else 0.0)
                x += by_pose[s, 0, 3 * i + j] * entry
                y += by_pose[s, 1, 3 * i + j] * entry
                z += by_pose[s, 2, 3 * i + j] * entry
    x -= share * rest[n, b, 0]
    y -= share * rest[n, b, 1]
    z -= share * rest[n, b, 2]
    for i in range(3):
        turned = glob[n, b, i, 0] * x + glob[n, b, i, 1] * y + glob[n, b, i, 2] * z
        moment[i] = turned + share * position[n, b, i]


@kernel
def _joints(bones: tuple, moments: tuple, translation: np.ndarray, sums: np.ndarray) -> np.ndarray:
    betas, first_pair = bones[1], moments[0]
    frames, count = len(betas), len(sums)
    out, moment = np.empty((frames, count, 3)), np.empty(3)
    for n in range(frames):
        for j in range(count):
            for i in range(3):
                out[n, j, i] = sums[j] * translation[n, i]
            for p in range(first_pair[j], first_pair[j + 1]):
                _lever(n, p, bones, moments, moment)
                for i in range(3):
                    out[n, j, i] += moment[i]
    return out


@kernel
def _rows(
    n: int,
    bones: tuple,
    moments: tuple,
    shape_motion: np.ndarray,
    sums: np.ndarray,
    parents: np.ndarray,
) -> np.ndarray:
    _, betas, _, glob, position = bones
    first_pair, bone, mass, _, by_shape, first_block, block_joint, by_pose = moments
    joints, n_betas, count = len(parents), betas.shape[1], len(sums)
    out = np.zeros((count, 3, 3 * joints + n_betas + 3))
    moment, carried, masses = np.empty(3), np.empty((joints, 3)), np.empty(joints)
    offsets, bends = np.empty((joints, 3, 9)), np.empty(joints, np.bool_)
    change, spun = np.empty(9), np.empty((3, 3))
    for j in range(count):
        rows = out[j]
        carried[:], masses[:], bends[:] = 0, 0, False
        for p in range(first_pair[j], first_pair[j + 1]):
            b, share = bone[p], mass[p]
            _lever(n, p, bones, moments, moment)
            k = b
            while k >= 0:
                masses[k] += share
                for i in range(3):
                    carried[k, i] += moment[i]
                k = parents[k]
            for i in range(3):
                g0, g1, g2 = glob[n, b, i, 0], glob[n, b, i, 1], glob[n, b, i, 2]
                for c in range(n_betas):
                    turned = g0 * by_shape[p, 0, c] + g1 * by_shape[p, 1, c] + g2 * by_shape[p, 2, c]
                    rows[i, 3 * joints + c] += turned + share * shape_motion[n, b, i, c]
            for s in range(first_block[p], first_block[p + 1]):
                k = block_joint[s]
                if not bends[k]:
                    bends[k] = True
                    offsets[k] = 0
                for i in range(3):
                    g0, g1, g2 = glob[n, b, i, 0], glob[n, b, i, 1], glob[n, b, i, 2]
                    for c in range(9):
                        offsets[k, i, c] += (
                            g0 * by_pose[s, 0, c] + g1 * by_pose[s, 1, c] + g2 * by_pose[s, 2, c]
                        )
        for k in range(joints):
            if masses[k] != 0 or carried[k, 0] != 0 or carried[k, 1] != 0 or carried[k, 2] != 0:
                a0 = carried[k, 0] - masses[k] * position[n, k, 0]
                a1 = carried[k, 1] - masses[k] * position[n, k, 1]
                a2 = carried[k, 2] - masses[k] * position[n, k, 2]
                rows[0, 3 * k + 1], rows[0, 3 * k + 2] = a2, -a1
                rows[1, 3 * k], rows[1, 3 * k + 2] = -a2, a0
                rows[2, 3 * k], rows[2, 3 * k + 1] = a1, -a0
            if not bends[k]:
                continue
            parent = parents[k]  # pose offsets are of joints with a parent
            for axis in range(3):
                one, two = (axis + 1) % 3, (axis + 2) % 3
                for m in range(3):  # the axis times the columns of G_k
                    spun[axis, m] = 0.0
                    spun[one, m] = -glob[n, k, two, m]
                    spun[two, m] = glob[n, k, one, m]
                for i in range(3):
                    for m in range(3):
                        change[3 * i + m] = (
                            glob[n, parent, 0, i] * spun[0, m]
                            + glob[n, parent, 1, i] * spun[1, m]
                            + glob[n, parent, 2, i] * spun[2, m]
                        )
                for i in range(3):
                    total = 0.0
                    for c in range(9):
                        total += offsets[k, i, c] * change[c]
                    rows[i, 3 * k + axis] += total
        for i in range(3):
            rows[i, 3 * joints + n_betas + i] = sums[j]
    return out
