import numpy as np
import torch

from jointreg.refine.adam import Adam


def test_steps_are_those_of_torch():
    generator = np.random.default_rng(0)
    start = [generator.normal(size=shape) for shape in ((5, 3), (7,))]
    ours, theirs = ([torch.tensor(v, requires_grad=True) for v in start] for _ in range(2))
    target = torch.tensor(generator.normal(size=(5, 3)))
    one, two = Adam(ours, 0.03, beta1=0.8), torch.optim.Adam(theirs, lr=0.03, betas=(0.8, 0.999))

    def loss(values):
        return (values[0] - target).abs().pow(1.5).sum() + 1e-6 * values[1].cosh().sum()

    for _ in range(60):
        loss(ours).backward()
        one.step()
        two.zero_grad()
        loss(theirs).backward()
        two.step()
    for found, expected, initial in zip(ours, theirs, start, strict=True):
        assert np.abs(expected.detach().numpy() - initial).max() > 0.1
        np.testing.assert_allclose(found.detach(), expected.detach(), atol=1e-12)


def test_parameters_without_gradient_stay():
    used, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    used.sum().backward()
    Adam([used, unused], 0.1).step()
    np.testing.assert_allclose(used.detach(), 0.9, atol=1e-6)
    assert torch.equal(unused.detach(), torch.ones(2))
    assert used.grad is None
