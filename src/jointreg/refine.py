"""Refine bodies until they match labels and silhouettes and stay plausible (paper III, Eq. 2).

theta = (24 rotations as 6D, betas, translation with its depth as log z) is moved by Adam on
E = w_joint E_joint + w_sil E_silhouette + w_adv E_adversarial. Energies are summed over frames,
never averaged, so that a frame's path does not depend on its batch.

Frames go in batches side by side on one core; all arithmetic is on the CPU in float32, in a single
torch thread, so that the same input gives the same bits whatever the machine's number of cores.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from jointreg import losses
from jointreg.adam import Adam
from jointreg.body import Body
from jointreg.config import Optimize, TrainDiscriminator
from jointreg.discriminator import Discriminator, train
from jointreg.errors import ConfigError, DataError, ShapeError, SolverError, UnitError
from jointreg.losses import EnergyWeights
from jointreg.rotations import to_6d
from jointreg.silhouette import PointsError, Topology, silhouette_l2
from jointreg.skinning import Skinner, SparseRegressor, from_6d, observe, read_joints

Progress = Callable[[int, int], None]
"""Called with frames done and frames in all."""

FARTHEST_M = 100.0
"""Labels farther away than this are taken for millimetres."""


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
    targets = _targets(body, bodies, joints_cam, masks, intrinsics, regressor, scores)
    factors = (
        settings.joint * weights.joint,
        settings.silhouette * weights.silhouette,
        settings.adversarial * weights.adversarial,
    )
    terms = _Terms(body, regressor, factors, discriminator)
    stored = sorted({*range(0, settings.iterations, settings.store_every), settings.iterations})
    energies = np.zeros((targets.count, len(stored), 3), dtype=np.float32)
    with _one_thread():
        theta = _start(body, bodies, targets.joints.numpy(), regressor)
        for first in range(0, targets.count, settings.batch):
            rows = slice(first, min(first + settings.batch, targets.count))
            theta[rows] = _descend(
                theta[rows].clone(), terms, targets, rows, settings, stored, energies[rows]
            )
            if progress is not None:
                progress(rows.stop, targets.count)
    rotations, betas, translation = _unpack(theta, body)
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
    targets = _targets(body, bodies, joints_cam, masks, intrinsics, regressor, scores)
    seen = targets.seen.numpy() > 0
    if not seen.any():
        raise DataError(
            f"none of {targets.count} frames has a person mask, expected some", "see rule segment"
        )
    terms = _Terms(body, regressor, (1.0, 1.0, 0.0), None)
    with _one_thread(), torch.no_grad():
        theta = _start(body, bodies, targets.joints.numpy(), regressor)
        energies = np.concatenate(
            [
                terms.energies(theta[first : first + batch], targets, slice(first, first + batch))
                for first in range(0, targets.count, batch)
            ]
        ).astype(np.float64)
    return losses.balanced_weights(energies[:, 0].mean(), energies[seen, 1].mean())


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
    scores: np.ndarray | None = None,
    progress: Progress | None = None,
) -> TrainedDiscriminator:
    """Alternate on a sample of frames: refine it against D, train D to tell it from the initial.

    The arrays hold the sample itself (arguments as for `refine`), already drawn; `settings.frames`
    is the caller's business. D starts from `generator` and is trained on all pairs of a round.

    Returns:
        D, the energy weights (found before the first round), and the record of the rounds.

    Source: paper III, Eq. 5, where D is updated after every batch. Here rounds take that place, so
    that what D becomes depends on no order of jobs.
    """
    weights = energy_weights(
        body,
        bodies,
        joints_cam,
        masks,
        intrinsics,
        regressor,
        scores=scores,
        batch=optimize.batch,
    )
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
            body,
            bodies,
            joints_cam,
            masks,
            intrinsics,
            regressor,
            settings=optimize,
            weights=weights,
            discriminator=discriminator,
            scores=scores,
        )
        pairs = torch.from_numpy(refined.rotations), torch.from_numpy(refined.betas)
        with _one_thread():
            curve[turn] = train(
                discriminator, initial, pairs, optimiser=optimiser, steps=settings.steps
            )
        if progress is not None:
            progress(turn + 1, settings.rounds)
    start_end = refined.energies[:, [0, -1]].mean(axis=0, dtype=np.float64)
    return TrainedDiscriminator(discriminator, weights, curve, start_end[0], start_end[1])


def start_translation(
    body: Body, bodies: Mapping[str, np.ndarray], joints_cam: np.ndarray, regressor: np.ndarray
) -> np.ndarray:
    """Translation that puts the regressed joints' mean on that of the labels, (N, 3) metres float32.

    t = mean_j (X_j - J_spin V_j), with V posed at the origin.
    """
    within = np.flatnonzero((np.asarray(regressor) != 0).any(axis=0))
    skinner, sparse = Skinner(body, within), SparseRegressor(regressor, within)
    rotations = torch.from_numpy(np.ascontiguousarray(bodies["rotations"], dtype=np.float32))
    betas = torch.from_numpy(np.ascontiguousarray(bodies["betas"], dtype=np.float32))
    with torch.no_grad():
        vertices = skinner.vertices(rotations, betas, betas.new_zeros(len(betas), 3))
        joints = read_joints(vertices, sparse).numpy()
    return (np.asarray(joints_cam, dtype=np.float32) - joints).mean(axis=1)


@dataclass(frozen=True)
class _Targets:
    """What the bodies are compared with."""

    joints: torch.Tensor
    masks: np.ndarray
    intrinsics: np.ndarray
    seen: torch.Tensor

    @property
    def count(self) -> int:
        return len(self.joints)


class _Terms:
    """The energies with everything that stays constant over frames and iterations."""

    def __init__(
        self,
        body: Body,
        regressor: np.ndarray,
        factors: tuple[float, float, float],
        discriminator: Discriminator | None,
    ) -> None:
        self.factors = torch.tensor(factors, dtype=torch.float32)
        self.joint_on, self.silhouette_on, self.adversarial_on = (factor > 0 for factor in factors)
        within = None
        if not self.silhouette_on:
            within = np.flatnonzero((np.asarray(regressor) != 0).any(axis=0))
        self.body, self.discriminator = body, discriminator
        self.skinner = Skinner(body, within)
        self.regressor = SparseRegressor(regressor, within)
        self.topology = Topology(body.faces) if self.silhouette_on else None

    def energies(self, theta: torch.Tensor, targets: _Targets, rows: slice) -> torch.Tensor:
        """Unweighted (frames of `rows`, 3); zero for terms that are off."""
        rotations, betas, translation = _unpack(theta, self.body)
        joint = silhouette = adversarial = theta.new_zeros(len(theta))
        if self.joint_on or self.silhouette_on:
            vertices = self.skinner.vertices(rotations, betas, translation)
        if self.topology is not None:
            joints, points = observe(vertices, self.regressor, targets.intrinsics[rows])
            silhouette = silhouette_l2(points, self.topology, targets.masks[rows]) * targets.seen[rows]
        elif self.joint_on:
            joints = read_joints(vertices, self.regressor)
        if self.joint_on:
            joint = losses.joint_energy(joints, targets.joints[rows])
        if self.adversarial_on and self.discriminator is not None:
            adversarial = losses.adversarial_energy(self.discriminator(rotations, betas))
        return torch.stack([joint, silhouette, adversarial], dim=1)


def _descend(
    theta: torch.Tensor,
    terms: _Terms,
    targets: _Targets,
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
        (found * terms.factors).sum().backward()
        finite = torch.isfinite(theta.grad).all(dim=1)
        if not finite.all():
            frame = rows.start + int(torch.nonzero(~finite)[0])
            raise SolverError(
                f"frame {frame}, iteration {iteration}: gradient is not finite, energies "
                f"{found[frame - rows.start].tolist()} ({', '.join(losses.TERMS)})",
                "check the body, labels and mask of that frame",
            )
        optimiser.step()
    return theta.detach()


def _start(
    body: Body, bodies: Mapping[str, np.ndarray], joints_cam: np.ndarray, regressor: np.ndarray
) -> torch.Tensor:
    """Initial theta, (N, 6 K + B + 3) float32."""
    translation = start_translation(body, bodies, joints_cam, regressor)
    behind = translation[:, 2] <= 0
    if behind.any():
        frame = int(np.argmax(behind))
        raise DataError(
            f"frame {frame}: labels put the body at {translation[frame].tolist()} m, "
            "expected z > 0 (camera frame: x right, y down, z forward)"
        )
    translation[:, 2] = np.log(translation[:, 2])
    six = to_6d(bodies["rotations"]).reshape(len(translation), -1)
    theta = np.concatenate([six, bodies["betas"], translation], axis=1)
    return torch.from_numpy(np.ascontiguousarray(theta, dtype=np.float32))


def _unpack(theta: torch.Tensor, body: Body) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rotations (N, K, 3, 3), betas (N, B) and translation (N, 3) of a batch of parameters."""
    joints = len(body.parents)
    six, betas, sideways, log_depth = theta.split([6 * joints, body.n_betas, 2, 1], dim=1)
    translation = torch.cat([sideways, log_depth.exp()], dim=1)
    return from_6d(six.reshape(-1, joints, 6)), betas, translation


