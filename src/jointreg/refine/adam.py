"""Adam by hand: the same numbers as `torch.optim.Adam` without importing torch's optimisers.

`torch.optim` would cost every job over a second of start-up.

Source: Kingma & Ba, Adam, ICLR 2015, Algorithm 1.
"""

from collections.abc import Iterable

import torch


class Adam:
    """First-order optimiser with running moments of the gradient.

    Args:
        parameters: leaf tensors, changed in place by `step`.
        learning_rate: step size, in the unit of the parameters.
        beta1: decay of the mean of the gradient (the "momentum 0.9" of paper III).
        beta2: decay of the mean of its square.
        epsilon: added to the root of the second moment. A gradient far below it hardly moves its
            parameter, so that energies must be summed over frames, never averaged.
    """

    def __init__(
        self,
        parameters: Iterable[torch.Tensor],
        learning_rate: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.beta1, self.beta2, self.epsilon = learning_rate, beta1, beta2, epsilon
        self.steps = 0
        self._mean = [torch.zeros_like(p) for p in self.parameters]
        self._square = [torch.zeros_like(p) for p in self.parameters]

    def step(self) -> None:
        """Move every parameter that has a `.grad`, and set `.grad` to None."""
        self.steps += 1
        scale = self.learning_rate / (1 - self.beta1**self.steps)
        correction = (1 - self.beta2**self.steps) ** 0.5
        with torch.no_grad():
            for value, mean, square in zip(self.parameters, self._mean, self._square, strict=True):
                grad = value.grad
                if grad is None:
                    continue
                mean.mul_(self.beta1).add_(grad, alpha=1 - self.beta1)
                square.mul_(self.beta2).addcmul_(grad, grad, value=1 - self.beta2)
                value.addcdiv_(mean, square.sqrt().div_(correction).add_(self.epsilon), value=-scale)
                value.grad = None
