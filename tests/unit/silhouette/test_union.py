"""Coverage of meshes that fold, cross and hide each other, against an exact union of their faces."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from jointreg.silhouette import Topology, coverage, silhouette_l2

SIZE = 6
FACES = "021 032 456 467 015 054 126 165 237 276 304 347"
BOX = np.array([[int(vertex) for vertex in face] for face in FACES.split()])


def union(points: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    """Covered share of every pixel, (size, size), exact: the plane cut into upright strips.

    Strips end at every vertex, at every crossing of two edges, and wherever an edge meets the pixel
    grid; inside one, each covered length is linear in x, and its middle tells the area.
    """
    corners = (points + 0.5)[faces]
    start, step = corners.reshape(-1, 2), (np.roll(corners, -1, axis=1) - corners).reshape(-1, 2)
    ends = [corners[..., 0].ravel(), np.arange(size + 1.0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = (np.arange(size + 1.0)[:, None] - start[:, 1]) / step[:, 1]
        ends.append((start[:, 0] + levels * step[:, 0])[(levels > 0) & (levels < 1)])
        across = step[:, None, 0] * step[None, :, 1] - step[:, None, 1] * step[None, :, 0]
        apart = start[None] - start[:, None]
        share = (apart[..., 0] * step[None, :, 1] - apart[..., 1] * step[None, :, 0]) / across
        place = start[:, None, 0] + share * step[:, None, 0]
    ends.append(place[(share > 0) & (share < 1)])
    x = np.unique(np.clip(np.concatenate(ends), 0, size))
    middle, width = 0.5 * (x[1:] + x[:-1]), np.diff(x)
    low, high = np.full((len(middle), len(faces)), np.inf), np.full((len(middle), len(faces)), -np.inf)
    for side in range(3):
        one, two = corners[:, side], corners[:, side - 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            y = one[:, 1] + (middle[:, None] - one[:, 0]) * (
                (two[:, 1] - one[:, 1]) / (two[:, 0] - one[:, 0])
            )
        crossed = (one[:, 0] <= middle[:, None]) != (two[:, 0] <= middle[:, None])
        low = np.where(crossed, np.minimum(low, y), low)
        high = np.where(crossed, np.maximum(high, y), high)
    order = np.argsort(low, axis=1)
    low, high = np.take_along_axis(low, order, 1), np.take_along_axis(high, order, 1)
    reached = np.maximum.accumulate(high, axis=1)
    low[:, 1:] = np.maximum(low[:, 1:], reached[:, :-1])
    covered = np.zeros((size, size))
    for row in range(size):
        length = np.clip(np.clip(high, row, row + 1) - np.clip(low, row, row + 1), 0, None).sum(axis=1)
        covered[row] = np.bincount(middle.astype(int), width * length, minlength=size)
    return covered


def star(rim: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A double cone over given rim points and, last, two tips."""
    count = len(rim) - 2
    here = np.arange(count)
    after = (here + 1) % count
    sides = [(here, after, np.full(count, count)), (after, here, np.full(count, count + 1))]
    return rim, np.concatenate([np.stack(side, axis=1) for side in sides])


def boxes(generator: np.random.Generator, sizes: list[tuple[float, float]], spread: float) -> tuple:
    """Boxes of given sizes, turned at random, near the middle of the picture."""
    points = []
    for size in sizes:
        near = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(size) / 2
        angle = generator.uniform(0, np.pi)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        box = np.concatenate([near, generator.uniform(0.3, 1.2) * near]) @ turn
        points.append(box + SIZE / 2 - 0.5 + generator.uniform(-spread, spread, 2))
    return np.concatenate(points), np.concatenate([BOX + 8 * k for k in range(len(sizes))])


def slivers(generator: np.random.Generator, points: int, width: float) -> tuple:
    """A strip folded back and forth, much thinner than a pixel."""
    along = generator.uniform(0, 5, (points + 2, 1)) * [np.cos(0.7), np.sin(0.7)]
    return star(along + generator.normal(0, width, (points + 2, 2)) + 0.4)


HOSTILE: dict[str, Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]] = {
    "crumpled": lambda g: star(g.uniform(-1, SIZE, (32, 2))),
    "crumpled in a pixel": lambda g: star(g.uniform(2, 3.7, (14, 2))),
    "three points in a pixel": lambda g: star(g.normal(g.uniform(2, 4, 2), 0.3, (5, 2))),
    "slivers": lambda g: slivers(g, 12, 0.05),
    "nested boxes": lambda g: boxes(g, [(5 - k, 4.6 - k) for k in np.arange(0, 4.5, 0.5)], 0.1),
    "limbs before a torso": lambda g: boxes(g, [(3, 4)] + 5 * [(4.5, 0.3)], 0.8),
    "fingers": lambda g: boxes(g, 8 * [(2.5, 0.12)], 0.5),
    "tiny figure": lambda g: boxes(g, [(0.5, 0.9), (0.2, 0.2)] + 4 * [(0.8, 0.12)], 0.4),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_coverage_is_the_union_of_all_faces(kind: str) -> None:
    """To rounding, in every pixel."""
    generator = np.random.default_rng(5)
    for _ in range(20):
        points, faces = HOSTILE[kind](generator)
        found = coverage(torch.tensor(points)[None], Topology(faces), SIZE)[0]
        np.testing.assert_allclose(found, union(points, faces, SIZE), atol=1e-8)


@pytest.mark.parametrize("kind", HOSTILE)
def test_gradient_is_that_of_the_union(kind: str) -> None:
    """Along random directions, by central differences of the exact union."""
    generator, step = np.random.default_rng(6), 1e-5
    for _ in range(5):
        points, faces = HOSTILE[kind](generator)
        mask = generator.integers(0, 256, (1, SIZE, SIZE), dtype=np.uint8)
        leaf = torch.tensor(points)[None].requires_grad_(True)
        silhouette_l2(leaf, Topology(faces), mask).sum().backward()
        way = generator.normal(size=points.shape)
        costs = [
            ((mask[0] / 255 - union(points + sign * step * way, faces, SIZE)) ** 2).sum()
            for sign in (1, -1)
        ]
        expected = (costs[0] - costs[1]) / (2 * step)
        scale = float(leaf.grad.abs().sum())
        assert abs(float((leaf.grad[0] * torch.tensor(way)).sum()) - expected) < 1e-5 * scale + 1e-7
