"""The energies of Eq. 2: how far bodies are from their targets; and the weights that balance them."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.body.skinning import Skinner, SparseRegressor, observe, read_joints
from jointreg.body.skinning_torch import PlainSkinner, observe_plain
from jointreg.errors import DataError
from jointreg.refine.discriminator import Discriminator
from jointreg.refine.label_offsets import LabelOffsets
from jointreg.refine.losses import (
    TERMS,
    EnergyWeights,
    adversarial_energy,
    balanced_weights,
    joint_energy,
    keypoint_energy,
)
from jointreg.refine.parameters import OwnBodies, Pose
from jointreg.refine.sample import Sample
from jointreg.refine.shell import Shell, shell_skinner
from jointreg.refine.start import start_bodies
from jointreg.refine.targets import Targets, checked_targets
from jointreg.silhouette.rendering import silhouette_l2
from jointreg.silhouette.topology import Topology
from jointreg.skeleton import PELVIS
from jointreg.threads import one_torch_thread

CPU = torch.device("cpu")

LEAST_JOINT_M = 0.04
"""The weight of the joint term is computed as if joints were at least this far from the labels, metres.
Those of an estimator are. Those of bodies that were fitted to the labels are nearer (7 mm with
`keypoints`): their weight would be so large that silhouettes could not move a limb. Other values for
films of own data: benchmarks/own_data.py."""


class Terms:
    """The energies, with everything that stays constant over frames and iterations.

    Args:
        body: the body model.
        regressor: reads the joints, (J, V).
        factors: on the energies, in the order of `refine.losses.TERMS`; 0 removes a term.
        discriminator: needed where its factor is not 0.
        device: where bodies are refined.
        backend: computes the silhouette, one of `jointreg.silhouette.rendering.BACKENDS`.
        root_relative: compare joints after both skeletons are moved to the pelvis.
        halves: the discriminator's outputs on pose count one half together, that on shape the other.
        shell: clothes that the silhouettes show; None: they show the bodies.
        uncovered: as in `silhouette_l2`.
    """

    def __init__(
        self,
        body: Body,
        regressor: np.ndarray,
        factors: tuple[float, ...],
        discriminator: Discriminator | None = None,
        device: torch.device = CPU,
        *,
        backend: str = "numba",
        root_relative: bool = False,
        halves: bool = False,
        shell: Shell | None = None,
        uncovered: float = 1.0,
    ) -> None:
        self.factors = torch.tensor(factors, dtype=torch.float64, device=device)
        on = {term: factor > 0 for term, factor in zip(TERMS, factors, strict=True)}
        self.joint_on, self.keypoints_on = on["joint"], on["keypoints"]
        self.silhouette_on, self.adversarial_on = on["silhouette"], on["adversarial"]
        self.discriminator, self.backend, self.halves = discriminator, backend, halves
        self.root, self.shell, self.uncovered = PELVIS if root_relative else None, shell, uncovered
        within = None
        if not self.silhouette_on or shell is not None:
            within = np.flatnonzero((np.asarray(regressor) != 0).any(axis=0))
        make: Callable[..., Skinner | PlainSkinner] = Skinner
        self._observe = observe
        if device.type != "cpu" or backend == "warp":
            make, self._observe = partial(PlainSkinner, device=device), observe_plain
        self.skinner = make(body, within)
        self._shell_skinner = None if shell is None else shell_skinner(body, make)
        # Stands for a regressor where image points alone are needed.
        self._first_vertex = SparseRegressor(np.eye(1, body.n_vertices))
        self.regressor = SparseRegressor(regressor, within)
        self.topology = Topology(body.faces) if self.silhouette_on else None

    def energies(
        self,
        pose: Pose,
        targets: Targets,
        rows: slice,
        blur_px: float = 0.0,
        offsets: LabelOffsets | None = None,
    ) -> torch.Tensor:
        """Unweighted energies of the frames `rows`, (n, T) in the order of `refine.losses.TERMS`.

        Terms that are off are zero. `blur_px` is the standard deviation that the silhouette is blurred
        by, so that refinement can go from coarse to fine. With `offsets`, the labels are compared with
        the joints moved by them.
        """
        rotations, betas, translation = pose
        joint = silhouette = adversarial = keypoints = translation.new_zeros(len(translation))
        if self.topology is not None:
            joints, points, depth = self._observed(pose, targets.intrinsics[rows])
            weights = targets.pixel_weights
            silhouette = targets.has_mask[rows] * silhouette_l2(
                points,
                self.topology,
                targets.masks[rows],
                backend=self.backend,
                depth=depth,
                blur_px=blur_px,
                uncovered=self.uncovered,
                weights=None if weights is None else weights[rows],
            )
        elif self.joint_on or self.keypoints_on:
            joints = read_joints(self.skinner.vertices(rotations, betas, translation), self.regressor)
        if offsets is not None:
            joints = offsets.predict(joints, rotations, targets.joints[rows])
        if self.joint_on:
            joint = joint_energy(joints, targets.joints[rows], self.root)
        if self.keypoints_on:
            intrinsics = torch.from_numpy(targets.intrinsics[rows]).to(joints)
            keypoints = keypoint_energy(joints, intrinsics, targets.keypoints[rows])
        if self.adversarial_on and self.discriminator is not None:
            outputs = self.discriminator(rotations, betas)
            adversarial = adversarial_energy(outputs, halves=self.halves)
        return torch.stack([joint, silhouette, adversarial, keypoints], dim=1)

    def _observed(self, pose: Pose, intrinsics: np.ndarray) -> tuple[torch.Tensor, ...]:
        """Joints of the bodies, and image points and depths of what the silhouettes show."""
        vertices = self.skinner.vertices(*pose)
        if self.shell is None or self._shell_skinner is None:
            return *self._observe(vertices, self.regressor, intrinsics), vertices[..., 2]
        shown = self._shell_skinner.vertices(*self.shell.worn(pose))
        _, points = self._observe(shown, self._first_vertex, intrinsics)
        return read_joints(vertices, self.regressor), points, shown[..., 2]


def balance_energies(
    body: Body, sample: Sample, regressor: np.ndarray, *, batch: int = 64
) -> EnergyWeights:
    """Weights that make the mean energies of a sample's initial bodies equal.

    The silhouette's mean is over frames with a mask. The joint energy counts as at least that of joints
    which are `LEAST_JOINT_M` off.

    Args:
        body: the body model.
        sample: frames, as for `refine_sample`.
        regressor: reads the joints in E_joint, (J, V).
        batch: frames side by side.

    Raises:
        ShapeError, UnitError, DataError: as `refine_sample`.
        DataError: no frame has a mask, or a mean energy is zero or not finite.
    """
    targets = checked_targets(body, sample, regressor)
    has_mask = targets.has_mask.numpy() > 0
    if not has_mask.any():
        raise DataError(
            f"none of {targets.count} frames has a person mask, expected some", "see rule segment"
        )
    terms = Terms(body, regressor, tuple(float(term != "adversarial") for term in TERMS))
    unknowns = OwnBodies(body, start_bodies(body, sample, regressor), CPU)
    batches = [slice(n, n + batch) for n in range(0, targets.count, batch)]
    with one_torch_thread(), torch.no_grad():
        parts = [terms.energies(unknowns.pose(rows), targets, rows).numpy() for rows in batches]
    energies = dict(zip(TERMS, np.concatenate(parts).T, strict=True))
    least_joint = targets.joints.shape[1] * LEAST_JOINT_M**2
    return balanced_weights(
        mean_joint=max(float(energies["joint"].mean()), least_joint),
        mean_silhouette=float(energies["silhouette"][has_mask].mean()),
        mean_keypoints=float(energies["keypoints"].mean()),
    )
