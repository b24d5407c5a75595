"""Joint regressors: fit one to posed bodies and labelled joints, apply it, load and save it.

A regressor J (joints x vertices) is non-negative, and its rows sum to about 1: joints = J @ vertices.

Source: paper II-B, Eq. 1, read as a least-squares problem (docs/deviations.md#eq-1); NNLS by active
set: Lawson and Hanson, Solving Least Squares Problems, 1974, on the Gram matrix as in Bro and de Jong,
J. Chemometrics 1997.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.linalg.blas import dsyrk

from jointreg.body import Body
from jointreg.config import FitRegressor
from jointreg.errors import DataError, ShapeError, SolverError, UnitError
from jointreg.skeleton import H36M_17, rows
from jointreg.stores import Record, require_same_rows

CHUNK = 256
"""Frames posed at a time while the statistics are summed."""
LARGEST_SUM_ERROR = 0.01
"""A row's sum may differ from 1 by this; at 5 m from the camera that is 5 cm."""
LABEL_NOISE_M = 0.01
"""Standard deviation of a labelled joint that the prior on translations is weighed against, metres."""
TOGETHER = ((0, 1, 2),)
DEPTH_APART = ((0, 1), (2,))
ALONE = np.ones((1, 1))


@dataclass(frozen=True)
class Regressor:
    """A joint regressor and the names of its rows."""

    weights: np.ndarray
    """Shape (J, V), float64, dimensionless."""
    joint_names: tuple[str, ...] = H36M_17
    about: dict[str, object] = field(default_factory=dict)
    """What is known of its making: frames, absolute_residual_rms_mm, nonzeros, row_sums."""

    def apply(self, vertices: np.ndarray) -> np.ndarray:
        """Joints of posed meshes, (..., V, 3) -> (..., J, 3), in the unit and frame of the vertices.

        Raises:
            ShapeError: the mesh has another number of vertices.
        """
        if vertices.shape[-2] != self.weights.shape[1]:
            raise ShapeError(
                f"vertices have shape {vertices.shape}, expected (..., {self.weights.shape[1]}, 3)"
            )
        support = np.flatnonzero(self.weights.any(axis=0))
        return np.matmul(self.weights[:, support], vertices[..., support, :])


@dataclass
class Statistics:
    """Sufficient statistics of Eq. 1 over any number of frames, centred on each frame's mesh mean.

    Memory is independent of the number of frames: one V x V matrix a group of axes and a chunk of
    frames. Where a translation is fitted, depth is kept apart from the lateral axes.
    """

    n_vertices: int
    n_joints: int = len(H36M_17)
    groups: tuple[tuple[int, ...], ...] = TOGETHER
    """Axes of the camera frame that are summed together: `TOGETHER` or `DEPTH_APART`."""
    frames: int = 0
    gram: list[np.ndarray] = field(init=False)
    """Sum over frames of V V^T for each group, m^2, (V, V); the upper triangle is filled."""
    cross: list[np.ndarray] = field(init=False)
    """Sum over frames of X V^T for each group, m^2, (J, V)."""
    square: np.ndarray = field(init=False)
    """Sum over frames of |X_j|^2, m^2, (J,)."""

    def __post_init__(self) -> None:
        size = self.n_vertices, self.n_vertices
        self.gram = [np.zeros(size, order="F") for _ in self.groups]
        self.cross = [np.zeros((self.n_joints, self.n_vertices)) for _ in self.groups]
        self.square = np.zeros(self.n_joints)

    def add(self, vertices: np.ndarray, joints: np.ndarray) -> None:
        """Add frames: vertices (N, V, 3) and joints (N, J, 3), same frame of reference, metres.

        Raises:
            ShapeError: the arrays do not belong together.
            UnitError: the median body is not between 0.5 and 3 m across (usually millimetres).
        """
        count = len(vertices)
        if vertices.shape != (count, self.n_vertices, 3) or joints.shape != (count, self.n_joints, 3):
            raise ShapeError(
                f"vertices {vertices.shape} and joints {joints.shape}, expected "
                f"(N, {self.n_vertices}, 3) and (N, {self.n_joints}, 3)"
            )
        for name, points in (("vertices", vertices), ("joints", joints)):
            extent = float(np.median(np.ptp(points, axis=1).max(axis=-1)))
            if not 0.5 <= extent <= 3.0:
                raise UnitError(
                    f"{name} extend over {extent:.3g} m in the median frame, expected 0.5-3 m"
                )
        vertices, joints = np.asarray(vertices, np.float64), np.asarray(joints, np.float64)
        centre = vertices.mean(axis=1, keepdims=True)
        vertices, joints = vertices - centre, joints - centre
        for index, axes in enumerate(self.groups):
            v = vertices[..., axes].transpose(1, 0, 2).reshape(self.n_vertices, -1)
            x = joints[..., axes].transpose(1, 0, 2).reshape(self.n_joints, -1)
            self.gram[index] = dsyrk(1.0, v.T, beta=1.0, c=self.gram[index], trans=1, overwrite_c=True)
            self.cross[index] += x @ v.T
        self.square += (joints**2).sum(axis=(0, 2))
        self.frames += count


