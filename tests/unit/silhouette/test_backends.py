"""Backends other than the default, the coarse-to-fine difference, and the door to all of them."""

import sys

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull

import jointreg.silhouette
from jointreg.errors import ConfigError, ShapeError
from jointreg.geometry.camera import project_pinhole
from jointreg.silhouette import BACKENDS, PointsError, Topology, coverage, silhouette_l2
from jointreg.silhouette._one_face_backend import SIGMA

HERE = [name for name in BACKENDS if name != "pytorch3d"]
"""Backends of this environment; `tests/paper` has the other."""
SIZE = 64


@pytest.fixture(scope="module")
def people(body, make_bodies):
    """Points, px (3, 6890, 2) float64, depths, topology; crossing limbs, the last partly outside."""
    rotations, betas, translation = make_bodies(np.random.default_rng(8), 3, spread=0.5)
    translation[2] += [0.6, 0.4, 0]
    vertices = body.vertices(rotations, betas, translation).astype(np.float64)
    intrinsics = np.tile([[105.0, 0, 31.5], [0, 105, 31.5], [0, 0, 1]], (3, 1, 1))
    points = torch.tensor(project_pinhole(vertices, intrinsics))
    return points, torch.tensor(vertices[..., 2]), Topology(body.faces)


@pytest.fixture(scope="module")
def masks():
    """Soft ellipses, (3, 64, 64) uint8."""
    y, x = np.mgrid[:SIZE, :SIZE]
    distance = np.hypot((x - 29) / 11, (y - 34) / 23)
    return np.tile((255 * np.clip(4 * (1.1 - distance), 0, 1)).astype(np.uint8), (3, 1, 1))


def convex_solid(generator, scale, centre, middle):
    """Vertices of a random convex solid, px, px and metres, (30, 3), and its faces."""
    solid = generator.normal(size=(30, 3))
    solid /= np.linalg.norm(solid, axis=1, keepdims=True)
    hull = ConvexHull(solid)
    sides = np.diff(solid[hull.simplices], axis=1)
    outward = (np.cross(sides[:, 0], sides[:, 1]) * hull.equations[:, :3]).sum(axis=1) > 0
    faces = np.where(outward[:, None], hull.simplices, hull.simplices[:, ::-1])
    return solid * [scale, scale, 1] + [*centre, middle], faces


@pytest.fixture(scope="module")
def solids():
    """Two convex solids, one before the other: points (1, 60, 2), depths, topology, vertices."""
    generator = np.random.default_rng(1)
    near, near_faces = convex_solid(generator, 9.3, [18.2, 12.1], 5)
    far, far_faces = convex_solid(generator, 9.8, [11.4, 15.3], 8)
    vertices = np.concatenate([near, far])
    topology = Topology(np.concatenate([near_faces, far_faces + 30]))
    return torch.tensor(vertices[None, :, :2]), torch.tensor(vertices[None, :, 2]), topology, vertices


