"""Fits of a joint regressor to posed bodies and labelled joints.

A regressor J, (joints, vertices), is non-negative and its rows sum to about 1: joints = J @ vertices.
`jointreg.exchange.regressor_files` reads and writes its files.

Source: paper II-B, Eq. 1, read as a least-squares problem (docs/deviations.md#eq-1). Weights of robust
fits: Huber 1964; Geman and McClure 1987. The effect of every option: docs/regressor.md.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import H36M, JointSet, joint_set_of
from jointreg.config.settings import FitRegressor
from jointreg.errors import ShapeError, SolverError
from jointreg.exact import product
from jointreg.exchange.regressor import Regressor
from jointreg.exchange.regressor_files import LARGEST_SUM_ERROR
from jointreg.exchange.regressor_files import load_regressor as load_regressor
from jointreg.exchange.regressor_files import save_regressor as save_regressor
from jointreg.regressor.candidates import MIRRORED_ROWS, allowed_vertices, mirror_of, mirrored
from jointreg.regressor.nnls import ALONE, prune, solve_nnls
from jointreg.regressor.normal_equations import DEPTH_APART, TOGETHER, Groups, Statistics, centred
from jointreg.stores.schema import Record, require_same_rows
from jointreg.stores.schemas import BODIES, FRAMES

CHUNK = 512
"""Largest number of frames that a thread poses and adds at a time: 300 MB."""
LABEL_NOISE_M = 0.01
"""Standard deviation of a labelled joint, metres. The prior on translations is weighed against it."""

Sequences = Iterable[tuple[Record, Record]]
"""Stores BODIES and FRAMES (`joints_cam` is enough) of each sequence."""


@dataclass(frozen=True)
class Training:
    """Sequences on disk, read again in every pass. Paths end in `<subject>/<action>.zarr.zip`."""

    bodies: Sequence[str]
    """Stores BODIES."""
    frames: Sequence[str]
    """Stores FRAMES, in the same order."""
    watch: Callable[[Sequence[Any], str], Iterable[Any]] = lambda items, label: items
    """Passes the sequences on and reports the progress, like `progress.progress`."""

    @property
    def joint_set(self) -> JointSet:
        """What the labels are."""
        return joint_set_of(FRAMES.read(self.frames[0], only=[]).attrs)

    @property
    def subjects(self) -> list[str]:
        """The subject of each sequence."""
        return [Path(path).parent.name for path in self.bodies]

    def __iter__(self) -> Iterator[tuple[Record, Record]]:
        for bodies, frames in self.watch(list(zip(self.bodies, self.frames, strict=True)), "sequences"):
            yield BODIES.read(bodies), FRAMES.read(frames, only=["joints_cam"])


def fit(
    body: Body,
    sequences: Sequences,
    settings: FitRegressor,
    joint_set: JointSet = H36M,
    *,
    workers: int = 1,
) -> Regressor:
    """Fit a regressor to posed bodies and labels.

    One streaming pass. `robust` and `drop_above_m` need `robust_passes` more, because a frame has a
    residual only after a first fit. Memory does not grow with the number of frames.

    Args:
        body: the body model.
        sequences: read once in each pass; an iterator is enough where there is one pass.
        settings: the block fit_regressor, with what differs for this regressor.
        joint_set: what the labels are; `about` describes another one than Human3.6M's.
        workers: threads that pose bodies and add them; the result is the same to the last bit.

    Returns:
        Weights (J, V). `about` gives frames, frames_dropped, mean_frame_weight, residuals in mm,
        non-zeros and row sums.

    Raises:
        DataError: an option leaves a joint without vertices, or the body lacks what an option needs.
        StoreError: bodies and frames of a sequence have different rows.
        ShapeError, UnitError: as `Statistics.add` and `fit_regressor`.
        SolverError: the solver did not finish, or a row sum is far from 1.
        TypeError: `sequences` is an iterator and there is more than one pass.
    """
    if weighted(settings) and iter(sequences) is sequences:
        raise TypeError("robust and drop_above_m read the sequences again: give a list, not an iterator")
    regressor = _one_pass(body, sequences, settings, None, joint_set, workers)
    for _ in range(settings.robust_passes if weighted(settings) else 0):
        regressor = _one_pass(body, sequences, settings, regressor, joint_set, workers)
    _require_sums(regressor)
    regressor.about["topology_hash"] = body.topology_hash
    if joint_set != H36M:
        regressor.about["joint_set"] = joint_set.as_facts()
    return regressor


def _one_pass(
    body: Body,
    sequences: Sequences,
    settings: FitRegressor,
    last: Regressor | None,
    joint_set: JointSet,
    workers: int,
) -> Regressor:
    """Sum the statistics, frames weighted by their residual under the last fit, and solve."""
    allowed = allowed_vertices(body, settings, joint_set)
    vertices = np.flatnonzero(allowed.any(axis=0))
    stats = Statistics(len(vertices), len(allowed), groups(settings))
    parts = ((stats, bodies, frames) for bodies, frames in sequences)
    add_sequences(parts, body, vertices, settings, last, workers)
    if stats.frames == 0 and stats.frames_added:
        raise ShapeError(
            f"every one of {stats.frames_added} frames has a residual above {settings.drop_above_m:g} m",
            "raise drop_above_m",
        )
    fitted = solve_regressor(
        stats,
        settings,
        allowed=allowed[:, vertices],
        mirror=mirror_of(body, vertices) if settings.symmetric else None,
        sides=np.array(joint_set.mirror),
    )
    weights = np.zeros(allowed.shape)
    weights[:, vertices] = fitted.weights
    return Regressor(weights, joint_set.joints, fitted.about)


def weighted(settings: FitRegressor) -> bool:
    """Whether the weight of a frame depends on its residual."""
    return settings.robust != "none" or settings.drop_above_m > 0


def groups(settings: FitRegressor) -> Groups:
    """Groups of axes that the statistics of this fit sum together."""
    return DEPTH_APART if settings.translation == "eliminated" else TOGETHER


def add_sequences(
    parts: Iterable[tuple[Statistics, Record, Record]],
    body: Body,
    vertices: np.ndarray,
    settings: FitRegressor,
    regressor: Regressor | None = None,
    workers: int = 1,
) -> None:
    """Add sequences to statistics of some vertices. The sums have the same bits for any `workers`.

    Args:
        parts: of each sequence the statistics that it is added to, made for `groups(settings)` and
            len(vertices) vertices, and its stores BODIES and FRAMES of the same rows.
        body: the body model.
        vertices: sorted indices of the vertices in the statistics.
        settings: of the fit.
        regressor: the fit of the last pass, from which frames get their weights; None for weights of 1.
        workers: threads.
    """
    from jointreg.body.posing import Layout, Posed  # needs numba, which readers of regressors do not

    # the same bits on every processor, which `Body.vertices` has not
    layout = Layout(body, vertices if regressor is None else None)

    def add(stats: Statistics, pose: list[np.ndarray], joints: np.ndarray) -> float:
        posed = Posed(layout, *pose).vertices.transpose(2, 0, 1)
        if regressor is None:
            return stats.add_sums(posed, joints)
        weights = frame_weights(posed, joints, regressor, settings)
        return stats.add_sums(posed[:, vertices], joints, weights)

    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[Statistics, Future[float]]] = deque()
        for stats, bodies, frames in parts:
            for pose, joints in _chunks(bodies, frames):
                waiting.append((stats, pool.submit(add, stats, pose, joints)))
                while len(waiting) > workers:
                    _add_weight(*waiting.popleft())
        for each in waiting:
            _add_weight(*each)


def _add_weight(stats: Statistics, weight: "Future[float]") -> None:
    stats.total_weight += weight.result()


def _chunks(bodies: Record, frames: Record) -> Iterator[tuple[list[np.ndarray], np.ndarray]]:
    """Rotations, betas and translation, float64, and labels (n, 17, 3) of up to `CHUNK` frames."""
    require_same_rows(bodies, frames, "fit_regressor: bodies and frames")
    arrays = (bodies.rotations, bodies.betas, bodies.translation)
    for begin in range(0, len(frames.joints_cam), CHUNK):
        part = slice(begin, begin + CHUNK)
        pose = [np.ascontiguousarray(values[part], np.float64) for values in arrays]
        yield pose, frames.joints_cam[part]


def frame_weights(
    vertices: np.ndarray, joints: np.ndarray, regressor: Regressor, settings: FitRegressor
) -> np.ndarray:
    """Weight of each frame by the root mean square r of its joints' residuals.

    Huber: min(1, c / r). Geman-McClure: 1 / (1 + (r / c)^2)^2. c is robust_scale_m. Frames with r above
    drop_above_m have weight 0. With `translation: eliminated` the frame's translation is removed first.

    Args:
        vertices: posed meshes, metres, (N, V, 3).
        joints: labels, metres, (N, 17, 3).
        regressor: the fit of the last pass.
        settings: of the fit.

    Returns:
        (N,), 0 to 1.
    """
    vertices, joints = centred(vertices, joints)
    residuals = joints - regressor.apply(vertices)
    if settings.translation == "eliminated":
        lateral, depth = settings.lateral_error_m, settings.depth_error_m
        joints_each = residuals.shape[1]
        share = np.array([_share(joints_each, deviation) for deviation in (lateral, lateral, depth)])
        residuals -= share * residuals.mean(axis=1, keepdims=True)
    residual = np.sqrt(np.square(residuals).sum(axis=2).mean(axis=1))
    scale = settings.robust_scale_m
    weights = {
        "none": np.ones_like(residual),
        "huber": scale / np.maximum(residual, scale),
        "geman_mcclure": (1 + (residual / scale) ** 2) ** -2,
    }[settings.robust]
    if settings.drop_above_m > 0:
        weights[residual > settings.drop_above_m] = 0
    return weights


def fit_regressor(
    stats: Statistics,
    settings: FitRegressor,
    *,
    allowed: np.ndarray | None = None,
    mirror: np.ndarray | None = None,
) -> Regressor:
    """`solve_regressor`, whose arguments these are, refused where its rows do not sum to 1.

    Raises:
        ShapeError: as `solve_regressor`.
        SolverError: as `solve_regressor`, or a row sum is far from 1.
    """
    regressor = solve_regressor(stats, settings, allowed=allowed, mirror=mirror)
    _require_sums(regressor)
    return regressor


def _require_sums(regressor: Regressor) -> None:
    """Refuse a regressor that `load_regressor` would change."""
    sums = regressor.weights.sum(axis=1)
    if not np.abs(sums - 1).max() <= LARGEST_SUM_ERROR:
        worst = regressor.joint_names[int(np.abs(sums - 1).argmax())]
        raise SolverError(
            f"rows sum to {sums.min():.3f} to {sums.max():.3f}, expected 1 within {LARGEST_SUM_ERROR}, "
            f"worst {worst}: the joints of such a regressor shift when the body moves",
            "look whether the bodies are of the labelled people and frames, in the labels' frame of "
            "reference; else raise sum_weight",
        )


def solve_regressor(
    stats: Statistics,
    settings: FitRegressor,
    *,
    allowed: np.ndarray | None = None,
    mirror: np.ndarray | None = None,
    sides: np.ndarray = MIRRORED_ROWS,
) -> Regressor:
    """Find the non-negative regressor that maps posed meshes to labelled joints.

    Its row sums are not checked: those of a fit to few frames may be off by more than 0.01.

    min over J >= 0, t_n of  (1/N) sum_n |X_n - J V_n - 1 t_n^T|^2  +  (1/N) sum_n |(s / p) t_n|^2
                             +  sum_weight sum_j (sum_i J_ji - 1)^2

    With `translation: absolute` t_n is zero and the rows are 17 separate problems. With `eliminated` t_n
    is solved for in closed form and the rows are one coupled problem. The data do not distinguish the
    same change of all rows from a shift of every t_n, so a prior decides: p is the standard deviation of
    a body's translation error, `lateral_error_m` across and `depth_error_m` along the line of sight. s
    is the label noise LABEL_NOISE_M. Weighted frames count by their weight.

    Args:
        stats: made for `groups(settings)`, of all V vertices or a part of them.
        settings: the block fit_regressor. Of its options only max_vertices is used here.
        allowed: entries that may be positive, (J, V) bool; None for all.
        mirror: vertex on the other side, (V,), for a regressor whose left and right weights mirror each
            other; `stats` is then symmetrised in place. None for no symmetry.
        sides: row of the joint on the other side, (J,).

    Raises:
        ShapeError: no frames, or statistics with other groups.
        SolverError: the active-set solver did not finish.
    """
    if stats.frames == 0:
        raise ShapeError("no frames in the statistics, expected at least one")
    if stats.groups != groups(settings):
        raise ShapeError(
            f"statistics with {len(stats.groups)} groups of axes do not fit '{settings.translation}', "
            f"expected {len(groups(settings))}",
            "make them for `groups(settings)`",
        )
    stats.complete()
    if mirror is not None:
        stats.symmetrise(mirror, sides)
    most = np.full(stats.n_joints, settings.max_vertices or stats.n_vertices)
    if mirror is not None:  # a middle joint's row is the mean of itself and its mirror
        most[np.arange(stats.n_joints) == sides] //= 2
    pull = settings.sum_weight * stats.total_weight
    links = couplings(stats.n_joints, settings)
    if settings.translation == "eliminated":
        terms = list(zip(links, stats.gram, strict=True))
        pulls = [product(link, part) for link, part in zip(links, stats.cross, strict=True)]
        target = np.sum(pulls, axis=0)
        problems = [(terms, target, slice(None))]
    else:
        one = [(ALONE, stats.gram[0])]
        problems = [(one, row[None], slice(j, j + 1)) for j, row in enumerate(stats.cross[0])]
    weights = np.zeros((stats.n_joints, stats.n_vertices))
    for terms, target, j in problems:
        entries = None if allowed is None else allowed[j]
        row = solve_nnls(terms, target, pull, allowed=entries)
        weights[j] = prune(terms, target, pull, row, most[j]) if settings.max_vertices else row
    if mirror is not None:
        weights = _symmetric(weights, mirror, sides)
        if settings.max_vertices:  # the mirrored support is not the one that was solved on
            for terms, target, j in problems:
                weights[j] = solve_nnls(terms, target, pull, allowed=weights[j] > 0, start=weights[j])
            weights = _symmetric(weights, mirror, sides)
    return Regressor(weights, about=_about(stats, weights))


def _symmetric(weights: np.ndarray, mirror: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Right rows from left ones, middle rows the mean of themselves and their mirror.

    The result fits as well as `weights`: statistics that equal their mirror image have an optimum that
    equals its own, and all optima predict the same joints.
    """
    other = mirrored(weights, mirror, sides)
    rows = np.arange(len(weights))
    middle, right = rows == sides, rows > sides
    result = np.where(right[:, None], other, weights)
    result[middle] = (weights[middle] + other[middle]) / 2
    return result


