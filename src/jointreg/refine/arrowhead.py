"""Normal matrices of bodies that share unknowns: sums over frames and Schur complement, float64.

Each moment has unknowns of its own (the turns of its body and its translation, Q numbers), and all
moments share S others: betas, thickness of clothes, label offsets. So the matrix is an arrowhead: a
block (Q, Q) a moment, its border (Q, S), and one corner (S, S). Eliminating the moments one by one
leaves S equations, whose solution gives the step of every moment.

By hand and in a fixed order for the reasons of `jointreg.refine.normal_matrix`.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from jointreg.refine.normal_matrix import add_rows, damped_steps

kernel = njit(cache=True, nogil=True, error_model="numpy")


@dataclass(frozen=True)
class Arrowhead:
    """Matrix and gradient of M moments. Only upper triangles of the blocks and the corner are set."""

    blocks: np.ndarray
    """(M, Q, Q)."""
    borders: np.ndarray
    """(M, Q, S)."""
    gradients: np.ndarray
    """(M, Q)."""
    corner: np.ndarray
    """(S, S)."""
    shared: np.ndarray
    """Gradients of the shared unknowns, of which each moment has its part, (M, S)."""

    @classmethod
    def zeros(cls, moments: int, own: int, shared: int) -> "Arrowhead":
        """A matrix of the given sizes that nothing was added to."""
        shapes = (
            (moments, own, own),
            (moments, own, shared),
            (moments, own),
            (shared, shared),
            (moments, shared),
        )
        return cls(*(np.zeros(shape) for shape in shapes))

    def add_frame(
        self,
        moment: int,
        matrix: np.ndarray,
        gradient: np.ndarray,
        turn: np.ndarray,
        moved: np.ndarray,
        scale: np.ndarray,
    ) -> None:
        """Add a frame, whose unknowns are those of `jointreg.body.motion` in its own camera.

        Args:
            moment: that it shows.
            matrix: upper triangle, (P, P).
            gradient: (P,).
            turn: camera of the moment to that of the frame, (3, 3).
            moved: how the betas move the translation in the frame's camera, metres, (3, B).
            scale: derivatives of the betas by the first B of the shared unknowns, (B,).
        """
        _add_frame(
            matrix,
            gradient,
            turn,
            moved,
            scale,
            self.blocks[moment],
            self.borders[moment],
            self.gradients[moment],
            self.corner,
            self.shared[moment],
        )

    def add_offsets(
        self,
        moment: int,
        rows: np.ndarray,
        factor: float,
        errors: np.ndarray,
        limbs: np.ndarray,
        turn: np.ndarray,
        moved: np.ndarray,
        scale: np.ndarray,
    ) -> None:
        """Add what label offsets, the last of the shared unknowns, have to do with a frame.

        Args:
            moment, turn, moved, scale: as of `add_frame`.
            rows: derivatives of the joints, (3 J, P).
            factor: on the squares of `errors`, times two.
            errors: predicted joints less labels, metres, (J, 3).
            limbs: frames of the limbs, (J, 3, 3).
        """
        _add_offsets(
            rows,
            factor,
            errors,
            limbs,
            turn,
            moved,
            scale,
            self.borders[moment],
            self.corner,
            self.shared[moment],
        )

    def steps(
        self,
        damping: np.ndarray,
        units: np.ndarray,
        shared_damping: np.ndarray,
        held: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Solve the damped equations.

        Args:
            damping: of the moments, (M,).
            units: factors on it, (Q,).
            shared_damping: of the shared unknowns, (S,).
            held: gradient of the shared unknowns that no moment has a part in, (S,).

        Returns:
            The steps of the moments (M, Q) and of the shared unknowns (S,), and how far they promise to
            lower the energy of each moment, to first order in the shared unknowns, (M,).
        """
        corner, shared = self.corner.copy(), held + self.shared.sum(axis=0)
        _eliminate(self.blocks, self.borders, self.gradients, damping, units, corner, shared)
        ours = damped_steps(
            corner[None], shared[None], np.ones(1), shared_damping, np.zeros(1, np.int64)
        )[0]
        pulled = _pulled(self.gradients, self.borders, ours)
        steps = damped_steps(self.blocks, pulled, damping, units, np.arange(len(damping)))
        promised = 0.5 * (damping[:, None] * units * steps**2 - pulled * steps).sum(axis=1)
        return steps, ours, promised - (self.shared * ours).sum(axis=1)


@kernel
def _turned(row: np.ndarray, turn: np.ndarray, moved: np.ndarray, scale: np.ndarray) -> None:
    """A row of derivatives (P,) by a frame's unknowns becomes one by those of its moment, in place."""
    count = len(scale)
    turns = len(row) - count - 3
    for k in range(0, turns, 3):
        x, y, z = row[k], row[k + 1], row[k + 2]
        for j in range(3):
            row[k + j] = x * turn[0, j] + y * turn[1, j] + z * turn[2, j]
    x, y, z = row[-3], row[-2], row[-1]
    for b in range(count):
        row[turns + b] = scale[b] * (
            row[turns + b] + x * moved[0, b] + y * moved[1, b] + z * moved[2, b]
        )
    for j in range(3):
        row[turns + count + j] = x * turn[0, j] + y * turn[1, j] + z * turn[2, j]


