"""The discriminator in a workflow of parallel jobs: refine a sample against it, train it, repeat.

Source: paper III, Eq. 5.
"""

from collections.abc import Mapping, Sequence
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
from jointreg.refine.loop import Progress, energy_weights, refine
from jointreg.refine.losses import TERMS, EnergyWeights
from jointreg.refine.start import one_thread

WINDOW = 3
"""Rounds whose mean loss is compared with that of as many before: single rounds go up and down."""


@dataclass(frozen=True)
class TrainedDiscriminator:
    """What `train_discriminator` learnt and how it went. R is the number of rounds it took."""

    discriminator: Discriminator
    weights: EnergyWeights
    losses: np.ndarray
    """Loss of D before every step of every round and after the last, (R, steps + 1)."""
    right: np.ndarray
    """Share of outputs on the right side of 1/2 for initial and for refined bodies, (R, 2)."""
    settled: bool
    """Whether the rounds ended because the loss had settled, not because they were used up."""
    energies_start: np.ndarray
    """Mean energies of the sample before the last round's refinement, (4,)."""
    energies_end: np.ndarray
    """Mean energies after it, (4,)."""

    def as_text(self) -> str:
        """For a log: by round the loss and the shares of right outputs, and how it ended."""
        lines = [
            (turn, f"{losses[-1]:.4f}", f"{100 * initial:.1f} %", f"{100 * refined:.1f} %")
            for turn, (losses, (initial, refined)) in enumerate(
                zip(self.losses, self.right, strict=True), start=1
            )
        ]
        columns = ("round", "loss (undecided 0.5)", "right for initial", "right for refined bodies")
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
    bodies: Mapping[str, np.ndarray],
    joints_cam: np.ndarray,
    masks: np.ndarray,
    intrinsics: np.ndarray,
    regressor: np.ndarray,
    *,
    settings: TrainDiscriminator,
    optimize: Optimize,
    generator: np.random.Generator,
    weights: EnergyWeights | None = None,
    scores: np.ndarray | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> TrainedDiscriminator:
    """Alternate on a sample of frames: refine it against D, train D to tell it from the initial.

    The arrays hold the sample itself (arguments as for `refine`), already drawn; `settings.frames`
    is the caller's business. D starts from `generator` and is trained on all pairs of a round.
    `weights` are those of `energy_weights`, found on this very sample where None. Frames of a sample
    come from all over, so that each has a body of its own, also for a variant with `multiview`.

    Returns:
        D, the energy weights used in every round, and the record of the rounds.

    Source: paper III, Eq. 5, where D is updated after every batch. Here rounds take that place, so
    that what D becomes depends on no order of jobs. They end when the loss has settled (`has_settled`)
    or after `settings.max_rounds`.
    """
    arrays = (body, bodies, joints_cam, masks, intrinsics, regressor)
    optimize = optimize.model_copy(update={"multiview": False})
    if weights is None:
        weights = energy_weights(*arrays, scores=scores, batch=optimize.batch)
    seed = int(generator.integers(2**63 - 1))
    discriminator = Discriminator.create(
        torch.Generator().manual_seed(seed), len(body.parents), body.n_betas
    )
    optimiser = Adam(discriminator.parameters.values(), settings.learning_rate)
    start = torch.from_numpy(to_6d(bodies["rotations"]).astype(np.float32))
    initial = from_6d(start), torch.from_numpy(np.asarray(bodies["betas"], dtype=np.float32))
    losses: list[np.ndarray] = []
    right: list[list[float]] = []
    settled = False
    while not settled and len(losses) < settings.max_rounds:
        refined = refine(
            *arrays,
            settings=optimize,
            weights=weights,
            discriminator=discriminator,
            scores=scores,
            device=device,
        )
        pairs = torch.from_numpy(refined.rotations), torch.from_numpy(refined.betas)
        with one_thread():
            loss, *shares = train(
                discriminator, initial, pairs, optimiser=optimiser, steps=settings.steps
            )
        losses.append(loss)
        right.append(shares)
        settled = has_settled([values[-1] for values in losses], settings.tolerance)
        if progress is not None:
            progress(len(losses), settings.max_rounds)
    start_end = refined.energies[:, [0, -1]].mean(axis=0, dtype=np.float64)
    return TrainedDiscriminator(
        discriminator, weights, np.array(losses), np.array(right), settled, start_end[0], start_end[1]
    )


def has_settled(losses: Sequence[float], tolerance: float) -> bool:
    """Whether the loss at the end of the rounds so far has stopped to drift.

    The mean of the last `WINDOW` rounds is compared with that of the `WINDOW` before. The two players go
    on answering each other: single rounds still move by more than the means do.
    """
    if len(losses) < 2 * WINDOW:
        return False
    before, now = np.mean(losses[-2 * WINDOW : -WINDOW]), np.mean(losses[-WINDOW:])
    return bool(abs(now - before) < tolerance)