def distance_to_segment(point, start, end):
    along = np.clip((point - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    return np.linalg.norm(point - start - along * (end - start))


def test_one_face_by_its_definition(solids):
    """Every pixel against every face by linear solves: nearest face, nearest of its edges."""
    points, depth, topology, vertices = solids
    height, width = 24, 30
    expected = np.zeros((height, width))
    for row, column in np.ndindex(height, width):
        best = np.inf
        for face in vertices[topology.faces]:
            shares = np.linalg.solve(np.vstack([face[:, :2].T, np.ones(3)]), [column, row, 1])
            if (shares > 0).all() and shares @ face[:, 2] < best:
                best = shares @ face[:, 2]
                nearest = min(
                    distance_to_segment(np.array([column, row]), face[k, :2], face[k - 1, :2])
                    for k in range(3)
                )
                expected[row, column] = 1 / (1 + np.exp(-((2 * nearest / height) ** 2) / SIGMA))
    assert 0.3 < (expected > 0).mean() < 0.8
    found = coverage(points, topology, (height, width), backend="one_face", depth=depth)[0]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_one_face_leaves_small_faces_half_transparent(people):
    points, depth, topology = people
    found = coverage(points, topology, SIZE, backend="one_face", depth=depth)
    exact = coverage(points, topology, SIZE)
    assert 0.5 <= found[found > 0].median() < 0.6
    assert exact[found > 0].median() > 0.999


def directional_difference(function, points, direction, step=1e-6):
    return (function(points + step * direction) - function(points - step * direction)) / (2 * step)


@pytest.mark.parametrize("blur_px", [0.0, 3.0])
@pytest.mark.parametrize("backend", ["numba", "one_face"])
def test_gradient_equals_finite_differences(people, masks, backend, blur_px):
    """Every vertex that pulls, one at a time, float64."""
    points, depth, topology = (people[0][2:], people[1][2:], people[2])

    def loss(values):
        return silhouette_l2(
            values,
            topology,
            np.repeat(masks[:1], len(values), axis=0),
            backend=backend,
            depth=depth.expand(len(values), -1),
            blur_px=blur_px,
        )

    leaf = points.clone().requires_grad_(True)
    loss(leaf).sum().backward()
    gradient = leaf.grad[0]
    chosen = torch.nonzero(gradient.abs() > 0)
    chosen = chosen[torch.randperm(len(chosen), generator=torch.Generator().manual_seed(0))[:120]]
    directions = torch.zeros(len(chosen), *gradient.shape, dtype=torch.float64)
    directions[torch.arange(len(chosen)), chosen[:, 0], chosen[:, 1]] = 1
    expected = directional_difference(loss, points, directions)
    found = gradient[chosen[:, 0], chosen[:, 1]]
    assert torch.cosine_similarity(found, expected, dim=0) > 1 - 1e-9
    assert abs(found.norm() / expected.norm() - 1) < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_warp_is_numba(people, masks, dtype):
    """Loss and gradient to 1e-5, those of `coverage` too, and the same bits every time.

    Warp reads points as float32, so both get such points.
    """
    points, topology = people[0].float(), people[2]
    weights = torch.randn(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0), dtype=dtype)

    def evaluate(backend):
        leaf = points.to(dtype, copy=True).requires_grad_(True)
        loss = silhouette_l2(leaf, topology, masks, backend=backend)
        (fused,) = torch.autograd.grad((loss * torch.tensor([1.0, -2.0, 0.5])).sum(), leaf)
        image = coverage(leaf, topology, SIZE, backend=backend)
        (composed,) = torch.autograd.grad((image * weights).sum(), leaf)
        return loss.detach(), fused, image.detach(), composed

    numba, warp, again = (evaluate(backend) for backend in ("numba", "warp", "warp"))
    for ours, found, repeated in zip(numba, warp, again, strict=True):
        assert found.dtype == dtype
        assert (found - ours).norm() < 1e-5 * ours.norm()
        assert torch.equal(found, repeated)
    assert numba[1].abs().max() > 1


def test_warp_clips_at_every_border(solids):
    """Hundreds of places in, across and beyond an oblong picture."""
    points, _, topology, _ = solids
    places = torch.tensor(np.random.default_rng(4).uniform([-50, -45], [40, 35], (300, 1, 2)))
    size, results = (24, 30), []
    for backend in ("numba", "warp"):
        leaf = (points + places).float().requires_grad_(True)
        image = coverage(leaf, topology, size, backend=backend)
        image.square().sum().backward()
        results.append((image.detach(), leaf.grad))
    (expected, pull), (found, found_pull) = results
    assert ((expected > 0).any(2).any(1) & (expected == 0).any(2).any(1)).float().mean() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found_pull, pull, atol=1e-4)


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize("blur_px", [0.0, 0.7, 12.0])
def test_blur_is_a_gaussian_with_nothing_outside(people, masks, backend, blur_px):
    points, depth, topology = people
    covered = coverage(points, topology, SIZE, backend=backend, depth=depth).numpy()
    residual = masks / 255 - covered
    if blur_px > 0:
        residual = gaussian_filter(
            residual, blur_px, mode="constant", axes=(1, 2), radius=int(8 * blur_px) + 1
        )
    found = silhouette_l2(points, topology, masks, backend=backend, depth=depth, blur_px=blur_px)
    tolerance = 1e-5 if backend == "warp" else 1e-10
    np.testing.assert_allclose(found, (residual**2).sum(axis=(1, 2)), rtol=tolerance)


