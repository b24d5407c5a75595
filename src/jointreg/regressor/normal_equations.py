"""Sufficient statistics of Eq. 1: the sums over frames from which a regressor is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from jointreg.arrays import on_grid, real_array
from jointreg.errors import DataError, ShapeError
from jointreg.plausible import BODY_M
from jointreg.skeleton import H36M_17

Groups = tuple[slice, ...]
"""Groups of camera axes. Each group has sums of its own."""
TOGETHER: Groups = (slice(0, 3),)
DEPTH_APART: Groups = (slice(0, 2), slice(2, 3))

GRID_M = 2.0**-17
"""Coordinates are rounded to multiples of this, 8 micrometres. Their sums of products are then exact up
to half a million square metres, or as many frames, whatever the order and the processor."""

TILE = 384
"""Rows of a Gram matrix that are added at a time, and side of the tiles in which one triangle is copied
to the other."""


@dataclass
class Statistics:
    """Sufficient statistics of Eq. 1 over any number of frames, centred on each frame's mesh mean.

    Memory is independent of the number of frames: one V x V matrix for each group of axes, and a chunk
    of frames. Fits of a translation need the depth apart from the lateral axes. The V vertices may be a
    part of the mesh; the mean is then the mean of that part. Sums are float64: float32 takes two thirds
    of the time, but moves predicted joints by up to 0.15 mm. Coordinates are on a grid, `GRID_M`, so
    that several threads may add frames in any order.
    """

    n_vertices: int
    n_joints: int = len(H36M_17)
    groups: Groups = TOGETHER
    """`TOGETHER` or `DEPTH_APART`."""
    frames: int = 0
    """Number of frames with a weight above zero."""
    frames_added: int = 0
    """Number of all frames, with or without a weight."""
    total_weight: float = 0.0
    """Sum of the frames' weights."""
    gram: list[np.ndarray] = field(init=False)
    """Sum over frames of V V^T for each group, m^2, (V, V); `complete` fills the lower triangle."""
    cross: list[np.ndarray] = field(init=False)
    """Sum over frames of X V^T for each group, m^2, (J, V)."""
    square: list[np.ndarray] = field(init=False)
    """Sum over frames of X X^T for each group, m^2, (J, J)."""

    _locks: list[Lock] = field(init=False, repr=False, compare=False)
    """One for each tile of rows of the Gram matrices, and a last one for all other sums."""

    def __post_init__(self) -> None:
        self._locks = [Lock() for _ in range(0, self.n_vertices + TILE, TILE)]
        size = self.n_vertices, self.n_vertices
        self.gram = [np.zeros(size, order="F") for _ in self.groups]
        self.cross = [np.zeros((self.n_joints, self.n_vertices)) for _ in self.groups]
        self.square = [np.zeros((self.n_joints, self.n_joints)) for _ in self.groups]

    def add(self, vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Add frames: vertices (N, V, 3) and joints (N, J, 3), same frame of reference, metres.

        Arguments and errors: `add_sums`.
        """
        self.total_weight += self.add_sums(vertices, joints, weights)

    def add_sums(
        self, vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray | None = None
    ) -> float:
        """Add frames to everything but `total_weight`, whose last bits depend on the order.

        Several threads may call it at once.

        Args:
            vertices: posed meshes, or always the same part of them.
            joints: labels.
            weights: of the frames, (N,), non-negative; None for weights of 1.

        Returns:
            Sum of the weights.

        Raises:
            ShapeError: an array has another shape.
            DataError: an array is complex or masked, or a weight is negative or not finite.
            UnitError: a frame whose extent is none of a person (`plausible.BODY_M`): usually
                millimetres, or a point that is not finite.
        """
        vertices, joints = real_array(vertices, "vertices"), real_array(joints, "joints")
        count = len(vertices) if vertices.ndim else 0
        if vertices.shape != (count, self.n_vertices, 3) or joints.shape != (count, self.n_joints, 3):
            raise ShapeError(
                f"vertices {vertices.shape} and joints {joints.shape}, expected "
                f"(N, {self.n_vertices}, 3) and (N, {self.n_joints}, 3)"
            )
        for name, points in (("vertices", vertices), ("joints", joints)):
            with np.errstate(over="ignore", invalid="ignore"):
                extents = np.ptp(points, axis=1).max(axis=-1)
            BODY_M.require_each(
                extents,
                f"{name} extend over {{length}} m in frame {{frame}}",
                "give bodies and labels in metres: divide millimetres by 1000",
            )
        if weights is not None:
            weights = real_array(weights, "weights")
            if weights.shape != (count,):
                raise ShapeError(f"weights have shape {weights.shape}, expected ({count},)")
            if not ((weights >= 0) & (weights < np.inf)).all():
                raise DataError("weights are negative or not finite, expected 0 or more for each frame")
        vertices, joints = centred(on_grid(vertices, GRID_M), joints)
        if weights is not None:
            vertices *= np.sqrt(weights)[:, None, None]
            joints *= np.sqrt(weights)[:, None, None]
        vertices, joints = on_grid(vertices, GRID_M), on_grid(joints, GRID_M)
        for index, axes in enumerate(self.groups):
            v = vertices[..., axes].transpose(1, 2, 0).reshape(self.n_vertices, -1)
            x = joints[..., axes].transpose(1, 2, 0).reshape(self.n_joints, -1)
            self._add_gram(self.gram[index], v)
            cross, square = x @ v.T, x @ x.T
            with self._locks[-1]:
                self.cross[index] += cross
                self.square[index] += square
        with self._locks[-1]:
            self.frames_added += count
            self.frames += count if weights is None else int(np.count_nonzero(weights))
        return float(count if weights is None else weights.sum())

    def _add_gram(self, gram: np.ndarray, v: np.ndarray) -> None:
        """Add v @ v.T, (V, V), to the upper triangle, tile by tile."""
        buffer = np.empty(min(TILE, self.n_vertices) * self.n_vertices)
        for lock, start in zip(self._locks, range(0, self.n_vertices, TILE), strict=False):
            part = v[start : start + TILE]
            end = start + len(part)
            product = buffer[: len(part) * end].reshape(len(part), end)
            np.matmul(part, v[:end].T, out=product)
            with lock:
                gram.T[start:end, :end] += product

    def add_statistics(self, other: "Statistics") -> None:
        """Add the frames of other statistics of the same vertices and groups."""
        self.frames += other.frames
        self.frames_added += other.frames_added
        self.total_weight += other.total_weight
        for name in ("gram", "cross", "square"):
            for into, values in zip(getattr(self, name), getattr(other, name), strict=True):
                into += values

    def complete(self) -> None:
        """Copy the upper triangle of every Gram matrix to the lower one, in place."""
        for gram in self.gram:
            for at in range(0, self.n_vertices, TILE):
                tile, rest = slice(at, at + TILE), slice(at + TILE, None)
                gram[rest, tile] = gram[tile, rest].T
                inner = gram[tile, tile]
                inner[...] = np.triu(inner) + np.triu(inner, 1).T

    def symmetrise(self, mirror: np.ndarray, mirrored_rows: np.ndarray) -> None:
        """Average the statistics of all frames with those of their mirror images, in place.

        A reflection changes no inner product, so entries are averaged with their counterparts.

        Args:
            mirror: vertex on the other side, its own inverse, (V,).
            mirrored_rows: joint on the other side, its own inverse, (J,).
        """
        self.complete()
        for gram, cross, square in zip(self.gram, self.cross, self.square, strict=True):
            half = np.flatnonzero(np.arange(self.n_vertices) <= mirror)
            for at in range(0, len(half), TILE):
                columns = half[at : at + TILE]
                mean = (gram[:, columns] + gram[:, mirror[columns]][mirror]) / 2
                gram[:, columns] = mean
                gram[:, mirror[columns]] = mean[mirror]
            cross[...] = (cross + cross[mirrored_rows][:, mirror]) / 2
            square[...] = (square + square[np.ix_(mirrored_rows, mirrored_rows)]) / 2

    def residual(self, weights: np.ndarray) -> list[np.ndarray]:
        """Mean over frames of R R^T for each group, R = X - J V, m^2, (J, J).

        Call `complete` first. The diagonals of all groups add up to the mean squared distance of each
        joint from its label.
        """
        used = np.flatnonzero(weights.any(axis=0))
        part = weights[:, used]
        residuals = []
        for gram, cross, square in zip(self.gram, self.cross, self.square, strict=True):
            mixed = cross[:, used] @ part.T
            product = part @ gram[np.ix_(used, used)] @ part.T
            residuals.append((square - mixed - mixed.T + product) / self.total_weight)
        return residuals


def centred(vertices: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints minus the mean of each frame's vertices, float64."""
    vertices, joints = np.asarray(vertices, np.float64), np.asarray(joints, np.float64)
    centre = vertices.mean(axis=1, keepdims=True)
    return vertices - centre, joints - centre


def joined(parts: Sequence[Statistics]) -> Statistics:
    """The sum of statistics of the same vertices and groups."""
    first = parts[0]
    total = Statistics(first.n_vertices, first.n_joints, first.groups)
    for part in parts:
        total.add_statistics(part)
    return total
