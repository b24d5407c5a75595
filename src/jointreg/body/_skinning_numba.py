"""Numba kernels of `jointreg.body.skinning`: bone chain, blending, projection, and their gradients.

Kernels over vertices take blocks of `LANES` frames side by side, so that a frame's numbers do not
depend on its neighbours: factors (blocks, rows, LANES), bones (blocks, K, 12, LANES) with the rows
of a 3 x 4 matrix one after another, shaped vertices (blocks, V, 3 LANES). Lanes beyond the last
frame do no harm. What comes in and goes out is (V, 3, N) and (V, 2, N). The chain works frame by
frame on (N, K, ...) arrays.

Offsets come in groups of `COLUMNS` columns: the shape directions, then one group a joint. A vertex
lists the groups that move it, numbers ordered (column, axis); groups of zeros cost nothing.

Inner loops run over a constant number of lanes and slices are taken outside them: numba's check
for negative indices would keep them from becoming SIMD.
"""

import numpy as np
from numba import njit

NEAR = 0.01
"""Metres: points nearer to the camera plane have no projection."""

LANES = 64
"""Frames handled side by side; 16 and 32 measured slower, also for the memory traffic of offsets."""

COLUMNS = 10
"""Columns in a group of offsets: nine entries of a rotation and a zero, or ten shape directions."""


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _shape_rows(n_betas: int) -> int:
    return -(-n_betas // COLUMNS) * COLUMNS


@njit(cache=True, nogil=True, error_model="numpy")
def factors(turn: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Factors of the offsets, (blocks, rows, LANES): betas, then entries of R_k - I of every joint."""
    frames, joints, n_betas = turn.shape[0], turn.shape[1], betas.shape[1]
    rows = _shape_rows(n_betas) + COLUMNS * (joints - 1)
    out = np.zeros((-(-frames // LANES), rows, LANES), dtype=turn.dtype)
    for n in range(frames):
        block, lane = out[n // LANES], n % LANES
        for b in range(n_betas):
            block[b, lane] = betas[n, b]
        for k in range(1, joints):
            row = _shape_rows(n_betas) + COLUMNS * (k - 1)
            for i in range(3):
                for j in range(3):
                    block[row + 3 * i + j, lane] = turn[n, k, i, j] - (1 if i == j else 0)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def factors_back(grad_factors: np.ndarray, grad_turn: np.ndarray, grad_betas: np.ndarray) -> None:
    """Gradient of `factors`, added to the last two."""
    frames, joints, n_betas = grad_turn.shape[0], grad_turn.shape[1], grad_betas.shape[1]
    for n in range(frames):
        block, lane = grad_factors[n // LANES], n % LANES
        for b in range(n_betas):
            grad_betas[n, b] += block[b, lane]
        for k in range(1, joints):
            row = _shape_rows(n_betas) + COLUMNS * (k - 1)
            for i in range(3):
                for j in range(3):
                    grad_turn[n, k, i, j] += block[row + 3 * i + j, lane]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _times(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    for i in range(3):
        for j in range(3):
            out[i, j] = left[i, 0] * right[0, j] + left[i, 1] * right[1, j] + left[i, 2] * right[2, j]


@njit(cache=True, nogil=True, error_model="numpy")
def chain(turn: np.ndarray, rest: np.ndarray, parents: np.ndarray) -> tuple:
    """Forward kinematics: bones (blocks, K, 12, LANES) and global rotations (N, K, 3, 3)."""
    frames, joints = turn.shape[0], turn.shape[1]
    bones = np.zeros((-(-frames // LANES), joints, 12, LANES), dtype=turn.dtype)
    glob = np.empty_like(turn)
    position = np.empty_like(rest)
    for n in range(frames):
        block, lane = bones[n // LANES], n % LANES
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
                    block[k, 4 * i + j, lane] = glob[n, k, i, j]
                    offset -= glob[n, k, i, j] * rest[n, k, j]
                block[k, 4 * i + 3, lane] = offset
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
        block, lane = grad_bones[n // LANES], n % LANES
        for k in range(joints):
            for i in range(3):
                d_offset = block[k, 4 * i + 3, lane]
                d_position[k, i] = d_offset
                for j in range(3):
                    d_glob[k, i, j] = block[k, 4 * i + j, lane] - d_offset * rest[n, k, j]
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
def _load(rows: np.ndarray, start: int, lanes: int, into: np.ndarray) -> None:
    """Frames from `start` of (R, N) rows into (R LANES); lanes beyond `lanes` are left alone."""
    for i in range(len(rows)):
        source, target = rows[i, start : start + lanes], into[i * LANES : (i + 1) * LANES]
        for n in range(lanes):
            target[n] = source[n]


@njit(cache=True, nogil=True, error_model="numpy")
def _store(values: np.ndarray, start: int, lanes: int, rows: np.ndarray) -> None:
    """The inverse of `_load`."""
    for i in range(len(rows)):
        source, target = values[i * LANES : (i + 1) * LANES], rows[i, start : start + lanes]
        for n in range(lanes):
            target[n] = source[n]


@njit(cache=True, nogil=True, error_model="numpy")
def pose(
    template: np.ndarray,
    offsets: np.ndarray,
    first_group: np.ndarray,
    group: np.ndarray,
    factors: np.ndarray,
    bones: np.ndarray,
    first_bone: np.ndarray,
    bone: np.ndarray,
    weight: np.ndarray,
    move: np.ndarray,
    shaped: np.ndarray,
    posed: np.ndarray,
) -> None:
    """Shape and pose offsets, linear blend skinning, translation `move` (3, N).

    Fills `shaped` and `posed`. Vertex v has the groups `group[first_group[v] : first_group[v + 1]]`
    with their rows of `offsets`, and its bones and weights likewise.
    """
    frames = posed.shape[2]
    shift = np.zeros(3 * LANES, dtype=posed.dtype)
    out = np.empty(3 * LANES, dtype=posed.dtype)
    for block in range(len(shaped)):
        start = block * LANES
        lanes = min(LANES, frames - start)
        factor, matrix = factors[block].reshape(-1), bones[block].reshape(-1)
        _load(move, start, lanes, shift)
        for v in range(len(posed)):
            rest = shaped[block, v]
            for i in range(3):
                rest[i * LANES : (i + 1) * LANES] = template[v, i]
            for slot in range(first_group[v], first_group[v + 1]):
                o = offsets[slot]
                f = factor[group[slot] * COLUMNS * LANES : (group[slot] + 1) * COLUMNS * LANES]
                for n in range(LANES):
                    x, y, z = rest[n], rest[LANES + n], rest[2 * LANES + n]
                    for c in range(COLUMNS):
                        x += o[3 * c] * f[c * LANES + n]
                        y += o[3 * c + 1] * f[c * LANES + n]
                        z += o[3 * c + 2] * f[c * LANES + n]
                    rest[n], rest[LANES + n], rest[2 * LANES + n] = x, y, z
            out[:] = shift
            for slot in range(first_bone[v], first_bone[v + 1]):
                share = weight[slot]
                m = matrix[bone[slot] * 12 * LANES : (bone[slot] + 1) * 12 * LANES]
                for n in range(LANES):
                    x, y, z = rest[n], rest[LANES + n], rest[2 * LANES + n]
                    for i in range(3):
                        row = m[4 * i * LANES : 4 * (i + 1) * LANES]
                        turned = row[n] * x + row[LANES + n] * y + row[2 * LANES + n] * z
                        out[i * LANES + n] += share * (turned + row[3 * LANES + n])
            _store(out, start, lanes, posed[v])


@njit(cache=True, nogil=True, error_model="numpy")
def pose_back(
    pull: np.ndarray,
    shaped: np.ndarray,
    offsets: np.ndarray,
    first_group: np.ndarray,
    group: np.ndarray,
    bones: np.ndarray,
    first_bone: np.ndarray,
    bone: np.ndarray,
    weight: np.ndarray,
    grad_factors: np.ndarray,
    grad_bones: np.ndarray,
    grad_move: np.ndarray,
) -> None:
    """Gradient of `pose` from `pull` (V, 3, N), added to the last three (zeros at first).

    A vertex that no frame of a block pulls at costs nothing there.
    """
    frames = pull.shape[2]
    back = np.empty(3 * LANES, dtype=pull.dtype)
    for block in range(len(shaped)):
        start = block * LANES
        lanes = min(LANES, frames - start)
        factor, matrix = grad_factors[block].reshape(-1), bones[block].reshape(-1)
        grad_matrix = grad_bones[block].reshape(-1)
        p, total = np.zeros(3 * LANES, dtype=pull.dtype), np.zeros(3 * LANES, dtype=pull.dtype)
        for v in range(len(pull)):
            _load(pull[v], start, lanes, p)
            pulled = False
            for n in range(3 * LANES):
                pulled |= p[n] != 0
            if not pulled:
                continue
            rest = shaped[block, v]
            back[:] = 0
            for slot in range(first_bone[v], first_bone[v + 1]):
                share = weight[slot]
                m = matrix[bone[slot] * 12 * LANES : (bone[slot] + 1) * 12 * LANES]
                g = grad_matrix[bone[slot] * 12 * LANES : (bone[slot] + 1) * 12 * LANES]
                for n in range(LANES):
                    x, y, z = share * p[n], share * p[LANES + n], share * p[2 * LANES + n]
                    for j in range(3):
                        column = m[j * LANES : (9 + j) * LANES]
                        turned = column[n] * x + column[4 * LANES + n] * y + column[8 * LANES + n] * z
                        back[j * LANES + n] += turned
                for n in range(LANES):
                    x, y, z = share * p[n], share * p[LANES + n], share * p[2 * LANES + n]
                    for j in range(3):
                        coordinate = rest[j * LANES + n]
                        g[j * LANES + n] += x * coordinate
                        g[(4 + j) * LANES + n] += y * coordinate
                        g[(8 + j) * LANES + n] += z * coordinate
                    g[3 * LANES + n] += x
                    g[7 * LANES + n] += y
                    g[11 * LANES + n] += z
            for slot in range(first_group[v], first_group[v + 1]):
                o = offsets[slot]
                f = factor[group[slot] * COLUMNS * LANES : (group[slot] + 1) * COLUMNS * LANES]
                for n in range(LANES):
                    x, y, z = back[n], back[LANES + n], back[2 * LANES + n]
                    for c in range(COLUMNS):
                        f[c * LANES + n] += o[3 * c] * x + o[3 * c + 1] * y + o[3 * c + 2] * z
            for n in range(3 * LANES):
                total[n] += p[n]
        _store(total, start, lanes, grad_move)


@njit(cache=True, nogil=True, error_model="numpy")
def project(points_cam: np.ndarray, pinhole: np.ndarray, points: np.ndarray) -> None:
    """Pinhole projection (V, 3, N) -> (V, 2, N); `pinhole` is fx, skew, cx, fy, cy by N."""
    frames, real = points.shape[2], points.dtype
    near, nothing = real.type(NEAR), real.type(np.nan)
    k, p = np.ones(5 * LANES, dtype=real), np.ones(3 * LANES, dtype=real)
    out = np.empty(2 * LANES, dtype=real)
    for v in range(len(points)):
        for start in range(0, frames, LANES):
            lanes = min(LANES, frames - start)
            _load(pinhole, start, lanes, k)
            _load(points_cam[v], start, lanes, p)
            for n in range(LANES):
                x, y, z = p[n], p[LANES + n], p[2 * LANES + n]
                inverse = 1 / z if z > near else nothing
                out[n] = (k[n] * x + k[LANES + n] * y) * inverse + k[2 * LANES + n]
                out[LANES + n] = k[3 * LANES + n] * y * inverse + k[4 * LANES + n]
            _store(out, start, lanes, points[v])


@njit(cache=True, nogil=True, error_model="numpy")
def project_back(
    points_cam: np.ndarray, pinhole: np.ndarray, pull: np.ndarray, grad: np.ndarray
) -> None:
    """Gradient of `project`, into `grad` (V, 3, N)."""
    frames, real = pull.shape[2], pull.dtype
    k, p = np.ones(5 * LANES, dtype=real), np.ones(3 * LANES, dtype=real)
    q, out = np.zeros(2 * LANES, dtype=real), np.empty(3 * LANES, dtype=real)
    for v in range(len(pull)):
        for start in range(0, frames, LANES):
            lanes = min(LANES, frames - start)
            _load(pinhole, start, lanes, k)
            _load(points_cam[v], start, lanes, p)
            _load(pull[v], start, lanes, q)
            for n in range(LANES):
                inverse = 1 / p[2 * LANES + n]
                x = k[n] * q[n] * inverse
                y = (k[LANES + n] * q[n] + k[3 * LANES + n] * q[LANES + n]) * inverse
                out[n], out[LANES + n] = x, y
                out[2 * LANES + n] = -(x * p[n] + y * p[LANES + n]) * inverse
            _store(out, start, lanes, grad[v])
