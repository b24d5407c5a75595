"""What bodies are compared with in the refinement, and the energies of that comparison.

Used by `jointreg.refine`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from jointreg._unknowns import Pose
from jointreg.body import Body
from jointreg.camera import project_pinhole
from jointreg.discriminator import Discriminator
from jointreg.errors import DataError, ShapeError, UnitError
from jointreg.losses import adversarial_energy, joint_energy, keypoint_energy
from jointreg.silhouette import Topology, silhouette_l2
from jointreg.skeleton import H36M_17
from jointreg.skinning import Skinner, SparseRegressor, observe, read_joints
from jointreg.skinning_plain import PlainSkinner, observe_plain

FARTHEST_M = 100.0
"""Labels farther away than this are taken for millimetres."""
WEAK_FOCAL_PX = 5000.0
"""Focal length of the weak-perspective camera, whatever the crop's size (SPIN and its heirs)."""
ROOT = H36M_17.index("pelvis")
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Targets:
    """What the bodies of N frames are compared with."""

    joints: torch.Tensor
    """Labels, camera frame, metres, (N, J, 3)."""
    keypoints: torch.Tensor
    """Labels in the crop, pixels, (N, J, 2)."""
    masks: np.ndarray | torch.Tensor
    """(N, H, W) uint8."""
    intrinsics: np.ndarray
    """K of the camera that bodies are seen through, pixels, (N, 3, 3)."""
    seen: torch.Tensor
    """1 where a frame has a mask, (N,)."""

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.joints)

    def block(self, rows: slice, device: torch.device) -> "Targets":
        """Some of the frames, on the device where they are refined."""
        masks = self.masks[rows]
        return Targets(
            self.joints[rows].to(device),
            self.keypoints[rows].to(device),
            masks if device.type == "cpu" else torch.as_tensor(masks).to(device),
            self.intrinsics[rows],
            self.seen[rows].to(device),
        )


class Terms:
    """The energies, with everything that stays constant over frames and iterations.

    Args:
        body: the body model.
        regressor: reads the joints, (J, V).
        factors: on joint, silhouette, adversarial and keypoint energy; 0 removes a term.
        discriminator: needed where its factor is not 0.
        device: where bodies are refined.
        backend: of the silhouette.
        root_relative: compare joints after moving both skeletons to the pelvis.
        halves: pose and shape outputs of the discriminator count half each.
    """

    def __init__(
        self,
        body: Body,
        regressor: np.ndarray,
        factors: tuple[float, float, float, float],
        discriminator: Discriminator | None = None,
        device: torch.device = CPU,
        *,
        backend: str = "numba",
        root_relative: bool = False,
        halves: bool = False,
    ) -> None:
        self.factors = torch.tensor(factors, dtype=torch.float32, device=device)
        self.joint_on, self.silhouette_on, self.adversarial_on, self.keypoints_on = (
            factor > 0 for factor in factors
        )
        self.discriminator, self.backend, self.halves = discriminator, backend, halves
        self.root = ROOT if root_relative else None
        within = None
        if not self.silhouette_on:
            within = np.flatnonzero((np.asarray(regressor) != 0).any(axis=0))
        self.skinner: Skinner | PlainSkinner
        if device.type != "cpu" or backend == "warp":
            self.skinner, self._observe = PlainSkinner(body, within, device=device), observe_plain
        else:
            self.skinner, self._observe = Skinner(body, within), observe
        self.regressor = SparseRegressor(regressor, within)
        self.topology = Topology(body.faces) if self.silhouette_on else None

    def energies(self, pose: Pose, targets: Targets, rows: slice, blur_px: float = 0.0) -> torch.Tensor:
        """Unweighted energies of the frames `rows`, (n, 4) in the order of `losses.TERMS`.

        Terms that are off are zero. `blur_px` is the silhouette's, for coarse to fine.
        """
        rotations, betas, translation = pose
        joint = silhouette = adversarial = keypoints = translation.new_zeros(len(translation))
        if self.topology is not None:
            vertices = self.skinner.vertices(rotations, betas, translation)
            joints, points = self._observe(vertices, self.regressor, targets.intrinsics[rows])
            silhouette = targets.seen[rows] * silhouette_l2(
                points,
                self.topology,
                targets.masks[rows],
                backend=self.backend,
                depth=vertices[..., 2],
                blur_px=blur_px,
            )
        elif self.joint_on or self.keypoints_on:
            joints = read_joints(self.skinner.vertices(rotations, betas, translation), self.regressor)
        if self.joint_on:
            joint = joint_energy(joints, targets.joints[rows], self.root)
        if self.keypoints_on:
            intrinsics = torch.from_numpy(targets.intrinsics[rows]).to(joints)
            keypoints = keypoint_energy(joints, intrinsics, targets.keypoints[rows])
        if self.adversarial_on and self.discriminator is not None:
            outputs = self.discriminator(rotations, betas)
            adversarial = adversarial_energy(outputs, halves=self.halves)
        return torch.stack([joint, silhouette, adversarial, keypoints], dim=1)


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


