"""Label offsets of a subject whose bodies are refined: in closed form, beside the steps of Adam.

The model is that of `jointreg.labels.offsets`. Here J is given; bodies and offsets are unknown. For
given bodies the best offsets are the mean of R_limb^T (X - J V). They are renewed after every step from
what that step has computed, so they are those of the bodies one step before. The gradient goes through
R_limb, but not through the offsets, which are constants of the step.

A subject in few poses does not determine offsets: with one pose they would take up everything that the
labels contain. So the mean counts one more body, whose offset is zero. Of m bodies the offsets are
m / (m + 1) of the mean: for a single one the labels keep half of their pull, for a hundred it changes
the offsets by a hundredth.
"""

from collections.abc import Sequence

import numpy as np
import torch

from jointreg.errors import DataError, ShapeError
from jointreg.skeleton import H36M_17, LIMB

FIRST_STEP = 5
"""Steps with the offsets of the start. Before them labels and bodies are apart by errors of pose."""


class LabelOffsets:
    """Offsets of the one subject of a block of frames.

    Args:
        start: metres, (17, 3).
        parents: parent of each skeleton joint, the root's is -1.
        bodies: number of bodies in the block; cameras of one moment may share one.
        device: where the bodies are refined.
    """

    def __init__(
        self, start: np.ndarray, parents: np.ndarray, bodies: int, device: torch.device
    ) -> None:
        self.values = torch.from_numpy(np.array(start, dtype=np.float64)).to(device)
        self._parents, self._bodies = [int(parent) for parent in parents], bodies
        self._sum, self._frames = torch.zeros_like(self.values), 0

    def predict(
        self, joints: torch.Tensor, rotations: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """Where labels are expected, J V + R_limb o, (n, 17, 3); and remember what `renew` needs.

        Args:
            joints: J V, metres, (n, 17, 3).
            rotations: of the same bodies, (n, 24, 3, 3).
            labels: metres, (n, 17, 3).
        """
        limbs = limb_frames(rotations, self._parents)
        with torch.no_grad():
            self._sum += torch.einsum("njac,nja->jc", limbs, labels - joints)
            self._frames += len(joints)
        return joints + torch.einsum("njac,jc->nja", limbs, self.values)

    def renew(self, step: int) -> None:
        """Take the offsets of the bodies since the last call, from `FIRST_STEP` on."""
        if step >= FIRST_STEP:
            self.values = self._sum / (self._frames * (1 + 1 / self._bodies))
        self._sum, self._frames = torch.zeros_like(self.values), 0


def checked_offsets(offsets: np.ndarray | None, joints: int) -> np.ndarray:
    """Offsets to start from, metres, (17, 3) float64; zeros for None.

    Args:
        offsets: metres, (17, 3), or None.
        joints: number of joints that the regressor reads.

    Raises:
        ShapeError: offsets, or a regressor, of other joints than `skeleton.H36M_17`.
        DataError: an offset is not finite.
    """
    expected = (len(H36M_17), 3)
    offsets = np.zeros((joints, 3)) if offsets is None else np.asarray(offsets, dtype=np.float64)
    if offsets.shape != expected or joints != len(H36M_17):
        raise ShapeError(
            f"label offsets have shape {offsets.shape}, the regressor {joints} joints, expected "
            f"{expected} and {len(H36M_17)}",
            "give offsets and a regressor of the joints of skeleton.H36M_17, or set label_offsets: none",
        )
    if not np.isfinite(offsets).all():
        joint = H36M_17[int(np.argmin(np.isfinite(offsets).all(axis=1)))]
        raise DataError(f"the label offset of {joint} is not finite", "start from offsets of zero")
    return offsets


def limb_frames(rotations: torch.Tensor, parents: Sequence[int]) -> torch.Tensor:
    """`labels.offsets.limb_frames`, differentiable: (n, 24, 3, 3) -> (n, 17, 3, 3)."""
    turned = [rotations[:, 0]]
    for joint in range(1, len(parents)):
        turned.append(turned[parents[joint]] @ rotations[:, joint])
    return torch.stack([turned[joint] for joint in LIMB], dim=1)
