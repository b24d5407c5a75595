"""Refine bodies until they match labels and silhouettes and stay plausible (paper III, Eq. 2).

Two solvers lower the same energies. `levenberg_marquardt` is the fast one. Here is the paper's:
Adam changes theta = (24 rotations as 6D, betas, translation with its depth as log z) to lower
E = w_joint E_joint + w_sil E_silhouette + w_adv E_adversarial (+ w_key E_keypoints). Energies are
summed over frames, never averaged, so that a frame's path does not depend on its batch.

Everything is float64. Where an energy does not change along a direction, as with the length of a 6D
column, Adam divides the rounding of a gradient by itself: in float32 that is a full step, which differs
between machines and grows from step to step, in float64 it is far below Adam's epsilon.

Frames are refined side by side in batches. On the CPU a single torch thread computes, so that the same
input gives the same bits whatever the machine's number of cores. Memory grows with the
batch. Where frames share a body, betas or label offsets (`multiview`, `share_betas`, `label_offsets`),
the whole sample is one problem. Its gradient is summed over batches before each step.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.config.settings import Optimize
from jointreg.config.solvers import check_solver
from jointreg.errors import ConfigError, SolverError
from jointreg.refine.adam import Adam
from jointreg.refine.bone_moments import BoneMoments
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.energies import CPU, Terms
from jointreg.refine.label_offsets import LabelOffsets, checked_offsets
from jointreg.refine.levenberg_marquardt import descend, start_on_joints
from jointreg.refine.losses import REFERENCE_CODE, TERMS, EnergyWeights, only
from jointreg.refine.parameters import OwnBodies, SharedBodies, Views, checked_views
from jointreg.refine.quadratic import Quadratic
from jointreg.refine.result import Refined
from jointreg.refine.rounds import end_or_start
from jointreg.refine.sample import Sample
from jointreg.refine.shared_descent import CURVATURE, SharedStart, descend_together
from jointreg.refine.shell import Shell, checked_thickness
from jointreg.refine.start import refined_bodies, start_bodies
from jointreg.refine.targets import Targets, checked_targets
from jointreg.refine.weak_camera import move_to_camera
from jointreg.silhouette.topology import PointsError
from jointreg.threads import one_torch_thread

Progress = Callable[[int, int], None]
"""Called with the number of frames that are done and of all frames."""

Bodies = dict[str, np.ndarray]
"""`rotations` (N, 24, 3, 3), `betas` (N, B) and `translation` (N, 3), metres, camera frame."""

Watch = Callable[[int, Bodies], None]
"""Called with an iteration and the bodies of a batch before it."""


def refine_sample(
    body: Body,
    sample: Sample,
    regressor: np.ndarray,
    *,
    settings: Optimize,
    weights: EnergyWeights,
    discriminator: Discriminator | None = None,
    offsets: np.ndarray | None = None,
    thickness: np.ndarray | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Refined:
    """Refine the bodies of a sample of frames.

    With `settings.share_betas` or `settings.label_offsets` all frames must be of one subject.

    Args:
        body: the body model; its mesh must be closed where the silhouette term is on.
        sample: initial bodies, labels, masks and cameras; `views` are needed where `settings.multiview`
            is on.
        regressor: reads the joints in E_joint, (J, V); J_spin in the paper.
        settings: iterations, step size, batch, and how the terms are formed; `joint`, `silhouette`,
            `adversarial`, `keypoints` multiply the weights, and 0 removes a term with its computation.
        weights: from `balance_energies`; not used where `settings.weights` are the reference code's.
        discriminator: needed where the adversarial term is on; not changed.
        offsets: label offsets to start from, metres, (17, 3); None for zeros.
        thickness: of the clothes to start from, metres, (P,); None for `refine.shell.START_M`.
        device: "cpu" or "cuda". The CUDA path has been run on a CPU only.
        progress: called after every batch; where the sample is one problem, after every iteration.
        watch: called with the bodies of every batch as often as energies are stored.

    Returns:
        Bodies in the order of the sample, and their energies every `settings.store_every` steps.

    Raises:
        ShapeError, UnitError, DataError: inputs that do not belong together, in shape or in unit.
        ConfigError: the adversarial term without a discriminator, or no term at all.
        SolverError: a gradient is not finite or a body came behind the camera; names frame and
            iteration.
    """
    factors = term_factors(settings, weights)
    if settings.adversarial > 0 and discriminator is None:
        raise ConfigError(
            f"optimize.adversarial is {settings.adversarial} but there is no discriminator",
            "pass the output of train_discriminator, or set optimize.adversarial to 0",
        )
    if not any(factors):
        raise ConfigError(
            f"optimize: {', '.join(TERMS)} are all 0, expected some term",
            "set one of them above 0, as optimize.joint: 1.0",
        )
    check_solver(settings, device)
    weak = settings.camera == "weak_perspective"
    targets = checked_targets(
        body,
        sample,
        regressor,
        weak=weak,
        dilation_px=settings.mask_dilation_px,
        robust_px=settings.robust_px,
    )
    count, where = len(sample), torch.device(device)
    with_offsets = settings.label_offsets == "subject"
    offsets = checked_offsets(offsets, len(regressor)) if with_offsets else None
    thickness = checked_thickness(thickness) if settings.shell == "subject" else None
    shell = None if thickness is None else Shell(thickness, where)
    begun = offsets, thickness
    views = _shared_views(sample, settings)
    root_relative = settings.joint_frame == "root_relative"
    start = (
        refined_bodies(sample) if settings.start == "refined" else start_bodies(body, sample, regressor)
    )
    if weak:
        start["translation"] = move_to_camera(
            body, start["betas"], start["translation"], sample.intrinsics, targets.intrinsics
        )
    if settings.start == "joints":
        joint_only = only("joint", factors[TERMS.index("joint")])
        problem = Quadratic(body, BoneMoments(body, regressor), joint_only, root_relative=root_relative)
        start = start_on_joints(problem, start, targets, batch=settings.batch)
    stored = sorted({*range(0, settings.iterations, settings.store_every), settings.iterations})
    whole = views is not None or offsets is not None
    if settings.solver == "lm":
        problem = Quadratic(
            body,
            BoneMoments(body, regressor, 0 if thickness is None else len(thickness)),
            factors,
            discriminator,
            root_relative=root_relative,
            shell=thickness is not None,
            curvature=CURVATURE if whole else 1.0,
        )
        shared = SharedStart(
            Views.apart(count) if views is None else views, offsets, thickness, settings.shape_prior
        )
        descend_all = partial(descend_together, body, shared) if whole else descend
        end = descend_all(
            problem, start, targets, stored, batch=settings.batch, progress=progress, watch=watch
        )
        return end if settings.start != "refined" else end_or_start(end, sample.bodies, *begun)
    energies = np.zeros((count, len(stored), len(TERMS)))
    refined = {name: np.empty(value.shape) for name, value in start.items()}
    size = count if whole else settings.batch
    with one_torch_thread():
        if discriminator is not None and where != CPU:
            discriminator = discriminator.on(where)
        terms = Terms(
            body,
            regressor,
            factors,
            discriminator,
            where,
            backend=settings.backend,
            root_relative=root_relative,
            halves=settings.weights == "reference_code",
            shell=shell,
            uncovered=settings.uncovered,
        )
        keypoints_only = Terms(body, regressor, only("keypoints"), device=where)
        for first in range(0, count, max(size, 1)):
            rows = slice(first, min(first + size, count))
            begin = {name: value[rows] for name, value in start.items()}
            unknowns: OwnBodies | SharedBodies
            if views is None:
                unknowns = OwnBodies(body, begin, where)
            else:
                unknowns = SharedBodies(body, begin, views, where)
            block = _Block(unknowns, targets.block(rows, where), first, settings)
            if offsets is not None:
                block.offsets = LabelOffsets(offsets, body.parents, len(unknowns.theta), where)
            if weak:
                weak_k, sample_k = targets.intrinsics[rows], sample.intrinsics[rows]
                block.to_sample = partial(_in_sample_camera, body, weak_k, sample_k)
            block.place(keypoints_only)
            block.descend(terms, stored, energies[rows], progress if whole else None, watch)
            for name, value in block.bodies().items():
                refined[name][rows] = value
            if block.offsets is not None:
                offsets = block.offsets.values.cpu().numpy()
            if progress is not None:
                progress(rows.stop, count)
    end = Refined.of(refined, stored, energies, offsets, None if shell is None else shell.values())
    return end if settings.start != "refined" else end_or_start(end, sample.bodies, *begun)


def _shared_views(sample: Sample, settings: Optimize) -> Views | None:
    """Which frames share a body; None where each has its own body and betas."""
    if settings.multiview:
        return checked_views(sample.views, len(sample))
    return None if settings.share_betas == "none" else Views.apart(len(sample))


def _in_sample_camera(body: Body, weak_k: np.ndarray, sample_k: np.ndarray, bodies: Bodies) -> Bodies:
    """Bodies of the weak-perspective camera, moved to where the sample's camera sees them alike."""
    moved = move_to_camera(body, bodies["betas"], bodies["translation"], weak_k, sample_k)
    return bodies | {"translation": moved}


