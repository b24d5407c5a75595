"""The discriminator D: the probability that a body is the initial method's, not a refined one.

The pose part is that of HMR: 1x1 convolutions 6 -> 32 -> 32 shared by the joints, a linear head 32 -> 1
for each joint, and a head on all joints together, 768 -> 1024 -> 1024 -> 1. The shape part is
10 -> 10 -> 5 -> 1. There is a ReLU between layers and a sigmoid on each of the 26 outputs. The input is
the first two columns of rotation *matrices*: the norm of raw 6D numbers would give refined poses away.

A discriminator that is trained in turns with what it judges amplifies the last digit of a sum until
printed digits differ. So its sums are exact (`jointreg.refine.exact_layers`).

Source: paper III, Eq. 5 and 6; Kanazawa et al., HMR, CVPR 2018, section 3.3.
"""

import io
import math
from pathlib import Path

import numpy as np
import torch

from jointreg.errors import DataError, ShapeError, SolverError
from jointreg.files.atomic import replace_file
from jointreg.files.input import require_file
from jointreg.files.tensors import read_tensors
from jointreg.refine.adam import Adam
from jointreg.refine.exact_layers import linear, rounded_weight, sigmoid
from jointreg.refine.losses import discriminator_loss

_HIDDEN, _WIDE = 32, 1024


def _shapes(joints: int, betas: int) -> dict[str, tuple[int, ...]]:
    return {
        "convolution_1.weight": (_HIDDEN, 6),
        "convolution_1.bias": (_HIDDEN,),
        "convolution_2.weight": (_HIDDEN, _HIDDEN),
        "convolution_2.bias": (_HIDDEN,),
        "heads.weight": (joints, _HIDDEN),
        "heads.bias": (joints,),
        "pose_1.weight": (_WIDE, joints * _HIDDEN),
        "pose_1.bias": (_WIDE,),
        "pose_2.weight": (_WIDE, _WIDE),
        "pose_2.bias": (_WIDE,),
        "pose_3.weight": (1, _WIDE),
        "pose_3.bias": (1,),
        "shape_1.weight": (10, betas),
        "shape_1.bias": (10,),
        "shape_2.weight": (5, 10),
        "shape_2.bias": (5,),
        "shape_3.weight": (1, 5),
        "shape_3.bias": (1,),
    }