def _about(stats: Statistics, weights: np.ndarray) -> dict[str, object]:
    """Numbers of a fit for its sidecar."""
    squares = np.sum([np.diag(part) for part in stats.residual(weights)], axis=0)
    residual_mm = 1e3 * np.sqrt(np.maximum(squares, 0.0))
    return {
        "frames": stats.frames,
        "frames_dropped": stats.frames_added - stats.frames,
        "mean_frame_weight": round(stats.total_weight / stats.frames, 4),
        "absolute_residual_rms_mm": [round(float(value), 4) for value in residual_mm],
        "nonzeros": [int(np.count_nonzero(row)) for row in weights],
        "row_sums": [round(float(row.sum()), 6) for row in weights],
    }


def couplings(joints: int, settings: FitRegressor) -> list[np.ndarray]:
    """For each group of axes the matrix by which eliminating the translation couples the rows, (J, J).

    Residuals R of a frame cost trace(R^T coupling R); with `absolute` the coupling is the identity.
    """
    if settings.translation == "absolute":
        return [np.eye(joints)]
    deviations = settings.lateral_error_m, settings.depth_error_m
    return [np.eye(joints) - _share(joints, deviation) / joints for deviation in deviations]


def _share(joints: int, deviation_m: float) -> float:
    """Part J p^2 / (J p^2 + s^2) of a frame's mean residual that its translation takes up."""
    signal = joints * deviation_m**2
    return signal / (signal + LABEL_NOISE_M**2)