def term_factors(settings: Optimize, weights: EnergyWeights) -> tuple[float, ...]:
    """The factor on each energy, in the order of `TERMS`."""
    if settings.weights == "reference_code":
        weights = REFERENCE_CODE
    return tuple(getattr(settings, term) * getattr(weights, term) for term in TERMS)


def step_size(settings: Optimize, iteration: int) -> float:
    """Adam's step at an iteration, counted from 0: constant, or half a cosine down to 0."""
    if settings.decay == "none":
        return settings.learning_rate
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * iteration / settings.iterations))


class _Block:
    """Frames that are refined together: one batch, or several that share unknowns."""

    def __init__(
        self, unknowns: OwnBodies | SharedBodies, targets: Targets, first: int, settings: Optimize
    ) -> None:
        self.unknowns, self.targets, self.first, self.settings = unknowns, targets, first, settings
        self.offsets: LabelOffsets | None = None
        self.to_sample: Callable[[Bodies], Bodies] | None = None
        """Moves bodies from the camera that they are refined in to the sample's, where they differ."""
        batches = range(0, targets.count, settings.batch)
        self.batches = [slice(n, min(n + settings.batch, targets.count)) for n in batches]

    def place(self, terms: Terms) -> None:
        """Adam on the translation alone, `camera_iterations` steps, as the reference code begins."""
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
        """Adam on all unknowns; fills `energies` (n, S, T) at the stored iterations."""
        settings, parameters = self.settings, self.unknowns.parameters
        if terms.shell is not None:
            parameters = [*parameters, terms.shell.unknown]
        optimiser = Adam(parameters, settings.learning_rate)
        for iteration in range(settings.iterations):
            current = self._sum_gradients(terms, iteration, parameters)
            if iteration in stored:
                energies[:, stored.index(iteration)] = current
                if watch is not None:
                    watch(iteration, self.bodies())
            optimiser.learning_rate = step_size(settings, iteration)
            optimiser.step()
            if self.offsets is not None:
                self.offsets.renew(iteration)
            if progress is not None:
                progress((iteration + 1) * self.targets.count // settings.iterations, self.targets.count)
        with torch.no_grad():
            parts = [self._energies(terms, rows, settings.iterations) for rows in self.batches]
        energies[:, -1] = torch.cat(parts).cpu().numpy()
        if self.offsets is not None:
            self.offsets.renew(settings.iterations)

    def bodies(self) -> Bodies:
        """The bodies of all frames, in the sample's camera."""
        with torch.no_grad():
            poses = [self.unknowns.pose(rows) for rows in self.batches]
        joined = [torch.cat(parts).detach().cpu().numpy() for parts in zip(*poses, strict=True)]
        bodies = dict(zip(("rotations", "betas", "translation"), joined, strict=True))
        return bodies if self.to_sample is None else self.to_sample(bodies)

    def _sum_gradients(self, terms: Terms, iteration: int, parameters: list[torch.Tensor]) -> np.ndarray:
        """Set `.grad` of the parameters, batch after batch.

        Returns:
            Energies of all frames, (n, T).

        Raises:
            SolverError: a gradient or an energy is not finite.
        """
        parts = []
        for value in parameters:
            value.requires_grad_(True)
            value.grad = None
        for rows in self.batches:
            part = self._energies(terms, rows, iteration)
            total = (part * terms.factors).sum()
            if self.settings.shape_prior:
                total = total + self.settings.shape_prior * self.unknowns.pose(rows)[1].square().sum()
            total.backward()
            parts.append(part.detach())
        for value in parameters:
            if value.grad is None:  # no term reads it
                value.grad = torch.zeros_like(value)
        energies = torch.cat(parts).cpu().numpy()
        theta = parameters[0]
        finite = torch.stack([torch.isfinite(p.grad).all() for p in parameters]).all()  # type: ignore[arg-type]
        if not finite or not np.isfinite(energies).all():
            bad = ~np.isfinite(energies).all(axis=1)
            if not bad.any():
                row = int(torch.nonzero(~torch.isfinite(theta.grad).all(dim=1))[0])  # type: ignore[arg-type]
                frame = self.unknowns.frame_of(row)
            else:
                frame = int(np.argmax(bad))
            raise SolverError(
                f"frame {self.first + frame}, iteration {iteration}: gradient is not finite, energies "
                f"{energies[frame].tolist()} ({', '.join(TERMS)})",
                "check the body, labels and mask of that frame",
            )
        return energies

    def _energies(self, terms: Terms, rows: slice, iteration: int) -> torch.Tensor:
        """Energies of one batch, (n, T), with the iteration's blur."""
        blurs = [*self.settings.blur_px, 0.0]
        stage = min(iteration * len(blurs) // self.settings.iterations, len(blurs) - 1)
        try:
            pose = self.unknowns.pose(rows)
            return terms.energies(pose, self.targets, rows, blurs[stage], self.offsets)
        except PointsError as error:
            raise SolverError(
                f"frame {self.first + rows.start + error.frame}, iteration {iteration}: the body is not "
                "wholly in front of the camera",
                "check labels and intrinsics of that frame, or lower optimize.learning_rate",
            ) from error
