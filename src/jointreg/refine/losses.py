"""The energies of the refinement, one number a frame, and the weights that balance them.

Source: paper III, Eq. 2-6; the 2D term is the reference code's. The silhouette term of Eq. 4 is
`jointreg.silhouette.rendering.silhouette_l2`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from jointreg.errors import DataError
from jointreg.files.json_object import read_object

TERMS = ("joint", "silhouette", "adversarial", "keypoints")
"""Order of the energies in every array."""


def only(term: str, factor: float = 1.0) -> tuple[float, ...]:
    """Factors in the order of `TERMS` that leave one term."""
    return tuple(factor if name == term else 0.0 for name in TERMS)


LARGEST_WEIGHT = 1e30
"""A factor on an energy is smaller, and larger than the inverse of this; the largest known is 1e9."""

UNDECIDED_ENERGY = 0.25
"""Adversarial energy of a discriminator whose outputs are all 1/2."""

UNDECIDED_LOSS = 0.5
"""Loss (Eq. 5) of such a discriminator."""


@dataclass(frozen=True)
class EnergyWeights:
    """Factors that multiply the energies of a frame."""

    joint: float
    """1 / m^2."""
    silhouette: float
    """1 / px."""
    adversarial: float
    """Dimensionless."""
    keypoints: float
    """1 / px^2."""

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
            raise DataError(
                f"energy weights have keys {sorted(values)!s:.200}, expected {sorted(TERMS)}",
                "make the file again with the rule energy_weights",
            )
        for term, value in values.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and 1 / LARGEST_WEIGHT < value < LARGEST_WEIGHT):
                raise DataError(
                    f"energy weight '{term}' is {value!r:.80}, expected a positive number",
                    "make the file again with the rule energy_weights",
                )
        return cls(**{term: float(values[term]) for term in TERMS})

    @classmethod
    def read(cls, path: str | Path) -> "EnergyWeights":
        """The weights in a file of rule `energy_weights`.

        Raises:
            DataError: the file is missing or damaged, or as `from_dict`.
        """
        path, again = Path(path), f"snakemake -f {path}"
        values = read_object(path, "a file of energy weights", again)
        try:
            return cls.from_dict(values)
        except DataError as error:
            raise DataError(f"{path}: {str(error).splitlines()[0]}", again) from None


REFERENCE_CODE = EnergyWeights(
    joint=1e4 / (17 * 3), silhouette=100 / 224**2, adversarial=20.0, keypoints=0.01 / (17 * 2)
)
"""The reference code's constants. It takes means over joints, coordinates and pixels where the paper
has sums; `adversarial` refers to the mean of its pose and shape discriminators, each with factor 10."""


def balanced_weights(mean_joint: float, mean_silhouette: float, mean_keypoints: float) -> EnergyWeights:
    """Weights "of approximately equal magnitude on the first iteration" (paper III).

    The adversarial weight refers to an undecided discriminator: a trained one drives the energy of
    initial bodies to 0 and the quotient to infinity. Weights have nine digits, so that the last ones of
    a machine's sums are not in them.

    Args:
        mean_joint: mean joint energy of the initial bodies, m^2.
        mean_silhouette: mean silhouette energy of the initial bodies, px.
        mean_keypoints: mean 2D energy of the initial bodies, px^2.

    Raises:
        DataError: a mean is zero or not finite.
    """
    named = {"joint": mean_joint, "silhouette": mean_silhouette, "keypoints": mean_keypoints}
    for term, mean in named.items():
        if not (math.isfinite(mean) and mean > 0):
            raise DataError(
                f"mean {term} energy of the initial bodies is {mean}, expected a positive number",
                "check that the sample has labels, masks and bodies that belong together",
            )
    means = mean_joint, mean_silhouette, UNDECIDED_ENERGY, mean_keypoints
    return EnergyWeights(*(float(f"{1 / mean:.9g}") for mean in means))


def joint_energy(joints: torch.Tensor, target: torch.Tensor, root: int | None = None) -> torch.Tensor:
    """Sum over joints of squared distances (Eq. 3), (N, J, 3) metres twice -> (N,) m^2.

    Absolute in the camera frame, as in Eq. 3. With `root`, the row of a joint, both skeletons are moved
    to that joint first, as in the reference code. The labels then fix neither depth nor place.
    """
    difference = joints - target
    if root is not None:
        difference = difference - difference[:, root : root + 1]
    return difference.square().sum(dim=(1, 2))


def keypoint_energy(
    joints: torch.Tensor, intrinsics: torch.Tensor, target_px: torch.Tensor
) -> torch.Tensor:
    """Sum over joints of squared distances in the image, (N,) px^2.

    Joints (N, J, 3) metres, camera frame; K (N, 3, 3); target (N, J, 2) pixels.
    """
    homogeneous = torch.einsum("nij,nkj->nki", intrinsics, joints)
    points = homogeneous[..., :2] / homogeneous[..., 2:]
    return (points - target_px).square().sum(dim=(1, 2))


def adversarial_energy(outputs: torch.Tensor, *, halves: bool = False) -> torch.Tensor:
    """How far the discriminator is from taking a body for an initial one (Eq. 6).

    Mean over its outputs of (1 - D)^2: (N, outputs) in (0, 1) -> (N,). It is 0.25 where all outputs are
    1/2. With `halves`, the outputs on pose and the last one, on shape, count half each, as in the
    reference code.
    """
    energies = (1 - outputs).square()
    if halves:
        return 0.5 * (energies[:, :-1].mean(dim=1) + energies[:, -1])
    return energies.mean(dim=1)


def discriminator_loss(initial: torch.Tensor, refined: torch.Tensor) -> torch.Tensor:
    """Least-squares loss that D is trained on (Eq. 5): 1 for initial bodies, 0 for refined ones.

    Outputs (N, outputs) of both -> scalar, mean over frames and outputs.
    """
    return adversarial_energy(initial).mean() + refined.square().mean()
