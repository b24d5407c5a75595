"""Identifiability of a regressor: rank, conditioning, held-out residuals, position in the body.

The weights of a regressor are hardly identifiable, because thousands of vertices move alike. The joints
that it predicts are identifiable. Fits that leave out one subject at a time measure how well.
"""

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import joint_set_of
from jointreg.config.settings import FitRegressor
from jointreg.exchange.inspection import inspect
from jointreg.exchange.regressor import Regressor
from jointreg.regressor.candidates import allowed_vertices, mirror_of, thinned
from jointreg.regressor.fitting import (
    Sequences,
    add_sequences,
    couplings,
    groups,
    solve_regressor,
    weighted,
)
from jointreg.regressor.normal_equations import Statistics, joined

COLUMNS = (
    "joint",
    "vertices",
    "effective_vertices",
    "row_sum",
    "surface_mm",
    "rank",
    "condition",
    "residual_mm",
    "held_out_mm",
    "people_mm",
)
"""Columns of regressor_<name>.csv, one row a joint: docs/regressor.md."""

MOST_VERTICES = 862
"""Statistics of every subject are summed over at most this many of the vertices that a fit may use."""
VISIBLE_M = 1e-4
"""A direction of the weights counts towards the rank if a step of length 1 moves the joint by over this
many metres."""


def identifiability_rows(
    body: Body,
    sequences: Sequences,
    subjects: Iterable[str],
    regressor: Regressor,
    settings: FitRegressor,
    *,
    workers: int = 1,
) -> list[dict[str, Any]]:
    """Measure the identifiability of a fit, in one more pass over its data.

    Frames have the weights of the fit. Where the fit eliminates each frame's translation, residuals are
    taken after that. The fits that leave out a subject use a thinned mesh.

    Args:
        body: the body model.
        sequences: the data of the fit.
        subjects: the subject of each sequence.
        regressor: the result of `fit`.
        settings: the settings of `fit`.
        workers: threads, as of `fit`.

    Returns:
        One row a joint, keys `COLUMNS`.
        `surface_mm`: distance of the joint from the surface of the template, negative inside.
        `rank`: number of independent directions of its weights that move it by over 0.1 mm.
        `condition`: condition number of the Gram matrix of the vertices with a weight.
        `residual_mm`: root mean square distance from the labels in the fit.
        `held_out_mm`: the same for each subject under the fit without that subject; None with one
        subject.
        `people_mm`: jackknife standard error of the predicted joint over subjects, what other people
        would change; None with one. It does not see an error that all subjects' bodies share.

    Raises:
        DataError, StoreError, ShapeError, UnitError, SolverError: as `fit`.
    """
    joint_set = joint_set_of(regressor.about)
    allowed = allowed_vertices(body, settings, joint_set)
    used = np.flatnonzero(regressor.weights.any(axis=0))
    vertices = np.union1d(thinned(body, allowed, MOST_VERTICES, settings), used)
    named = list(subjects)
    parts = {
        name: Statistics(len(vertices), len(allowed), groups(settings)) for name in dict.fromkeys(named)
    }
    read = ((parts[name], *stores) for name, stores in zip(named, sequences, strict=True))
    add_sequences(read, body, vertices, settings, regressor if weighted(settings) else None, workers)
    total = joined(list(parts.values()))
    total.complete()
    part_allowed, weights = allowed[:, vertices], regressor.weights[:, vertices]
    gram = reduce(np.add, total.gram) / total.total_weight
    sides = np.array(joint_set.mirror)
    held_out, people = _left_out(body, parts, vertices, part_allowed, settings, total, sides)
    surface = surface_distance(regressor.weights @ body.template, body.template, body.faces)
    columns = {
        "surface_mm": 1e3 * surface,
        "rank": _ranks(gram, part_allowed),
        "condition": [_condition(gram, np.flatnonzero(row)) for row in weights],
        "residual_mm": 1e3 * np.sqrt(row_squares(total.residual(weights), settings)),
        "held_out_mm": held_out,
        "people_mm": people,
    }
    return [
        {name: getattr(row, name) for name in COLUMNS[:4]}
        | {name: None if values is None else values[j] for name, values in columns.items()}
        for j, row in enumerate(inspect(regressor, body, joint_set))
    ]


