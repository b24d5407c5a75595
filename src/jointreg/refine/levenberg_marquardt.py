"""Levenberg-Marquardt: far fewer, far larger steps than Adam's to the same energy.

Each frame solves (H + damping I) step = -g, H from `jointreg.refine.quadratic`. A step is taken
where it lowers the energy. The gain ratio, what a step brought over what the quadratic model
promised, sets the frame's damping (Nielsen 1999). The damping multiplies the identity, which holds
all turns alike, as Adam does: Marquardt's diagonal lets directions run away that the data hardly
see. It has a floor that falls from step to step. A frame whose next step promises next to nothing
leaves the batch.

Sums have a fixed order, frames share nothing: a frame's body does not depend on its batch.
"""

from collections.abc import Callable

import numpy as np
import torch

from jointreg.errors import SolverError
from jointreg.refine.normal_matrix import damped_steps
from jointreg.refine.quadratic import Evaluation, Goals, Quadratic
from jointreg.refine.result import Refined
from jointreg.refine.targets import Targets
from jointreg.threads import one_torch_thread

CPU = torch.device("cpu")
Bodies = dict[str, np.ndarray]

DAMPING = (1.0, 0.1, 6)
"""Floor of the damping at the first step, the floor to which it falls by a constant factor, and in how
many steps."""
DAMPING_WITH_DISCRIMINATOR = (1.5, 0.8, 6)
"""The same against a discriminator, whose rows hold only near the body that they were taken at."""
JOINTS_DAMPING = (3.0, 3.0, 1)
"""The same for the start on the labels alone."""
JOINTS_STEPS = 4
"""Steps of that start. Few, because labels alone leave much of a body open."""

BETAS_DAMPING = 0.1
"""Damping of a beta where a turn of one radian has 1: a beta moves the body by a few millimetres
only."""

ENOUGH = 1e-3
"""A frame has converged when its next step promises less than this share of its energy, or less than the
square of this share of the energy that it started from: an energy may go to 0."""

LARGEST_DAMPING = 1e6


