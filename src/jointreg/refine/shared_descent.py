"""Levenberg-Marquardt for the frames of a subject, which share bodies, betas, clothes and label offsets.

The unknowns of a moment are one body's turns and its translation, in the camera of the moment's first
frame. All moments share betas, the thickness of clothes and label offsets. The steps of all are solved
together (`jointreg.refine.arrowhead`). A step is taken if it lowers the sum of all energies.

Label offsets are unknowns like the others here. Their energy is that whose minimum
`jointreg.refine.label_offsets` computes: one more body counts, whose offset is zero.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jointreg.body.model import Body
from jointreg.body.motion import Skeleton
from jointreg.refine.arrowhead import Arrowhead
from jointreg.refine.levenberg_marquardt import (
    CPU,
    ENOUGH,
    LARGEST_DAMPING,
    Bodies,
    batches,
    require_finite,
)
from jointreg.refine.losses import TERMS
from jointreg.refine.parameters import Moments, Views
from jointreg.refine.quadratic import Goals, Quadratic
from jointreg.refine.result import Refined
from jointreg.refine.shell import PACE, UNIT_M, from_unknown, to_unknown
from jointreg.refine.targets import Targets
from jointreg.skeleton import LIMB

DAMPING = (30.0, 1.0, 15)
"""As `refine.levenberg_marquardt.DAMPING`. With less the labels pull the limbs where the regressor's
error puts them before offsets and silhouettes can correct it."""

BETAS_DAMPING, SHELL_DAMPING, OFFSETS_DAMPING = 0.01, 0.01, 0.1
"""Damping of a beta, of the unknown of a thickness and of an offset of a metre, for each moment, where
a turn of one radian has 1."""

CURVATURE = 2.0
"""Factor on the silhouettes' curvature. What many frames share moves their contours along the normals,
where the distance from the nearest edge does not overestimate it as `refine.contour.SHARE` assumes.
With 1 the steps overshoot: energies fall in a zigzag."""

TINY = 1e-12
"""Least promise that a gain is divided by."""


@dataclass(frozen=True)
class Shared:
    """The unknowns of a subject. M moments."""

    skeleton: Skeleton
    """Bodies of the moments, in the cameras of their first frames; its betas are of the shell, too."""
    thickness: np.ndarray
    """Unknowns of `refine.shell`, (P,) or (0,)."""
    offsets: np.ndarray | None
    """Metres, (17, 3)."""


@dataclass(frozen=True)
class SharedStart:
    """What frames of a subject share when they start, beside their bodies."""

    views: Views
    """Moments and cameras of the frames."""
    offsets: np.ndarray | None
    """Label offsets, metres, (17, 3); None: labels lie at the joints."""
    thickness: np.ndarray | None
    """Of the clothes, metres, (P,); None: silhouettes are the bodies'."""
    shape_prior: float
    """Factor on the squared betas of each frame."""


