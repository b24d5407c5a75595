"""Refine bodies until they match labels and silhouettes and stay plausible (paper III, Eq. 2).

theta = (24 rotations as 6D, betas, translation with its depth as log z) is moved by Adam on
E = w_joint E_joint + w_sil E_silhouette + w_adv E_adversarial (+ w_key E_keypoints). Energies are
summed over frames, never averaged, so that a frame's path does not depend on its batch.

Frames go side by side in batches, in float32 and, on the CPU, in a single torch thread, so that the
same input gives the same bits whatever the machine's number of cores. Memory grows with the batch.
With a shared body (`multiview`) the whole sequence is one problem, whose gradient is summed over
batches before each step.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.config.settings import Optimize
from jointreg.errors import ConfigError, DataError, SolverError
from jointreg.refine.adam import Adam
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.energies import Terms
from jointreg.refine.losses import REFERENCE_CODE, TERMS, EnergyWeights, balanced_weights
from jointreg.refine.parameters import OwnBodies, SharedBodies, Views, checked_views
from jointreg.refine.start import CPU, move_to_camera, one_thread, start_bodies
from jointreg.refine.targets import Targets, checked_targets
from jointreg.silhouette.topology import PointsError

Progress = Callable[[int, int], None]
"""Called with frames done and frames in all."""

Watch = Callable[[int, dict[str, np.ndarray]], None]
"""Called with an iteration and the bodies of a block before it."""


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
    """In the order of `refine.losses.TERMS`: joint (m^2), silhouette (px), adversarial (1), keypoints
    (px^2), unweighted; 0 where a term is off or a frame has no mask; (N, S, 4) float32."""

    def bodies(self) -> dict[str, np.ndarray]:
        """The arrays of `stores.BODIES`."""
        return {name: getattr(self, name) for name in ("rotations", "betas", "translation")}


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
    views: Views | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Refined:
    """Refine the bodies of some frames.

    Args:
        body: the body model; its mesh must be closed where the silhouette term is on.
        bodies: `rotations` (N, 24, 3, 3) and `betas` (N, B) of the initial method. Its translation
            is not used: it is found anew from the labels.
        joints_cam: labels, camera frame, metres, (N, J, 3).
        masks: person probability x 255, (N, H, W) uint8.
        intrinsics: pinhole K of the pictures the masks belong to, pixels, (N, 3, 3).
        regressor: reads the joints in E_joint, (J, V); J_spin in the paper.
        settings: iterations, step size, batch, and how the terms are formed; `joint`, `silhouette`,
            `adversarial`, `keypoints` multiply the weights, and 0 removes a term with its computation.
        weights: from `energy_weights`; not used where `settings.weights` are the reference code's.
        discriminator: needed where the adversarial term is on; not changed.
        scores: confidence of each mask, (N,); frames with 0 get no silhouette term. None: all count.
        views: moments and cameras of the frames; needed where `settings.multiview` is on.
        device: "cpu" or "cuda". The CUDA path has been run on a CPU only.
        progress: told after every batch; with a shared body, after every iteration.
        watch: shown the bodies of every batch on their way, as often as energies are stored.

    Returns:
        Bodies in the order of the input, and their energies every `settings.store_every` steps.

    Raises:
        ShapeError, UnitError, DataError: inputs that do not belong together, in shape or in unit.
        ConfigError: the adversarial term without a discriminator, or no term at all.
        SolverError: a gradient is not finite or a body came behind the camera; names frame and
            iteration.
    """
    if settings.adversarial > 0 and discriminator is None:
        raise ConfigError(
            f"optimize.adversarial is {settings.adversarial} but there is no discriminator",
            "pass the output of train_discriminator, or set optimize.adversarial to 0",
        )
    if not any(term_factors(settings, weights)):
        raise ConfigError(f"optimize: {', '.join(TERMS)} are all 0, expected some term")
    weak = settings.camera == "weak_perspective"
    targets = checked_targets(
        body,
        bodies,
        joints_cam,
        masks,
        intrinsics,
        regressor,
        scores,
        weak=weak,
        dilation_px=settings.mask_dilation_px,
    )
    count, where = targets.count, torch.device(device)
    if settings.multiview:
        views = checked_views(views, count)
    start = start_bodies(body, bodies, joints_cam, regressor)
    if weak:
        start["translation"] = move_to_camera(
            body, start["betas"], start["translation"], intrinsics, targets.intrinsics
        )
    stored = sorted({*range(0, settings.iterations, settings.store_every), settings.iterations})
    energies = np.zeros((count, len(stored), len(TERMS)), dtype=np.float32)
    found = {name: np.empty(value.shape, dtype=np.float32) for name, value in start.items()}
    size = count if settings.multiview else settings.batch
    with one_thread():
        if discriminator is not None and where != CPU:
            discriminator = Discriminator({k: v.to(where) for k, v in discriminator.parameters.items()})
        terms = Terms(
            body,
            regressor,
            term_factors(settings, weights),
            discriminator,
            where,
            backend=settings.backend,
            root_relative=settings.joint_frame == "root_relative",
            halves=settings.weights == "reference_code",
        )
        placing = Terms(body, regressor, (0, 0, 0, 1), device=where)
        for first in range(0, count, max(size, 1)):
            rows = slice(first, min(first + size, count))
            begin = {name: value[rows] for name, value in start.items()}
            unknowns: OwnBodies | SharedBodies
            if settings.multiview and views is not None:
                unknowns = SharedBodies(body, begin, views, where)
            else:
                unknowns = OwnBodies(body, begin, where)
            block = _Block(unknowns, targets.block(rows, where), first, settings)
            if weak:
                block.home = partial(_seen_home, body, targets.intrinsics[rows], intrinsics[rows])
            if settings.camera_iterations:
                block.place(placing)
            tell = progress if settings.multiview else None
            block.descend(terms, stored, energies[rows], tell, watch)
            for name, value in block.bodies().items():
                found[name][rows] = value
            if progress is not None:
                progress(rows.stop, count)
    return Refined(**found, iterations=np.array(stored, dtype=np.int32), energies=energies)


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
    terms = Terms(body, regressor, (1, 1, 0, 1))
    unknowns = OwnBodies(body, start_bodies(body, bodies, joints_cam, regressor), CPU)
    batches = [slice(n, n + batch) for n in range(0, targets.count, batch)]
    with one_thread(), torch.no_grad():
        parts = [terms.energies(unknowns.pose(rows), targets, rows).numpy() for rows in batches]
    energies = np.concatenate(parts).astype(np.float64)
    return balanced_weights(
        float(energies[:, 0].mean()), float(energies[seen, 1].mean()), float(energies[:, 3].mean())
    )


def _seen_home(
    body: Body, weak: np.ndarray, calibrated: np.ndarray, bodies: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Bodies of the weak-perspective camera where the calibrated one sees them."""
    moved = move_to_camera(body, bodies["betas"], bodies["translation"], weak, calibrated)
    return bodies | {"translation": moved.astype(np.float32)}