def start_bodies(
    body: Body, bodies: Mapping[str, np.ndarray], joints_cam: np.ndarray, regressor: np.ndarray
) -> dict[str, np.ndarray]:
    """The initial method's rotations and betas with `start_translation`.

    Raises:
        DataError: labels put a body behind the camera.
    """
    translation = start_translation(body, bodies, joints_cam, regressor)
    behind = translation[:, 2] <= 0
    if behind.any():
        frame = int(np.argmax(behind))
        raise DataError(
            f"frame {frame}: labels put the body at {translation[frame].tolist()} m, "
            "expected z > 0 (camera frame: x right, y down, z forward)"
        )
    rotations, betas = np.asarray(bodies["rotations"]), np.asarray(bodies["betas"])
    return {"rotations": rotations, "betas": betas, "translation": translation}


def weak_perspective(count: int, size: tuple[int, int]) -> np.ndarray:
    """K of the networks' camera for crops of (height, width) pixels, (count, 3, 3)."""
    height, width = size
    camera = [[WEAK_FOCAL_PX, 0, (width - 1) / 2], [0, WEAK_FOCAL_PX, (height - 1) / 2], [0, 0, 1]]
    return np.tile(np.array(camera), (count, 1, 1))


def move_to_camera(
    body: Body, betas: np.ndarray, translation: np.ndarray, seen: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """Translation with which a body looks alike through another camera of the same orientation.

    The pelvis keeps its pixel, the depth grows with the focal length.

    Args:
        body: the body model.
        betas: (N, B).
        translation: metres, (N, 3), before.
        seen: K it is seen through now, (N, 3, 3).
        wanted: K it shall be seen through, (N, 3, 3).

    Returns:
        Metres, (N, 3).
    """
    root = body.rest_joints(betas)[:, 0].astype(np.float64)
    pixels = project_pinhole((root + translation)[:, None], seen)[:, 0]
    depth = (root + translation)[:, 2] * wanted[:, 1, 1] / seen[:, 1, 1]
    rays = np.linalg.solve(wanted, np.concatenate([pixels, np.ones_like(pixels[:, :1])], 1)[..., None])
    return rays[..., 0] * depth[:, None] - root


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
    *,
    weak: bool = False,
    dilation_px: int = 0,
) -> Targets:
    """Check shapes, units and finiteness of all inputs; widen masks; `weak`: the networks' camera."""
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
    masks = np.ascontiguousarray(masks)
    if masks.dtype != np.uint8:
        raise ShapeError(f"masks are {masks.dtype}, expected uint8 (probability x 255)")
    if count and np.median(np.abs(joints_cam[..., 2])) > FARTHEST_M:
        raise UnitError(
            f"joints_cam have a median depth of {np.median(np.abs(joints_cam[..., 2])):.0f} m, "
            f"expected under {FARTHEST_M:.0f} m",
            "labels are probably in millimetres: divide by 1000",
        )
    return Targets(
        torch.from_numpy(np.array(joints_cam, dtype=np.float32)),
        torch.from_numpy(project_pinhole(joints_cam, intrinsics).astype(np.float32)),
        dilated(masks, dilation_px),
        weak_perspective(count, masks.shape[1:3]) if weak else np.asarray(intrinsics),
        torch.from_numpy((scores > 0).astype(np.float32)),
    )


def dilated(masks: np.ndarray, radius_px: int) -> np.ndarray:
    """Masks (N, H, W) uint8 widened by a disk; radius 0 gives them back."""
    if radius_px == 0:
        return masks
    import cv2

    side = np.arange(-radius_px, radius_px + 1)
    disk = (side[:, None] ** 2 + side**2 <= radius_px**2).astype(np.uint8)
    return np.stack([cv2.dilate(mask, disk) for mask in masks]) if len(masks) else masks
