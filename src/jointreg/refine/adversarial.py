"""Training of the discriminator: refine a sample against it, train it on the result, repeat.

Source: paper III, Eq. 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.body.skinning import from_6d
from jointreg.config.settings import Optimize, TrainDiscriminator
from jointreg.files.text_table import text_table
from jointreg.geometry.rotations import to_6d
from jointreg.refine.adam import Adam
from jointreg.refine.discriminator import Discriminator, train
from jointreg.refine.energies import balance_energies
from jointreg.refine.loop import Progress, refine_sample
from jointreg.refine.losses import TERMS, UNDECIDED_LOSS, EnergyWeights
from jointreg.refine.sample import Sample
from jointreg.threads import torch_threads

WINDOW = 3
"""Rounds in the mean losses that `has_settled` compares: single rounds fluctuate."""

SWING = 5
"""Single rounds may fluctuate by this many times the tolerance."""


@dataclass(frozen=True)
class TrainedDiscriminator:
    """Result of `train_discriminator` and its record. R is the number of rounds."""

    discriminator: Discriminator
    weights: EnergyWeights
    losses: np.ndarray
    """Loss of D in every round, before every step and after the last, (R, steps + 1)."""
    right: np.ndarray
    """Share of outputs on the right side of 1/2 for initial and for refined bodies, (R, 2)."""
    settled: bool
    """True: the rounds ended because the loss had settled. False: `max_rounds` were done."""
    energies_start: np.ndarray
    """Mean energies of the sample before the refinement of the last round, (4,), order of `TERMS`."""
    energies_end: np.ndarray
    """Mean energies of the sample after that refinement, (4,)."""

    def as_text(self) -> str:
        """For a log: the loss and the shares of right outputs of each round, and how they ended."""
        lines = [
            (turn, f"{losses[-1]:.4f}", f"{100 * initial:.1f} %", f"{100 * refined:.1f} %")
            for turn, (losses, (initial, refined)) in enumerate(
                zip(self.losses, self.right, strict=True), start=1
            )
        ]
        columns = (
            "round",
            f"loss (undecided {UNDECIDED_LOSS})",
            "right for initial",
            "right for refined bodies",
        )
        rounds = len(self.losses)
        end = f"settled after {rounds} rounds" if self.settled else f"not settled in {rounds} rounds"
        return f"{text_table([columns, *lines], 'rrrr')}\n{end} (train_discriminator.tolerance)"

    def as_dict(self) -> dict[str, object]:
        """The record in plain numbers, for JSON; energies by term, unweighted."""
        return {
            "weights": self.weights.as_dict(),
            "rounds": [
                {"loss": losses[-1], "initial": initial, "refined": refined}
                for losses, (initial, refined) in zip(
                    self.losses.tolist(), self.right.tolist(), strict=True
                )
            ],
            "settled": self.settled,
            "losses": self.losses.round(6).tolist(),
            "energies_start": dict(zip(TERMS, self.energies_start.tolist(), strict=True)),
            "energies_end": dict(zip(TERMS, self.energies_end.tolist(), strict=True)),
        }


def train_discriminator(
    body: Body,
    sample: Sample,
    regressor: np.ndarray,
    *,
    settings: TrainDiscriminator,
    optimize: Optimize,
    generator: np.random.Generator,
    weights: EnergyWeights | None = None,
    device: str = "cpu",
    workers: int = 1,
    progress: Progress | None = None,
) -> TrainedDiscriminator:
    """Alternate on a sample: refine it against D, train D to distinguish initial from refined bodies.

    Args:
        body: the body model.
        sample: the frames. Each has its own body and labels without offsets, also for a variant
            that shares them, because they come from many sequences, and no shell.
        regressor: reads the joints in E_joint, (J, V).
        settings: rounds, and how D is trained; `settings.frames` is not used, the sample is drawn.
        optimize: settings of the refinement, those of the variant.
        generator: gives D its start.
        weights: of the energies; None: those of `balance_energies` on this sample.
        device: "cpu" or "cuda".
        workers: threads that train D on the CPU. Its sums are exact, so their number changes no bit.
        progress: called with the number of rounds that are done and `settings.max_rounds`.

    Returns:
        D, the energy weights used in every round, and the record of the rounds.

    Raises:
        JointregError: as `refine_sample`.
        SolverError: the loss of D is not finite.

    Source: paper III, Eq. 5, where D is updated after every batch. Here a round takes the place of a
    batch: D is trained on all pairs of the round at once, so that it does not depend on the order of
    jobs. Rounds end when the loss has settled (`has_settled`) or after `settings.max_rounds`.
    """
    optimize = optimize.model_copy(
        update={"multiview": False, "share_betas": "none", "label_offsets": "none", "shell": "none"}
    )
    if weights is None:
        weights = balance_energies(body, sample, regressor, batch=optimize.batch)
    seed, where = int(generator.integers(2**63 - 1)), torch.device(device)
    discriminator = Discriminator.create(
        torch.Generator().manual_seed(seed), len(body.parents), body.n_betas
    ).on(where)
    optimiser = Adam(discriminator.parameters.values(), settings.learning_rate)
    start = torch.from_numpy(to_6d(sample.bodies["rotations"]).astype(np.float64))
    betas = torch.from_numpy(np.array(sample.bodies["betas"], dtype=np.float64))
    initial = from_6d(start).to(where), betas.to(where)
    losses: list[np.ndarray] = []
    right: list[list[float]] = []
    settled = False
    while not settled and len(losses) < settings.max_rounds:
        refined = refine_sample(
            body,
            sample,
            regressor,
            settings=optimize,
            weights=weights,
            discriminator=discriminator,
            device=device,
        )
        final = torch.from_numpy(refined.rotations).to(where), torch.from_numpy(refined.betas).to(where)
        with torch_threads(workers):
            loss, *shares = train(
                discriminator, initial, final, optimiser=optimiser, steps=settings.steps
            )
        losses.append(loss)
        right.append(shares)
        settled = has_settled([values[-1] for values in losses], settings.tolerance)
        if progress is not None:
            progress(len(losses), settings.max_rounds)
    start_end = refined.energies[:, [0, -1]].mean(axis=0)
    return TrainedDiscriminator(
        discriminator, weights, np.array(losses), np.array(right), settled, start_end[0], start_end[1]
    )


def has_settled(losses: Sequence[float], tolerance: float) -> bool:
    """Whether the loss has come to rest over the last `2 * WINDOW` rounds.

    All means of `WINDOW` consecutive rounds are within `tolerance` of each other, so that neither a
    drift nor a rise with a fall after it passes. Single rounds are within `SWING` times that.

    Args:
        losses: loss at the end of every round so far.
        tolerance: largest difference between two of the means.
    """
    if len(losses) < 2 * WINDOW:
        return False
    latest = np.array(losses[-2 * WINDOW :])
    means = np.convolve(latest, np.full(WINDOW, 1 / WINDOW), mode="valid")
    return bool(np.ptp(means) < tolerance and np.ptp(latest) < SWING * tolerance)
