"""Adam by hand: the same numbers as `torch.optim.Adam` without importing torch's optimisers.

`torch.optim` would cost every job over a second of start-up. On the CPU a step is a kernel with the same
bits on every processor.

Source: Kingma & Ba, Adam, ICLR 2015, Algorithm 1.
"""

import math
from collections.abc import Iterable

import numpy as np
import torch

from jointreg.exact import kernel


class Adam:
    """First-order optimiser with running moments of the gradient.

    Args:
        parameters: contiguous leaf tensors, changed in place by `step`.
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
        self._left = 1.0, 1.0
        self._mean = [torch.zeros_like(p) for p in self.parameters]
        self._square = [torch.zeros_like(p) for p in self.parameters]

    def step(self) -> None:
        """Move every parameter that has a `.grad`, and set `.grad` to None."""
        self._left = self._left[0] * self.beta1, self._left[1] * self.beta2
        scale, correction = self.learning_rate / (1 - self._left[0]), math.sqrt(1 - self._left[1])
        with torch.no_grad():
            for value, mean, square in zip(self.parameters, self._mean, self._square, strict=True):
                grad = value.grad
                if grad is None:
                    continue
                factors = self.beta1, self.beta2, scale, correction, self.epsilon
                if value.device.type == "cpu":
                    _step(_flat(value), _flat(grad.contiguous()), _flat(mean), _flat(square), factors)
                else:
                    mean.mul_(self.beta1).add_(grad, alpha=1 - self.beta1)
                    square.mul_(self.beta2).addcmul_(grad, grad, value=1 - self.beta2)
                    root = square.sqrt().div_(correction).add_(self.epsilon)
                    value.addcdiv_(mean, root, value=-scale)
                value.grad = None


def _flat(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().view(-1).numpy()


@kernel
def _step(
    values: np.ndarray, grad: np.ndarray, mean: np.ndarray, square: np.ndarray, factors: tuple
) -> None:
    beta1, beta2, scale, correction, epsilon = factors
    for i in range(len(values)):
        mean[i] = beta1 * mean[i] + (1 - beta1) * grad[i]
        square[i] = beta2 * square[i] + (1 - beta2) * grad[i] * grad[i]
        values[i] -= scale * mean[i] / (np.sqrt(square[i]) / correction + epsilon)
