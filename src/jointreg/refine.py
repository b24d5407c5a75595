"""Refine bodies until they match labels and silhouettes and stay plausible (paper III, Eq. 2).

theta = (24 rotations as 6D, betas, translation with its depth as log z) is moved by Adam on
E = w_joint E_joint + w_sil E_silhouette + w_adv E_adversarial. Energies are summed over frames,
never averaged, so that a frame's path does not depend on its batch.

Frames go in batches side by side on one core; all arithmetic is on the CPU in float32, in a single
torch thread, so that the same input gives the same bits whatever the machine's number of cores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from jointreg._problem import (
    Targets,
    Terms,
    checked_targets,
    one_thread,
    start_theta,
    start_translation,
    unpack,
)
from jointreg.adam import Adam
from jointreg.body import Body
from jointreg.config import Optimize, TrainDiscriminator
from jointreg.discriminator import Discriminator, train
from jointreg.errors import ConfigError, DataError, SolverError
from jointreg.losses import TERMS, EnergyWeights, balanced_weights
from jointreg.rotations import to_6d
from jointreg.silhouette import PointsError
from jointreg.skinning import from_6d

__all__ = [
    "Refined",
    "TrainedDiscriminator",
    "energy_weights",
    "refine",
    "start_translation",
    "train_discriminator",
]

Progress = Callable[[int, int], None]
"""Called with frames done and frames in all."""


@dataclass(frozen=True)
class Refined:
    """Refined bodies and how their energies fell. N frames, S stored iterations."""

    rotations: np.ndarray
    """(N, 24, 3, 3) float32."""
    betas: np.ndarray
    """(N, B) float32."""
    translation: np.ndarray
    """Metres, camera frame, (N, 3) float32."""
    iterations: np.ndarray
    """Number of Adam steps before each stored energy; last: all of them; (S,) int32."""
    energies: np.ndarray
    """Joint (m^2), silhouette (px), adversarial (1), unweighted; 0 where a term is off or a frame
    has no mask; (N, S, 3) float32."""

    def bodies(self) -> dict[str, np.ndarray]:
        """The arrays of `stores.BODIES`."""
        return {name: getattr(self, name) for name in ("rotations", "betas", "translation")}


@dataclass(frozen=True)
class TrainedDiscriminator:
    """What `train_discriminator` learnt and how it went."""

    discriminator: Discriminator
    weights: EnergyWeights
    curve: np.ndarray
    """A row a round: loss after it, share of outputs right on initial, on refined; (rounds, 3)."""
    energies_start: np.ndarray
    """Mean energies of the sample before the last round's refinement, (3,)."""
    energies_end: np.ndarray
    """Mean energies after it, (3,)."""

    def as_dict(self) -> dict[str, object]:
        """The record in plain numbers, for JSON; energies by term, unweighted."""
        return {
            "weights": self.weights.as_dict(),
            "rounds": [
                dict(zip(("loss", "initial", "refined"), row, strict=True))
                for row in self.curve.tolist()
            ],
            "energies_start": dict(zip(TERMS, self.energies_start.tolist(), strict=True)),
            "energies_end": dict(zip(TERMS, self.energies_end.tolist(), strict=True)),
        }