def fit(body: Body, sequences: Iterable[tuple[Record, Record]], settings: FitRegressor) -> Regressor:
    """Fit a regressor to posed bodies and labels, in one streaming pass.

    Args:
        body: the body model.
        sequences: stores BODIES and FRAMES (`joints_cam` is enough) of each sequence.
        settings: the block fit_regressor_spin or fit_regressor_opt.

    Raises:
        StoreError: bodies and frames of a sequence are not the same rows.
        ShapeError, UnitError: as `Statistics.add` and `fit_regressor`.
        SolverError: the solver did not finish, or rows are far from summing to 1.
    """
    groups = DEPTH_APART if settings.translation == "eliminated" else TOGETHER
    total = Statistics(body.n_vertices, groups=groups)
    for bodies, frames in sequences:
        require_same_rows(bodies, frames, "fit_regressor: bodies and frames")
        for begin in range(0, len(frames.joints_cam), CHUNK):
            part = slice(begin, begin + CHUNK)
            posed = body.vertices(bodies.rotations[part], bodies.betas[part], bodies.translation[part])
            total.add(posed, frames.joints_cam[part])
    regressor = fit_regressor(total, settings)
    sums = regressor.weights.sum(axis=1)
    if np.abs(sums - 1).max() > LARGEST_SUM_ERROR:
        raise SolverError(
            f"rows sum to {sums.min():.3f} to {sums.max():.3f}, expected 1 within {LARGEST_SUM_ERROR}: "
            "such a regressor shifts its joints when the body moves",
            "raise sum_weight",
        )
    return regressor


