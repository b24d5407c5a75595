"""The energies of the refinement, one number a frame, and the weights that balance them.

Source: paper III, Eq. 2-6. The silhouette term of Eq. 4 is `jointreg.silhouette.silhouette_l2`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch

from jointreg.errors import DataError

TERMS = ("joint", "silhouette", "adversarial")
"""Order of the energies in every array."""

UNDECIDED = 0.25
"""(1 - D)^2 of a discriminator that answers 1/2."""


@dataclass(frozen=True)
class EnergyWeights:
    """Factors that bring the three energies to the same magnitude at the start."""

    joint: float
    """1 / m^2."""
    silhouette: float
    """1 / px."""
    adversarial: float
    """Dimensionless."""

    def as_dict(self) -> dict[str, float]:
        """Plain numbers by term, for JSON; read back by `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> "EnergyWeights":
        """The inverse of `as_dict`.

        Raises:
            DataError: a term is missing or unknown, or a weight is not positive and finite.
        """
        if set(values) != set(TERMS):
            raise DataError(f"energy weights have keys {sorted(values)}, expected {sorted(TERMS)}")
        for term, value in values.items():
            if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
                raise DataError(f"energy weight '{term}' is {value!r}, expected a positive number")
        return cls(**{term: float(values[term]) for term in TERMS})


def balanced_weights(mean_joint: float, mean_silhouette: float) -> EnergyWeights:
    """Weights "of approximately equal magnitude on the first iteration" (paper III).

    The adversarial weight refers to an undecided discriminator: a trained one drives the energy of
    initial bodies to 0 and the quotient to infinity.

    Args:
        mean_joint: mean joint energy of the initial bodies, m^2.
        mean_silhouette: mean silhouette energy of the initial bodies, px.

    Raises:
        DataError: a mean is zero or not finite.
    """
    for term, mean in (("joint", mean_joint), ("silhouette", mean_silhouette)):
        if not (math.isfinite(mean) and mean > 0):
            raise DataError(
                f"mean {term} energy of the initial bodies is {mean}, expected a positive number",
                "check that the sample has labels, masks and bodies that belong together",
            )
    return EnergyWeights(1 / mean_joint, 1 / mean_silhouette, 1 / UNDECIDED)


def joint_energy(joints: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Sum over joints of squared distances, absolute in the camera frame (Eq. 3).

    Both (N, J, 3) metres -> (N,) m^2. Root-relative joints would leave depth and size free.
    """
    return (joints - target).square().sum(dim=(1, 2))


def adversarial_energy(outputs: torch.Tensor) -> torch.Tensor:
    """How far the discriminator is from taking a body for an initial one (Eq. 6).

    Mean over its outputs of (1 - D)^2: (N, outputs) in (0, 1) -> (N,), 0.25 where all say 1/2.
    """
    return (1 - outputs).square().mean(dim=1)


def discriminator_loss(initial: torch.Tensor, refined: torch.Tensor) -> torch.Tensor:
    """Least-squares loss that D is trained on (Eq. 5): 1 for initial bodies, 0 for refined ones.

    Outputs (N, outputs) of both -> scalar, mean over frames and outputs; 0.5 when undecided.
    """
    return adversarial_energy(initial).mean() + refined.square().mean()