class Descent:
    """One batch of frames on its way down.

    Args:
        problem: the energies.
        start: rotations (n, K, 3, 3), betas (n, B), translation (n, 3) metres.
        goals: what the bodies are compared with.
        damping: as `DAMPING`.
        first_frame: number of the first frame, for errors.

    Raises:
        SolverError: the energies or the gradient of a start are not finite; names the frame.
    """

    def __init__(
        self,
        problem: Quadratic,
        start: Bodies,
        goals: Goals,
        damping: tuple[float, float, int],
        first_frame: int = 0,
    ) -> None:
        self.problem, self.goals, self._floor = problem, goals, damping
        skeleton = problem.motion.skeleton(
            *(start[name] for name in ("rotations", "betas", "translation"))
        )
        now = problem.evaluate(skeleton, goals)
        require_finite(now, first_frame)
        self.rotations, self.betas, self.translation = (
            value.copy() for value in (skeleton.rotations, skeleton.betas, skeleton.translation)
        )
        self.energies, self._gradient = now.energies, now.gradient
        self._first = self._total(now.energies)
        self._damping = np.full(len(skeleton), damping[0])
        self._units = np.ones(problem.motion.unknowns)
        self._units[3 * problem.motion.joints : -3] = BETAS_DAMPING
        self._growth = np.full(len(skeleton), 2.0)
        self._active = np.arange(len(skeleton))
        """Frames that have not converged, rows of everything above."""
        self._active_goals = goals
        self._matrices = np.empty((len(skeleton), *2 * (problem.motion.unknowns,)))
        problem.matrices(now, goals, self._active, self._matrices)
        self.steps = 0

    def step(self, *, last: bool = False) -> None:
        """One step of every frame that has not converged.

        After the `last` one nothing can follow: its matrices are not formed.
        """
        steps, promised = self._solved()
        if not len(self._active):
            return
        rows, motion = self._active, self.problem.motion
        before = motion.skeleton(self.rotations[rows], self.betas[rows], self.translation[rows])
        trial = self.problem.evaluate(motion.moved(before, steps), self._active_goals)
        gained = self._total(self.energies[rows]) - self._total(trial.energies)
        better = gained > 0
        self._set_damping(rows, better, gained / promised)
        taken = np.flatnonzero(better)
        self._take(rows[taken], trial, taken)
        if not last and len(taken):
            matrices = np.empty((len(taken), *self._matrices.shape[1:]))
            self.problem.matrices(trial, self._active_goals, taken, matrices)
            self._matrices[rows[taken]] = matrices
        self.steps += 1

    def bodies(self) -> Bodies:
        """The bodies of all frames now."""
        arrays = {"rotations": self.rotations, "betas": self.betas, "translation": self.translation}
        return {name: value.copy() for name, value in arrays.items()}

    def _solved(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps of the active frames (n, P), and how far each promises to lower the energy, (n,).

        Frames that have converged leave.
        """
        rows = self._active
        steps = damped_steps(self._matrices, self._gradient, self._damping, self._units, rows)
        squares = self._damping[rows, None] * self._units * steps**2
        promised = 0.5 * (squares - self._gradient[rows] * steps).sum(axis=1)
        energies = np.maximum(self._total(self.energies[rows]), ENOUGH * self._first[rows])
        going = promised > ENOUGH * energies
        if not going.all():
            self._active = rows[going]
            self._active_goals = self.goals.part(self._active)
        return steps[going], promised[going]

    def _set_damping(self, rows: np.ndarray, better: np.ndarray, ratio: np.ndarray) -> None:
        first, last, length = self._floor
        floor = first * (last / first) ** min(self.steps / length, 1)
        damping, growth = self._damping[rows], self._growth[rows]
        ratio = np.where(better, ratio, 0)
        shrunk = damping * np.clip(1 - (2 * ratio - 1) ** 3, 1 / 3, 2)
        self._damping[rows] = np.clip(
            np.where(better, shrunk, 2 * growth * damping), floor, LARGEST_DAMPING
        )
        self._growth[rows] = np.where(better, 2.0, 2 * growth)

    def _take(self, rows: np.ndarray, trial: Evaluation, taken: np.ndarray) -> None:
        skeleton = trial.skeleton
        self.rotations[rows], self.betas[rows] = skeleton.rotations[taken], skeleton.betas[taken]
        self.translation[rows] = skeleton.translation[taken]
        self.energies[rows], self._gradient[rows] = trial.energies[taken], trial.gradient[taken]

    def _total(self, energies: np.ndarray) -> np.ndarray:
        """Weighted sums, (n,); of the terms that are on, because energies may be infinite."""
        factors = self.problem.factors
        total = np.zeros(len(energies))
        for term in np.flatnonzero(factors):
            total += factors[term] * energies[:, term]
        return total


def descend(
    problem: Quadratic,
    start: Bodies,
    targets: Targets,
    stored: list[int],
    *,
    batch: int,
    progress: Callable[[int, int], None] | None = None,
    watch: Callable[[int, Bodies], None] | None = None,
) -> Refined:
    """Refine all frames, batch after batch.

    Args:
        problem: the energies.
        start: rotations (N, K, 3, 3), betas (N, B), translation (N, 3) metres.
        targets: of the same frames, on the CPU.
        stored: numbers of steps at which energies are stored; the last is the largest number of steps.
        batch: frames side by side.
        progress: called after every batch with the number of frames that are done and of all.
        watch: called in every batch with each stored number but the last, and the bodies then.

    Returns:
        The result; a frame that converges early keeps its last energies.

    Raises:
        SolverError: the energies of a start are not finite.
    """
    damping = DAMPING if problem.discriminator is None else DAMPING_WITH_DISCRIMINATOR
    bodies = {name: np.empty(value.shape) for name, value in start.items()}
    energies = np.zeros((targets.count, len(stored), len(problem.factors)))
    with one_torch_thread():
        for rows in batches(targets.count, batch):
            goals = Goals.of(targets.block(rows, CPU), silhouette=problem.topology is not None)
            begin = {name: value[rows] for name, value in start.items()}
            descent = Descent(problem, begin, goals, damping, rows.start)
            for step in range(stored[-1]):
                if step in stored:
                    energies[rows, stored.index(step)] = descent.energies
                    if watch is not None:
                        watch(step, descent.bodies())
                descent.step(last=step == stored[-1] - 1)
            energies[rows, -1] = descent.energies
            for name, value in descent.bodies().items():
                bodies[name][rows] = value
            if progress is not None:
                progress(rows.stop, targets.count)
    return Refined.of(bodies, stored, energies)


def start_on_joints(problem: Quadratic, start: Bodies, targets: Targets, *, batch: int) -> Bodies:
    """Bodies of all frames after a few steps on the labels alone, which need no mesh.

    `problem` has only the joint energy. Other arguments, the result and errors are those of `descend`.
    """
    bodies = {name: np.empty(value.shape) for name, value in start.items()}
    for rows in batches(targets.count, batch):
        goals = Goals.of(targets.block(rows, CPU), silhouette=False)
        begin = {name: value[rows] for name, value in start.items()}
        descent = Descent(problem, begin, goals, JOINTS_DAMPING, rows.start)
        for step in range(JOINTS_STEPS):
            descent.step(last=step == JOINTS_STEPS - 1)
        for name, value in descent.bodies().items():
            bodies[name][rows] = value
    return bodies


def batches(count: int, batch: int) -> list[slice]:
    """Rows of `count` frames, `batch` by `batch`."""
    return [slice(first, min(first + batch, count)) for first in range(0, count, batch)]


def require_finite(evaluation: Evaluation, first_frame: int) -> None:
    """Refuse a start without finite energies and gradients; frames count from `first_frame`.

    Raises:
        SolverError: names the frame.
    """
    energies = evaluation.energies
    behind = np.isinf(energies).all(axis=1)
    bad = ~(np.isfinite(energies).all(axis=1) & np.isfinite(evaluation.gradient).all(axis=1))
    if not bad.any():
        return
    frame = int(np.argmax(bad))
    if behind[frame]:
        raise SolverError(
            f"frame {first_frame + frame}: the start is not wholly in front of the camera",
            "check labels and intrinsics of that frame",
        )
    raise SolverError(
        f"frame {first_frame + frame}: energies of the start are {energies[frame].tolist()}, expected "
        "finite ones and a finite gradient",
        "check the body, labels and mask of that frame",
    )