class Discriminator:
    """The network with its parameters; call it on rotations and betas.

    Args:
        parameters: tensors by name, float64, from `create` or `load`.
    """

    def __init__(self, parameters: dict[str, torch.Tensor]) -> None:
        self.parameters = parameters
        self.refresh()

    def refresh(self) -> None:
        """Follow a change of `parameters`: weights are used rounded (`rounded_weight`)."""
        self._on_grid = {}
        for name, value in self.parameters.items():
            if name.endswith("weight"):
                weight = value.detach()[:, None] if name == "heads.weight" else value.detach()
                self._on_grid[name] = rounded_weight(weight)

    def on(self, device: torch.device) -> "Discriminator":
        """The same network on a device."""
        return Discriminator({name: value.to(device) for name, value in self.parameters.items()})

    @classmethod
    def create(cls, generator: torch.Generator, joints: int = 24, betas: int = 10) -> "Discriminator":
        """A new network, its weights and biases drawn uniformly from +-1 / sqrt(inputs)."""
        parameters, inputs = {}, 1
        for name, shape in _shapes(joints, betas).items():
            inputs = shape[-1] if name.endswith("weight") else inputs
            uniform = torch.rand(shape, generator=generator).double()
            parameters[name] = (2 * uniform - 1) / math.sqrt(inputs)
        return cls(parameters)

    def __call__(self, rotations: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
        """Probability that a body is an initial one, by each output.

        Args:
            rotations: global orientation and relative rotations, (N, 24, 3, 3) float64.
            betas: (N, 10) float64.

        Returns:
            (N, 26): a head for each joint, the head on the whole pose, the head on the shape.

        Raises:
            ShapeError: the arrays do not fit this network.
        """
        joints, n_betas = len(self.parameters["heads.bias"]), self.parameters["shape_1.weight"].shape[1]
        count = len(rotations)
        if rotations.shape != (count, joints, 3, 3) or betas.shape != (count, n_betas):
            raise ShapeError(
                f"rotations {tuple(rotations.shape)} and betas {tuple(betas.shape)}, "
                f"expected ({count}, {joints}, 3, 3) and ({count}, {n_betas})",
                "train the discriminator on bodies of this model (rule train_discriminator)",
            )
        pose = rotations[..., :2].reshape(count * joints, 6)
        hidden = self._layer("convolution_1", pose).relu()
        hidden = self._layer("convolution_2", hidden).relu().reshape(count, joints, _HIDDEN)
        per_joint = linear(
            hidden.transpose(0, 1),
            self.parameters["heads.weight"][:, None],
            self.parameters["heads.bias"][:, None],
            self._on_grid["heads.weight"],
        )
        whole = self._layer("pose_1", hidden.flatten(1)).relu()
        whole = self._layer("pose_3", self._layer("pose_2", whole).relu())
        shape = self._layer("shape_2", self._layer("shape_1", betas).relu()).relu()
        shape = self._layer("shape_3", shape)
        return sigmoid(torch.cat([per_joint[..., 0].T, whole, shape], dim=1))

    def save(self, path: str | Path) -> None:
        """Write the parameters as a CPU state dict, atomically; same parameters, same bytes."""
        stream = io.BytesIO()
        torch.save({name: value.detach().cpu() for name, value in self.parameters.items()}, stream)
        replace_file(path, stream.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> "Discriminator":
        """Read a file of `save`, or the same state dict in float32. Only tensors are unpickled.

        Raises:
            DataError: the file is missing, damaged, or contains another network.
        """
        path, again = Path(path), f"snakemake -f {path}"
        require_file(path, "discriminator", again)
        state = read_tensors(path, "discriminator", (again, again))
        tensors = isinstance(state, dict) and all(isinstance(v, torch.Tensor) for v in state.values())
        if not tensors or not {"heads.bias", "shape_1.weight"} <= set(state):
            raise DataError(f"{path} contains no discriminator", again)
        for name, value in state.items():
            plain = value.layout == torch.strided and value.device.type == "cpu" and value.dim() > 0
            if not plain or value.dtype not in (torch.float32, torch.float64):
                raise DataError(
                    f"{path}: {name!s:.40} is {value.dtype}, {value.layout} on {value.device} of shape "
                    f"{tuple(value.shape)!s:.60}, expected float64 or float32 numbers in memory",
                    again,
                )
        expected = _shapes(state["heads.bias"].numel(), state["shape_1.weight"].shape[-1])
        shapes = {name: tuple(value.shape) for name, value in state.items()}
        if shapes != expected:
            differing = sorted(set(shapes.items()) ^ set(expected.items()), key=str)
            raise DataError(f"{path} contains another network than expected: {differing!s:.400}", again)
        if not all(torch.isfinite(value).all() for value in state.values()):
            raise DataError(f"{path} contains parameters that are not finite", again)
        return cls({name: state[name].double() for name in expected})

    def _layer(self, name: str, value: torch.Tensor) -> torch.Tensor:
        weight, bias = self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"]
        return linear(value, weight, bias, self._on_grid[f"{name}.weight"])


def train(
    discriminator: Discriminator,
    initial: tuple[torch.Tensor, torch.Tensor],
    refined: tuple[torch.Tensor, torch.Tensor],
    *,
    optimiser: Adam,
    steps: int,
) -> tuple[np.ndarray, float, float]:
    """Train D in place on pairs of initial and refined bodies (Eq. 5), all of them at every step.

    Args:
        discriminator: changed in place; frozen again on return.
        initial: rotations (N, 24, 3, 3) and betas (N, 10) of the initial method.
        refined: the same of the refined bodies.
        optimiser: over the parameters of `discriminator`; keeps its moments between calls.
        steps: Adam steps.

    Returns:
        The loss before every step and after the last (`refine.losses.UNDECIDED_LOSS` for an undecided
        D), (steps + 1,). The share of outputs on the right side of 1/2 for initial and for refined
        bodies.

    Raises:
        SolverError: the loss is not finite.
    """
    parameters = list(discriminator.parameters.values())
    for value in parameters:
        value.requires_grad_(True)
    losses = np.zeros(steps + 1)
    try:
        for step in range(steps):
            loss = discriminator_loss(discriminator(*initial), discriminator(*refined))
            if not torch.isfinite(loss):
                raise SolverError(
                    f"discriminator loss is {loss.item()} at step {step}, expected a finite number",
                    "lower train_discriminator.learning_rate",
                )
            losses[step] = loss.item()
            loss.backward()
            optimiser.step()
            discriminator.refresh()
    finally:
        for value in parameters:
            value.requires_grad_(False)
    on_initial, on_refined = discriminator(*initial), discriminator(*refined)
    losses[-1] = float(discriminator_loss(on_initial, on_refined))
    return (
        losses,
        float((on_initial > 0.5).float().mean()),
        float((on_refined < 0.5).float().mean()),
    )
