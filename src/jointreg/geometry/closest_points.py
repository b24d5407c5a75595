"""The point of a triangle mesh that is nearest to a given one, exactly.

Source: Ericson 2004, Real-Time Collision Detection, 5.1.5 (the regions of a triangle).
"""

import numpy as np
from scipy.spatial import cKDTree

_BLOCK = 200_000
"""Pairs of a point and a triangle that are compared at a time; bounds the memory."""


def closest_points(
    points: np.ndarray, vertices: np.ndarray, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each point the nearest one of a surface.

    Args:
        points: (N, 3).
        vertices: (V, 3), in the same unit.
        faces: (F, 3) indices of vertices.

    Returns:
        Face (N,), weights of its corners (N, 3), which are not negative and sum to 1, and distance (N,).
        Where several faces are equally near, the first of them.
    """
    corners = vertices[faces]
    # The nearest point lies no farther than any corner, and within a triangle's radius of its middle.
    used = vertices[np.unique(faces)]
    bounds = cKDTree(used).query(points)[0] * (1 + 1e-9)
    candidates = _near(points, bounds, corners)
    sizes = np.array([len(row) for row in candidates])
    face = np.zeros(len(points), dtype=np.intp)
    weights, distance = np.zeros((len(points), 3)), np.zeros(len(points))
    first = 0
    while first < len(points):
        last = first + max(1, int(np.searchsorted(np.cumsum(sizes[first:]), _BLOCK)))
        block = candidates[first:last]
        owner = np.repeat(np.arange(len(block)), sizes[first:last])
        pairs = np.concatenate(block)
        of_pair = _weights(points[first:last][owner], corners[pairs])
        away = np.linalg.norm(
            np.einsum("pk,pka->pa", of_pair, corners[pairs]) - points[first:last][owner], axis=1
        )
        order = np.lexsort((pairs, away, owner))
        best = order[np.searchsorted(owner[order], np.arange(len(block)))]
        face[first:last], weights[first:last], distance[first:last] = (
            pairs[best],
            of_pair[best],
            away[best],
        )
        first = last
    return face, weights, distance


def _near(points: np.ndarray, bounds: np.ndarray, corners: np.ndarray) -> list[np.ndarray]:
    """Faces that may be within `bounds` of each point; those of one size have one tree."""
    middles = corners.mean(axis=1)
    radii = np.linalg.norm(corners - middles[:, None], axis=2).max(axis=1)
    with np.errstate(divide="ignore"):
        classes = np.ceil(np.log2(radii))
    parts = []
    for size in np.unique(classes):
        faces = np.flatnonzero(classes == size)
        reach = bounds + radii[faces].max()
        near = cKDTree(middles[faces]).query_ball_point(points, reach)
        parts.append([faces[row] for row in near])
    return [np.concatenate(rows) for rows in zip(*parts, strict=True)]


def _weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Weights of the corners at the point of each triangle nearest to each point, (P, 3)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac = b - a, c - a
    d1, d2 = _dot(ab, points - a), _dot(ac, points - a)
    d3, d4 = _dot(ab, points - b), _dot(ac, points - b)
    d5, d6 = _dot(ab, points - c), _dot(ac, points - c)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    along_ab, along_ac = _part(d1, d1 - d3), _part(d2, d2 - d6)
    along_bc = _part(d4 - d3, (d4 - d3) + (d5 - d6))
    total = va + vb + vc
    inside_b, inside_c = _part(vb, total), _part(vc, total)
    zero, one = np.zeros_like(d1), np.ones_like(d1)
    regions = [
        ((d1 <= 0) & (d2 <= 0), (one, zero, zero)),
        ((d3 >= 0) & (d4 <= d3), (zero, one, zero)),
        ((d6 >= 0) & (d5 <= d6), (zero, zero, one)),
        ((vc <= 0) & (d1 >= 0) & (d3 <= 0), (1 - along_ab, along_ab, zero)),
        ((vb <= 0) & (d2 >= 0) & (d6 <= 0), (1 - along_ac, zero, along_ac)),
        ((va <= 0) & (d4 >= d3) & (d5 >= d6), (zero, 1 - along_bc, along_bc)),
        ((total > 0), (1 - inside_b - inside_c, inside_b, inside_c)),
    ]
    weights = np.stack([one, zero, zero], axis=1)
    for where, values in reversed(regions):
        weights[where] = np.stack(values, axis=1)[where]
    weights = np.maximum(weights, 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.einsum("pa,pa->p", first, second)


def _part(value: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.divide(value, of, out=np.zeros_like(value), where=of != 0)
