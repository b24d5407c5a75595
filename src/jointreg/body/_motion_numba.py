"""Numba kernels of `jointreg.body.motion`: a body's skeleton, and how its points move with the unknowns.

Everything is float64. Sums run in a fixed order, so that a frame's numbers depend on nothing else.
"""

import numpy as np
from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")


@kernel
def skeleton(
    turn: np.ndarray, rest: np.ndarray, rest_directions: np.ndarray, parents: np.ndarray
) -> tuple:
    """Global rotations (N, K, 3, 3), joint positions (N, K, 3), and their shape motion (N, K, 3, B).

    The shape motion of joint k is dp_k/dbeta - G_k dj_k/dbeta, p posed and j at rest: how one beta moves
    what hangs on the joint, except for the change of the vertices at rest themselves.
    """
    frames, joints, n_betas = turn.shape[0], turn.shape[1], rest_directions.shape[2]
    glob, position = np.empty_like(turn), np.empty_like(rest)
    motion = np.empty((frames, joints, 3, n_betas))
    posed = np.empty((joints, 3, n_betas))
    for n in range(frames):
        for k in range(joints):
            parent = parents[k]
            for i in range(3):
                if parent < 0:
                    position[n, k, i] = rest[n, k, i]
                    for j in range(3):
                        glob[n, k, i, j] = turn[n, k, i, j]
                    for b in range(n_betas):
                        posed[k, i, b] = rest_directions[k, i, b]
                    continue
                place = position[n, parent, i]
                for j in range(3):
                    place += glob[n, parent, i, j] * (rest[n, k, j] - rest[n, parent, j])
                    total = 0.0
                    for m in range(3):
                        total += glob[n, parent, i, m] * turn[n, k, m, j]
                    glob[n, k, i, j] = total
                position[n, k, i] = place
                for b in range(n_betas):
                    total = posed[parent, i, b]
                    for j in range(3):
                        bone = rest_directions[k, j, b] - rest_directions[parent, j, b]
                        total += glob[n, parent, i, j] * bone
                    posed[k, i, b] = total
            for i in range(3):
                for b in range(n_betas):
                    total = posed[k, i, b]
                    for j in range(3):
                        total -= glob[n, k, i, j] * rest_directions[k, j, b]
                    motion[n, k, i, b] = total
    return glob, position, motion


@kernel
def turned(turn: np.ndarray, glob: np.ndarray, parents: np.ndarray, step: np.ndarray) -> np.ndarray:
    """R_k' = G_p^T exp(w_k) G_p R_k, w_k (3,) of `step` (N, at least 3 K) radians about the
    camera's axes."""
    out, about, spin = np.empty_like(turn), np.empty(3), np.empty((3, 3))
    for n in range(turn.shape[0]):
        for k in range(turn.shape[1]):
            parent = parents[k]
            for i in range(3):
                if parent < 0:
                    about[i] = step[n, 3 * k + i]
                    continue
                total = 0.0
                for j in range(3):
                    total += glob[n, parent, j, i] * step[n, 3 * k + j]
                about[i] = total
            a, b, c = about[0], about[1], about[2]
            square = a * a + b * b + c * c
            angle = np.sqrt(square)
            one = np.sin(angle) / angle if angle > 1e-6 else 1 - square / 6
            two = (1 - np.cos(angle)) / square if angle > 1e-3 else 0.5 - square / 24
            spin[0, 0], spin[0, 1], spin[0, 2] = 1 - two * (b * b + c * c), two * a * b - one * c, 0.0
            spin[0, 2] = two * a * c + one * b
            spin[1, 0], spin[1, 1] = two * a * b + one * c, 1 - two * (a * a + c * c)
            spin[1, 2], spin[2, 0] = two * b * c - one * a, two * a * c - one * b
            spin[2, 1], spin[2, 2] = two * b * c + one * a, 1 - two * (a * a + b * b)
            for i in range(3):
                for j in range(3):
                    total = 0.0
                    for m in range(3):
                        total += spin[i, m] * turn[n, k, m, j]
                    out[n, k, i, j] = total
    return out


