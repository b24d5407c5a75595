import math

import numpy as np
import pytest
import torch

from jointreg.arrays import DIGITS
from jointreg.refine.exact_layers import (
    _CUT,
    _rounded_by_torch,
    exp,
    linear,
    rounded,
    rounded_weight,
    sigmoid,
)


def numbers(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def test_a_layer_and_its_gradients_are_exact_sums_of_rounded_factors():
    """Against math.fsum, which rounds once; 3 bodies, 1000 inputs, 40 outputs."""
    values, weight, bias, pull = (
        numbers(0, 3, 1000),
        numbers(1, 40, 1000),
        numbers(2, 40),
        numbers(3, 3, 40),
    )
    for value in (values, weight, bias):
        value.requires_grad_(True)
    on_grid = rounded_weight(weight.detach())
    result = linear(values, weight, bias, on_grid)
    result.backward(pull)

    def dot(one, two):
        return math.fsum((one * two).tolist())

    v, p = rounded(values.detach(), -1, 1000), rounded(pull, -1, 1000)
    down_v, down_p = rounded(values.detach(), -2, 3), rounded(pull, -2, 3)
    for n in range(3):
        for m in range(0, 40, 7):
            assert result[n, m] == dot(v[n], on_grid[m]) + bias[m]
        for k in range(0, 1000, 131):
            assert values.grad[n, k] == dot(p[n], on_grid[:, k])
    for m in range(0, 40, 7):
        for k in range(0, 1000, 131):
            assert weight.grad[m, k] == dot(down_p[:, m], down_v[:, k])
    plain = torch.nn.functional.linear(values, weight, bias)
    assert (result - plain).abs().max() < 1e-5 * plain.abs().max()
    np.testing.assert_allclose(bias.grad, pull.sum(0), atol=1e-12)


def test_rounding_keeps_the_digits_that_a_sum_has_room_for():
    values = numbers(4, 5, 1000) * torch.tensor([1e-30, 1e-3, 1.0, 1e3, 0.0])[:, None]
    close = rounded(values, -1, 1000)
    largest = values.abs().amax(-1, keepdim=True)
    assert ((close - values).abs() <= largest * 2.0**-20).all()
    assert torch.equal(rounded(close, -1, 1000), close)
    assert rounded(values[:0], -1, 1000).shape == (0, 1000)


@pytest.mark.parametrize("dim", [-1, -2, (-2, -1)])
@pytest.mark.parametrize("shape", [(3, 1000), (24, 5, 32), (1, 7), (6, 1)])
def test_other_devices_round_as_the_processor_does(shape, dim):
    values = numbers(8, *shape) * 10.0 ** (40 * numbers(9, *shape))
    values[..., 0, 0] = 0.0
    for terms, factors in ((3, 2), (1000, 2), (512, 1)):
        cut = _CUT * 2.0 ** (1 - (DIGITS - math.ceil(math.log2(terms))) // factors)
        others = _rounded_by_torch(values, dim, cut)
        assert torch.equal(rounded(values, dim, terms, factors), others)
        turned = values.transpose(-2, -1).contiguous().transpose(-2, -1)
        assert torch.equal(rounded(turned, dim, terms, factors), others)


def test_a_body_alone_has_the_bits_that_it_has_among_others():
    values, weight, bias = numbers(5, 64, 768), numbers(6, 1024, 768), numbers(7, 1024)
    on_grid = rounded_weight(weight)
    together = linear(values, weight, bias, on_grid)
    for n in (0, 17, 63):
        assert torch.equal(linear(values[n : n + 1], weight, bias, on_grid)[0], together[n])


def test_functions_are_those_of_torch():
    values = (10 * numbers(8, 50)).requires_grad_(True)
    for ours, theirs in ((exp, torch.exp), (sigmoid, torch.sigmoid)):
        (mine,) = torch.autograd.grad(ours(values).sum(), values)
        (expected,) = torch.autograd.grad(theirs(values).sum(), values)
        torch.testing.assert_close(ours(values), theirs(values), rtol=1e-14, atol=0)
        torch.testing.assert_close(mine, expected, rtol=1e-12, atol=1e-15)
    extremes = torch.tensor([-1e6, 1e6], dtype=torch.float64)
    assert sigmoid(extremes).tolist() == [1 / (1 + math.exp(700)), 1.0]