@contextmanager
def _one_thread() -> Iterator[None]:
    """One torch thread inside: sums come out alike on every machine, and jobs share its cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _targets(
    body: Body,
    bodies: Mapping[str, np.ndarray],
    joints_cam: np.ndarray,
    masks: np.ndarray,
    intrinsics: np.ndarray,
    regressor: np.ndarray,
    scores: np.ndarray | None,
) -> _Targets:
    """Check shapes, units and finiteness of all inputs."""
    count, joints = len(joints_cam), len(regressor)
    scores = np.ones(count) if scores is None else np.asarray(scores)
    expected = {
        "rotations": (bodies["rotations"], (count, len(body.parents), 3, 3)),
        "betas": (bodies["betas"], (count, body.n_betas)),
        "joints_cam": (joints_cam, (count, joints, 3)),
        "intrinsics": (intrinsics, (count, 3, 3)),
        "regressor": (regressor, (joints, body.n_vertices)),
        "masks": (masks, (count, *np.shape(masks)[1:3])),
        "scores": (scores, (count,)),
    }
    for name, (value, shape) in expected.items():
        if np.shape(value) != shape:
            raise ShapeError(f"{name} have shape {np.shape(value)}, expected {shape}")
        if name != "masks" and not np.isfinite(value).all():
            row = np.argwhere(~np.isfinite(value))[0].tolist()
            raise DataError(f"{name} are not finite at index {row}")
    if np.asarray(masks).dtype != np.uint8:
        raise ShapeError(f"masks are {np.asarray(masks).dtype}, expected uint8 (probability x 255)")
    if count and np.median(np.abs(joints_cam[..., 2])) > FARTHEST_M:
        raise UnitError(
            f"joints_cam have a median depth of {np.median(np.abs(joints_cam[..., 2])):.0f} m, "
            f"expected under {FARTHEST_M:.0f} m",
            "labels are probably in millimetres: divide by 1000",
        )
    return _Targets(
        torch.from_numpy(np.array(joints_cam, dtype=np.float32)),
        np.ascontiguousarray(masks),
        np.asarray(intrinsics),
        torch.from_numpy((scores > 0).astype(np.float32)),
    )
