"""One body at the iterations of its refinement."""

from dataclasses import dataclass

import numpy as np

from jointreg.body.model import Body
from jointreg.config.settings import Optimize
from jointreg.errors import ShapeError
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.loop import Bodies, refine_sample, term_factors
from jointreg.refine.losses import TERMS, EnergyWeights
from jointreg.refine.sample import Sample


@dataclass(frozen=True)
class Trajectory:
    """The body at T iterations of its refinement. The first is the start, the last the end."""

    bodies: Bodies
    """Arrays of `stores.BODIES`, T rows."""
    iterations: np.ndarray
    """Number of Adam steps before each, (T,)."""
    energies: dict[str, np.ndarray]
    """Term -> energy times its weight, (T,); only the terms that are on."""


def trace(
    body: Body,
    sample: Sample,
    regressor: np.ndarray,
    *,
    settings: Optimize,
    weights: EnergyWeights,
    discriminator: Discriminator | None = None,
    device: str = "cpu",
    moments: int = 40,
) -> Trajectory:
    """Refine one frame as `refine_sample` does, and record its body along the way.

    Args:
        body: the body model.
        sample: the frame.
        regressor: reads the joints in E_joint, (J, V).
        settings: of the variant; `store_every` is replaced.
        weights: of the energies.
        discriminator: needed where the adversarial term is on.
        device: "cpu" or "cuda".
        moments: largest number of bodies recorded before the last one.

    Raises:
        ShapeError: the sample has more or less than one frame.
        JointregError: as `refine_sample`.
    """
    if len(sample) != 1:
        raise ShapeError(
            f"the sample has {len(sample)} frames, expected 1", "take one: sample.part(slice(0, 1))"
        )
    settings = settings.model_copy(update={"store_every": -(-settings.iterations // moments)})
    bodies: list[Bodies] = []
    refined = refine_sample(
        body,
        sample,
        regressor,
        settings=settings,
        weights=weights,
        discriminator=discriminator,
        device=device,
        watch=lambda _, current: bodies.append(current),
    )
    bodies.append(refined.bodies())
    factors = dict(zip(TERMS, term_factors(settings, weights), strict=True))
    return Trajectory(
        {name: np.concatenate([moment[name] for moment in bodies]) for name in bodies[0]},
        refined.iterations,
        {
            term: factors[term] * refined.energies[0, :, index]
            for index, term in enumerate(TERMS)
            if factors[term] > 0
        },
    )