@kernel
def _add_frame(
    matrix: np.ndarray,
    gradient: np.ndarray,
    turn: np.ndarray,
    moved: np.ndarray,
    scale: np.ndarray,
    block: np.ndarray,
    border: np.ndarray,
    own: np.ndarray,
    corner: np.ndarray,
    shared: np.ndarray,
) -> None:
    size, count = len(gradient), len(scale)
    turns = size - count - 3
    whole, line = np.empty((size, size)), gradient.copy()
    for i in range(size):
        for j in range(i, size):
            whole[i, j] = matrix[i, j]
            whole[j, i] = matrix[i, j]
    for i in range(size):
        _turned(whole[i], turn, moved, scale)
    whole = np.ascontiguousarray(whole.T)
    for i in range(size):
        _turned(whole[i], turn, moved, scale)
    _turned(line, turn, moved, scale)
    for i in range(size):
        if turns <= i < turns + count:
            shared[i - turns] += line[i]
            for j in range(i, turns + count):
                corner[i - turns, j - turns] += whole[i, j]
            continue
        q = i if i < turns else i - count
        own[q] += line[i]
        for b in range(count):
            border[q, b] += whole[i, turns + b]
        for j in range(i, turns):
            block[q, j] += whole[i, j]
        for j in range(max(i, turns + count), size):
            block[q, j - count] += whole[i, j]


@kernel
def _add_offsets(
    rows: np.ndarray,
    factor: float,
    errors: np.ndarray,
    limbs: np.ndarray,
    turn: np.ndarray,
    moved: np.ndarray,
    scale: np.ndarray,
    border: np.ndarray,
    corner: np.ndarray,
    shared: np.ndarray,
) -> None:
    size, count, joints = rows.shape[1], len(scale), len(errors)
    turns, first = size - count - 3, len(shared) - 3 * joints
    line = np.empty(size)
    for j in range(joints):
        for c in range(3):
            a, b, d = factor * limbs[j, 0, c], factor * limbs[j, 1, c], factor * limbs[j, 2, c]
            for i in range(size):
                line[i] = a * rows[3 * j, i] + b * rows[3 * j + 1, i] + d * rows[3 * j + 2, i]
            _turned(line, turn, moved, scale)
            s = first + 3 * j + c
            for i in range(turns):
                border[i, s] += line[i]
            for i in range(3):
                border[turns + i, s] += line[turns + count + i]
            for i in range(count):
                corner[i, s] += line[turns + i]
            corner[s, s] += factor
            shared[s] += a * errors[j, 0] + b * errors[j, 1] + d * errors[j, 2]


@kernel
def _eliminate(
    blocks: np.ndarray,
    borders: np.ndarray,
    gradients: np.ndarray,
    damping: np.ndarray,
    units: np.ndarray,
    corner: np.ndarray,
    shared: np.ndarray,
) -> None:
    """Take the moments out of the shared equations: corner - B^T H^-1 B, shared - B^T H^-1 g."""
    size, count = borders.shape[1], borders.shape[2]
    upper, right, minus = np.empty((size, size)), np.empty((size, count)), np.full(size, -1.0)
    last = np.empty(size)
    for m in range(len(blocks)):
        for i in range(size):
            for j in range(i, size):
                upper[i, j] = blocks[m, i, j]
            upper[i, i] += damping[m] * units[i]
            last[i] = gradients[m, i]
            for s in range(count):
                right[i, s] = borders[m, i, s]
        for k in range(size):
            pivot = 1 / np.sqrt(upper[k, k])
            for j in range(k, size):
                upper[k, j] *= pivot
            for s in range(count):
                right[k, s] *= pivot
            last[k] *= pivot
            for i in range(k + 1, size):
                factor = upper[k, i]
                if factor != 0:
                    for j in range(i, size):
                        upper[i, j] -= factor * upper[k, j]
                    for s in range(count):
                        right[i, s] -= factor * right[k, s]
                    last[i] -= factor * last[k]
        add_rows(right, minus, corner)
        for k in range(size):
            for s in range(count):
                shared[s] -= right[k, s] * last[k]


@kernel
def _pulled(gradients: np.ndarray, borders: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """Gradients of the moments after the step of the shared unknowns, g + B y, (M, Q)."""
    out = gradients.copy()
    for m in range(len(borders)):
        for i in range(borders.shape[1]):
            total = 0.0
            for s in range(borders.shape[2]):
                total += borders[m, i, s] * ours[s]
            out[m, i] += total
    return out
