"""Learning curve of a regressor: fits to fewer subjects and fewer frames, scored without the truth.

Where a curve is flat, there are enough frames. Statistics are additive, so the bodies are posed once.
There are statistics for every subject and fraction of its frames, and a fit uses sums of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import joint_set_of
from jointreg.config.settings import FitRegressor
from jointreg.errors import ShapeError
from jointreg.exchange.regressor import Regressor
from jointreg.regressor.candidates import allowed_vertices, mirror_of, thinned
from jointreg.regressor.fitting import Sequences, add_sequences, groups, solve_regressor, weighted
from jointreg.regressor.identifiability import moved_squares, row_squares
from jointreg.regressor.normal_equations import Statistics, joined
from jointreg.stores.schema import Record

COLUMNS = ("n_subjects", "subset", "fraction", "frames", "metric", "value_mm")
"""Columns of learning_curve.csv: docs/regressor.md."""

METRICS = ("fitted", "held_out", "from_all")
"""Root mean square distances over joints and frames. `fitted`: from the labels, on the frames of the
fit. `held_out`: from the labels, on all frames of the other subjects. `from_all`: from the joints of the
fit to all frames, on all frames. The translation is eliminated where the fit eliminates it."""

MOST_VERTICES = 1723
"""Fits use at most this many of the vertices that the regressor may use, evenly chosen."""
MOST_SUBSETS = 10
"""Largest number of subsets of one size. If there are more, some are drawn."""

Parts = dict[str, list[Statistics]]
"""Subject -> complete statistics of each fraction of its frames."""


@dataclass(frozen=True)
class Fit:
    """A regressor of some subjects and some of their frames."""

    subjects: tuple[str, ...]
    fraction: float
    """Part of the frames of each of these subjects, 0 to 1."""
    frames: int
    weights: np.ndarray
    """(17, V)."""

    def row(self, metric: str, value_mm: float) -> dict[str, Any]:
        """A row with keys `COLUMNS`."""
        subset = "+".join(self.subjects)
        values = len(self.subjects), subset, self.fraction, self.frames, metric, value_mm
        return dict(zip(COLUMNS, values, strict=True))


def fit_arrays(fits: Sequence[Fit]) -> dict[str, np.ndarray]:
    """The arrays of `stores.LEARNING_CURVE`, for the vertices that any fit uses."""
    used = np.flatnonzero(np.any([fit.weights.any(axis=0) for fit in fits], axis=0))
    return {
        "weights": np.array([fit.weights[:, used] for fit in fits]),
        "vertices": used,
        "fraction": np.array([fit.fraction for fit in fits]),
        "frames": np.array([fit.frames for fit in fits]),
    }


def read_fits(record: Record, body: Body) -> list[Fit]:
    """The content of a store `stores.LEARNING_CURVE`."""
    fits = []
    columns = record.attrs["subsets"], record["fraction"], record["frames"], record["weights"]
    for subset, fraction, frames, part in zip(*columns, strict=True):
        weights = np.zeros((len(part), body.n_vertices))
        weights[:, record["vertices"]] = part
        fits.append(Fit(tuple(subset), float(fraction), int(frames), weights))
    return fits


def learning_curve(
    body: Body,
    sequences: Sequences,
    subjects: Sequence[str],
    regressor: Regressor,
    settings: FitRegressor,
    fractions: Sequence[float],
    generator: np.random.Generator,
    *,
    workers: int = 1,
) -> tuple[list[Fit], list[dict[str, Any]]]:
    """Fit to 1, 2, all but one and all subjects, and to fractions of their frames.

    The frames of each subject, with all its actions, takes and cameras, are put in a random order once.
    A fraction is the beginning of that order, at least one frame. So small sets are parts of larger
    ones.

    Args:
        body: the body model.
        sequences: bodies and labels of the training subjects, read twice.
        subjects: the subject of each sequence.
        regressor: the result of `fit` on all frames. Robust fits take the weights of frames from it.
        settings: the settings of that fit.
        fractions: increasing, the last 1.
        generator: orders the frames, and draws subsets where there are more than `MOST_SUBSETS`.
        workers: threads, as of `fit`.

    Returns:
        The fits; and rows with keys `COLUMNS`, one for each fit and metric of `METRICS`. `held_out`
        needs a subject outside the fit; `from_all` is left out for the fit to all frames.

    Raises:
        DataError, StoreError, ShapeError, UnitError, SolverError: as `regressor.fitting.fit`.
    """
    joint_set = joint_set_of(regressor.about)
    allowed = allowed_vertices(body, settings, joint_set)
    vertices = thinned(body, allowed, MOST_VERTICES, settings)
    parts = _statistics(
        body, sequences, subjects, vertices, regressor, settings, fractions, generator, workers
    )
    part_allowed = allowed[:, vertices]
    mirror = mirror_of(body, vertices) if settings.symmetric else None
    sides = np.array(joint_set.mirror)

    def fitted(some: Sequence[Statistics]) -> np.ndarray:
        total = joined(some)
        return solve_regressor(total, settings, allowed=part_allowed, mirror=mirror, sides=sides).weights

    every = [of_subject[-1] for of_subject in parts.values()]
    total, reference = joined(every), fitted(every)
    fits, rows = [], []
    for subset in subsets(list(parts), generator):
        for k, fraction in enumerate(fractions):
            own = [parts[subject][k] for subject in subset]
            others = [of_subject[-1] for subject, of_subject in parts.items() if subject not in subset]
            part_weights = fitted(own)
            weights = np.zeros(allowed.shape)
            weights[:, vertices] = part_weights
            fits.append(Fit(subset, fraction, sum(part.frames for part in own), weights))
            rows.append(fits[-1].row("fitted", _residual_mm(own, part_weights, settings)))
            if others:
                rows.append(fits[-1].row("held_out", _residual_mm(others, part_weights, settings)))
            if others or k < len(fractions) - 1:
                moved = [moved_squares(part_weights - reference, gram) for gram in total.gram]
                squares = row_squares(moved, settings) / total.total_weight
                rows.append(fits[-1].row("from_all", _root_mm(squares)))
    return fits, rows


def subsets(subjects: Sequence[str], generator: np.random.Generator) -> list[tuple[str, ...]]:
    """Subsets of 1, 2, all but one and all subjects, up to `MOST_SUBSETS` of each size."""
    chosen = []
    for size in sorted({1, 2, len(subjects) - 1, len(subjects)} & set(range(1, len(subjects) + 1))):
        every = list(combinations(subjects, size))
        if len(every) > MOST_SUBSETS:
            drawn = generator.choice(len(every), MOST_SUBSETS, replace=False)
            every = [every[at] for at in np.sort(drawn)]
        chosen += every
    return chosen


def _statistics(
    body: Body,
    sequences: Sequences,
    subjects: Sequence[str],
    vertices: np.ndarray,
    regressor: Regressor,
    settings: FitRegressor,
    fractions: Sequence[float],
    generator: np.random.Generator,
    workers: int,
) -> Parts:
    """One pass over the bodies adds each frame to the smallest fraction that contains it; then sums."""
    lengths = [len(frames.joints_cam) for _, frames in sequences]
    smallest = _smallest_fraction(lengths, subjects, fractions, generator)
    parts: Parts = {
        subject: [Statistics(len(vertices), len(regressor.weights), groups(settings)) for _ in fractions]
        for subject in dict.fromkeys(subjects)
    }
    read = (
        (parts[subject][k], _rows(bodies, member == k), _rows(frames, member == k))
        for subject, (bodies, frames), member in zip(subjects, sequences, smallest, strict=True)
        for k in np.unique(member)
    )
    add_sequences(read, body, vertices, settings, regressor if weighted(settings) else None, workers)
    for subject, of_subject in parts.items():
        for k, part in enumerate(of_subject):
            part.complete()
            if k:
                part.add_statistics(of_subject[k - 1])
        if of_subject[0].frames == 0:
            raise ShapeError(
                f"{subject}: none of the {of_subject[0].frames_added} frames of the smallest fraction "
                "has a weight",
                "raise drop_above_m, or the smallest of fit_learning_curve.fractions",
            )
    return parts


def _smallest_fraction(
    lengths: Sequence[int],
    subjects: Sequence[str],
    fractions: Sequence[float],
    generator: np.random.Generator,
) -> list[np.ndarray]:
    """For each sequence the index of the smallest fraction that contains each frame, (frames,)."""
    members: list[np.ndarray] = [np.empty(0, np.intp)] * len(lengths)
    for subject in dict.fromkeys(subjects):
        own = [at for at, name in enumerate(subjects) if name == subject]
        count = sum(lengths[at] for at in own)
        ends = np.maximum(np.round(np.array(fractions) * count), 1)
        member = np.searchsorted(ends, generator.permutation(count), side="right")
        borders = np.cumsum([lengths[at] for at in own])[:-1]
        for at, part in zip(own, np.split(member, borders), strict=True):
            members[at] = part
    return members


def _rows(record: Record, chosen: np.ndarray) -> Record:
    return Record({key: values[chosen] for key, values in record.items()}, record.attrs)


def _residual_mm(parts: Sequence[Statistics], weights: np.ndarray, settings: FitRegressor) -> float:
    """Root mean square distance of predicted joints from the labels, over joints and frames."""
    squares = [part.total_weight * row_squares(part.residual(weights), settings) for part in parts]
    return _root_mm(np.sum(squares, axis=0) / sum(part.total_weight for part in parts))


def _root_mm(squares: np.ndarray) -> float:
    return 1e3 * float(np.sqrt(squares.mean()))
