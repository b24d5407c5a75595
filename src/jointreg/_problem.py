"""The unknowns theta of the refinement, what they are compared with, and their energies.

theta = (24 rotations as 6D, betas, sideways translation in metres, log of the depth in metres), one
row a frame. Used by `jointreg.refine`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from jointreg.body import Body
from jointreg.discriminator import Discriminator
from jointreg.errors import DataError, ShapeError, UnitError
from jointreg.losses import adversarial_energy, joint_energy
from jointreg.rotations import to_6d
from jointreg.silhouette import Topology, silhouette_l2
from jointreg.skinning import Skinner, SparseRegressor, from_6d, observe, read_joints

FARTHEST_M = 100.0
"""Labels farther away than this are taken for millimetres."""


@dataclass(frozen=True)
class Targets:
    """What the bodies are compared with."""

    joints: torch.Tensor
    masks: np.ndarray
    intrinsics: np.ndarray
    seen: torch.Tensor

    @property
    def count(self) -> int:
        return len(self.joints)


class Terms:
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

    def energies(self, theta: torch.Tensor, targets: Targets, rows: slice) -> torch.Tensor:
        """Unweighted (frames of `rows`, 3); zero for terms that are off."""
        rotations, betas, translation = unpack(theta, self.body)
        joint = silhouette = adversarial = theta.new_zeros(len(theta))
        if self.joint_on or self.silhouette_on:
            vertices = self.skinner.vertices(rotations, betas, translation)
        if self.topology is not None:
            joints, points = observe(vertices, self.regressor, targets.intrinsics[rows])
            silhouette = silhouette_l2(points, self.topology, targets.masks[rows]) * targets.seen[rows]
        elif self.joint_on:
            joints = read_joints(vertices, self.regressor)
        if self.joint_on:
            joint = joint_energy(joints, targets.joints[rows])
        if self.adversarial_on and self.discriminator is not None:
            adversarial = adversarial_energy(self.discriminator(rotations, betas))
        return torch.stack([joint, silhouette, adversarial], dim=1)


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


def start_theta(
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
    six = to_6d(bodies["rotations"]).reshape(len(translation), 6 * len(body.parents))
    theta = np.concatenate([six, bodies["betas"], translation], axis=1)
    return torch.from_numpy(np.ascontiguousarray(theta, dtype=np.float32))


def unpack(theta: torch.Tensor, body: Body) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rotations (N, K, 3, 3), betas (N, B) and translation (N, 3) of a batch of parameters."""
    joints = len(body.parents)
    six, betas, sideways, log_depth = theta.split([6 * joints, body.n_betas, 2, 1], dim=1)
    translation = torch.cat([sideways, log_depth.exp()], dim=1)
    return from_6d(six.reshape(-1, joints, 6)), betas, translation


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread inside: sums come out alike on every machine, and jobs share its cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def checked_targets(
    body: Body,
    bodies: Mapping[str, np.ndarray],
    joints_cam: np.ndarray,
    masks: np.ndarray,
    intrinsics: np.ndarray,
    regressor: np.ndarray,
    scores: np.ndarray | None,
) -> Targets:
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
    return Targets(
        torch.from_numpy(np.array(joints_cam, dtype=np.float32)),
        np.ascontiguousarray(masks),
        np.asarray(intrinsics),
        torch.from_numpy((scores > 0).astype(np.float32)),
    )
