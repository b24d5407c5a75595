import numpy as np
import pytest
import torch

from jointreg import rotations
from jointreg.camera import project_pinhole
from jointreg.errors import ShapeError
from jointreg.skinning import Skinner, SparseRegressor, from_6d, observe, read_joints

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


def leaves(arrays, dtype=torch.float32):
    return [torch.tensor(value, dtype=dtype, requires_grad=True) for value in arrays]


def smplx_vertices(body, turn, betas, translation):
    from smplx.lbs import lbs

    vertices, _ = lbs(
        betas,
        turn,
        torch.from_numpy(body.template)[None].expand(len(betas), -1, -1),
        torch.from_numpy(body.shape_directions),
        torch.from_numpy(body.pose_directions.reshape(207, -1)),
        torch.from_numpy(body.joint_regressor),
        torch.from_numpy(body.parents),
        torch.from_numpy(body.skinning_weights),
        pose2rot=False,
    )
    return vertices + translation[:, None]


def test_vertices_and_gradients_equal_smplx(body, bodies):
    ours, theirs = leaves(bodies), leaves(bodies)
    pull = torch.from_numpy(np.random.default_rng(6).normal(size=(19, body.n_vertices, 3))).float()
    pull[:, ::3] = 0
    found = Skinner(body).vertices(*ours)
    expected = smplx_vertices(body, *theirs)
    assert (found - expected).abs().max() < 1e-5
    found.backward(pull)
    expected.backward(pull)
    for name, one, two in zip(LEAVES, ours, theirs, strict=True):
        difference = torch.linalg.norm((one.grad - two.grad).flatten(1), dim=1)
        assert (difference / torch.linalg.norm(two.grad.flatten(1), dim=1)).max() < 1e-4, name


def test_vertices_equal_the_numpy_body(body, bodies):
    found = Skinner(body).vertices(*(torch.from_numpy(value) for value in bodies))
    np.testing.assert_allclose(found, body.vertices(*bodies), atol=2e-6)


def test_gradients_equal_finite_differences(body, bodies):
    skinner = Skinner(body, np.arange(0, body.n_vertices, 700), torch.float64)
    assert torch.autograd.gradcheck(skinner.vertices, leaves([v[:2] for v in bodies], torch.float64))


def test_some_vertices_are_those_of_all(body, bodies):
    chosen = np.array([3, 17, 2000, 2001, 6889])
    arrays = [torch.from_numpy(value) for value in bodies]
    every, some = Skinner(body).vertices(*arrays), Skinner(body, chosen).vertices(*arrays)
    np.testing.assert_allclose(some, every[:, chosen], atol=2e-6)


def test_no_frames_give_no_vertices(body, bodies):
    found = Skinner(body).vertices(*(torch.from_numpy(value[:0]) for value in bodies))
    assert found.shape == (0, body.n_vertices, 3)


def test_observed_points_and_joints_equal_projection_and_regressor(body, bodies, joint_weights):
    vertices = Skinner(body).vertices(*(torch.from_numpy(value) for value in bodies))
    intrinsics = np.tile([[380.0, 1.5, 100.0], [0, 390.0, 120.0], [0, 0, 1]], (19, 1, 1))
    intrinsics[:, 0, 2] += np.arange(19)
    sparse = SparseRegressor(joint_weights)
    joints, points = observe(vertices, sparse, intrinsics)
    np.testing.assert_allclose(joints, np.einsum("jv,nvc->njc", joint_weights, vertices), atol=2e-6)
    np.testing.assert_allclose(read_joints(vertices, sparse), joints, atol=2e-6)
    np.testing.assert_allclose(
        points, project_pinhole(vertices.numpy().astype(np.float64), intrinsics), atol=2e-4
    )


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
    arrays = [torch.from_numpy(value) for value in bodies]
    every = read_joints(Skinner(body).vertices(*arrays), SparseRegressor(joint_weights))
    some = read_joints(Skinner(body, within).vertices(*arrays), SparseRegressor(joint_weights, within))
    np.testing.assert_allclose(some, every, atol=2e-6)


def test_points_behind_the_camera_are_nan():
    vertices = torch.tensor([[[0.1, 0.2, 2.0], [0.1, 0.2, -2.0], [0.1, 0.2, 0.0]]])
    _, points = observe(vertices, SparseRegressor(np.eye(3)), np.eye(3)[None])
    expected = [[False, False], [True, True], [True, True]]
    np.testing.assert_array_equal(np.isnan(points[0].numpy()), expected)


def test_6d_is_the_map_of_the_numpy_module():
    six = np.random.default_rng(8).normal(size=(4, 24, 6))
    np.testing.assert_allclose(from_6d(torch.from_numpy(six)), rotations.from_6d(six), atol=1e-12)


def test_same_input_same_bits(body, bodies):
    results = []
    for _ in range(2):
        arrays = leaves(bodies)
        vertices = Skinner(body).vertices(*arrays)
        vertices.square().sum().backward()
        results.append([vertices.detach(), *(value.grad for value in arrays)])
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


def test_wrong_arrays_are_refused(body, bodies):
    turn, betas, translation = (torch.from_numpy(value) for value in bodies)
    skinner = Skinner(body)
    with pytest.raises(ShapeError, match=r"betas .* \(19, 9\), expected torch\.float32 \(19, 10\)"):
        skinner.vertices(turn, betas[:, :9], translation)
    with pytest.raises(ShapeError, match=r"translation are torch\.float64"):
        skinner.vertices(turn, betas, translation.double())
    with pytest.raises(ShapeError, match="rotations"):
        skinner.vertices(turn[:, :, :2], betas, translation)
