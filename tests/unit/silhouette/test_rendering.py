import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull

from jointreg.body import load_body
from jointreg.errors import ConfigError, DataError, ShapeError
from jointreg.geometry.camera import project_pinhole
from jointreg.geometry.rotations import from_axis_angle
from jointreg.silhouette import PointsError, Topology, coverage, silhouette_l2
from jointreg.silhouette.rendering import silhouette_gradients

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


def supersampled(points: np.ndarray, faces: np.ndarray, size: int, lines: int = 16) -> np.ndarray:
    """Coverage (size, size): union of all triangles on `lines` lines a pixel row, exact on each."""
    a, b, c = np.moveaxis((points + 0.5)[faces], 1, 0)
    y = (np.arange(size * lines) + 0.5) / lines
    low, high = np.searchsorted(
        y, [np.minimum(np.minimum(a, b), c)[:, 1], np.maximum(np.maximum(a, b), c)[:, 1]]
    )
    triangle = np.repeat(np.arange(len(faces)), high - low)
    line = np.arange(len(triangle)) - np.repeat(np.cumsum(high - low) - high, high - low)
    left, right = np.full(len(line), np.inf), np.full(len(line), -np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        p, q = start[triangle], end[triangle]
        crossed = (p[:, 1] <= y[line]) != (q[:, 1] <= y[line])
        with np.errstate(divide="ignore", invalid="ignore"):
            x = p[:, 0] + (y[line] - p[:, 1]) / (q[:, 1] - p[:, 1]) * (q[:, 0] - p[:, 0])
        left = np.where(crossed, np.minimum(left, x), left)
        right = np.where(crossed, np.maximum(right, x), right)
    order = np.lexsort((left, line))
    line, left, right = line[order], left[order], right[order]
    # Along each line: what the triangles further left have not reached yet (lines kept apart by `far`).
    far = 1e3 * line
    reached = np.maximum.accumulate(np.concatenate([[-np.inf], right + far]))[:-1] - far
    left, right = np.maximum(left, reached), np.maximum(right, reached)
    covered = np.zeros((size * lines, size))
    for column in range(size):
        length = np.clip(right, column, column + 1) - np.clip(left, column, column + 1)
        covered[:, column] = np.bincount(line, length, minlength=size * lines)
    return covered.reshape(size, lines, size).mean(axis=1)


def test_bodies_equal_supersampled_triangles(people: tuple[np.ndarray, Topology]) -> None:
    """Crossing limbs and a body partly outside, at full size and 60 px tall."""
    points, topology = people
    for scale in (1.0, 0.4):
        scaled = scale * (points - 111.5) + 111.5
        found = coverage(torch.tensor(scaled), topology, 224).numpy()
        for frame in range(4):
            expected = supersampled(scaled[frame], topology.faces, 224, lines=round(16 / scale))
            assert abs(found[frame].sum() / expected.sum() - 1) < 1e-4
            assert np.abs(found[frame] - expected).max() < 0.07
            assert np.abs(found[frame] - expected).sum() / expected.sum() < 2e-3


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


def turned(points: np.ndarray, angle: float, centre: tuple[float, float]) -> np.ndarray:
    """Points about the origin turned (radians) and put at a centre."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + centre


@pytest.mark.parametrize("shift", [0.0, 0.37])
@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4])
def test_crossing_bars_cover_the_area_of_their_union(angle: float, shift: float) -> None:
    """A cross: 2 * length * width - width^2, whose edges cross inside pixels."""
    faces, centre = np.concatenate([CUBE, CUBE + 8]), (7 + shift, 7.2 - shift)
    for width in (0.2, 0.8, 3.0):
        bars = [box_points(-5, -width / 2, 5, width / 2), box_points(-width / 2, -5, width / 2, 5)]
        points = turned(np.concatenate(bars), angle, centre)
        found = coverage(torch.tensor(points)[None], Topology(faces), 16)[0]
        np.testing.assert_allclose(found.sum(), 20 * width - width**2, rtol=1e-11)
        assert found.max() <= 1


@pytest.mark.parametrize("angle", [0.0, 0.2, 1.1])
def test_gap_thinner_than_a_pixel_stays_open(angle: float) -> None:
    """Two boxes 0.1 px apart, a third over one end of the gap."""
    faces = np.concatenate([CUBE, CUBE + 8, CUBE + 16])
    boxes = [box_points(-4, -3, -0.05, 3), box_points(0.05, -3, 4, 3), box_points(-1, -5, 1, 0.25)]
    points = turned(np.concatenate(boxes), angle, (7.3, 6.9))
    found = coverage(torch.tensor(points)[None], Topology(faces), 16)[0]
    np.testing.assert_allclose(found.sum(), 2 * 3.95 * 6 + 2 * 2 + 0.1 * 3.25, rtol=1e-11)


@pytest.mark.parametrize("angle", [0.0, 0.2, np.pi / 4, 1.3])
def test_coinciding_solids_cover_as_one(angle: float) -> None:
    """Edges on top of each other, wholly, in part and only touching."""
    boxes = [box_points(-3, -3, 3, 3), box_points(-3, -3, 3, 3), box_points(-3, -1, 5, 1)]
    boxes += [box_points(3, -3, 5, -1), box_points(-5, 3, -3, 4)]
    faces = np.concatenate([CUBE + 8 * k for k in range(len(boxes))])
    for centre in ((7.0, 7.0), (7.5, 7.5), (7.2, 6.8)):
        points = turned(np.concatenate(boxes), angle, centre)
        found = coverage(torch.tensor(points)[None], Topology(faces), 16)[0]
        np.testing.assert_allclose(found.sum(), 36 + 4 + 4 + 2, rtol=1e-11)


def star(generator: np.random.Generator, points: int, size: float) -> np.ndarray:
    """A crumpled double cone: `points` rim points at random, two tips; images, (points + 2, 2)."""
    return generator.uniform(0, size, (points + 2, 2)) - 0.5


def star_faces(points: int) -> np.ndarray:
    """Faces of the double cone, (2 * points, 3)."""
    rim = np.arange(points)
    after = (rim + 1) % points
    tips = np.outer([points, points + 1], np.ones(points, dtype=int))
    return np.concatenate([np.stack([rim, after, tips[0]], 1), np.stack([after, rim, tips[1]], 1)])


@pytest.mark.parametrize("points", [3, 5, 9, 30])
def test_crumpled_solids_equal_supersampled_triangles(points: int) -> None:
    """Meshes that cross themselves and are inside out in places cover the union of their faces."""
    generator, faces = np.random.default_rng(points), star_faces(points)
    many = np.stack([star(generator, points, 5) for _ in range(40)])
    found = coverage(torch.tensor(many), Topology(faces), 5).numpy()
    for frame in range(len(many)):
        expected = supersampled(many[frame], faces, 5, lines=200)
        np.testing.assert_allclose(found[frame], expected, atol=4e-3)


@pytest.mark.parametrize("points", [3, 9, 30])
def test_gradient_of_crumpled_solids_equals_finite_differences(points: int) -> None:
    """All coordinates; a pixel holds many crossings."""
    generator, topology, step = np.random.default_rng(points), Topology(star_faces(points)), 1e-6
    weights = torch.tensor(generator.normal(size=(5, 5)))
    for _ in range(5):
        base = torch.tensor(star(generator, points, 5)[None], requires_grad=True)
        (coverage(base, topology, 5) * weights).sum().backward()
        moved = base.detach() + step * torch.eye(2 * points + 4).reshape(-1, points + 2, 2)
        other = base.detach() - step * torch.eye(2 * points + 4).reshape(-1, points + 2, 2)
        change = ((coverage(moved, topology, 5) - coverage(other, topology, 5)) * weights).sum((1, 2))
        expected, found = change.numpy() / (2 * step), base.grad.numpy().ravel()
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def some_masks(count: int) -> np.ndarray:
    """Soft ellipses beside the bodies, (count, 224, 224) uint8."""
    y, x = np.mgrid[:224, :224]
    distance = np.hypot((x - 100) / 40, (y - 120) / 80)
    return np.tile((255 * np.clip(4 * (1.1 - distance), 0, 1)).astype(np.uint8), (count, 1, 1))


@pytest.mark.parametrize("kind", ["fused", "coverage", "one-sided"])
def test_gradient_equals_finite_differences(people: tuple[np.ndarray, Topology], kind: str) -> None:
    """Every coordinate that pulls, float64; crossing limbs, and a body partly outside the image."""
    points, topology = people
    masks = some_masks(1)
    weights = torch.tensor(np.random.default_rng(1).normal(size=(224, 224)))

    def loss(values: torch.Tensor) -> torch.Tensor:
        if kind == "fused":
            return silhouette_l2(values, topology, np.repeat(masks, len(values), axis=0))
        if kind == "one-sided":
            every, factors = (x.repeat(len(values), 1, 1) for x in (torch.tensor(masks), weights[None]))
            return silhouette_l2(values, topology, every, uncovered=0.2, weights=factors.square())
        return (coverage(values, topology, 224) * weights).sum(dim=(1, 2))

    step = 1e-6
    for frame in (2, 3):
        base = torch.tensor(points[frame : frame + 1], requires_grad=True)
        loss(base).sum().backward()
        gradient = base.grad[0].numpy()
        used = np.flatnonzero(np.abs(gradient).max(axis=1) > 0)
        differences = np.empty((len(used), 2))
        for first in range(0, len(used), 16):
            chosen = used[first : first + 16]
            moved = np.repeat(points[frame : frame + 1], 4 * len(chosen), axis=0)
            for k, vertex in enumerate(chosen):
                moved[4 * k : 4 * k + 4, vertex] += step * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
            values = loss(torch.tensor(moved)).numpy().reshape(-1, 2, 2)
            differences[first : first + 16] = (values[:, 0] - values[:, 1]) / (2 * step)
        expected, found = differences.ravel(), gradient[used].ravel()
        cosine = found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)
        assert cosine > 1 - 1e-9
        assert abs(np.linalg.norm(found) / np.linalg.norm(expected) - 1) < 1e-6


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


def test_uncovered_pixels_and_weights_multiply_the_squares(people: tuple[np.ndarray, Topology]) -> None:
    points, topology = people
    masks = some_masks(4)
    factors = np.random.default_rng(4).uniform(0, 2, masks.shape)
    apart = masks / 255 - coverage(torch.tensor(points), topology, 224).numpy()
    assert (apart > 0.1).any() and (apart < -0.1).any()
    energy = silhouette_l2(torch.tensor(points), topology, masks, uncovered=0.3, weights=factors)
    expected = (factors * (0.3 * np.maximum(apart, 0) ** 2 + np.minimum(apart, 0) ** 2)).sum((1, 2))
    np.testing.assert_allclose(energy, expected, rtol=1e-12)


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
        (CUBE - 1, DataError, "indices -1 to 6"),
        (CUBE.astype(np.int64) * 500_000_000, DataError, "to 3500000000, expected 0 to 2147483646"),
        (CUBE.astype(float), ShapeError, "float64"),
        (CUBE[:, :2], ShapeError, r"\(12, 2\)"),
    ],
)
def test_unusable_meshes_are_refused(faces: np.ndarray, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        Topology(faces)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.001e9, -1e30])
def test_points_behind_the_camera_name_the_frame(value: float, kind: type) -> None:
    points = np.tile(box_points(1, 1, 5, 5), (20, 1, 1)).astype(kind)
    points[17, 3, 1] = value
    with pytest.raises(PointsError, match="row 17") as caught:
        coverage(torch.tensor(points), Topology(CUBE), 8)
    assert caught.value.frame == 17
    with pytest.raises(PointsError, match="row 17"):
        silhouette_l2(torch.tensor(points), Topology(CUBE), np.zeros((20, 8, 8), np.uint8))


def test_wrong_factors_are_refused(people: tuple[np.ndarray, Topology]) -> None:
    points, topology = people
    for value in (-0.1, np.nan):
        with pytest.raises(ConfigError, match="uncovered is"):
            silhouette_l2(torch.tensor(points), topology, some_masks(4), uncovered=value)
    with pytest.raises(ShapeError, match=r"weights have shape \(4, 9, 9\)"):
        silhouette_l2(torch.tensor(points), topology, some_masks(4), weights=np.ones((4, 9, 9)))


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


@pytest.mark.parametrize("size", [-3, 0, 3.7, True, (3, 4, 5), (3, 4.5), (8,), "8", None])
def test_an_image_has_one_or_two_sides(size: object) -> None:
    points = torch.tensor(box_points(1, 1, 5, 5))[None]
    with pytest.raises(ShapeError, match=r"size is .* an integer from 1"):
        coverage(points, Topology(CUBE), size)


def test_sides_may_be_numpys_integers_and_points_lie_far_off() -> None:
    points = torch.tensor(box_points(1, 1, 5, 5))[None]
    square = coverage(points, Topology(CUBE), 8)
    assert torch.equal(coverage(points, Topology(CUBE), np.int64(8)), square)
    assert torch.equal(coverage(points, Topology(CUBE), (np.int32(8), 8)), square)
    assert coverage(points + 9.9e8, Topology(CUBE), 8).sum() == 0


def test_arrays_give_the_energy_its_gradient_and_that_of_the_area(people):
    """By autograd of the tensors' functions; no pixel of the mask agrees with the coverage by chance."""
    points, topology = people
    masks = np.random.default_rng(8).integers(1, 255, (4, 224, 224), dtype=np.uint8)
    frames_last = np.ascontiguousarray(points.transpose(1, 2, 0))
    energy, gradient, area = silhouette_gradients(frames_last, topology, masks)
    leaf = torch.from_numpy(points).requires_grad_(True)
    loss = silhouette_l2(leaf, topology, masks)
    np.testing.assert_array_equal(energy, loss.detach().numpy())
    (slope,) = torch.autograd.grad(loss.sum(), leaf)
    np.testing.assert_array_equal(gradient, slope.numpy().transpose(1, 2, 0))
    (growth,) = torch.autograd.grad(coverage(leaf, topology, 224).sum(), leaf)
    np.testing.assert_allclose(area, growth.numpy().transpose(1, 2, 0), atol=1e-9)
    with pytest.raises(ShapeError, match="mask is float64"):
        silhouette_gradients(frames_last, topology, masks / 255)
