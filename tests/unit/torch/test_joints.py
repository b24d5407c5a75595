"""The layer against numpy, its gradient, its precision, and what travels with a module."""

import copy

import numpy as np
import pytest
import torch
from scipy import sparse

from jointreg.errors import DataError, ShapeError
from jointreg.regressor import Regressor
from jointreg.torch import JointRegressor

VERTICES = 300


@pytest.fixture(scope="module")
def matrix():
    """20 joints of six vertices each, some weights negative: no Human3.6M's 17, not normalised."""
    generator = np.random.default_rng(3)
    weights = np.zeros((20, VERTICES))
    for row in weights:
        row[generator.choice(VERTICES, 6, replace=False)] = generator.normal(0.2, 0.2, 6)
    return weights


@pytest.fixture
def file(tmp_path, matrix):
    path = tmp_path / "J.npz"
    sparse.save_npz(path, sparse.csr_matrix(matrix))
    return path


@pytest.mark.parametrize("batch", [(), (4,), (2, 3), (0,)])
def test_it_is_the_product_with_the_matrix(file, matrix, generator, batch):
    vertices = generator.normal(size=(*batch, VERTICES, 3))
    layer = JointRegressor(file, dtype=torch.float64)
    joints = layer(torch.from_numpy(vertices)).numpy()
    assert joints.shape == (*batch, 20, 3)
    assert np.allclose(joints, matrix @ vertices, rtol=0, atol=1e-12)
    assert "of 300 vertices" in repr(layer)


def test_the_vertices_that_are_read_are_enough(file, generator):
    layer = JointRegressor(file)
    vertices = torch.from_numpy(generator.normal(size=(4, VERTICES, 3))).float()
    assert torch.equal(layer.of_read(vertices[:, layer.vertices]), layer(vertices))


def test_a_regressor_object_is_taken_as_well(matrix):
    layer = JointRegressor(Regressor(matrix, tuple(f"joint {k}" for k in range(20))))
    assert layer.weights.dtype == torch.float32 and layer.n_vertices == VERTICES


def test_the_gradient_and_its_gradient(file, generator):
    layer = JointRegressor(file, dtype=torch.float64)
    vertices = torch.from_numpy(generator.normal(size=(2, VERTICES, 3))).requires_grad_()
    assert torch.autograd.gradcheck(layer, (vertices,))
    assert torch.autograd.gradgradcheck(lambda v: layer(v).square(), (vertices[:1],), atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_is_summed_in_float32(file, matrix, generator, dtype, autocast):
    """The error is that of the vertices' own rounding: the sum and the weights add none."""
    vertices = torch.from_numpy(generator.normal(size=(4, VERTICES, 3))).to(dtype).requires_grad_()
    layer = JointRegressor(file).to(dtype)
    with torch.autocast("cpu", dtype=dtype, enabled=autocast):
        joints = layer(vertices)
    assert joints.dtype == torch.float32
    exact = matrix @ vertices.detach().double().numpy()
    assert np.abs(joints.detach().numpy() - exact).max() < 1e-6
    joints.sum().backward()
    assert vertices.grad.dtype == dtype and vertices.grad.isfinite().all()


def test_half_and_double_of_a_model_with_the_layer(file):
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), JointRegressor(file))
    weights = model[1].weights.clone()
    assert torch.equal(model.half()[1].weights, weights) and model[0].weight.dtype == torch.float16
    assert model.double()[1].weights.dtype == torch.float64
    assert model.to("meta")[1].weights.device.type == "meta"


def test_the_state_dict_restores_it_and_trains_nothing(file, matrix):
    layer = JointRegressor(file)
    assert not list(layer.parameters()) and set(layer.state_dict()) == {"vertices", "weights"}
    other = copy.deepcopy(layer)
    other.weights.zero_()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.weights, layer.weights)


@pytest.mark.parametrize("shape", [(VERTICES - 1, 3), (3, VERTICES), (VERTICES,), (VERTICES, 4)])
def test_another_mesh_is_refused(file, shape):
    with pytest.raises(ShapeError, match=r"expected \(\.\.\., 300, 3\)"):
        JointRegressor(file)(torch.zeros(shape))


def test_a_file_that_is_not_finite_is_refused(tmp_path, matrix):
    broken = matrix.copy()
    broken[3, 4] = np.nan
    np.save(tmp_path / "J.npy", broken)
    with pytest.raises(DataError, match="NaN"):
        JointRegressor(tmp_path / "J.npy")


@pytest.mark.parametrize("dtype", [torch.int64, torch.float16])
def test_a_dtype_that_loses_the_weights_is_refused(file, dtype):
    with pytest.raises(DataError, match=r"expected torch\.float32 or"):
        JointRegressor(file, dtype=dtype)
