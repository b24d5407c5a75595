import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull

from jointreg.body import load_body
from jointreg.camera import project_pinhole
from jointreg.errors import DataError, ShapeError
from jointreg.rotations import from_axis_angle
from jointreg.silhouette import PointsError, Topology, coverage, silhouette_l2

CUBE = np.array(
    [
        [0, 2, 1],
        [0, 3, 2],
        [4, 5, 6],
        [4, 6, 7],
        [0, 1, 5],
        [0, 5, 4],
        [1, 2, 6],
        [1, 6, 5],
        [2, 3, 7],
        [2, 7, 6],
        [3, 0, 4],
        [3, 4, 7],
    ]
)


def box_points(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Image of a cube seen head-on, its far side somewhat smaller, (8, 2)."""
    near = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return np.concatenate([near, 0.9 * near + 0.1 * near.mean(axis=0)])


def overlap(low: float, high: float, size: int) -> np.ndarray:
    """Share of each pixel [i - 0.5, i + 0.5] that lies in [low, high]."""
    cell = np.arange(size) - 0.5
    return np.clip(np.minimum(high, cell + 1) - np.maximum(low, cell), 0, 1)


@pytest.fixture(scope="module")
def people() -> tuple[np.ndarray, Topology]:
    """Projected open bodies with crossing limbs, one partly outside, (4, 6890, 2) float64."""
    body, generator = load_body("open"), np.random.default_rng(3)
    pose = generator.normal(0, 0.35, (4, 24, 3))
    pose[:, 0] = [[0, 0, 0], [0, 1, 0], [0, 2, 0.3], [0.5, 0, 0]]
    rotations = from_axis_angle(pose)
    rotations[:, 0] = np.diag([1.0, -1.0, -1.0]) @ rotations[:, 0]
    translation = np.array([[0, 0, 3.5], [0.1, 0, 4], [0, 0.2, 5], [0.9, 0.6, 3]])
    vertices = body.vertices(rotations, generator.normal(size=(4, 10)), translation)
    intrinsics = np.array([[370.0, 0, 111.5], [0, 370, 111.5], [0, 0, 1]])
    return project_pinhole(vertices.astype(np.float64), np.tile(intrinsics, (4, 1, 1))), Topology(
        body.faces
    )


@pytest.mark.parametrize(
    "edges",
    [
        (2.5, 3.5, 6.5, 5.5),  # whole pixels: columns 3-6, rows 4-5
        (1.8, 2.3, 7.1, 9.9),  # fractions on every side
        (3.1, 3.2, 3.4, 3.3),  # inside one pixel
        (-4.2, 2.0, 5.3, 7.7),  # out on the left
        (4.2, -6.0, 8.3, 5.2),  # above
        (6.2, 3.0, 40.3, 5.2),  # right
        (6.2, 3.0, 9.3, 99.2),  # below
        (-1e6, -1e6, 1e6, 1e6),  # all of the image
        (-20, 2, -5, 8),  # beside it
        (2, -20, 8, -5),
        (30, 2, 45, 8),
        (2, 30, 8, 45),
    ],
)
def test_rectangle_is_covered_by_exact_areas(edges: tuple[float, ...]) -> None:
    left, top, right, bottom = edges
    points = torch.tensor(box_points(*edges))[None]
    found = coverage(points, Topology(CUBE), (12, 10))[0].numpy()
    expected = np.outer(overlap(top, bottom, 12), overlap(left, right, 10))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def clipped_area(polygon: np.ndarray, row: int, column: int) -> float:
    """Area of a convex polygon inside one pixel (Sutherland & Hodgman, shoelace)."""
    for axis, bound, sign in (
        (0, column - 0.5, 1),
        (0, column + 0.5, -1),
        (1, row - 0.5, 1),
        (1, row + 0.5, -1),
    ):
        kept = []
        for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            inside, leaves = sign * (start[axis] - bound) >= 0, sign * (end[axis] - bound) < 0
            if inside:
                kept.append(start)
            if inside == leaves:
                kept.append(start + (bound - start[axis]) / (end[axis] - start[axis]) * (end - start))
        if len(kept) < 3:
            return 0.0
        polygon = np.array(kept)
    x, y = polygon.T
    return 0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def test_convex_solid_equals_its_clipped_hull() -> None:
    generator = np.random.default_rng(0)
    solid = generator.normal(size=(40, 3))
    solid /= np.linalg.norm(solid, axis=1, keepdims=True)
    hull = ConvexHull(solid)
    outward = np.einsum(
        "fc,fc->f",
        np.cross(*np.moveaxis(np.diff(solid[hull.simplices], axis=1), 1, 0)),
        hull.equations[:, :3],
    )
    faces = np.where(outward[:, None] > 0, hull.simplices, hull.simplices[:, ::-1])
    points = solid[:, :2] * 5.3 + [5.2, 4.1]
    outline = points[ConvexHull(points).vertices]
    expected = [[clipped_area(outline, row, column) for column in range(11)] for row in range(10)]
    found = coverage(torch.tensor(points)[None], Topology(faces), (10, 11))[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_body_equals_supersampled_triangles(people: tuple[np.ndarray, Topology]) -> None:
    points, topology = people
    fine, factor = 8 * 224 // 2, 4
    samples = np.zeros((fine, fine), dtype=bool)
    for triangle in ((points[0] + 0.5) * factor - 0.5)[topology.faces]:
        low = np.clip(np.ceil(triangle.min(axis=0)), 0, fine).astype(int)
        high = np.clip(np.floor(triangle.max(axis=0)), -1, fine - 1).astype(int)
        if (low > high).any():
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        a, b, c = triangle
        sides = [
            (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) for p, q in ((a, b), (b, c), (c, a))
        ]
        inside = (np.min(sides, axis=0) >= 0) | (np.max(sides, axis=0) <= 0)
        samples[low[1] : high[1] + 1, low[0] : high[0] + 1] |= inside
    expected = samples.reshape(224, factor, 224, factor).mean(axis=(1, 3))
    found = coverage(torch.tensor(points[:1]), topology, 224)[0].numpy()
    assert abs(found.sum() / expected.sum() - 1) < 0.003
    assert np.abs(found - expected).max() < 0.6
    assert np.abs(found - expected).sum() / expected.sum() < 0.02
    assert ((found == 0) <= (expected == 0)).all()


def test_orientation_of_the_whole_mesh_does_not_matter(people: tuple[np.ndarray, Topology]) -> None:
    points, topology = people
    flipped = Topology(topology.faces[:, ::-1])
    one, two = (coverage(torch.tensor(points), t, 224) for t in (topology, flipped))
    np.testing.assert_allclose(one, two, atol=1e-9)


def test_two_solids_unite() -> None:
    faces = np.concatenate([CUBE, CUBE + 8])
    points = np.concatenate([box_points(1.5, 1.5, 6.5, 6.5), box_points(4.5, 3.5, 9.5, 8.5)])
    found = coverage(torch.tensor(points)[None], Topology(faces), 12)[0].numpy()
    one = np.outer(overlap(1.5, 6.5, 12), overlap(1.5, 6.5, 12))
    two = np.outer(overlap(3.5, 8.5, 12), overlap(4.5, 9.5, 12))
    np.testing.assert_allclose(found, np.maximum(one, two), atol=1e-12)


def some_masks(count: int) -> np.ndarray:
    """Soft ellipses beside the bodies, (count, 224, 224) uint8."""
    y, x = np.mgrid[:224, :224]
    distance = np.hypot((x - 100) / 40, (y - 120) / 80)
    return np.tile((255 * np.clip(4 * (1.1 - distance), 0, 1)).astype(np.uint8), (count, 1, 1))


@pytest.mark.parametrize("fused", [True, False])
def test_gradient_equals_finite_differences(people: tuple[np.ndarray, Topology], fused: bool) -> None:
    """All coordinates that matter at random, float64, including frames partly outside the image."""
    points, topology = people
    masks = some_masks(1)
    weights = torch.tensor(np.random.default_rng(1).normal(size=(224, 224)))

    def loss(values: torch.Tensor) -> torch.Tensor:
        if fused:
            return silhouette_l2(values, topology, np.repeat(masks, len(values), axis=0))
        return (coverage(values, topology, 224) * weights).sum(dim=(1, 2))

    generator, step = np.random.default_rng(2), 1e-6
    for frame in (0, 3):
        base = torch.tensor(points[frame : frame + 1], requires_grad=True)
        loss(base).sum().backward()
        gradient = base.grad[0].numpy()
        used = np.flatnonzero(np.abs(gradient).max(axis=1) > 0)
        chosen = generator.choice(used, 100, replace=False)
        moved = np.repeat(points[frame : frame + 1], 400, axis=0)
        for k, vertex in enumerate(chosen):
            for axis in (0, 1):
                moved[4 * k + 2 * axis, vertex, axis] += step
                moved[4 * k + 2 * axis + 1, vertex, axis] -= step
        values = np.concatenate([loss(torch.tensor(part)).numpy() for part in np.split(moved, 8)])
        differences = ((values[0::2] - values[1::2]) / (2 * step)).reshape(100, 2)
        expected, found = differences.ravel(), gradient[chosen].ravel()
        cosine = found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)
        assert cosine > 1 - 1e-9
        assert abs(np.linalg.norm(found) / np.linalg.norm(expected) - 1) < 1e-4


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.float64, 1e-11)])
def test_fused_loss_equals_the_composed_one(
    people: tuple[np.ndarray, Topology], dtype: torch.dtype, tolerance: float
) -> None:
    points, topology = people
    masks = some_masks(4)
    one = torch.tensor(points, dtype=dtype, requires_grad=True)
    two = torch.tensor(points, dtype=dtype, requires_grad=True)
    fused = silhouette_l2(one, topology, masks)
    composed = (
        (torch.tensor(masks / 255, dtype=dtype) - coverage(two, topology, 224)).square().sum((1, 2))
    )
    np.testing.assert_allclose(fused.detach(), composed.detach(), rtol=tolerance)
    factors = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=dtype)
    (fused * factors).sum().backward()
    (composed * factors).sum().backward()
    assert one.grad.abs().max() > 1
    np.testing.assert_allclose(one.grad, two.grad, atol=tolerance * float(two.grad.abs().max()))


def test_neither_neighbours_nor_memory_layout_change_a_bit(people: tuple[np.ndarray, Topology]) -> None:
    points, topology = people
    many = torch.tensor(np.tile(points, (5, 1, 1))[:19], dtype=torch.float32)
    innermost = many.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    masks = some_masks(19)
    results = []
    for values in (many, innermost):
        leaf = values.requires_grad_(True)
        loss = silhouette_l2(leaf, topology, masks)
        loss.sum().backward()
        results.append((loss.detach(), leaf.grad.clone()))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    alone = silhouette_l2(many[18:].detach(), topology, masks[18:])
    assert torch.equal(alone, results[0][0][18:])


def test_descent_finds_the_planted_shift() -> None:
    """Turned by 30 degrees: edges along the grid with whole-pixel distances have flat spots."""
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    points = torch.tensor(box_points(-5, -6, 5, 6) @ turn + [11, 13])[None]
    planted, topology = torch.tensor([6.5, 3.25], dtype=torch.float64), Topology(CUBE)
    masks = (coverage(points + planted, topology, 32).numpy() * 255).round().astype(np.uint8)
    shift = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    for _ in range(150):
        (grad,) = torch.autograd.grad(silhouette_l2(points + shift, topology, masks).sum(), shift)
        with torch.no_grad():
            shift -= 0.02 * grad
    np.testing.assert_allclose(shift.detach(), planted, atol=5e-3)


@pytest.mark.parametrize(
    ("faces", "error", "words"),
    [
        (CUBE[:-1], DataError, "open or not manifold: edge .* expected 2; 3 such edges"),
        (np.concatenate([CUBE[:-1], CUBE[-1:, ::-1]]), DataError, "same direction; 3 such edges"),
        (np.concatenate([CUBE, [[1, 1, 2]]]), DataError, r"face 12 uses a vertex twice: \[1, 1, 2\]"),
        (np.concatenate([CUBE, CUBE]), DataError, "has 4 faces"),
        (CUBE - 1, DataError, "index -1"),
        (CUBE.astype(float), ShapeError, "float64"),
        (CUBE[:, :2], ShapeError, r"\(12, 2\)"),
    ],
)
def test_unusable_meshes_are_refused(faces: np.ndarray, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        Topology(faces)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_points_behind_the_camera_name_the_frame(value: float) -> None:
    points = np.tile(box_points(1, 1, 5, 5), (20, 1, 1))
    points[17, 3, 1] = value
    with pytest.raises(PointsError, match="row 17") as caught:
        coverage(torch.tensor(points), Topology(CUBE), 8)
    assert caught.value.frame == 17
    with pytest.raises(PointsError, match="row 17"):
        silhouette_l2(torch.tensor(points), Topology(CUBE), np.zeros((20, 8, 8), np.uint8))


def test_wrong_arrays_are_refused() -> None:
    topology, points = Topology(CUBE), torch.tensor(box_points(1, 1, 5, 5))[None]
    with pytest.raises(ShapeError, match="at least 8"):
        coverage(points[:, :7], topology, 8)
    with pytest.raises(ShapeError, match="float16"):
        coverage(points.half(), topology, 8)
    with pytest.raises(ShapeError, match="mask is float64"):
        silhouette_l2(points, topology, np.zeros((1, 8, 8)))
    with pytest.raises(ShapeError, match=r"expected uint8 \(1, H, W\)"):
        silhouette_l2(points, topology, np.zeros((2, 8, 8), np.uint8))