def term_factors(settings: Optimize, weights: EnergyWeights) -> tuple[float, float, float, float]:
    """What multiplies each energy, in the order of `TERMS`."""
    if settings.weights == "reference_code":
        weights = REFERENCE_CODE
    joint, silhouette, adversarial, keypoints = (
        getattr(settings, term) * getattr(weights, term) for term in TERMS
    )
    return joint, silhouette, adversarial, keypoints


def step_size(settings: Optimize, iteration: int) -> float:
    """Adam's step at an iteration, counted from 0: constant, or half a cosine down to 0."""
    if settings.decay == "none":
        return settings.learning_rate
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * iteration / settings.iterations))


class _Block:
    """Frames that are refined together: one batch, or with a shared body several."""

    def __init__(
        self, unknowns: OwnBodies | SharedBodies, targets: Targets, first: int, settings: Optimize
    ) -> None:
        self.unknowns, self.targets, self.first, self.settings = unknowns, targets, first, settings
        self.home: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]] | None = None
        batches = range(0, targets.count, settings.batch)
        self.batches = [slice(n, min(n + settings.batch, targets.count)) for n in batches]

    def place(self, terms: Terms) -> None:
        """Adam on the translation alone, as the reference code begins (its D10)."""
        theta, _ = parameters = self.unknowns.parameters
        optimiser = Adam([theta], self.settings.learning_rate)
        for iteration in range(self.settings.camera_iterations):
            self._sum_gradients(terms, iteration, parameters)
            theta.grad[:, :-3] = 0  # type: ignore[index]
            optimiser.step()

    def descend(
        self,
        terms: Terms,
        stored: list[int],
        energies: np.ndarray,
        progress: Progress | None,
        watch: Watch | None,
    ) -> None:
        """Adam on everything; fills `energies` at the stored iterations."""
        settings, parameters = self.settings, self.unknowns.parameters
        optimiser = Adam(parameters, settings.learning_rate)
        for iteration in range(settings.iterations):
            found = self._sum_gradients(terms, iteration, parameters)
            if iteration in stored:
                energies[:, stored.index(iteration)] = found
                if watch is not None:
                    watch(iteration, self.bodies())
            optimiser.learning_rate = step_size(settings, iteration)
            optimiser.step()
            if progress is not None:
                progress((iteration + 1) * self.targets.count // settings.iterations, self.targets.count)
        with torch.no_grad():
            parts = [self._energies(terms, rows, settings.iterations) for rows in self.batches]
        energies[:, -1] = torch.cat(parts).cpu().numpy()

    def bodies(self) -> dict[str, np.ndarray]:
        """Rotations, betas and translation of all frames."""
        with torch.no_grad():
            poses = [self.unknowns.pose(rows) for rows in self.batches]
        joined = [torch.cat(parts).detach().cpu().numpy() for parts in zip(*poses, strict=True)]
        found = dict(zip(("rotations", "betas", "translation"), joined, strict=True))
        return found if self.home is None else self.home(found)

    def _sum_gradients(self, terms: Terms, iteration: int, parameters: list[torch.Tensor]) -> np.ndarray:
        """Set `.grad` of the parameters, batch after batch; returns the energies, (n, 4)."""
        energies = []
        for value in parameters:
            value.requires_grad_(True)
            value.grad = None
        for rows in self.batches:
            found = self._energies(terms, rows, iteration)
            (found * terms.factors).sum().backward()
            energies.append(found.detach())
        together = torch.cat(energies).cpu().numpy()
        theta = parameters[0]
        finite = torch.stack([torch.isfinite(p.grad).all() for p in parameters]).all()  # type: ignore[arg-type]
        if not finite or not np.isfinite(together).all():
            bad = ~np.isfinite(together).all(axis=1)
            if not bad.any():
                row = int(torch.nonzero(~torch.isfinite(theta.grad).all(dim=1))[0])  # type: ignore[arg-type]
                frame = self.unknowns.frame_of(row)
            else:
                frame = int(np.argmax(bad))
            raise SolverError(
                f"frame {self.first + frame}, iteration {iteration}: gradient is not finite, energies "
                f"{together[frame].tolist()} ({', '.join(TERMS)})",
                "check the body, labels and mask of that frame",
            )
        return together

    def _energies(self, terms: Terms, rows: slice, iteration: int) -> torch.Tensor:
        """Energies of one batch with the iteration's blur."""
        blurs = [*self.settings.blur_px, 0.0]
        stage = min(iteration * len(blurs) // self.settings.iterations, len(blurs) - 1)
        try:
            return terms.energies(self.unknowns.pose(rows), self.targets, rows, blurs[stage])
        except PointsError as error:
            raise SolverError(
                f"frame {self.first + rows.start + error.frame}, iteration {iteration}: the body is not "
                "wholly in front of the camera",
                "check labels and intrinsics of that frame, or lower optimize.learning_rate",
            ) from error
