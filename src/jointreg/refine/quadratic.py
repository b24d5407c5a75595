"""The energies of Eq. 2 with their gradients and Gauss-Newton matrices, for Levenberg-Marquardt.

The energies are those of `jointreg.refine.energies`. Their gradients are exact. The matrices are
those of Gauss-Newton: exact derivatives of the joints, the contour's curvature
(`jointreg.refine.contour`), one row for each output of the discriminator. Unknowns are those of
`jointreg.body.motion`.
"""

from dataclasses import dataclass

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.body.motion import Motion, Skeleton
from jointreg.body.posing import Posed
from jointreg.body.skinning import Skinner, project
from jointreg.refine.bone_moments import BoneMoments
from jointreg.refine.contour import contour_rows, edge_distances
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.losses import TERMS
from jointreg.refine.normal_matrix import add_rows
from jointreg.refine.shell import shell_motion, shell_skinner
from jointreg.refine.targets import Targets
from jointreg.silhouette.rendering import silhouette_gradients
from jointreg.silhouette.topology import Topology
from jointreg.skeleton import LIMB, PELVIS


@dataclass(frozen=True)
class Goals:
    """What N bodies are compared with, as arrays."""

    joints: np.ndarray
    """(N, J, 3) metres."""
    keypoints: np.ndarray
    """(N, J, 2) pixels."""
    masks: np.ndarray
    """(N, H, W) uint8."""
    distances: np.ndarray
    """Of `edge_distances`, (N, H, W) pixels."""
    intrinsics: np.ndarray
    """(N, 3, 3) pixels."""
    has_mask: np.ndarray
    """(N,), 1 or 0."""

    @classmethod
    def of(cls, targets: Targets, *, silhouette: bool) -> "Goals":
        """The goals of targets on the CPU; distances only where the silhouette is compared."""
        masks = np.asarray(targets.masks)
        return cls(
            targets.joints.numpy(),
            targets.keypoints.numpy(),
            masks,
            edge_distances(masks) if silhouette else np.zeros((len(masks), 0, 0), np.float32),
            targets.intrinsics.astype(np.float64),
            targets.has_mask.numpy(),
        )

    def part(self, rows: np.ndarray | slice) -> "Goals":
        """The goals of some of the frames."""
        return Goals(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Evaluation:
    """The energies of N bodies and what their matrices need."""

    skeleton: Skeleton
    energies: np.ndarray
    """Unweighted, in the order of `refine.losses.TERMS`, (N, T); infinite for a body that is not
    wholly in front of the camera."""
    gradient: np.ndarray
    """Of the weighted sum, by the unknowns of `body.motion`, (N, P)."""
    joint_rows: list[tuple[np.ndarray, np.ndarray]]
    """For each frame rows (R, P) and the factors on their squares (R,)."""
    joint_errors: np.ndarray
    """Joints, moved by the label offsets, less labels, metres, (N, J, 3)."""
    posed: Posed | None
    """The meshes; None without a silhouette energy."""
    points: np.ndarray
    """Their image points, pixels, (V, 2, N); V is 0 without a silhouette energy."""
    area: np.ndarray
    """Gradient of the covered area by `points`, (V, 2, N)."""
    adversarial_rows: np.ndarray
    """Of the outputs, (outputs, N, P)."""


class Quadratic:
    """The energies, with what stays constant over frames and steps.

    Args:
        body: the body model.
        moments: of the regressor that reads the joints.
        factors: on joint, silhouette, adversarial and keypoint energy; 0 removes a term.
        discriminator: needed where its factor is not 0.
        root_relative: compare joints after both skeletons are moved to the pelvis.
        shell: silhouettes are those of clothes, whose thickness follows the betas; `moments` have
            as many `more_betas`.
        curvature: factor on that of the silhouettes.
    """

    def __init__(
        self,
        body: Body,
        moments: BoneMoments,
        factors: tuple[float, ...],
        discriminator: Discriminator | None = None,
        *,
        root_relative: bool = False,
        shell: bool = False,
        curvature: float = 1.0,
    ) -> None:
        self.factors = np.array(factors, dtype=np.float64)
        self.motion, self.moments = shell_motion(body) if shell else Motion(body), moments
        self.discriminator = discriminator if factors[2] > 0 else None
        self.root = PELVIS if root_relative else None
        self.topology = Topology(body.faces) if factors[1] > 0 else None
        self.skinner = None
        if self.topology is not None:
            self.skinner = shell_skinner(body, Skinner) if shell else Skinner(body)
        self._hangs = _hangs(body.parents)
        self._curvature = curvature

    def evaluate(
        self, skeleton: Skeleton, goals: Goals, offsets: np.ndarray | None = None
    ) -> Evaluation:
        """Energies and gradient of bodies.

        With label offsets (17, 3), metres in the frames of the limbs, labels are compared with the
        joints moved by them; `offsets` are constants of the gradient.
        """
        count, size = len(skeleton), self.motion.unknowns
        energies, gradient = np.zeros((count, len(TERMS))), np.zeros((count, size))
        joint_rows, errors = self._joints(skeleton, goals, offsets, energies, gradient)
        posed, points, area = None, np.zeros((0, 2, count)), np.zeros((0, 2, count))
        if self.skinner is not None:
            posed, points, area = self._silhouettes(skeleton, goals, energies, gradient)
        rows = np.zeros((0, count, size))
        if self.discriminator is not None:
            rows = self._outputs(self.discriminator, skeleton, energies, gradient)
        return Evaluation(skeleton, energies, gradient, joint_rows, errors, posed, points, area, rows)

    def matrices(
        self, evaluation: Evaluation, goals: Goals, which: np.ndarray, matrices: np.ndarray
    ) -> None:
        """Upper triangles of Gauss-Newton matrices of the frames `which`, into `matrices` (n, P, P)."""
        matrices[:] = 0
        for matrix, n in zip(matrices, which, strict=True):
            rows, scale = evaluation.joint_rows[n]
            add_rows(rows, scale, matrix)
        posed = evaluation.posed
        if posed is not None:
            arrays = (
                evaluation.area,
                evaluation.points,
                posed.vertices,
                goals.intrinsics,
                goals.distances,
            )
            contours = contour_rows(*arrays, which)
            for matrix, n, (vertices, directions, curvature) in zip(
                matrices, which, contours, strict=True
            ):
                if goals.has_mask[n] > 0:
                    rows = self.motion.rows(evaluation.skeleton, posed, n, vertices, directions)
                    add_rows(rows, self.factors[1] * self._curvature * curvature, matrix)
        outputs = evaluation.adversarial_rows
        if len(outputs):
            scale = np.full(len(outputs), 2 * self.factors[2] / len(outputs))
            for matrix, n in zip(matrices, which, strict=True):
                add_rows(np.ascontiguousarray(outputs[:, n]), scale, matrix)

    def _joints(
        self,
        skeleton: Skeleton,
        goals: Goals,
        offsets: np.ndarray | None,
        energies: np.ndarray,
        gradient: np.ndarray,
    ) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
        """Joint and keypoint energies: fills their columns, adds to the gradient; rows and errors."""
        joint_on, keypoints_on = self.factors[0] > 0, self.factors[3] > 0
        joints = self.moments.joints(skeleton)
        levers = None
        if offsets is not None:
            levers = (skeleton.glob[:, LIMB] * offsets[:, None]).sum(axis=3)
            joints = joints + levers
        errors = joints - goals.joints
        if self.root is not None:
            errors = errors - errors[:, self.root : self.root + 1]
        if joint_on:
            energies[:, 0] = np.square(errors).sum(axis=2).sum(axis=1)
        if keypoints_on:
            image = np.einsum("nij,nkj->nki", goals.intrinsics, joints)
            pixels = image[..., :2] / image[..., 2:] - goals.keypoints
            energies[:, 3] = np.square(pixels).sum(axis=2).sum(axis=1)
        listed = []
        for n in range(len(skeleton)):
            rows, residuals, factors = [], [], []
            read = self.moments.rows(skeleton, n)
            if levers is not None:
                self._turn_levers(read, levers[n])
            if joint_on:
                moved = read if self.root is None else read - read[self.root]
                rows.append(moved.reshape(-1, moved.shape[-1]))
                residuals.append(errors[n].ravel())
                factors.append(np.full(errors[n].size, 2 * self.factors[0]))
            if keypoints_on:
                k, z = goals.intrinsics[n], image[n, :, 2, None, None]
                slope = (k[None, :2] - image[n, :, :2, None] / z * k[None, 2:]) / z
                rows.append(np.einsum("jab,jbp->jap", slope, read).reshape(-1, read.shape[-1]))
                residuals.append(pixels[n].ravel())
                factors.append(np.full(pixels[n].size, 2 * self.factors[3]))
            if rows:
                together, scale = np.concatenate(rows), np.concatenate(factors)
                gradient[n] += weighted_sum(together, scale * np.concatenate(residuals))
                listed.append((together, scale))
            else:
                listed.append((np.zeros((0, gradient.shape[1])), np.zeros(0)))
        return listed, errors

    def _turn_levers(self, rows: np.ndarray, levers: np.ndarray) -> None:
        """Add the motion of the label offsets (17, 3) with the turns to the rows (17, 3, P)."""
        for axis in range(3):
            one, two = (axis + 1) % 3, (axis + 2) % 3
            turns = slice(axis, 3 * self.motion.joints, 3)
            rows[:, two, turns] += self._hangs * levers[:, one, None]
            rows[:, one, turns] -= self._hangs * levers[:, two, None]

    def _silhouettes(
        self, skeleton: Skeleton, goals: Goals, energies: np.ndarray, gradient: np.ndarray
    ) -> tuple[Posed, np.ndarray, np.ndarray]:
        """Silhouette energies likewise; returns meshes, image points and the area's gradient."""
        assert self.skinner is not None and self.topology is not None
        posed = Posed(self.skinner, skeleton.rotations, skeleton.betas, skeleton.translation)
        points, pull_back = project(posed.vertices, goals.intrinsics)
        behind = ~np.isfinite(points[:, 0]).all(axis=0)
        if behind.any():
            points[..., behind] = 0
        energy, pull, area = silhouette_gradients(points, self.topology, goals.masks)
        energies[:, 1] = goals.has_mask * energy
        energies[behind] = np.inf
        pull = pull * (self.factors[1] * goals.has_mask * ~behind)
        back = pull_back(np.ascontiguousarray(pull))
        if behind.any():
            back[..., behind] = 0
        gradient += self.motion.gradients(skeleton, posed, back)
        return posed, points, area

    def _outputs(
        self,
        discriminator: Discriminator,
        skeleton: Skeleton,
        energies: np.ndarray,
        gradient: np.ndarray,
    ) -> np.ndarray:
        """Adversarial energies likewise; returns the outputs' rows, (outputs, N, P)."""
        turn, betas = (
            torch.from_numpy(value).requires_grad_(True)
            for value in (skeleton.rotations, skeleton.betas)
        )
        outputs = discriminator(turn, betas)
        last = outputs.shape[1] - 1
        # An output on one joint does not depend on the others: one pass gives the slopes of all.
        (heads,) = torch.autograd.grad(outputs[:, : last - 1].sum(), turn, retain_graph=True)
        (whole,) = torch.autograd.grad(outputs[:, last - 1].sum(), turn, retain_graph=True)
        (shape,) = torch.autograd.grad(outputs[:, last].sum(), betas)
        rows = np.zeros((last + 1, len(skeleton), self.motion.unknowns))
        turns = 3 * self.motion.joints
        slopes = self.motion.turn_gradients(skeleton, heads.numpy())
        for k in range(last - 1):
            rows[k, :, 3 * k : 3 * k + 3] = slopes[:, 3 * k : 3 * k + 3]
        rows[last - 1, :, :turns] = self.motion.turn_gradients(skeleton, whole.numpy())
        rows[last, :, turns:-3] = shape.numpy()
        short = 1 - outputs.detach().numpy()
        energies[:, 2] += np.square(short).mean(axis=1)
        factor = -2 * self.factors[2] / len(rows)
        for k in range(len(rows)):
            gradient += factor * short[:, k, None] * rows[k]
        return rows


def _hangs(parents: np.ndarray) -> np.ndarray:
    """1 where the limb of a joint hangs on a skeleton joint, (17, K)."""
    hangs = np.zeros((len(LIMB), len(parents)))
    for joint, limb in enumerate(LIMB):
        bone = int(limb)
        while bone >= 0:
            hangs[joint, bone] = 1
            bone = int(parents[bone])
    return hangs


def weighted_sum(rows: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """sum_r factor_r row_r, (R, P) and (R,) -> (P,), added row after row."""
    return (rows * factors[:, None]).sum(axis=0)
