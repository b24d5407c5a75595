"""Label offsets of given bodies: constant distances of each subject's labels from a shared regressor.

The model is that of `jointreg.labels.offsets`. Here J and offsets are unknown. Offsets sum to zero over
the subjects of the fit, because J takes up their common part.

Offsets are random effects with standard deviation `spread`. The mean residual of a sequence has the
covariance `noise`: an error of pose lasts for many frames and moves a whole limb. Both are estimated
from the residuals of J by moments, and together they give the ridge, so there is nothing to tune.
Components that the bodies do not determine, for example across a shin, shrink to zero.

Source: best linear unbiased prediction: Robinson, Statistical Science 1991.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.linalg.blas import dgemm

from jointreg.body.joints import regressed_joints
from jointreg.body.model import Body
from jointreg.config.settings import FitRegressor
from jointreg.errors import ConfigError, DataError
from jointreg.exchange.regressor import Regressor
from jointreg.labels.offsets import limb_frames
from jointreg.regressor.candidates import allowed_vertices
from jointreg.regressor.nnls import ALONE, solve_nnls
from jointreg.regressor.normal_equations import Statistics, centred
from jointreg.skeleton import LIMB
from jointreg.stores.schema import Record, require_same_rows

CHUNK = 128
"""Frames posed at a time while the statistics are summed."""
ROUNDS = 3
"""Fits of J, each with noise and spread from the residuals of the fit before. More than three change
the offsets by a few hundredths of a millimetre."""
LEAST_SPREAD_M = 1e-4
"""Smallest spread that is estimated, metres; there are no offsets below it."""


@dataclass(frozen=True)
class Residual:
    """Residuals of a regressor on the labels of one sequence, in the frames of the limbs."""

    frames: int
    mean: np.ndarray
    """Metres, (17, 3)."""
    scatter: np.ndarray
    """Sum of squares and products about the mean, m^2, (51, 51)."""


@dataclass(frozen=True)
class LabelOffsets:
    """Result of `fit_offsets` for S subjects."""

    regressor: Regressor
    """The regressor that all subjects share."""
    subjects: tuple[str, ...]
    offsets: np.ndarray
    """In the limbs' frames, sum 0 over subjects, metres, (S, 17, 3)."""
    error: np.ndarray
    """Standard error of the offsets for a given J, metres, (S, 17, 3)."""
    noise: np.ndarray
    """Covariance of the mean residual of one sequence, m^2, (51, 51)."""
    spread: float
    """Standard deviation of an offset along one axis, metres."""

    def of_new_subject(self, sequences: Sequence[Residual]) -> tuple[np.ndarray, np.ndarray]:
        """Offsets of a subject outside the fit and their standard errors, metres, (17, 3) each.

        Offsets are relative to the mean subject of the fit, because the regressor has taken up that
        mean.

        Args:
            sequences: residuals of the subject's sequences under the regressor of the offsets.

        Raises:
            DataError: no sequence.
        """
        if not sequences:
            raise DataError(
                "no sequence to estimate a label offset from",
                "an offset for one sequence is estimated on another of the same subject: add a sequence",
            )
        frames = [each.frames for each in sequences]
        mean = np.average([each.mean.ravel() for each in sequences], axis=0, weights=frames)
        gain = _gain(self.noise / _count(sequences), self.spread)
        return (gain @ mean).reshape(-1, 3), _error(gain, self.spread)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of `stores.OFFSETS`."""
        arrays = {name: getattr(self, name) for name in ("offsets", "error", "noise")}
        return arrays | {"weights": self.regressor.weights, "spread": np.array([self.spread])}


def read_offsets(record: Record) -> LabelOffsets:
    """The content of a store `stores.OFFSETS`."""
    return LabelOffsets(
        regressor=Regressor(record["weights"]),
        subjects=tuple(record.attrs["subjects"]),
        offsets=record["offsets"],
        error=record["error"],
        noise=record["noise"],
        spread=float(record["spread"][0]),
    )


def fit_offsets(
    body: Body,
    sequences: Iterable[tuple[str, Record, Record]],
    start: np.ndarray,
    settings: FitRegressor,
) -> LabelOffsets:
    """Fit a shared regressor and an offset for each subject and joint, in one streaming pass.

    First J is fitted, each joint j on its own, with the offsets eliminated in closed form:

    min over J >= 0, o with sum_s o_sj = 0 of  (1/N) sum_n |X_nj - J_j V_n - R_nj o_sj|^2
        + sum_s (N_s/N) ridge_sj o_sj^2  +  sum_weight (sum_i J_ji - 1)^2

    with ridge_sj = noise_j / (K_s spread^2) for each axis. K_s is the number of sequences of subject s,
    or the effective number where they differ in length. Noise and spread come from the residuals of the
    J before, in `ROUNDS` rounds: `start` was fitted without offsets and has taken up some of the
    differences between subjects. Then the offsets of all joints are fitted together, given J and all of
    `noise`.

    Args:
        body: the body model, with SMPL's 24 joints.
        sequences: subject, stores BODIES and FRAMES (`joints_cam` is enough) of each sequence. The
            translation of the bodies must mean something: bodies refined or fitted to the labels.
        start: a regressor fitted to the same bodies without offsets, (17, V).
        settings: the block fit_regressor; of it sum_weight, candidates_m and support.

    Raises:
        ConfigError: translation is `eliminated`, so that the bodies' translation means nothing.
        DataError: a single subject, or no subject with two sequences.
        StoreError: bodies and frames of a sequence have different rows.
        ShapeError, UnitError: as `Statistics.add`.
        SolverError: the active-set solver did not finish.
    """
    if settings.translation != "absolute":
        raise ConfigError(
            f"label offsets: translation is '{settings.translation}', expected 'absolute'",
            "use a variant that is refined with joint_frame: absolute",
        )
    stats = Statistics(body.n_vertices)
    sums: dict[str, list[np.ndarray]] = {}
    residuals: dict[str, list[Residual]] = {}
    for subject, bodies, frames in sequences:
        (residual,) = sequence_residuals(body, bodies, frames, {"start": start})
        residuals.setdefault(subject, []).append(residual)
        sums.setdefault(subject, []).append(_add_sequence(stats, body, bodies, frames))
    allowed = allowed_vertices(body, settings)
    count = np.array([_count(own) for own in residuals.values()])
    frames_each = np.array([sum(r.frames for r in own) for own in residuals.values()])
    share = frames_each / stats.frames
    means = np.array([sum(own) for own in sums.values()]) / frames_each[:, None, None, None]
    stats.complete()
    for _ in range(ROUNDS):
        noise, spread = _moments(list(residuals.values()))
        ratio = np.diag(noise).reshape(1, -1, 3) / (spread**2 * count[:, None, None])
        elimination = _elimination(share, ratio)
        weights = _shared_regressor(stats, means, elimination, settings.sum_weight, allowed)
        for subject, own in residuals.items():
            residuals[subject] = list(map(partial(_refitted, weights), own, sums[subject]))
    mean_residuals = means[..., -1] - np.einsum("jv,sjcv->sjc", weights, means[..., :-1])
    gains = np.array([_gain(noise / k, spread) for k in count])
    mean_residuals = mean_residuals.reshape(len(count), -1)
    common = np.linalg.solve(gains.sum(axis=0), np.einsum("sab,sb->a", gains, mean_residuals))
    return LabelOffsets(
        regressor=Regressor(weights, about={"frames": stats.frames}),
        subjects=tuple(residuals),
        offsets=np.einsum("sab,sb->sa", gains, mean_residuals - common).reshape(len(count), -1, 3),
        error=np.array([_error(gain, spread) for gain in gains]),
        noise=noise,
        spread=spread,
    )


def sequence_residuals(
    body: Body, bodies: Record, frames: Record, regressors: Mapping[str, np.ndarray]
) -> list[Residual]:
    """R^T (X - J V) over the frames of one sequence, a `Residual` for each regressor (17, V).

    Raises:
        StoreError: bodies and frames have different rows.
        ShapeError: a regressor does not fit the body.
    """
    require_same_rows(bodies, frames, "label offsets: bodies and frames")
    pose = bodies.rotations, bodies.betas
    limb = limb_frames(body, *pose)
    residuals = frames.joints_cam - regressed_joints(body, *pose, regressors, bodies.translation)
    local = np.einsum("njac,rnja->rnjc", limb, residuals).reshape(len(residuals), len(limb), -1)
    means = local.mean(axis=1)
    deviations = local - means[:, None]
    return [
        Residual(len(limb), mean.reshape(-1, 3), part.T @ part)
        for mean, part in zip(means, deviations, strict=True)
    ]


def _add_sequence(stats: Statistics, body: Body, bodies: Record, frames: Record) -> np.ndarray:
    """Add to the statistics. Returns sums over frames of centred R^T V and, last, R^T X, (17, 3, V + 1).

    The sums of one sequence take 2.8 MB at 6890 vertices.
    """
    total = np.zeros((3 * len(LIMB), body.n_vertices + 1))
    for begin in range(0, len(frames.joints_cam), CHUNK):
        part = slice(begin, begin + CHUNK)
        rotations, betas = bodies.rotations[part], bodies.betas[part]
        posed = body.vertices(rotations, betas, bodies.translation[part])
        stats.add(posed, frames.joints_cam[part])
        vertices, joints = centred(posed, frames.joints_cam[part])
        limb = limb_frames(body, rotations, betas)
        turns = limb.transpose(1, 3, 0, 2).reshape(len(total), -1)
        total[:, :-1] += turns @ vertices.transpose(0, 2, 1).reshape(-1, body.n_vertices)
        total[:, -1] += np.einsum("njac,nja->jc", limb, joints).ravel()
    return total.reshape(len(LIMB), 3, -1)


def _refitted(weights: np.ndarray, residual: Residual, sums: np.ndarray) -> Residual:
    """The residual of a sequence under another regressor; its scatter hardly changes and stays."""
    mean = (sums[..., -1] - np.einsum("jv,jcv->jc", weights, sums[..., :-1])) / residual.frames
    return replace(residual, mean=mean)


def _count(sequences: Sequence[Residual]) -> float:
    """Number of sequences, or the effective number where they differ in length."""
    frames = np.array([each.frames for each in sequences], dtype=np.float64)
    return float(frames.sum() ** 2 / np.square(frames).sum())


def _moments(subjects: Sequence[Sequence[Residual]]) -> tuple[np.ndarray, float]:
    """Noise, m^2, (51, 51), and spread, metres.

    Noise has the correlations of frames within sequences, and for each joint the variance between the
    sequence means of a subject. There are too few sequences to estimate correlations of 51 numbers.
    """
    degrees = sum(len(sequences) - 1 for sequences in subjects)
    if len(subjects) < 2 or degrees == 0:
        raise DataError(
            f"label offsets: {len(subjects)} subjects, {degrees} sequences beyond the first of each; "
            "expected two subjects, and two sequences of one of them",
            "add rows to the table of sequences",
        )
    means = [np.array([each.mean.ravel() for each in sequences]) for sequences in subjects]
    within = sum(np.square(mean - mean.mean(axis=0)).sum(axis=0) for mean in means) / degrees
    shape = sum(each.scatter for sequences in subjects for each in sequences)
    of_joints = [values.reshape(-1, 3).sum(axis=1) for values in (within, np.diag(shape))]
    scale = np.sqrt(of_joints[0] / np.maximum(of_joints[1], np.finfo(float).tiny)).repeat(3)
    noise = shape * np.outer(scale, scale)
    between = np.var([mean.mean(axis=0) for mean in means], axis=0, ddof=1)
    error = np.diag(noise) * np.mean([1 / _count(sequences) for sequences in subjects])
    return noise, float(np.sqrt(max(np.mean(between - error), LEAST_SPREAD_M**2)))


def _gain(noise: np.ndarray, spread: float) -> np.ndarray:
    """Matrix that takes a mean residual with this noise to the best estimate of the offset, (51, 51)."""
    prior = spread**2 * np.eye(len(noise))
    return np.linalg.solve(prior + noise, prior)


def _error(gain: np.ndarray, spread: float) -> np.ndarray:
    """Standard error of the estimate by `gain`, metres, (17, 3)."""
    return spread * np.sqrt(np.maximum(1 - np.diag(gain), 0)).reshape(-1, 3)


def _elimination(share: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """A with r^T A r the reduction of sum_s share_s r_s^2 by the best offsets, (17, 3, S, S).

    Each joint and axis is a problem of its own. The offsets minimise
    sum_s share_s ((r_s - o_s)^2 + ratio_s o_s^2) under sum_s o_s = 0.
    """
    own = np.moveaxis(1 / (share[:, None, None] * (1 + ratio)), 0, -1)
    common = own[..., :, None] * own[..., None, :] / own.sum(axis=-1)[..., None, None]
    return share[:, None] * (own[..., None] * np.eye(len(share)) - common) * share


def _shared_regressor(
    stats: Statistics,
    means: np.ndarray,
    elimination: np.ndarray,
    sum_weight: float,
    allowed: np.ndarray,
) -> np.ndarray:
    """J with the offsets eliminated, (17, V). `stats` are complete.

    After the elimination the problem is again least squares. Its Gram matrix is that of `stats` minus a
    matrix of rank 3 (S - 1) for each joint. `means` of R^T V and R^T X are (S, 17, 3, V + 1).
    """
    (gram,) = stats.gram
    reduced = np.empty_like(gram)
    shared = []
    for joint, target in enumerate(stats.cross[0] / stats.frames):
        own = means[:, joint]
        pulled = np.einsum("cst,tcv->scv", elimination[joint], own[..., :-1])
        target = target - np.einsum("scv,sc->v", pulled, own[..., -1])
        np.divide(gram, stats.frames, out=reduced)
        reduced = dgemm(
            -1.0,
            own[..., :-1].reshape(-1, len(target)).T,
            pulled.reshape(-1, len(target)).T,
            beta=1.0,
            c=reduced,
            trans_b=True,
            overwrite_c=True,
        )
        row = solve_nnls([(ALONE, reduced)], target[None], sum_weight, allowed=allowed[joint][None])
        shared.append(row[0])
    return np.array(shared)
