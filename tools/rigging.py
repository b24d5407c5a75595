"""Geometry for building a skinned body: points on a surface, weights, smooth skinning, correctives."""

import numpy as np
import scipy.sparse as sp
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from jointreg.geometry.rotations import from_axis_angle, nearest_rotation

SMOOTHING_STEPS = 10
"""Diffusion steps of half an edge: some 3 cm on the trunk, less where the mesh is fine."""

DAMPING = 0.02
"""Keeps offsets bounded where skin folds and the blended transform is nearly singular."""


def closest_on_surface(
    points: np.ndarray, vertices: np.ndarray, faces: np.ndarray, candidates: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest point of a mesh, looked for on the faces with the nearest centres.

    Args:
        points: (P, 3) metres.
        vertices: (V, 3) metres.
        faces: (F, 3).
        candidates: faces tried for each point.

    Returns:
        Vertices of the nearest face (P, 3) and the point's barycentric coordinates in it (P, 3).
    """
    ranks = np.arange(1, min(candidates, len(faces)) + 1)
    _, near = cKDTree(vertices[faces].mean(axis=1)).query(points, ranks)
    corners = vertices[faces[near]]
    share = _closest_in_triangle(points[:, None], corners)
    gap = np.linalg.norm(np.einsum("pfk,pfkx->pfx", share, corners) - points[:, None], axis=-1)
    rows, best = np.arange(len(points)), gap.argmin(axis=1)
    return faces[near[rows, best]], share[rows, best]


def _closest_in_triangle(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric coordinates (..., 3), in triangles (..., 3, 3), nearest to points (..., 3)."""
    sides = corners[..., 1:, :] - corners[..., :1, :]
    gram = sides @ sides.swapaxes(-1, -2) + 1e-18 * np.eye(2)
    flat = np.linalg.solve(gram, (sides @ (points - corners[..., 0, :])[..., None]))[..., 0]
    options = [np.concatenate([1 - flat.sum(-1, keepdims=True), flat], axis=-1)]
    for start, end in ((0, 1), (1, 2), (2, 0)):
        side = corners[..., end, :] - corners[..., start, :]
        along = ((points - corners[..., start, :]) * side).sum(-1) / np.maximum((side**2).sum(-1), 1e-18)
        on_side = np.zeros_like(options[0])
        on_side[..., end] = np.clip(along, 0, 1)
        on_side[..., start] = 1 - on_side[..., end]
        options.append(on_side)
    share = np.stack(options)
    gap = np.linalg.norm(np.einsum("o...k,...kx->o...x", share, corners) - points, axis=-1)
    gap[0][share[0].min(axis=-1) < 0] = np.inf
    return np.take_along_axis(share, gap.argmin(axis=0)[None, ..., None], axis=0)[0]


def four_weights(weights: np.ndarray) -> np.ndarray:
    """Skinning weights (V, K) with the largest four of each row, summing to 1.

    Joints that tie with the fifth go too, so that a symmetric row stays symmetric.
    """
    fifth = np.sort(weights, axis=1)[:, -5:-4]
    kept = np.where(weights > fifth, weights, 0)
    return kept / kept.sum(axis=1, keepdims=True)


def turning(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Smallest rotations (..., 3, 3) that turn the directions start onto end, (..., 3) each."""
    cross = np.cross(start, end)
    sine = np.linalg.norm(cross, axis=-1, keepdims=True)
    angle = np.arctan2(sine, (start * end).sum(-1, keepdims=True))
    return from_axis_angle(cross / np.maximum(sine, 1e-12) * angle)


def bone_transforms(rotations: np.ndarray, joints: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Affine maps that take each joint's rest pose to the posed one.

    Args:
        rotations: global rotations, (N, K, 3, 3).
        joints: rest pose, metres, (N, K, 3).
        parents: (K,), -1 for the root, which stays in place.

    Returns:
        (N, K, 3, 4).
    """
    posed = joints.copy()
    for joint, parent in enumerate(parents[1:], start=1):
        bone = joints[:, joint] - joints[:, parent]
        posed[:, joint] = posed[:, parent] + (rotations[:, parent] @ bone[..., None])[..., 0]
    shift = posed - (rotations @ joints[..., None])[..., 0]
    return np.concatenate([rotations, shift[..., None]], axis=-1)


def smoothing(faces: np.ndarray, count: int) -> sp.csr_matrix:
    """One diffusion step (V, V): half the vertex, half the mean of its neighbours."""
    ends = np.concatenate([faces, np.roll(faces, 1, axis=1)]).reshape(-1)
    other = np.concatenate([np.roll(faces, 1, axis=1), faces]).reshape(-1)
    near = sp.csr_matrix((np.ones(len(ends)), (ends, other)), (count, count))
    near.data[:] = 1  # two faces share an edge
    return 0.5 * (sp.eye(count) + sp.diags(1 / near.sum(axis=1).A1) @ near).tocsr()


class DeltaMush:
    """Skinning whose detail follows the smoothed skin rigidly: no collapsed elbows.

    Args:
        rest: (V, 3) metres.
        weights: (V, K).
        step: one diffusion step, (V, V).

    Source: Le and Lewis, Direct Delta Mush Skinning and Variants, SIGGRAPH 2019, without the two terms
    that hold the fitted frames nearer to their bones (kappa and alpha there).
    """

    def __init__(self, rest: np.ndarray, weights: np.ndarray, step: sp.csr_matrix) -> None:
        self.rest, self.weights = rest, weights
        ones = np.concatenate([rest, np.ones((len(rest), 1))], axis=1)
        moments = weights[:, :, None, None] * (ones[:, :, None] * ones[:, None])[:, None]
        moments = moments.reshape(len(rest), -1)
        for _ in range(SMOOTHING_STEPS):
            moments = step @ moments
        moments = moments.reshape(len(rest), -1, 4, 4)
        self._centre = moments.sum(axis=1)[:, 3, :3]
        self._moments = moments.transpose(1, 2, 0, 3).reshape(4 * weights.shape[1], -1)

    def offsets(self, transforms: np.ndarray) -> np.ndarray:
        """What to add in the rest pose so that linear blend skinning gives this skinning.

        Args:
            transforms: (K, 3, 4).

        Returns:
            (V, 3) metres.
        """
        blend = (self.weights @ transforms.reshape(-1, 12)).reshape(-1, 3, 4)
        linear = blend[:, :, :3]
        gap = self._posed(transforms) - (linear @ self.rest[..., None])[..., 0] - blend[:, :, 3]
        normal = linear.swapaxes(1, 2) @ linear + DAMPING * np.eye(3)
        return np.linalg.solve(normal, linear.swapaxes(1, 2) @ gap[..., None])[..., 0]

    def _posed(self, transforms: np.ndarray) -> np.ndarray:
        flat = transforms.transpose(1, 0, 2).reshape(3, -1) @ self._moments
        fitted = flat.reshape(3, -1, 4).transpose(1, 0, 2)
        centre = fitted[:, :, 3]
        rotation = nearest_rotation(fitted[:, :, :3] - centre[:, :, None] * self._centre[:, None])
        return centre + (rotation @ (self.rest - self._centre)[..., None])[..., 0]


def reach(
    weights: np.ndarray, parents: np.ndarray, step: sp.csr_matrix, least: float = 0.01
) -> np.ndarray:
    """Joints 1..K-1 whose rotation bends the skin around a vertex, (V, K-1) bool.

    A joint bends the skin where what moves with it meets what does not.
    """
    moves = weights.copy()
    for joint in range(len(parents) - 1, 0, -1):
        moves[:, parents[joint]] += moves[:, joint]
    for _ in range(SMOOTHING_STEPS):
        moves = step @ moves
    return ((moves > least) & (moves < 1 - least))[:, 1:]


def pose_correctives(
    features: np.ndarray, offsets: np.ndarray, allowed: np.ndarray, ridge: float
) -> np.ndarray:
    """Linear map from pose to vertex offsets, for each vertex from the joints that bend it.

    Args:
        features: entries of R_k - I, (N, 9 (K-1)).
        offsets: (N, V, 3) metres.
        allowed: (V, K-1) bool.
        ridge: weight of the squared coefficients against N poses.

    Returns:
        (9 (K-1), V, 3).
    """
    correctives = np.zeros((features.shape[1], *offsets.shape[1:]))
    for pattern in np.unique(allowed, axis=0):
        columns = np.flatnonzero(np.repeat(pattern, 9))
        rows = np.flatnonzero((allowed == pattern).all(axis=1))
        used = features[:, columns]
        target = offsets[:, rows].reshape(len(features), -1)
        solved = np.linalg.solve(used.T @ used + ridge * np.eye(len(columns)), used.T @ target)
        correctives[np.ix_(columns, rows)] = solved.reshape(len(columns), len(rows), 3)
    return correctives


def principal_directions(samples: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and the first directions of samples, each as long as its standard deviation.

    Args:
        samples: (N, V, 3).
        count: B, fewer than N.

    Returns:
        Mean (V, 3) and directions (V, 3, B).
    """
    mean = samples.mean(axis=0)
    centred = (samples - mean).reshape(len(samples), -1)
    _, vectors = np.linalg.eigh(centred @ centred.T)
    scores = vectors[:, ::-1][:, :count]
    directions = centred.T @ scores / np.sqrt(len(samples) - 1)
    return mean, directions.reshape(*mean.shape, count)


def joint_row(
    vertices: np.ndarray, joint: np.ndarray, candidates: int = 200, sum_weight: float = 10.0
) -> np.ndarray:
    """Non-negative weights of the vertices near a joint that place it in every sample.

    Args:
        vertices: (N, V, 3) metres.
        joint: (N, 3) metres.
        candidates: nearest vertices to choose from.
        sum_weight: of the row sum 1 against one sample's residual in metres.

    Returns:
        (V,), sum 1.
    """
    near = np.argsort(np.linalg.norm(vertices.mean(axis=0) - joint.mean(axis=0), axis=1), kind="stable")
    near = near[:candidates]
    system = vertices[:, near].transpose(0, 2, 1).reshape(-1, len(near))
    system = np.concatenate([system, np.full((1, len(near)), sum_weight)])
    solved, _ = nnls(system, np.append(joint.reshape(-1), sum_weight))
    row = np.zeros(vertices.shape[1])
    row[near] = solved / solved.sum()
    return row


def volume(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Enclosed volume of closed meshes, positive when faces turn outwards: (..., V, 3) -> (...)."""
    first, second, third = (vertices[..., faces[:, k], :] for k in range(3))
    return (first * np.cross(second, third)).sum(axis=(-1, -2)) / 6


def folded(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Share of the edges of closed meshes (..., V, 3) whose faces meet at more than 90 degrees."""
    edges = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    first, second = (np.lexsort(edges.T).reshape(-1, 2) // 3).T
    corners = vertices[..., faces, :]
    normals = np.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :])
    return float(((normals[..., first, :] * normals[..., second, :]).sum(axis=-1) < 0).mean())