def _left_out(
    body: Body,
    parts: dict[str, Statistics],
    vertices: np.ndarray,
    allowed: np.ndarray,
    settings: FitRegressor,
    total: Statistics,
    sides: np.ndarray,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Held-out residual and jackknife standard error of each joint, mm, (J,); None for one subject."""
    if len(parts) < 2:
        return None, None
    mirror = mirror_of(body, vertices) if settings.symmetric else None
    squares, fits = np.zeros(len(allowed)), []
    for subject, own in parts.items():
        rest = joined([part for name, part in parts.items() if name != subject])
        fitted = solve_regressor(rest, settings, allowed=allowed, mirror=mirror, sides=sides)
        fits.append(fitted.weights)
        own.complete()
        squares += own.total_weight * row_squares(own.residual(fits[-1]), settings)
    moved = np.zeros(len(allowed))
    for weights in fits:
        change = weights - np.mean(fits, axis=0)
        product = [moved_squares(change, gram) / total.total_weight for gram in total.gram]
        moved += row_squares(product, settings)
    jackknife = (len(fits) - 1) / len(fits)
    return 1e3 * np.sqrt(squares / total.total_weight), 1e3 * np.sqrt(jackknife * moved)


def moved_squares(change: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """change @ gram @ change.T, (J, J): inner products of the joints' movements when weights change."""
    used = np.flatnonzero(change.any(axis=0))
    return change[:, used] @ gram[np.ix_(used, used)] @ change[:, used].T


def row_squares(products: list[np.ndarray], settings: FitRegressor) -> np.ndarray:
    """Mean squared length of each row's residual, (J,), from R R^T of each group of axes, (J, J).

    The translation is eliminated where the settings ask for it.
    """
    links = couplings(len(products[0]), settings)
    both = [link @ product @ link for link, product in zip(links, products, strict=True)]
    return np.maximum(np.sum([np.diag(part) for part in both], axis=0), 0.0)


def _ranks(gram: np.ndarray, allowed: np.ndarray) -> list[int]:
    """For each row the number of eigenvalues above `VISIBLE_M`^2 of the Gram matrix of its vertices."""
    ranks: dict[bytes, int] = {}
    for row in allowed:
        if row.tobytes() not in ranks:
            values = np.linalg.eigvalsh(gram[np.ix_(row, row)])
            ranks[row.tobytes()] = int((values > VISIBLE_M**2).sum())
    return [ranks[row.tobytes()] for row in allowed]


def _condition(gram: np.ndarray, support: np.ndarray) -> float:
    """Largest over smallest eigenvalue of the Gram matrix of some vertices."""
    values = np.linalg.eigvalsh(gram[np.ix_(support, support)])
    return float(values[-1] / max(values[0], np.finfo(float).eps * values[-1]))


def surface_distance(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Distance of points from a closed mesh, negative inside, in the unit of the vertices.

    Args:
        points: (P, 3).
        vertices: (V, 3).
        faces: (F, 3), anticlockwise from outside.

    Returns:
        (P,) float64.

    Source: the nearest point of a face lies on its plane or on its edges. Inside and outside differ by
    the winding number, a sum of solid angles (van Oosterom and Strackee, 1983).
    """
    distances = []
    for point in np.asarray(points, dtype=np.float64):
        corners = vertices[faces].astype(np.float64) - point
        edges = np.roll(corners, -1, axis=1) - corners
        normal = np.cross(edges[:, 0], edges[:, 1])
        area = np.maximum(np.linalg.norm(normal, axis=1), 1e-300)
        height = np.einsum("fc,fc->f", corners[:, 0], normal) / area
        # The foot of the perpendicular lies in the face if it is on the inner side of all three edges.
        foot = (height / area)[:, None] * normal
        inward = np.cross(normal[:, None], edges)
        above = (np.einsum("fec,fec->fe", foot[:, None] - corners, inward) >= 0).all(axis=1)
        length = np.maximum(np.einsum("fec,fec->fe", edges, edges), 1e-300)
        along = np.clip(-np.einsum("fec,fec->fe", corners, edges) / length, 0, 1)
        to_edges = np.linalg.norm(corners + along[..., None] * edges, axis=2).min(axis=1)
        nearest = np.where(above, np.abs(height), to_edges).min()
        a, b, c = np.moveaxis(corners, 1, 0)
        la, lb, lc = np.linalg.norm(corners, axis=2).T
        volume = np.einsum("fc,fc->f", a, np.cross(b, c))
        others = np.einsum("fc,fc,f->f", a, b, lc) + np.einsum("fc,fc,f->f", b, c, la)
        others += np.einsum("fc,fc,f->f", c, a, lb) + la * lb * lc
        winding = np.arctan2(volume, others).sum() / (2 * np.pi)
        distances.append(-nearest if winding > 0.5 else nearest)
    return np.array(distances)