@kernel
def subtree_gradients(
    grad: np.ndarray, turn: np.ndarray, glob: np.ndarray, parents: np.ndarray
) -> np.ndarray:
    """Gradient of the w_k of `turned`, (N, 3 K), from that of the entries of R_k, (N, K, 3, 3)."""
    frames, joints = turn.shape[0], turn.shape[1]
    out, lever, along = np.empty((frames, 3 * joints)), np.empty((3, 3)), np.empty(3)
    for n in range(frames):
        for k in range(joints):
            for i in range(3):
                for j in range(3):
                    total = 0.0
                    for m in range(3):
                        total += grad[n, k, i, m] * turn[n, k, j, m]
                    lever[i, j] = total
            along[0] = lever[2, 1] - lever[1, 2]
            along[1] = lever[0, 2] - lever[2, 0]
            along[2] = lever[1, 0] - lever[0, 1]
            parent = parents[k]
            for i in range(3):
                if parent < 0:
                    out[n, 3 * k + i] = along[i]
                    continue
                total = 0.0
                for j in range(3):
                    total += glob[n, parent, i, j] * along[j]
                out[n, 3 * k + i] = total
    return out


@kernel
def vertex_rows(
    frame: int,
    vertices: np.ndarray,
    directions: np.ndarray,
    shaped: np.ndarray,
    bones: np.ndarray,
    position: np.ndarray,
    motion: np.ndarray,
    first_bone: np.ndarray,
    bone: np.ndarray,
    weight: np.ndarray,
    parents: np.ndarray,
    shape_directions: np.ndarray,
) -> np.ndarray:
    """Derivatives of direction . vertex, (R, 3 K + B + 3), with pose offsets held.

    `shaped` and `bones` are those of `jointreg.body.posing.Posed`.
    """
    joints, n_betas = len(parents), shape_directions.shape[2]
    rows = np.zeros((len(vertices), 3 * joints + n_betas + 3))
    moment, mass = np.empty((joints, 3)), np.empty(joints)
    pulled, place = np.empty(3), np.empty(3)
    lanes = bones.shape[3]
    block, lane = frame // lanes, frame % lanes
    for r in range(len(vertices)):
        v, row = vertices[r], rows[r]
        d0, d1, d2 = directions[r, 0], directions[r, 1], directions[r, 2]
        x, y, z = (
            shaped[block, v, lane],
            shaped[block, v, lanes + lane],
            shaped[block, v, 2 * lanes + lane],
        )
        moment[:], mass[:], pulled[:] = 0, 0, 0
        for s in range(first_bone[v], first_bone[v + 1]):
            b, share = bone[s], weight[s]
            m = bones[block, b]
            for i in range(3):
                turned_x = m[4 * i, lane] * x + m[4 * i + 1, lane] * y + m[4 * i + 2, lane] * z
                place[i] = share * (turned_x + m[4 * i + 3, lane])
                pulled[i] += share * (m[i, lane] * d0 + m[4 + i, lane] * d1 + m[8 + i, lane] * d2)
            k = b
            while k >= 0:
                mass[k] += share
                for i in range(3):
                    moment[k, i] += place[i]
                k = parents[k]
            for c in range(n_betas):
                carried = (
                    d0 * motion[frame, b, 0, c]
                    + d1 * motion[frame, b, 1, c]
                    + d2 * motion[frame, b, 2, c]
                )
                row[3 * joints + c] += share * carried
        for c in range(n_betas):
            for i in range(3):
                row[3 * joints + c] += pulled[i] * shape_directions[v, i, c]
        for k in range(joints):
            if mass[k] != 0:
                a0 = moment[k, 0] - mass[k] * position[frame, k, 0]
                a1 = moment[k, 1] - mass[k] * position[frame, k, 1]
                a2 = moment[k, 2] - mass[k] * position[frame, k, 2]
                row[3 * k] = a1 * d2 - a2 * d1
                row[3 * k + 1] = a2 * d0 - a0 * d2
                row[3 * k + 2] = a0 * d1 - a1 * d0
        for i in range(3):
            row[3 * joints + n_betas + i] = directions[r, i]
    return rows