def test_only_a_blurred_difference_pulls_from_afar(solids):
    """A body beside its mask: sharp, a pixel nearer is no better; blurred, the way there is downhill."""
    points, _, topology, _ = solids
    way = torch.tensor([31.0, -10.0], dtype=torch.float64)
    here = points + torch.tensor([0.0, 18.0])
    mask = (255 * coverage(here + way, topology, SIZE)).round().to(torch.uint8)
    assert (coverage(here, topology, SIZE) * mask).sum() == 0
    sharp = [silhouette_l2(here + step, topology, mask) for step in torch.eye(3, 2)]
    np.testing.assert_allclose(sharp, [sharp[0]] * 3, rtol=1e-9)
    shift = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    silhouette_l2(here + shift, topology, mask, blur_px=12.0).sum().backward()
    assert torch.cosine_similarity(-shift.grad, way, dim=0) > 0.95


@pytest.mark.parametrize("backend", HERE)
def test_empty_masks_and_no_frames(people, backend):
    points, depth, topology = people
    kind = {"backend": backend, "depth": depth}
    covered = coverage(points, topology, SIZE, **kind)
    empty = silhouette_l2(points, topology, np.zeros((3, SIZE, SIZE), np.uint8), **kind)
    np.testing.assert_allclose(empty, covered.square().sum(dim=(1, 2)), rtol=1e-5)
    kind["depth"] = depth[:0]
    for blur_px in (0.0, 4.0):
        none = points[:0].clone().requires_grad_(True)
        mask = np.zeros((0, SIZE, SIZE), np.uint8)
        loss = silhouette_l2(none, topology, mask, blur_px=blur_px, **kind)
        assert loss.shape == (0,)
        loss.sum().backward()
        assert none.grad.shape == none.shape


@pytest.mark.parametrize("backend", HERE)
def test_masks_may_be_tensors_or_read_only(people, masks, backend):
    points, depth, topology = people
    locked = masks.copy()
    locked.setflags(write=False)
    kinds = (masks, locked, masks[:, :, ::-1][:, :, ::-1], torch.from_numpy(masks))
    losses = [silhouette_l2(points, topology, mask, backend=backend, depth=depth) for mask in kinds]
    assert all(torch.equal(loss, losses[0]) for loss in losses)


@pytest.mark.parametrize("backend", HERE)
def test_points_that_are_not_finite_name_the_frame(people, masks, backend):
    points, depth, topology = people
    broken = points.clone()
    broken[1, 5, 0] = torch.nan
    with pytest.raises(PointsError, match="row 1"):
        silhouette_l2(broken, topology, masks, backend=backend, depth=depth)
    if backend == "one_face":
        broken = depth.clone()
        broken[2, 0] = torch.inf
        with pytest.raises(PointsError, match="row 2"):
            coverage(points, topology, SIZE, backend=backend, depth=broken)


def test_unusable_settings_are_refused(people, masks):
    points, depth, topology = people
    with pytest.raises(ConfigError, match=r"'opengl', expected one of numba, warp, pytorch3d, one_face"):
        coverage(points, topology, SIZE, backend="opengl")
    with pytest.raises(ConfigError, match=r"'one_face'.*needs depth"):
        coverage(points, topology, SIZE, backend="one_face")
    with pytest.raises(ShapeError, match=r"depth has shape \(3, 7\), expected \(3, 6890\)"):
        coverage(points, topology, SIZE, backend="one_face", depth=depth[:, :7])
    for blur_px in (-1, np.nan):
        with pytest.raises(ConfigError, match="blur_px"):
            silhouette_l2(points, topology, masks, blur_px=blur_px)


@pytest.mark.parametrize(
    ("backend", "package", "modules"),
    [
        ("pytorch3d", "pytorch3d", ["_pytorch3d_backend"]),
        ("warp", "warp", ["_warp_backend", "_warp_kernels", "_warp_union"]),
    ],
)
def test_missing_packages_say_how_to_get_them(people, monkeypatch, backend, package, modules):
    points, depth, topology = people
    monkeypatch.setitem(sys.modules, package, None)
    for name in modules:
        monkeypatch.delitem(sys.modules, f"jointreg.silhouette.{name}", raising=False)
        monkeypatch.delattr(jointreg.silhouette, name, raising=False)
    with pytest.raises(ConfigError, match=rf"'{backend}' needs the package(.|\n)*pip install"):
        coverage(points, topology, SIZE, backend=backend, depth=depth)
