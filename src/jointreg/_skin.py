"""Numba kernels of `jointreg.skinning`: bone chain, blending, projection, and their gradients.

Big arrays have frames innermost: vertices (V, 3, N), shaped template (3V, N), bones (K, 3, 4, N)
with the rotation in the first three columns and the offset in the last. The chain works frame by
frame on (N, K, ...) arrays.
"""

import numpy as np
from numba import njit

NEAR = 0.01
"""Metres: points nearer to the camera plane have no projection."""


@njit(cache=True, nogil=True, error_model="numpy")
def coefficients(turn: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Factors of template, shape and pose offsets: 1, betas, entries of R_k - I; (1 + B + 9(K-1), N)."""
    frames, joints, n_betas = turn.shape[0], turn.shape[1], betas.shape[1]
    out = np.empty((1 + n_betas + 9 * (joints - 1), frames), dtype=turn.dtype)
    for n in range(frames):
        out[0, n] = 1
        for b in range(n_betas):
            out[1 + b, n] = betas[n, b]
        row = 1 + n_betas
        for k in range(1, joints):
            for i in range(3):
                for j in range(3):
                    out[row, n] = turn[n, k, i, j] - (1 if i == j else 0)
                    row += 1
    return out


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _times(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    for i in range(3):
        for j in range(3):
            out[i, j] = left[i, 0] * right[0, j] + left[i, 1] * right[1, j] + left[i, 2] * right[2, j]


@njit(cache=True, nogil=True, error_model="numpy")
def chain(turn: np.ndarray, rest: np.ndarray, parents: np.ndarray) -> tuple:
    """Forward kinematics: bones (K, 3, 4, N) and global rotations (N, K, 3, 3)."""
    frames, joints = turn.shape[0], turn.shape[1]
    bones = np.empty((joints, 3, 4, frames), dtype=turn.dtype)
    glob = np.empty_like(turn)
    position = np.empty_like(rest)
    for n in range(frames):
        for k in range(joints):
            parent = parents[k]
            if parent < 0:
                glob[n, k] = turn[n, k]
                position[n, k] = rest[n, k]
            else:
                _times(glob[n, parent], turn[n, k], glob[n, k])
                for i in range(3):
                    total = position[n, parent, i]
                    for j in range(3):
                        total += glob[n, parent, i, j] * (rest[n, k, j] - rest[n, parent, j])
                    position[n, k, i] = total
            for i in range(3):
                offset = position[n, k, i]
                for j in range(3):
                    bones[k, i, j, n] = glob[n, k, i, j]
                    offset -= glob[n, k, i, j] * rest[n, k, j]
                bones[k, i, 3, n] = offset
    return bones, glob


@njit(cache=True, nogil=True, error_model="numpy")
def chain_back(
    turn: np.ndarray, rest: np.ndarray, parents: np.ndarray, glob: np.ndarray, grad_bones: np.ndarray
) -> tuple:
    """Gradient of `chain` from that of its bones: of `turn` (N, K, 3, 3) and `rest` (N, K, 3)."""
    frames, joints = turn.shape[0], turn.shape[1]
    grad_turn, grad_rest = np.zeros_like(turn), np.zeros_like(rest)
    d_glob = np.empty((joints, 3, 3), dtype=turn.dtype)
    d_position = np.empty((joints, 3), dtype=turn.dtype)
    for n in range(frames):
        for k in range(joints):
            for i in range(3):
                d_offset = grad_bones[k, i, 3, n]
                d_position[k, i] = d_offset
                for j in range(3):
                    d_glob[k, i, j] = grad_bones[k, i, j, n] - d_offset * rest[n, k, j]
                    grad_rest[n, k, j] -= glob[n, k, i, j] * d_offset
        for k in range(joints - 1, -1, -1):
            parent = parents[k]
            if parent < 0:
                for i in range(3):
                    grad_rest[n, k, i] += d_position[k, i]
                    for j in range(3):
                        grad_turn[n, k, i, j] = d_glob[k, i, j]
                continue
            for i in range(3):
                d_position[parent, i] += d_position[k, i]
                for j in range(3):
                    bone = rest[n, k, j] - rest[n, parent, j]
                    along = glob[n, parent, i, j] * d_position[k, i]
                    grad_rest[n, k, j] += along
                    grad_rest[n, parent, j] -= along
                    d_glob[parent, i, j] += d_position[k, i] * bone
                    for m in range(3):
                        d_glob[parent, i, j] += d_glob[k, i, m] * turn[n, k, j, m]
                        grad_turn[n, k, i, j] += glob[n, parent, m, i] * d_glob[k, m, j]
    return grad_turn, grad_rest


@njit(cache=True, nogil=True, error_model="numpy")
def _mix(
    bones: np.ndarray, bone: np.ndarray, weight: np.ndarray, start: int, stop: int, out: np.ndarray
) -> None:
    """Weighted sum of a vertex's bones, (12, N)."""
    frames = out.shape[1]
    for slot in range(start, stop):
        matrix, share = bones[bone[slot]], weight[slot]
        if slot == start:
            for c in range(12):
                for n in range(frames):
                    out[c, n] = share * matrix[c, n]
        else:
            for c in range(12):
                for n in range(frames):
                    out[c, n] += share * matrix[c, n]


@njit(cache=True, nogil=True, error_model="numpy")
def blend(
    shaped: np.ndarray,
    bones: np.ndarray,
    first: np.ndarray,
    bone: np.ndarray,
    weight: np.ndarray,
    move: np.ndarray,
    posed: np.ndarray,
) -> None:
    """Linear blend skinning plus translation `move` (3, N), into `posed` (V, 3, N)."""
    frames = shaped.shape[1]
    flat = bones.reshape(-1, 12, frames)
    mixed = np.empty((12, frames), dtype=shaped.dtype)
    for v in range(posed.shape[0]):
        _mix(flat, bone, weight, first[v], first[v + 1], mixed)
        x, y, z = shaped[3 * v], shaped[3 * v + 1], shaped[3 * v + 2]
        for i in range(3):
            a, b, c, d = mixed[4 * i], mixed[4 * i + 1], mixed[4 * i + 2], mixed[4 * i + 3]
            out, shift = posed[v, i], move[i]
            for n in range(frames):
                out[n] = a[n] * x[n] + b[n] * y[n] + c[n] * z[n] + d[n] + shift[n]


@njit(cache=True, nogil=True, error_model="numpy")
def blend_back(
    pull: np.ndarray,
    shaped: np.ndarray,
    bones: np.ndarray,
    first: np.ndarray,
    bone: np.ndarray,
    weight: np.ndarray,
    grad_shaped: np.ndarray,
    grad_bones: np.ndarray,
    grad_move: np.ndarray,
) -> None:
    """Gradient of `blend`; vertices that no frame pulls at are skipped."""
    frames = shaped.shape[1]
    flat, grad_flat = bones.reshape(-1, 12, frames), grad_bones.reshape(-1, 12, frames)
    mixed = np.empty((12, frames), dtype=shaped.dtype)
    product = np.empty((12, frames), dtype=shaped.dtype)
    for v in range(pull.shape[0]):
        p, q, r = pull[v, 0], pull[v, 1], pull[v, 2]
        size = shaped.dtype.type(0)
        for n in range(frames):
            size = max(size, max(abs(p[n]), max(abs(q[n]), abs(r[n]))))
        if size == 0:
            grad_shaped[3 * v : 3 * v + 3] = 0
            continue
        _mix(flat, bone, weight, first[v], first[v + 1], mixed)
        for j in range(3):
            out, coordinate = grad_shaped[3 * v + j], shaped[3 * v + j]
            a, b, c = mixed[j], mixed[4 + j], mixed[8 + j]
            for n in range(frames):
                out[n] = a[n] * p[n] + b[n] * q[n] + c[n] * r[n]
                product[j, n] = p[n] * coordinate[n]
                product[4 + j, n] = q[n] * coordinate[n]
                product[8 + j, n] = r[n] * coordinate[n]
        for n in range(frames):
            product[3, n] = p[n]
            product[7, n] = q[n]
            product[11, n] = r[n]
            grad_move[0, n] += p[n]
            grad_move[1, n] += q[n]
            grad_move[2, n] += r[n]
        for slot in range(first[v], first[v + 1]):
            matrix, share = grad_flat[bone[slot]], weight[slot]
            for c in range(12):
                for n in range(frames):
                    matrix[c, n] += share * product[c, n]


@njit(cache=True, nogil=True, error_model="numpy")
def project(points_cam: np.ndarray, pinhole: np.ndarray, points: np.ndarray) -> None:
    """Pinhole projection (V, 3, N) -> (V, 2, N); `pinhole` is fx, skew, cx, fy, cy by N."""
    nothing = points_cam.dtype.type(np.nan)
    near = points_cam.dtype.type(NEAR)
    fx, skew, cx, fy, cy = pinhole[0], pinhole[1], pinhole[2], pinhole[3], pinhole[4]
    for v in range(points_cam.shape[0]):
        x, y, z = points_cam[v, 0], points_cam[v, 1], points_cam[v, 2]
        column, row = points[v, 0], points[v, 1]
        for n in range(points_cam.shape[2]):
            inverse = 1 / z[n] if z[n] > near else nothing
            column[n] = (fx[n] * x[n] + skew[n] * y[n]) * inverse + cx[n]
            row[n] = fy[n] * y[n] * inverse + cy[n]


@njit(cache=True, nogil=True, error_model="numpy")
def project_back(
    points_cam: np.ndarray, pinhole: np.ndarray, pull: np.ndarray, grad: np.ndarray
) -> None:
    """Gradient of `project`, into `grad` (V, 3, N)."""
    fx, skew, fy = pinhole[0], pinhole[1], pinhole[3]
    for v in range(points_cam.shape[0]):
        x, y, z = points_cam[v, 0], points_cam[v, 1], points_cam[v, 2]
        column, row = pull[v, 0], pull[v, 1]
        gx, gy, gz = grad[v, 0], grad[v, 1], grad[v, 2]
        for n in range(points_cam.shape[2]):
            inverse = 1 / z[n]
            to_x = fx[n] * column[n] * inverse
            to_y = (skew[n] * column[n] + fy[n] * row[n]) * inverse
            gx[n], gy[n] = to_x, to_y
            gz[n] = -(to_x * x[n] + to_y * y[n]) * inverse