def fit_regressor(stats: Statistics, settings: FitRegressor) -> Regressor:
    """Find the non-negative regressor that maps posed meshes to labelled joints.

    min over J >= 0, t_n of  (1/N) sum_n |X_n - J V_n - 1 t_n^T|^2  +  (1/N) sum_n |(s / p) t_n|^2
                             +  sum_weight sum_j (sum_i J_ji - 1)^2

    With `translation: absolute` t_n is zero and the rows are 17 separate problems. With `eliminated`
    t_n is solved for in closed form and the rows are one joint problem. The data alone cannot tell
    J_j -> J_j + d for all rows j from a shift of every t_n; the prior decides it: p is the standard
    deviation of a body's own translation error, `lateral_error_m` across and `depth_error_m` along the
    line of sight, and s the label noise LABEL_NOISE_M.

    Args:
        stats: with groups `TOGETHER` for absolute, `DEPTH_APART` for eliminated.
        settings: the block fit_regressor_spin or fit_regressor_opt.

    Raises:
        ShapeError: no frames, or statistics with other groups.
        SolverError: the active-set solver did not finish.
    """
    if stats.frames == 0:
        raise ShapeError("no frames were added to the statistics, a regressor needs at least one")
    eliminated = settings.translation == "eliminated"
    if stats.groups != (DEPTH_APART if eliminated else TOGETHER):
        raise ShapeError(f"statistics with axes {stats.groups} do not fit '{settings.translation}'")
    grams = [_symmetric(gram) / stats.frames for gram in stats.gram]
    cross = [part / stats.frames for part in stats.cross]
    if eliminated:
        deviations = settings.lateral_error_m, settings.depth_error_m
        couplings = [_coupling(stats.n_joints, deviation) for deviation in deviations]
        target = np.sum([c @ part for c, part in zip(couplings, cross, strict=True)], axis=0)
        weights = solve_nnls(list(zip(couplings, grams, strict=True)), target, settings.sum_weight)
    else:
        rows = [solve_nnls([(ALONE, grams[0])], row[None], settings.sum_weight) for row in cross[0]]
        weights = np.concatenate(rows)
    fitted = sum(
        np.einsum("jv,jv->j", _times(weights, gram) - 2 * part, weights)
        for gram, part in zip(grams, cross, strict=True)
    )
    squares = stats.square / stats.frames + fitted
    residual_mm = 1e3 * np.sqrt(np.maximum(squares, 0.0))
    about = {
        "frames": stats.frames,
        "absolute_residual_rms_mm": [round(float(value), 4) for value in residual_mm],
        "nonzeros": [int(np.count_nonzero(row)) for row in weights],
        "row_sums": [round(float(row.sum()), 6) for row in weights],
    }
    return Regressor(weights, about=about)


def _coupling(joints: int, deviation_m: float) -> np.ndarray:
    """How eliminating a translation with this prior couples the rows, (J, J).

    t_n takes the share J p^2 / (J p^2 + s^2) of the mean residual of frame n.
    """
    signal = joints * deviation_m**2
    return np.eye(joints) - signal / (signal + LABEL_NOISE_M**2) / joints


def _symmetric(upper: np.ndarray) -> np.ndarray:
    """The full matrix from its upper triangle."""
    return np.triu(upper) + np.triu(upper, 1).T


