"""Numba kernels of `jointreg.body.skinning`: bone chain, blending, projection, and their gradients.

Blending takes blocks of L frames side by side, so that a frame's numbers do not depend on its
neighbours: factors (blocks, rows, L), bones (blocks, K, 12, L) with the rows of a 3 x 4 matrix one
after another, shaped vertices (blocks, V, 3 L). Lanes beyond the last frame do no harm, and cost as
much as others. What comes in and goes out is (V, 3, N) and (V, 2, N). The chain works frame by frame
on (N, K, ...) arrays.

Offsets come in groups of `COLUMNS` columns: the shape directions, then one group a joint. A vertex
lists the groups that move it, numbers ordered (column, axis); groups of zeros cost nothing.

Inner loops of blending run over a constant number of lanes and slices are taken outside them: numba's
check for negative indices would keep them from becoming SIMD. So blending is compiled once for each L.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

NEAR = 0.01
"""Metres: points nearer to the camera plane have no projection."""

LANES = 64
"""Frames side by side in a block; 16 and 32 measured slower, also for the memory traffic of offsets."""

FEW_LANES = 16
"""The same where there are at most two such blocks of frames."""

COLUMNS = 10
"""Columns in a group of offsets: nine entries of a rotation and a zero, or ten shape directions."""

ALLOCATING: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
BORROWING: dict[str, Any] = {**ALLOCATING, "_nrt": False}
"""Of kernels that count no references to arrays, which takes long beside loops as short as these."""
allocating, kernel, inlined = njit(**ALLOCATING), njit(**BORROWING), njit(**ALLOCATING, inline="always")


@inlined
def lanes_of(frames: int) -> int:
    """Lanes of the blocks that so many frames are posed in."""
    return LANES if frames > 2 * FEW_LANES else FEW_LANES


@inlined
def _shape_rows(n_betas: int) -> int:
    return -(-n_betas // COLUMNS) * COLUMNS


@allocating
def factors(turn: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Factors of the offsets, (blocks, rows, L): betas, then entries of R_k - I of every joint."""
    frames, joints, n_betas = turn.shape[0], turn.shape[1], betas.shape[1]
    rows, lanes = _shape_rows(n_betas) + COLUMNS * (joints - 1), lanes_of(frames)
    out = np.zeros((-(-frames // lanes), rows, lanes), dtype=turn.dtype)
    for n in range(frames):
        block, lane = out[n // lanes], n % lanes
        for b in range(n_betas):
            block[b, lane] = betas[n, b]
        for k in range(1, joints):
            row = _shape_rows(n_betas) + COLUMNS * (k - 1)
            for i in range(3):
                for j in range(3):
                    block[row + 3 * i + j, lane] = turn[n, k, i, j] - (1 if i == j else 0)
    return out


@allocating
def factors_back(grad_factors: np.ndarray, grad_turn: np.ndarray, grad_betas: np.ndarray) -> None:
    """Gradient of `factors`, added to the last two."""
    frames, joints, n_betas = grad_turn.shape[0], grad_turn.shape[1], grad_betas.shape[1]
    lanes = grad_factors.shape[2]
    for n in range(frames):
        block, lane = grad_factors[n // lanes], n % lanes
        for b in range(n_betas):
            grad_betas[n, b] += block[b, lane]
        for k in range(1, joints):
            row = _shape_rows(n_betas) + COLUMNS * (k - 1)
            for i in range(3):
                for j in range(3):
                    grad_turn[n, k, i, j] += block[row + 3 * i + j, lane]


@inlined
def _times(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    for i in range(3):
        for j in range(3):
            out[i, j] = left[i, 0] * right[0, j] + left[i, 1] * right[1, j] + left[i, 2] * right[2, j]


@allocating
def chain(turn: np.ndarray, rest: np.ndarray, parents: np.ndarray) -> tuple:
    """Forward kinematics: bones (blocks, K, 12, L) and global rotations (N, K, 3, 3)."""
    frames, joints, lanes = turn.shape[0], turn.shape[1], lanes_of(len(turn))
    bones = np.zeros((-(-frames // lanes), joints, 12, lanes), dtype=turn.dtype)
    glob = np.empty_like(turn)
    position = np.empty_like(rest)
    for n in range(frames):
        block, lane = bones[n // lanes], n % lanes
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


@allocating
def chain_back(
    turn: np.ndarray, rest: np.ndarray, parents: np.ndarray, glob: np.ndarray, grad_bones: np.ndarray
) -> tuple:
    """Gradient of `chain` from that of its bones: of `turn` (N, K, 3, 3) and `rest` (N, K, 3)."""
    frames, joints, lanes = turn.shape[0], turn.shape[1], grad_bones.shape[3]
    grad_turn, grad_rest = np.zeros_like(turn), np.zeros_like(rest)
    d_glob = np.empty((joints, 3, 3), dtype=turn.dtype)
    d_position = np.empty((joints, 3), dtype=turn.dtype)
    for n in range(frames):
        block, lane = grad_bones[n // lanes], n % lanes
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


@kernel
def _load(rows: np.ndarray, start: int, used: int, lanes: int, into: np.ndarray) -> None:
    """Frames from `start` of (R, N) rows into (R L); lanes beyond those `used` are left alone."""
    for i in range(len(rows)):
        source, target = rows[i, start : start + used], into[i * lanes : (i + 1) * lanes]
        for n in range(used):
            target[n] = source[n]


@kernel
def _store(values: np.ndarray, start: int, used: int, lanes: int, rows: np.ndarray) -> None:
    """The inverse of `_load`."""
    for i in range(len(rows)):
        source, target = values[i * lanes : (i + 1) * lanes], rows[i, start : start + used]
        for n in range(used):
            target[n] = source[n]


def _blending(lanes: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """`pose` and `pose_back` for blocks of so many lanes."""

    @kernel
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
        scratch: np.ndarray,
        shaped: np.ndarray,
        posed: np.ndarray,
    ) -> None:
        """Shape and pose offsets, linear blend skinning, translation `move` (3, N).

        Fills `shaped` and `posed`. Vertex v has the groups `group[first_group[v] : first_group[v + 1]]`
        with their rows of `offsets`, and its bones and weights likewise. `scratch` is (3, 3 L).
        """
        frames = posed.shape[2]
        shift, out = scratch[0], scratch[1]
        for block in range(len(shaped)):
            start = block * lanes
            used = min(lanes, frames - start)
            factor, matrix = factors[block].reshape(-1), bones[block].reshape(-1)
            _load(move, start, used, lanes, shift)
            for v in range(len(posed)):
                rest = shaped[block, v]
                for i in range(3):
                    row, value = rest[i * lanes : (i + 1) * lanes], template[v, i]
                    for n in range(lanes):
                        row[n] = value
                for slot in range(first_group[v], first_group[v + 1]):
                    o = offsets[slot]
                    f = factor[group[slot] * COLUMNS * lanes : (group[slot] + 1) * COLUMNS * lanes]
                    for n in range(lanes):
                        x, y, z = rest[n], rest[lanes + n], rest[2 * lanes + n]
                        for c in range(COLUMNS):
                            x += o[3 * c] * f[c * lanes + n]
                            y += o[3 * c + 1] * f[c * lanes + n]
                            z += o[3 * c + 2] * f[c * lanes + n]
                        rest[n], rest[lanes + n], rest[2 * lanes + n] = x, y, z
                for n in range(3 * lanes):
                    out[n] = shift[n]
                for slot in range(first_bone[v], first_bone[v + 1]):
                    share = weight[slot]
                    m = matrix[bone[slot] * 12 * lanes : (bone[slot] + 1) * 12 * lanes]
                    for n in range(lanes):
                        x, y, z = rest[n], rest[lanes + n], rest[2 * lanes + n]
                        for i in range(3):
                            row = m[4 * i * lanes : 4 * (i + 1) * lanes]
                            turned = row[n] * x + row[lanes + n] * y + row[2 * lanes + n] * z
                            out[i * lanes + n] += share * (turned + row[3 * lanes + n])
                _store(out, start, used, lanes, posed[v])

    @kernel
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
        scratch: np.ndarray,
        grad_factors: np.ndarray,
        grad_bones: np.ndarray,
        grad_move: np.ndarray,
    ) -> None:
        """Gradient of `pose` from `pull` (V, 3, N), added to the last three (zeros at first).

        A vertex that no frame of a block pulls at costs nothing there. `scratch` is (3, 3 L).
        """
        frames = pull.shape[2]
        back, p, total = scratch[0], scratch[1], scratch[2]
        for block in range(len(shaped)):
            start = block * lanes
            used = min(lanes, frames - start)
            factor, matrix = grad_factors[block].reshape(-1), bones[block].reshape(-1)
            grad_matrix = grad_bones[block].reshape(-1)
            for n in range(3 * lanes):
                p[n], total[n] = 0, 0
            for v in range(len(pull)):
                _load(pull[v], start, used, lanes, p)
                pulled = False
                for n in range(3 * lanes):
                    pulled |= p[n] != 0
                if not pulled:
                    continue
                rest = shaped[block, v]
                for n in range(3 * lanes):
                    back[n] = 0
                for slot in range(first_bone[v], first_bone[v + 1]):
                    share = weight[slot]
                    m = matrix[bone[slot] * 12 * lanes : (bone[slot] + 1) * 12 * lanes]
                    g = grad_matrix[bone[slot] * 12 * lanes : (bone[slot] + 1) * 12 * lanes]
                    for n in range(lanes):
                        x, y, z = share * p[n], share * p[lanes + n], share * p[2 * lanes + n]
                        for j in range(3):
                            column = m[j * lanes : (9 + j) * lanes]
                            turned = (
                                column[n] * x + column[4 * lanes + n] * y + column[8 * lanes + n] * z
                            )
                            back[j * lanes + n] += turned
                    for n in range(lanes):
                        x, y, z = share * p[n], share * p[lanes + n], share * p[2 * lanes + n]
                        for j in range(3):
                            coordinate = rest[j * lanes + n]
                            g[j * lanes + n] += x * coordinate
                            g[(4 + j) * lanes + n] += y * coordinate
                            g[(8 + j) * lanes + n] += z * coordinate
                        g[3 * lanes + n] += x
                        g[7 * lanes + n] += y
                        g[11 * lanes + n] += z
                for slot in range(first_group[v], first_group[v + 1]):
                    o = offsets[slot]
                    f = factor[group[slot] * COLUMNS * lanes : (group[slot] + 1) * COLUMNS * lanes]
                    for n in range(lanes):
                        x, y, z = back[n], back[lanes + n], back[2 * lanes + n]
                        for c in range(COLUMNS):
                            f[c * lanes + n] += o[3 * c] * x + o[3 * c + 1] * y + o[3 * c + 2] * z
                for n in range(3 * lanes):
                    total[n] += p[n]
            _store(total, start, used, lanes, grad_move)

    return pose, pose_back


BLENDING = {lanes: _blending(lanes) for lanes in (FEW_LANES, LANES)}
"""By the lanes of a block."""


@kernel
def project(points_cam: np.ndarray, pinhole: np.ndarray, points: np.ndarray) -> None:
    """Pinhole projection (V, 3, N) -> (V, 2, N); `pinhole` is fx, skew, cx, fy, cy by N."""
    near, nothing = points.dtype.type(NEAR), points.dtype.type(np.nan)
    for v in range(len(points)):
        for n in range(points.shape[2]):
            x, y, z = points_cam[v, 0, n], points_cam[v, 1, n], points_cam[v, 2, n]
            inverse = 1 / z if z > near else nothing
            points[v, 0, n] = (pinhole[0, n] * x + pinhole[1, n] * y) * inverse + pinhole[2, n]
            points[v, 1, n] = pinhole[3, n] * y * inverse + pinhole[4, n]


@kernel
def project_back(
    points_cam: np.ndarray, pinhole: np.ndarray, pull: np.ndarray, grad: np.ndarray
) -> None:
    """Gradient of `project`, into `grad` (V, 3, N)."""
    for v in range(len(pull)):
        for n in range(pull.shape[2]):
            inverse = 1 / points_cam[v, 2, n]
            x = pinhole[0, n] * pull[v, 0, n] * inverse
            y = (pinhole[1, n] * pull[v, 0, n] + pinhole[3, n] * pull[v, 1, n]) * inverse
            grad[v, 0, n], grad[v, 1, n] = x, y
            grad[v, 2, n] = -(x * points_cam[v, 0, n] + y * points_cam[v, 1, n]) * inverse
