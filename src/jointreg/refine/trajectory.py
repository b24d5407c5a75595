"""The refinement of one frame, moment by moment."""

from dataclasses import dataclass

import numpy as np

from jointreg.body.model import Body
from jointreg.config.settings import Optimize
from jointreg.errors import ShapeError
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.loop import refine, term_factors
from jointreg.refine.losses import TERMS, EnergyWeights
from jointreg.refine.sample import Sample


@dataclass(frozen=True)
class Way:
    """One body on its way, T moments: the first is the start of the refinement, the last its end."""

    bodies: dict[str, np.ndarray]
    """Arrays of `stores.BODIES`, T rows."""
    iterations: np.ndarray
    """Adam steps before each moment, (T,)."""
    energies: dict[str, np.ndarray]
    """Term -> energy times its weight, (T,); only the terms that are on."""


def follow(
    body: Body,
    sample: Sample,
    regressor: np.ndarray,
    *,
    settings: Optimize,
    weights: EnergyWeights,
    discriminator: Discriminator | None = None,
    device: str = "cpu",
    moments: int = 40,
) -> Way:
    """Refine one frame again, as `jointreg.refine.refine` does, and keep the body on its way.

    Args:
        body: the body model.
        sample: the frame.
        regressor: reads the joints in E_joint, (J, V).
        settings: of the variant; `store_every` is replaced.
        weights: of the energies.
        discriminator: needed where the adversarial term is on.
        device: "cpu" or "cuda".
        moments: kept on the way, at most; the end comes on top.

    Raises:
        ShapeError: the sample holds more or less than one frame.
    """
    if len(sample.masks) != 1:
        raise ShapeError(f"sample holds {len(sample.masks)} frames, expected 1")
    settings = settings.model_copy(update={"store_every": -(-settings.iterations // moments)})
    kept: list[dict[str, np.ndarray]] = []
    refined = refine(
        body,
        **sample.arguments(),  # type: ignore[arg-type]
        regressor=regressor,
        settings=settings,
        weights=weights,
        discriminator=discriminator,
        device=device,
        watch=lambda _, bodies: kept.append(bodies),
    )
    kept.append(refined.bodies())
    factors = dict(zip(TERMS, term_factors(settings, weights), strict=True))
    return Way(
        {name: np.concatenate([moment[name] for moment in kept]) for name in kept[0]},
        refined.iterations,
        {
            term: factors[term] * refined.energies[0, :, index]
            for index, term in enumerate(TERMS)
            if factors[term] > 0
        },
    )