def refine(
    body: Body,
    bodies: Mapping[str, np.ndarray],
    joints_cam: np.ndarray,
    masks: np.ndarray,
    intrinsics: np.ndarray,
    regressor: np.ndarray,
    *,
    settings: Optimize,
    weights: EnergyWeights,
    discriminator: Discriminator | None = None,
    scores: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Refined:
    """Refine the bodies of some frames.

    Args:
        body: the body model; its mesh must be closed where the silhouette term is on.
        bodies: `rotations` (N, 24, 3, 3) and `betas` (N, B) of the initial method. Its translation
            is not used: it is found anew from the labels.
        joints_cam: labels, camera frame, metres, (N, J, 3).
        masks: person probability x 255, (N, H, W) uint8.
        intrinsics: pinhole K of the pictures the masks belong to, pixels, (N, 3, 3).
        regressor: J_spin, (J, V).
        settings: iterations, step size, batch; `joint`, `silhouette`, `adversarial` multiply
            `weights`, and 0 removes a term with its computation.
        weights: from `energy_weights`.
        discriminator: needed where the adversarial term is on; not changed.
        scores: confidence of each mask, (N,); frames with 0 get no silhouette term. None: all count.
        progress: told after every batch.

    Returns:
        Bodies in the order of the input, and their energies every `settings.store_every` steps.

    Raises:
        ShapeError, UnitError, DataError: inputs that do not belong together, in shape or in unit.
        ConfigError: the adversarial term without a discriminator.
        SolverError: a gradient is not finite or a body came behind the camera; names frame and
            iteration.
    """
    if settings.adversarial > 0 and discriminator is None:
        raise ConfigError(
            f"optimize.adversarial is {settings.adversarial} but there is no discriminator",
            "pass the output of train_discriminator, or set optimize.adversarial to 0",
        )
    if settings.joint == settings.silhouette == settings.adversarial == 0:
        raise ConfigError("optimize: joint, silhouette and adversarial are all 0, expected some term")
    targets = checked_targets(body, bodies, joints_cam, masks, intrinsics, regressor, scores)
    factors = (
        settings.joint * weights.joint,
        settings.silhouette * weights.silhouette,
        settings.adversarial * weights.adversarial,
    )
    terms = Terms(body, regressor, factors, discriminator)
    stored = sorted({*range(0, settings.iterations, settings.store_every), settings.iterations})
    energies = np.zeros((targets.count, len(stored), 3), dtype=np.float32)
    with one_thread():
        theta = start_theta(body, bodies, targets.joints.numpy(), regressor)
        for first in range(0, targets.count, settings.batch):
            rows = slice(first, min(first + settings.batch, targets.count))
            theta[rows] = _descend(
                theta[rows].clone(), terms, targets, rows, settings, stored, energies[rows]
            )
            if progress is not None:
                progress(rows.stop, targets.count)
    rotations, betas, translation = unpack(theta, body)
    return Refined(
        rotations.numpy(),
        betas.numpy().copy(),
        translation.numpy(),
        np.array(stored, dtype=np.int32),
        energies,
    )


def energy_weights(
    body: Body,
    bodies: Mapping[str, np.ndarray],
    joints_cam: np.ndarray,
    masks: np.ndarray,
    intrinsics: np.ndarray,
    regressor: np.ndarray,
    *,
    scores: np.ndarray | None = None,
    batch: int = 64,
) -> EnergyWeights:
    """Weights that make the energies of a sample's initial bodies equal in magnitude.

    Arguments as for `refine`; the silhouette's mean is over frames with a mask.

    Raises:
        DataError: no frame has a mask, or an energy is zero or not finite.
    """
    targets = checked_targets(body, bodies, joints_cam, masks, intrinsics, regressor, scores)
    seen = targets.seen.numpy() > 0
    if not seen.any():
        raise DataError(
            f"none of {targets.count} frames has a person mask, expected some", "see rule segment"
        )
    terms = Terms(body, regressor, (1.0, 1.0, 0.0), None)
    with one_thread(), torch.no_grad():
        theta = start_theta(body, bodies, targets.joints.numpy(), regressor)
        energies = np.concatenate(
            [
                terms.energies(theta[first : first + batch], targets, slice(first, first + batch))
                for first in range(0, targets.count, batch)
            ]
        ).astype(np.float64)
    return balanced_weights(float(energies[:, 0].mean()), float(energies[seen, 1].mean()))


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
    progress: Progress | None = None,
) -> TrainedDiscriminator:
    """Alternate on a sample of frames: refine it against D, train D to tell it from the initial.

    The arrays hold the sample itself (arguments as for `refine`), already drawn; `settings.frames`
    is the caller's business. D starts from `generator` and is trained on all pairs of a round.
    `weights` are those of `energy_weights`, found on this very sample where None.

    Returns:
        D, the energy weights used in every round, and the record of the rounds.

    Source: paper III, Eq. 5, where D is updated after every batch. Here rounds take that place, so
    that what D becomes depends on no order of jobs.
    """
    arrays = (body, bodies, joints_cam, masks, intrinsics, regressor)
    if weights is None:
        weights = energy_weights(*arrays, scores=scores, batch=optimize.batch)
    seed = int(generator.integers(2**63 - 1))
    discriminator = Discriminator.create(
        torch.Generator().manual_seed(seed), len(body.parents), body.n_betas
    )
    optimiser = Adam(discriminator.parameters.values(), settings.learning_rate)
    start = torch.from_numpy(to_6d(bodies["rotations"]).astype(np.float32))
    initial = from_6d(start), torch.from_numpy(np.asarray(bodies["betas"], dtype=np.float32))
    curve = np.zeros((settings.rounds, 3))
    for turn in range(settings.rounds):
        refined = refine(
            *arrays,
            settings=optimize,
            weights=weights,
            discriminator=discriminator,
            scores=scores,
        )
        pairs = torch.from_numpy(refined.rotations), torch.from_numpy(refined.betas)
        with one_thread():
            curve[turn] = train(discriminator, initial, pairs, optimiser=optimiser, steps=settings.steps)
        if progress is not None:
            progress(turn + 1, settings.rounds)
    start_end = refined.energies[:, [0, -1]].mean(axis=0, dtype=np.float64)
    return TrainedDiscriminator(discriminator, weights, curve, start_end[0], start_end[1])


def _descend(
    theta: torch.Tensor,
    terms: Terms,
    targets: Targets,
    rows: slice,
    settings: Optimize,
    stored: list[int],
    energies: np.ndarray,
) -> torch.Tensor:
    """Adam on one batch; fills `energies` at the stored iterations."""
    theta.requires_grad_(True)
    optimiser = Adam([theta], settings.learning_rate)
    for iteration in range(settings.iterations + 1):
        last = iteration == settings.iterations
        try:
            with torch.set_grad_enabled(not last):
                found = terms.energies(theta, targets, rows)
        except PointsError as error:
            raise SolverError(
                f"frame {rows.start + error.frame}, iteration {iteration}: the body is not wholly "
                "in front of the camera",
                "check labels and intrinsics of that frame, or lower optimize.learning_rate",
            ) from error
        if iteration in stored:
            energies[:, stored.index(iteration)] = found.detach().numpy()
        if last:
            break
        (theta.grad,) = torch.autograd.grad((found * terms.factors).sum(), theta)
        finite = torch.isfinite(theta.grad).all(dim=1)
        if not finite.all():
            frame = rows.start + int(torch.nonzero(~finite)[0])
            raise SolverError(
                f"frame {frame}, iteration {iteration}: gradient is not finite, energies "
                f"{found[frame - rows.start].tolist()} ({', '.join(TERMS)})",
                "check the body, labels and mask of that frame",
            )
        optimiser.step()
    return theta.detach()