class SharedDescent:
    """One subject on its way down.

    Args:
        body: the body model.
        shared: what the frames share at the start.
        problem: the energies; of a shell where there are clothes.
        start: rotations (N, K, 3, 3), betas (N, B), translation (N, 3) metres.
        targets: of the same frames, on the CPU.
        batch: frames side by side.

    Raises:
        SolverError: the energies or the gradient of the start are not finite; names the frame.
    """

    def __init__(
        self,
        body: Body,
        shared: SharedStart,
        problem: Quadratic,
        start: Bodies,
        targets: Targets,
        batch: int,
    ) -> None:
        self.problem, self.targets = problem, targets
        self.moments, self.n_betas = Moments(body, shared.views), body.n_betas
        self.batches = batches(targets.count, batch)
        thickness, offsets = shared.thickness, shared.offsets
        unknown = np.zeros(0) if thickness is None else to_unknown(thickness)
        own, parts, count = 3 * problem.motion.joints + 3, len(unknown), len(self.moments)
        self._roots = np.zeros((3, self.n_betas + parts))
        self._roots[:, : self.n_betas] = self.moments.root_directions
        units = [np.full(self.n_betas, BETAS_DAMPING), np.full(parts, SHELL_DAMPING)]
        prior = [np.full(self.n_betas, targets.count * shared.shape_prior), np.zeros(parts)]
        if offsets is not None:  # one more body, whose offset is zero
            units.append(np.full(offsets.size, OFFSETS_DAMPING))
            prior.append(np.full(offsets.size, problem.factors[0] * targets.count / count))
        self._units, self._shared_units = np.ones(own), count * np.concatenate(units)
        self._prior = np.concatenate(prior)
        """Factors on the squares of the shared unknowns."""
        mean = self.moments.mean_bodies(start)
        betas = np.concatenate([mean["betas"][0], from_unknown(unknown)])
        skeleton = problem.motion.skeleton(
            mean["rotations"], np.tile(betas, (count, 1)), mean["translation"]
        )
        self.now = Shared(skeleton, unknown, offsets)
        self.damping, self._growth = np.full(count, DAMPING[0]), np.full(count, 2.0)
        self.energies, self._model = self._evaluate(self.now, first=True)
        self.steps, self.at_rest = 0, False

    def step(self) -> None:
        """One step of all unknowns; none where the next promises next to nothing."""
        shared_damping = self.damping.mean() * self._shared_units
        own, shared, promised = self._model.steps(
            self.damping, self._units, shared_damping, 2 * self._prior * self._held(self.now)
        )
        total = self._total(self.now, self.energies)
        if promised.sum() <= ENOUGH * total:
            self.at_rest = True
            return
        trial = self._moved(own, shared)
        energies, model = self._evaluate(trial)
        gained = self._of_moments(self.energies) - self._of_moments(energies)
        better = self._total(trial, energies) < total
        self._set_damping(np.where(better, gained / np.maximum(promised, TINY), -1))
        if better:
            self.now, self.energies, self._model = trial, energies, model
        self.steps += 1

    def _set_damping(self, ratio: np.ndarray) -> None:
        """The damping of the moments, from what the step brought over what it promised, (M,)."""
        first, last, length = DAMPING
        floor = first * (last / first) ** min(self.steps / length, 1)
        good = ratio > 0
        shrunk = self.damping * np.clip(1 - (2 * np.where(good, ratio, 0) - 1) ** 3, 1 / 3, 2)
        raised = 2 * self._growth * self.damping
        self.damping = np.clip(np.where(good, shrunk, raised), floor, LARGEST_DAMPING)
        self._growth = np.where(good, 2.0, 2 * self._growth)

    def bodies(self) -> Bodies:
        """The bodies of all frames now, in the frames' cameras."""
        rotations, betas, translation = self._in_cameras(self.now.skeleton, slice(None))
        return {
            "rotations": rotations,
            "betas": betas[:, : self.n_betas].copy(),
            "translation": translation,
        }

    def _in_cameras(self, skeleton: Skeleton, rows: slice) -> tuple[np.ndarray, ...]:
        """Rotations, betas and translation of frames, as `refine.parameters.SharedBodies.pose`."""
        owner, turn = self.moments.owner[rows], self.moments.turn[rows]
        rotations, betas = skeleton.rotations[owner], skeleton.betas[owner]
        rotations[:, 0] = turn @ rotations[:, 0]
        root = skeleton.rest[owner, 0]
        moved = (turn * (root + skeleton.translation[owner])[:, None]).sum(axis=2)
        return rotations, betas, moved + self.moments.move[rows] - root

    def _moved(self, own: np.ndarray, shared: np.ndarray) -> Shared:
        """The unknowns after a step."""
        motion, parts = self.problem.motion, len(self.now.thickness)
        turns, count = 3 * motion.joints, self._roots.shape[1]
        unknown = self.now.thickness + shared[self.n_betas : count]
        change = np.concatenate([shared[: self.n_betas], np.zeros(parts)])
        if parts:
            change[self.n_betas :] = from_unknown(unknown) - from_unknown(self.now.thickness)
        steps = np.concatenate([own[:, :turns], np.tile(change, (len(own), 1)), own[:, turns:]], axis=1)
        offsets = self.now.offsets
        if offsets is not None:
            offsets = offsets + shared[count:].reshape(-1, 3)
        return Shared(motion.moved(self.now.skeleton, steps), unknown, offsets)

    def _evaluate(self, state: Shared, *, first: bool = False) -> tuple[np.ndarray, Arrowhead]:
        """Energies of all frames (N, T), with the matrix."""
        problem, moments = self.problem, self.moments
        energies, model = np.empty((self.targets.count, len(TERMS))), self._empty()
        size, offsets = problem.motion.unknowns, state.offsets
        scale = np.ones(self._roots.shape[1])
        if len(state.thickness):
            scale[self.n_betas :] = UNIT_M * PACE / (1 + np.exp(-PACE * state.thickness))
        for rows in self.batches:
            goals = Goals.of(self.targets.block(rows, CPU), silhouette=problem.topology is not None)
            skeleton = problem.motion.skeleton(*self._in_cameras(state.skeleton, rows))
            evaluation = problem.evaluate(skeleton, goals, offsets)
            if first:
                require_finite(evaluation, rows.start)
            energies[rows] = evaluation.energies
            if not np.isfinite(evaluation.energies).all():
                continue  # the step is refused
            which = np.arange(len(skeleton))
            matrices = np.empty((len(which), size, size))
            problem.matrices(evaluation, goals, which, matrices)
            for n in which:
                frame = rows.start + n
                moment, turn = moments.owner[frame], moments.turn[frame]
                place = turn, (turn - np.eye(3)) @ self._roots, scale
                model.add_frame(moment, matrices[n], evaluation.gradient[n], *place)
                if offsets is not None:
                    derivatives, factors = evaluation.joint_rows[n]
                    limbs = skeleton.glob[n, LIMB]
                    model.add_offsets(
                        moment, derivatives, factors[0], evaluation.joint_errors[n], limbs, *place
                    )
        np.einsum("ss->s", model.corner)[:] += 2 * self._prior
        return energies, model

    def _empty(self) -> Arrowhead:
        return Arrowhead.zeros(len(self.moments), len(self._units), len(self._prior))

    def _held(self, state: Shared) -> np.ndarray:
        """The shared unknowns, (S,); without the thickness, which nothing holds at zero."""
        betas = state.skeleton.betas[0].copy()
        betas[self.n_betas :] = 0
        return betas if state.offsets is None else np.append(betas, state.offsets)

    def _of_moments(self, energies: np.ndarray) -> np.ndarray:
        """Weighted energies, sums over the frames of each moment, (M,)."""
        total = np.zeros(len(energies))
        for term in np.flatnonzero(self.problem.factors):
            total += self.problem.factors[term] * energies[:, term]
        out = np.zeros(len(self.moments))
        np.add.at(out, self.moments.owner, total)
        return out

    def _total(self, state: Shared, energies: np.ndarray) -> float:
        """The weighted sum over all frames, with what holds shared unknowns at zero."""
        held = (self._prior * self._held(state) ** 2).sum()
        return float(self._of_moments(energies).sum() + held)