def _times(weights: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """weights @ gram, touching only the rows of gram that any weight uses."""
    support = np.flatnonzero(weights.any(axis=0))
    return weights[:, support] @ gram[support]


def solve_nnls(
    terms: Sequence[tuple[np.ndarray, np.ndarray]],
    target: np.ndarray,
    sum_weight: float,
) -> np.ndarray:
    """Coupled rows of non-negative least squares by an active set, exact up to rounding.

    min over W >= 0 of  sum_terms sum_jk coupling_jk W_j gram W_k^T  -  2 sum_j target_j W_j^T
                        + sum_weight sum_j (sum_i W_ji - 1)^2

    Args:
        terms: pairs of coupling (J, J), symmetric positive definite, and gram (V, V), symmetric
            positive semi-definite.
        target: (J, V).
        sum_weight: pull of each row towards sum 1.

    Returns:
        (J, V) float64, at which no entry can grow or shrink to lower the sum.

    Raises:
        SolverError: the step limit was reached.
    """
    weights = np.zeros(target.shape)
    passive = np.zeros(target.shape, dtype=bool)
    tolerance = 1e-10 * float(np.abs(target).max() + sum_weight)
    together = True
    for _ in range(20 * target.shape[1]):
        gradient = target - sum_weight * (weights.sum(axis=1, keepdims=True) - 1)
        for coupling, gram in terms:
            gradient -= coupling @ _times(weights, gram)
        gradient[passive] = -np.inf
        entering = gradient.argmax(axis=1)
        rows = np.flatnonzero(gradient.max(axis=1) > tolerance)
        if not len(rows):
            return weights
        if not together:  # one vertex at a time always makes progress
            rows = rows[[gradient[rows, entering[rows]].argmax()]]
        before = weights > 0
        passive[rows, entering[rows]] = True
        _descend(terms, target, sum_weight, weights, passive)
        if not np.array_equal(before, weights > 0):
            together = True
        elif together:
            together = False
        else:
            return weights  # the vertex is a twin, within rounding, of some that are in
    raise SolverError(f"NNLS did not settle in {20 * target.shape[1]} steps")


def _descend(
    terms: Sequence[tuple[np.ndarray, np.ndarray]],
    target: np.ndarray,
    sum_weight: float,
    weights: np.ndarray,
    passive: np.ndarray,
) -> None:
    """Minimise over the passive entries; those that would turn negative leave the set. In place."""
    while passive.any():
        row, vertex = np.nonzero(passive)
        block = sum_weight * (row[:, None] == row)
        for coupling, gram in terms:
            block = block + coupling[np.ix_(row, row)] * gram[np.ix_(vertex, vertex)]
        block[np.diag_indices_from(block)] *= 1 + 1e-12  # vertices that move alike stay solvable
        solution = np.linalg.solve(block, target[row, vertex] + sum_weight)
        if (solution > 0).all():
            weights[~passive] = 0
            weights[row, vertex] = solution
            return
        current = weights[row, vertex]
        leaving = np.flatnonzero(solution <= 0)
        ratio = current[leaving] / np.maximum(current[leaving] - solution[leaving], 1e-300)
        step = ratio.min()
        moved = current + step * (solution - current)
        moved[leaving[ratio <= step]] = 0
        moved[moved < 0] = 0
        weights[row, vertex] = moved
        passive[row[moved == 0], vertex[moved == 0]] = False


def load_regressor(path: str | Path, body: Body | None = None) -> Regressor:
    """Load a 17-joint regressor in the field's `.npy` form: (17, V), left leg first.

    Args:
        path: `.npy` file.
        body: the body it shall fit; None skips the checks that need one.

    Raises:
        DataError: missing, not a plain array, not 17 rows, another V, negative or not finite, or
            rows that do not sum to 1 within 0.01, or left joints on the body's right side.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(
            f"regressor {path} does not exist",
            "SPIN's data archive has J_regressor_h36m.npy; set regressor_std to its path",
        )
    try:
        weights = np.load(path, allow_pickle=False).astype(np.float64)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is not a plain npy array: {error}") from error
    if weights.ndim != 2 or len(weights) != len(H36M_17):
        raise DataError(f"{path} has shape {weights.shape}, expected ({len(H36M_17)}, V)")
    if body is not None and weights.shape[1] != body.n_vertices:
        raise DataError(f"{path} is for {weights.shape[1]} vertices, the body has {body.n_vertices}")
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise DataError(f"{path} has negative or non-finite entries, a regressor is non-negative")
    sums = weights.sum(axis=1)
    if np.abs(sums - 1).max() > LARGEST_SUM_ERROR:
        worst = int(np.abs(sums - 1).argmax())
        raise DataError(f"{path}: row {worst} ({H36M_17[worst]}) sums to {sums[worst]:.3f}, expected 1")
    if body is not None:
        _require_sides(weights @ body.template, path)
    return Regressor(weights)


def _require_sides(joints: np.ndarray, path: Path) -> None:
    """Left joints lie at larger x than right ones in the T-pose of an SMPL-format body."""
    left = [name for name in H36M_17 if name.startswith("left_")]
    right = [name.replace("left_", "right_") for name in left]
    wrong = joints[rows(left), 0] <= joints[rows(right), 0]
    if wrong.any():
        names = ", ".join(name for name, bad in zip(left, wrong, strict=True) if bad)
        raise DataError(
            f"{path}: {names} lie on the right side of the body, expected rows with the left leg first",
            "files called J_regressor_h36m_correct.npy have the right leg first: reorder the rows from "
            "skeleton.H36M_17_RIGHT_FIRST to skeleton.H36M_17",
        )


def save_regressor(regressor: Regressor, path: str | Path) -> None:
    """Save as the field's `.npy`: (17, V) float64, C order, left leg first, no pickle."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.ascontiguousarray(regressor.weights), allow_pickle=False)
