from dataclasses import replace

import numpy as np
import pytest
import torch

from jointreg.body import rotation_6d
from jointreg.body.skinning import Skinner, SparseRegressor, from_6d, observe, read_joints
from jointreg.body.skinning_torch import PlainSkinner, observe_plain
from jointreg.errors import ShapeError
from jointreg.geometry import rotations
from jointreg.geometry.camera import project_pinhole

LEAVES = ("rotations", "betas", "translation")


@pytest.fixture(scope="module")
def bodies(make_bodies):
    return make_bodies(np.random.default_rng(4), 19)


@pytest.fixture(scope="module")
def joint_weights(body):
    """A sparse regressor of 17 joints, (17, V)."""
    generator = np.random.default_rng(5)
    weights = np.zeros((17, body.n_vertices))
    for row in weights:
        row[generator.choice(body.n_vertices, 9, replace=False)] = generator.dirichlet(np.ones(9))
    return weights


def leaves(arrays):
    return [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in arrays]


def smplx_vertices(body, turn, betas, translation):
    lbs = pytest.importorskip("smplx.lbs", reason="smplx is the yardstick: extra smplx").lbs

    vertices, _ = lbs(
        betas,
        turn,
        torch.from_numpy(body.template).double()[None].expand(len(betas), -1, -1),
        torch.from_numpy(body.shape_directions).double(),
        torch.from_numpy(body.pose_directions.reshape(207, -1)).double(),
        torch.from_numpy(body.joint_regressor).double(),
        torch.from_numpy(body.parents),
        torch.from_numpy(body.skinning_weights).double(),
        pose2rot=False,
    )
    return vertices + translation[:, None]


@pytest.mark.parametrize("skinner", [Skinner, PlainSkinner])
def test_vertices_and_gradients_equal_smplx(body, bodies, skinner):
    ours, theirs = leaves(bodies), leaves(bodies)
    pull = torch.from_numpy(np.random.default_rng(6).normal(size=(19, body.n_vertices, 3)))
    pull[:, ::3] = 0
    found = skinner(body).vertices(*ours)
    expected = smplx_vertices(body, *theirs)
    assert (found - expected).abs().max() < 1e-12
    found.backward(pull)
    expected.backward(pull)
    for name, one, two in zip(LEAVES, ours, theirs, strict=True):
        difference = torch.linalg.norm((one.grad - two.grad).flatten(1), dim=1)
        assert (difference / torch.linalg.norm(two.grad.flatten(1), dim=1)).max() < 1e-12, name


def test_vertices_equal_the_numpy_body(body, bodies):
    found = Skinner(body).vertices(*(torch.from_numpy(value).double() for value in bodies))
    np.testing.assert_allclose(found, body.vertices(*bodies), atol=2e-6)


def test_gradients_equal_finite_differences(body, bodies):
    skinner = Skinner(body, np.arange(0, body.n_vertices, 700), torch.float64)
    assert torch.autograd.gradcheck(skinner.vertices, leaves([v[:2] for v in bodies]))


def other_body(body, kind):
    generator = np.random.default_rng(9)
    if kind == "dense":
        noise = generator.normal(0, 1e-3, body.pose_directions.shape).astype(np.float32)
        return replace(body, pose_directions=body.pose_directions + noise)
    if kind == "13 betas":
        more = generator.normal(0, 1e-2, (body.n_vertices, 3, 3)).astype(np.float32)
        return replace(body, shape_directions=np.concatenate([body.shape_directions, more], axis=2))
    return replace(body, pose_directions=np.zeros_like(body.pose_directions))


@pytest.mark.parametrize("kind", ["dense", "13 betas", "no pose offsets"])
def test_bodies_of_other_make_equal_the_plain_ones(body, make_bodies, kind):
    other, chosen = other_body(body, kind), np.arange(0, body.n_vertices, 13)
    turn, betas, translation = make_bodies(np.random.default_rng(10), 67)
    betas = np.resize(betas, (67, other.n_betas))
    pull = torch.from_numpy(np.random.default_rng(11).normal(size=(67, len(chosen), 3)))
    pull[:, ::5] = 0
    found = []
    for skinner in (Skinner, PlainSkinner):
        arrays = leaves((turn, betas, translation))
        vertices = skinner(other, chosen, torch.float64).vertices(*arrays)
        vertices.backward(pull)
        found.append([vertices.detach(), *(value.grad for value in arrays)])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-10)


def test_a_frame_does_not_depend_on_its_batch(body, make_bodies):
    bodies = make_bodies(np.random.default_rng(12), 70)
    pull = torch.from_numpy(np.random.default_rng(13).normal(size=(70, body.n_vertices, 3))).float()
    pull[torch.rand(70, body.n_vertices, generator=torch.Generator().manual_seed(14)) < 0.8] = 0
    skinner, results = Skinner(body), []
    for rows in (slice(0, 70), slice(62, 66), slice(65, 66), slice(47, 66), slice(33, 66)):
        arrays = leaves([value[rows] for value in bodies])
        vertices = skinner.vertices(*arrays)
        vertices.backward(pull[rows])
        results.append([vertices.detach(), *(value.grad for value in arrays)])
    for some in results[1:]:
        for every, value in zip(results[0], some, strict=True):
            assert torch.equal(every[66 - len(value) : 66], value)


def test_some_vertices_are_those_of_all(body, bodies):
    chosen = np.array([3, 17, 2000, 2001, 6889])
    arrays = [torch.from_numpy(value).double() for value in bodies]
    every, some = Skinner(body).vertices(*arrays), Skinner(body, chosen).vertices(*arrays)
    np.testing.assert_allclose(some, every[:, chosen], atol=1e-13)


