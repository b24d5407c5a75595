"""Fits of any joint set on any mesh, every joint on candidate vertices of its own.

The candidates are those that stay nearest to the labels over all frames, and a thin sample of the next.
So a fit needs no skeleton, its memory does not grow with frames nor with the square of the vertices, and
a joint may lack labels in some frames.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.linalg.blas import dsyrk

from jointreg.errors import DataError, SolverError
from jointreg.exchange.regressor import Regressor
from jointreg.exchange.regressor_files import LARGEST_SUM_ERROR
from jointreg.regressor.determination import THIN, Parts
from jointreg.regressor.mirror import Mirror
from jointreg.regressor.nnls import ALONE, prune, solve_nnls

NEAREST = 400
"""Candidates that are nearest to the joint."""
AROUND = 112
"""Candidates more, evenly among the `WITHIN` next nearest: a joint lies inside of their hull."""
WITHIN = 4000
SUM_WEIGHT = 100.0
"""Pull of each row towards sum 1, m^2, as in config/config.yaml."""
OPTIMAL = 1e-14
"""As `regressor.nnls.OPTIMAL`, but small: the gradient of a vertex of the hand or head is small
beside that of the sum of its row. At 1e-10 exact labels of a wrist are missed by 0.06 mm,
by other vertices."""
LEAST_FRAMES = 10
"""Labels that a joint needs."""

Frames = Iterable[tuple[np.ndarray, np.ndarray]]
"""Chunks of vertices (n, V, 3) and joints (n, J, 3), metres, NaN for a missing joint."""


def candidates(
    frames: Frames, mirror: Mirror | None = None, names: tuple[str, ...] = ()
) -> tuple[np.ndarray, int]:
    """Vertices that each joint may use, (J, C), sorted; and the number of frames.

    With a mirror a joint has the counterparts of the joint on the other side, in that joint's order, and
    a joint in the middle has one vertex of each pair. `names` are those of the joints, for errors.

    Raises:
        DataError: a joint with fewer than `LEAST_FRAMES` labels.
    """
    distance, count, total = np.zeros(0), np.zeros(0), 0
    for vertices, joints in frames:
        total += len(vertices)
        labelled = np.isfinite(joints.sum(axis=2))
        v = _axes_first(vertices, np.float32)
        centre = v.mean(axis=2, dtype=np.float64)
        v -= centre[..., None].astype(np.float32)
        x = np.where(labelled[..., None], joints - centre[:, None], 0.0).astype(np.float32)
        mixed = x.transpose(1, 0, 2).reshape(x.shape[1], -1) @ v.reshape(-1, v.shape[2])
        squares = labelled.T.astype(np.float32) @ np.square(v, out=v).sum(axis=1)
        part = (squares - 2 * mixed + np.square(x).sum(axis=(0, 2))[:, None]).astype(np.float64)
        distance = part if not distance.size else distance + part
        count = labelled.sum(axis=0) if not count.size else count + labelled.sum(axis=0)
    few = np.flatnonzero(count < LEAST_FRAMES)
    if len(few):
        which = ", ".join(names[k] if names else f"joint {k}" for k in few)
        raise DataError(
            f"{which:.200}: labels in fewer than {LEAST_FRAMES} frames",
            "leave them out, or label more frames",
        )
    if mirror is not None:
        distance += distance[mirror.joints][:, mirror.vertices]
        middle = mirror.joints == np.arange(len(distance))
        other_half = np.arange(len(mirror.vertices)) > mirror.vertices
        distance[np.ix_(middle, other_half)] = np.inf
    order = np.argsort(distance, axis=1, kind="stable")
    next_nearest = order[:, NEAREST : NEAREST + WITHIN]
    step = max(1, next_nearest.shape[1] // AROUND)
    chosen = np.concatenate([order[:, :NEAREST], next_nearest[:, ::step][:, :AROUND]], axis=1)
    chosen = np.sort(chosen)
    if mirror is not None:
        later = np.flatnonzero(mirror.joints < np.arange(len(chosen)))
        chosen[later] = mirror.vertices[chosen[mirror.joints[later]]]
    return chosen, total


def _axes_first(vertices: np.ndarray, dtype: type[np.floating]) -> np.ndarray:
    """A copy (n, 3, V) of meshes (n, V, 3): sums over vertices are then over neighbours in memory."""
    return np.array(vertices.transpose(0, 2, 1), dtype=dtype, order="C")


class _Sums:
    """Sums over the labelled frames of each joint, metres squared, from the middle of its candidates."""

    def __init__(self, joints: int, size: int) -> None:
        self.gram = [np.zeros((size, size), order="F") for _ in range(joints)]
        """Of each joint, (C, C), upper triangle."""
        self.cross, self.square = np.zeros((joints, size)), np.zeros(joints)
        self.count = np.zeros(joints, dtype=np.int64)

    def add(self, joint: int, meshes: np.ndarray, labels: np.ndarray) -> None:
        """Add frames: candidates (n, 3, C), which are changed, and labels (n, 3), NaN where missing."""
        centre = meshes.mean(axis=2)
        meshes -= centre[..., None]
        x = labels - centre
        missing = ~np.isfinite(x).all(axis=1)
        meshes[missing], x[missing] = 0, 0
        equations = meshes.reshape(-1, meshes.shape[2]).T
        self.gram[joint] = dsyrk(1.0, equations, beta=1.0, c=self.gram[joint], overwrite_c=True)
        self.cross[joint] += equations @ x.ravel()
        self.square[joint] += np.square(x).sum()
        self.count[joint] += len(x) - np.count_nonzero(missing)

    def whole(self, joint: int) -> np.ndarray:
        """Both triangles of a Gram matrix."""
        return np.triu(self.gram[joint]) + np.triu(self.gram[joint], 1).T

    def solve(self, joints: list[int], sum_weight: float, most: int) -> np.ndarray:
        """Weights (C,) that serve all of the joints; at most `most` above zero, 0 for no limit."""
        terms = [(ALONE, np.sum([self.whole(joint) for joint in joints], axis=0))]
        target, pull = self.cross[joints].sum(axis=0)[None], sum_weight * self.count[joints].sum()
        row = solve_nnls(terms, target, pull, optimal=OPTIMAL)
        if most:
            row = prune(terms, target, pull, row, np.array([most]), OPTIMAL)
        return row[0]

    def residual_mm(self, joint: int, row: np.ndarray) -> float:
        """Root mean square distance of the labels."""
        squares = self.square[joint] - 2 * row @ self.cross[joint] + row @ self.whole(joint) @ row
        return 1e3 * float(np.sqrt(max(squares / self.count[joint], 0.0)))


def fit_own_candidates(
    frames: Frames,
    names: tuple[str, ...],
    *,
    max_vertices: int = 0,
    sum_weight: float = SUM_WEIGHT,
    reference: np.ndarray | None = None,
    mirror: Mirror | None = None,
) -> Regressor:
    """Fit a non-negative regressor to posed meshes and labelled joints.

    Per joint, over its labelled frames n:  min over w >= 0 of  (1/N) sum_n |x_n - w V_n|^2
    + sum_weight (sum(w) - 1)^2. The frames are read twice.

    Args:
        frames: iterated twice, such as `LabelledMeshes`; not an iterator.
        names: of the joints, (J,).
        max_vertices: most vertices with a weight for each joint; 0 for no limit.
        sum_weight: pull of each row towards sum 1, m^2.
        reference: the mesh in a pose whose axes name directions, (V, 3); None for the first frame.
        mirror: with it every frame counts half as its mirror image, so left and right are alike.
            `max_vertices` is then 2 or more.

    Returns:
        Weights (J, V). `about` gives by joint the labelled frames, residual in mm, non-zeros, row sums,
        and the standard error of the joint along three axes of the body in mm, None where the frames
        are too few to give it.

    Raises:
        TypeError: `frames` is an iterator.
        DataError: a joint with too few labels.
        SolverError: the solver did not finish, or a row sum is far from 1.
    """
    if iter(frames) is frames:
        raise TypeError("the frames are read twice: give a list, not an iterator")
    chosen, total = candidates(frames, mirror, names)
    joints, size = chosen.shape
    rows = np.arange(joints) if mirror is None else mirror.joints
    second = [
        mirror.vertices[row] if mirror is not None and rows[j] == j else row
        for j, row in enumerate(chosen)
    ]
    sums = _Sums(joints, size)
    vertices_of_mesh = 0
    used = np.union1d(chosen, second)
    place, counterpart = np.searchsorted(used, chosen), np.searchsorted(used, second)
    parts = Parts(total)
    for vertices, labels in frames:
        vertices_of_mesh = vertices.shape[1]
        some = _axes_first(vertices.take(used, axis=1), np.float64)
        columns = [some.take(row, axis=2) for row in place]
        for k in np.flatnonzero((place != counterpart).any(axis=1)).tolist():
            columns[k] = (columns[k] + some.take(counterpart[k], axis=2)) / 2
        parts.sample_of(columns)
        for j, meshes in enumerate(columns):
            sums.add(j, meshes, labels[:, j])
        parts.end_of_chunk(len(vertices), sums.gram, sums.cross, sums.count)
    weights = np.zeros((joints, vertices_of_mesh))
    residual_mm = np.zeros(joints)
    for j in np.flatnonzero(rows >= np.arange(joints)).tolist():
        both = [j] if rows[j] == j else [j, int(rows[j])]
        pairs = mirror is not None and both == [j]  # a column is a vertex and its mirror image
        row = sums.solve(both, sum_weight, max_vertices // 2 if pairs else max_vertices)
        for k in both:
            np.add.at(weights[k], chosen[k], row / 2)
            np.add.at(weights[k], second[k], row / 2)
            residual_mm[k] = sums.residual_mm(k, row)
    totals = weights.sum(axis=1)
    worst = int(np.abs(totals - 1).argmax())
    if abs(totals[worst] - 1) > LARGEST_SUM_ERROR:
        raise SolverError(
            f"the row of {names[worst]} sums to {totals[worst]:.3f}, expected 1 within "
            f"{LARGEST_SUM_ERROR}: its label lies outside of the mesh, or moves otherwise",
            "look at frames, unit, place and order of the labels",
        )
    axes = None
    if reference is not None:
        axes = ((reference[chosen] + reference[np.array(second)]) / 2)[:, ::THIN].astype(np.float64)
    errors_mm = 1e3 * parts.standard_error(sum_weight, LEAST_FRAMES, axes, rows)
    about = _about(names, sums.count, residual_mm, weights, errors_mm) | {"parts": len(parts.sums)}
    return Regressor(weights, names, about)


def _about(
    names: tuple[str, ...],
    count: np.ndarray,
    residual_mm: np.ndarray,
    weights: np.ndarray,
    errors_mm: np.ndarray,
) -> dict[str, Any]:
    errors = [row.round(2).tolist() if np.isfinite(row).all() else None for row in errors_mm]
    return {
        "solver": "non-negative least squares, each joint on candidates of its own",
        "labelled_frames": dict(zip(names, count.tolist(), strict=True)),
        "residual_rms_mm": dict(zip(names, residual_mm.round(3).tolist(), strict=True)),
        "nonzeros": dict(zip(names, np.count_nonzero(weights, axis=1).tolist(), strict=True)),
        "standard_error_mm": dict(zip(names, errors, strict=True)),
        "row_sums": dict(zip(names, weights.sum(axis=1).round(6).tolist(), strict=True)),
    }
