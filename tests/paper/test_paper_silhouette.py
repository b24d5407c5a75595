"""Silhouettes of PyTorch3D against ours: the reference code's setting, and exact areas."""

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull

from jointreg.body import load_body
from jointreg.geometry.camera import project_pinhole
from jointreg.silhouette import Topology, coverage

pytest.importorskip("pytorch3d", reason="PyTorch3D has its own environment: make test-paper-backends")
from pytorch3d.renderer import (
    BlendParams,
    MeshRasterizer,
    PerspectiveCameras,
    RasterizationSettings,
    SoftSilhouetteShader,
)
from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
from pytorch3d.structures import Meshes


@pytest.fixture(scope="module")
def drawn(people):
    """Points in pixels, float32, their depths, the topology."""
    vertices, intrinsics = people
    points = torch.tensor(project_pinhole(vertices, intrinsics), dtype=torch.float32)
    return points, torch.tensor(vertices[..., 2], dtype=torch.float32), Topology(load_body("open").faces)


def image_and_gradient(backend, points, depth, topology, size):
    """Opacity, and gradient of its sum under random weights."""
    leaf = points.clone().requires_grad_(True)
    image = coverage(leaf, topology, size, backend=backend, depth=depth)
    weights = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    (image * weights).sum().backward()
    return image.detach(), leaf.grad


def assert_same(ours, theirs):
    """Opacity to 1e-4 in every pixel, gradient to 1e-4 of its length."""
    assert (theirs[0] > 0).float().mean() > 0.03
    assert (ours[0] - theirs[0]).abs().max() < 1e-4
    assert (ours[1] - theirs[1]).norm() < 1e-4 * theirs[1].norm()


@pytest.fixture(scope="module")
def both(drawn):
    """Opacity and gradient of `one_face` and of PyTorch3D."""
    return [image_and_gradient(name, *drawn, 224) for name in ("one_face", "pytorch3d")]


def test_one_face_is_pytorch3d_in_the_reference_setting(both):
    ours, theirs = both
    assert_same(ours, theirs)
    print(f"largest difference of opacity {(ours[0] - theirs[0]).abs().max():.1e}")
    difference = (ours[1] - theirs[1]).norm() / theirs[1].norm()
    print(f"difference of gradients {difference:.1e} of their length")


def test_reference_setting_leaves_the_body_half_transparent(both):
    inside = both[1][0][both[1][0] > 0]
    print(f"opacity inside the body: median {inside.median():.3f}, mean {inside.mean():.3f}")
    assert inside.min() >= 0.5
    assert inside.median() < 0.6


def convex_solid():
    """A closed mesh of large faces, wider than high, (1, 30, 2) px, its depth and topology."""
    solid = np.random.default_rng(0).normal(size=(30, 3))
    solid /= np.linalg.norm(solid, axis=1, keepdims=True)
    hull = ConvexHull(solid)
    sides = np.diff(solid[hull.simplices], axis=1)
    outward = (np.cross(sides[:, 0], sides[:, 1]) * hull.equations[:, :3]).sum(axis=1) > 0
    faces = np.where(outward[:, None], hull.simplices, hull.simplices[:, ::-1])
    points = torch.tensor(solid[None, :, :2] * [26, 17] + [31.2, 18.4], dtype=torch.float32)
    return points, torch.tensor(3 + solid[None, :, 2], dtype=torch.float32), Topology(faces)


@pytest.mark.parametrize("size", [(40, 60), (60, 40)])
def test_one_face_is_pytorch3d_on_oblong_pictures(size):
    solid = convex_solid()
    ours, theirs = (image_and_gradient(name, *solid, size) for name in ("one_face", "pytorch3d"))
    assert_same(ours, theirs)


def test_our_call_is_the_soft_silhouette_shader(people):
    """The whole of PyTorch3D's renderer, cameras included, on a picture small enough for a CPU."""
    vertices, intrinsics = people
    size, scale = 56, 56 / 224
    intrinsics = np.diag([scale, scale, 1]) @ intrinsics
    intrinsics[:, :2, 2] += 0.5 * (scale - 1)  # outer edges map to outer edges
    faces = load_body("open").faces
    cameras = PerspectiveCameras(
        focal_length=torch.tensor(intrinsics[:, [0, 1], [0, 1]], dtype=torch.float32),
        principal_point=torch.tensor(intrinsics[:, :2, 2] + 0.5, dtype=torch.float32),
        in_ndc=False,
        image_size=((size, size),) * 2,
    )
    settings = RasterizationSettings(size, 0.0, 1, bin_size=0, perspective_correct=False)
    turned = torch.tensor(vertices * [-1, -1, 1], dtype=torch.float32)
    meshes = Meshes(turned, torch.tensor(faces.astype(np.int64)).expand(2, -1, -1))
    fragments = MeshRasterizer(cameras, settings)(meshes)
    shader = SoftSilhouetteShader(BlendParams(sigma=1e-4, gamma=1e-4))
    expected = shader(fragments, meshes)[..., 3]

    points = torch.tensor(project_pinhole(vertices, intrinsics), dtype=torch.float32)
    depth = torch.tensor(vertices[..., 2], dtype=torch.float32)
    for backend in ("pytorch3d", "one_face"):
        found = coverage(points, Topology(faces), size, backend=backend, depth=depth)
        assert (found - expected).abs().max() < 1e-4


def sampled_share(points, faces, size, factor, tile=14):
    """Share of each pixel's factor x factor samples that PyTorch3D's hard rasteriser hits, (size, size).

    Tile by tile, each with the faces that reach it: on a CPU it tests every sample against every face.
    """
    share = torch.zeros(size, size)
    corners = points[faces]
    low, high = corners.amin(dim=1), corners.amax(dim=1)
    for top in range(0, size, tile):
        for left in range(0, size, tile):
            start = torch.tensor([left, top]) - 0.5
            near = ((high > start) & (low < start + tile)).all(dim=1)
            if near.any():
                ndc = 1 - (corners[near] - start) * (2 / tile)
                soup = torch.cat([ndc, torch.ones_like(ndc[..., :1])], dim=2).float().reshape(1, -1, 3)
                triangles = torch.arange(soup.shape[1]).reshape(1, -1, 3)
                nearest = rasterize_meshes(Meshes(soup, triangles), tile * factor, 0.0, 1, bin_size=0)[0]
                hit = (nearest[0, ..., 0] >= 0).float().reshape(tile, factor, tile, factor)
                share[top : top + tile, left : left + tile] = hit.mean(dim=(1, 3))
    return share


@pytest.mark.parametrize("frame", [0, 1])
def test_exact_coverage_is_the_limit_of_hard_rasterisation(people, frame):
    """16 x 16 samples a pixel: a straight edge is sampled to about 0.01 of a pixel."""
    vertices, intrinsics = people
    points = torch.tensor(project_pinhole(vertices, intrinsics))[frame]
    topology = Topology(load_body("open").faces)
    expected = sampled_share(points, torch.tensor(topology.faces.astype(np.int64)), 224, 16)
    found = coverage(points[None], topology, 224)[0]
    difference, partly = (found - expected).abs(), (expected > 0) & (expected < 1)
    area = float(found.sum() / expected.sum() - 1)
    mean = difference.sum() / partly.sum()
    print(f"area {100 * area:+.3f} %; {int(partly.sum())} pixels are partly covered")
    print(f"mean difference of those {mean:.4f}, largest {difference.max():.3f}")
    assert abs(area) < 1e-4
    assert mean < 0.004
    assert difference.max() < 0.04