def test_no_frames_give_no_vertices(body, bodies):
    found = Skinner(body).vertices(*(torch.from_numpy(value[:0]).double() for value in bodies))
    assert found.shape == (0, body.n_vertices, 3)


def test_observed_points_and_joints_equal_projection_and_regressor(body, bodies, joint_weights):
    vertices = Skinner(body).vertices(*(torch.from_numpy(value).double() for value in bodies))
    intrinsics = np.tile([[380.0, 1.5, 100.0], [0, 390.0, 120.0], [0, 0, 1]], (19, 1, 1))
    intrinsics[:, 0, 2] += np.arange(19)
    sparse = SparseRegressor(joint_weights)
    joints, points = observe(vertices, sparse, intrinsics)
    np.testing.assert_allclose(joints, np.einsum("jv,nvc->njc", joint_weights, vertices), atol=1e-12)
    np.testing.assert_allclose(read_joints(vertices, sparse), joints, atol=1e-12)
    np.testing.assert_allclose(points, project_pinhole(vertices.numpy(), intrinsics), atol=1e-9)


def test_observation_and_its_gradient_equal_the_plain_one(body, make_bodies, joint_weights):
    generator = np.random.default_rng(15)
    vertices = torch.from_numpy(body.vertices(*make_bodies(generator, 67)).astype(np.float64))
    intrinsics = np.tile([[380.0, 1.5, 100.0], [0, 390.0, 120.0], [0, 0, 1]], (67, 1, 1))
    intrinsics[:, 0, 2] += np.arange(67)
    pull_joints = torch.from_numpy(generator.normal(size=(67, 17, 3)))
    pull_points = torch.from_numpy(generator.normal(size=(67, body.n_vertices, 2)))
    pull_points[generator.random((67, body.n_vertices)) < 0.8] = 0
    results = []
    for look in (observe, observe_plain):
        (leaf,) = leaves([vertices.numpy()])
        joints, points = look(leaf, SparseRegressor(joint_weights), intrinsics)
        torch.autograd.backward((joints, points), (pull_joints, pull_points))
        results.append([joints.detach(), points.detach(), leaf.grad])
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-10)


def test_gradients_of_observe_equal_finite_differences():
    generator = np.random.default_rng(7)
    vertices = torch.tensor(generator.normal([0, 0, 4], 0.3, (3, 6, 3)), requires_grad=True)
    intrinsics = np.tile([[380.0, 1.5, 100.0], [0, 390.0, 120.0], [0, 0, 1]], (3, 1, 1))
    weights = np.zeros((2, 6))
    weights[0, [1, 4]], weights[1, [4, 5]] = 0.5, [0.2, 0.8]
    sparse = SparseRegressor(weights)
    assert torch.autograd.gradcheck(lambda v: observe(v, sparse, intrinsics), (vertices,))
    assert torch.autograd.gradcheck(lambda v: read_joints(v, sparse), (vertices,))


def test_regressor_within_some_vertices(body, bodies, joint_weights):
    within = np.flatnonzero(joint_weights.any(axis=0))
    arrays = [torch.from_numpy(value).double() for value in bodies]
    every = read_joints(Skinner(body).vertices(*arrays), SparseRegressor(joint_weights))
    some = read_joints(Skinner(body, within).vertices(*arrays), SparseRegressor(joint_weights, within))
    np.testing.assert_allclose(some, every, atol=1e-12)


@pytest.mark.parametrize("look", [observe, observe_plain])
def test_points_behind_the_camera_are_nan(look):
    vertices = torch.tensor([[[0.1, 0.2, 2.0], [0.1, 0.2, -2.0], [0.1, 0.2, 0.0]]])
    _, points = look(vertices, SparseRegressor(np.eye(3)), np.eye(3)[None])
    expected = [[False, False], [True, True], [True, True]]
    np.testing.assert_array_equal(np.isnan(points[0].numpy()), expected)


def test_6d_is_the_map_of_the_numpy_module():
    six = np.random.default_rng(8).normal(size=(4, 24, 6))
    np.testing.assert_allclose(from_6d(torch.from_numpy(six)), rotations.from_6d(six), atol=1e-12)
    np.testing.assert_allclose(
        rotation_6d.plain(torch.from_numpy(six)), rotations.from_6d(six), atol=1e-12
    )


def test_gradient_of_6d_equals_finite_differences():
    six = torch.from_numpy(np.random.default_rng(16).normal(size=(3, 5, 6)))
    assert torch.autograd.gradcheck(from_6d, six.requires_grad_(True))


def test_same_input_same_bits(body, bodies):
    results = []
    for _ in range(2):
        arrays = leaves(bodies)
        vertices = Skinner(body).vertices(*arrays)
        vertices.square().sum().backward()
        results.append([vertices.detach(), *(value.grad for value in arrays)])
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


def test_wrong_arrays_are_refused(body, bodies):
    turn, betas, translation = (torch.from_numpy(value).double() for value in bodies)
    skinner = Skinner(body)
    with pytest.raises(ShapeError, match=r"betas .* \(19, 9\), expected torch\.float64 \(19, 10\)"):
        skinner.vertices(turn, betas[:, :9], translation)
    with pytest.raises(ShapeError, match=r"translation are torch\.float32"):
        skinner.vertices(turn, betas, translation.float())
    with pytest.raises(ShapeError, match="rotations"):
        skinner.vertices(turn[:, :, :2], betas, translation)