def descend_together(
    body: Body,
    shared: SharedStart,
    problem: Quadratic,
    start: Bodies,
    targets: Targets,
    stored: list[int],
    *,
    batch: int,
    progress: Callable[[int, int], None] | None = None,
    watch: Callable[[int, Bodies], None] | None = None,
) -> Refined:
    """Refine all frames of a subject.

    Args:
        body: the body model.
        shared: what the frames share at the start.
        problem, start, targets, stored, batch, watch: as of
            `refine.levenberg_marquardt.descend`.
        progress: called after every step, with as many frames as correspond to it.

    Raises:
        SolverError: the energies of the start are not finite.
    """
    energies = np.zeros((targets.count, len(stored), len(problem.factors)))
    if not targets.count:
        return Refined.of(start, stored, energies, shared.offsets, shared.thickness)
    descent = SharedDescent(body, shared, problem, start, targets, batch)
    for step in range(stored[-1]):
        if step in stored:
            energies[:, stored.index(step)] = descent.energies
            if watch is not None:
                watch(step, descent.bodies())
        if not descent.at_rest:
            descent.step()
        if progress is not None:
            progress((step + 1) * targets.count // stored[-1], targets.count)
    energies[:, -1] = descent.energies
    end = descent.now
    clothes = None if shared.thickness is None else from_unknown(end.thickness)
    return Refined.of(descent.bodies(), stored, energies, end.offsets, clothes)
