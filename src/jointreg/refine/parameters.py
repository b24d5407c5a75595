"""The unknowns theta of the refinement: 24 rotations as 6D, betas, translation with its depth as log z.

A block of frames is refined together. Either every frame has its own body (`OwnBodies`), or all frames
of a moment share one body and all moments share the betas (`SharedBodies`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from jointreg import exact
from jointreg.body.model import Body
from jointreg.body.skinning import from_6d
from jointreg.errors import ShapeError
from jointreg.geometry.rotations import nearest_rotation, to_6d
from jointreg.refine.exact_layers import exp

Pose = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Rotations (n, K, 3, 3), betas (n, B) and translation (n, 3) metres of some frames, camera frame."""


@dataclass(frozen=True)
class Views:
    """Which frames show the same moment, and where their cameras stand. N frames."""

    moment: np.ndarray
    """Equal for frames of one moment, (N,) integers."""
    rotation: np.ndarray
    """World to camera: X_cam = rotation @ X_world + translation; (N, 3, 3)."""
    translation: np.ndarray
    """Metres, (N, 3)."""

    def part(self, rows: np.ndarray | slice) -> "Views":
        """The views of some of the frames."""
        return Views(self.moment[rows], self.rotation[rows], self.translation[rows])

    @classmethod
    def apart(cls, count: int) -> "Views":
        """Views of `count` frames, each a moment of its own."""
        return cls(np.arange(count), np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3)))

    @classmethod
    def joined(cls, parts: Sequence["Views"]) -> "Views":
        """The views of several sequences, which have no moment in common."""
        counts = [int(part.moment.max(initial=-1)) + 1 for part in parts]
        first = np.cumsum([0, *counts[:-1]])
        return cls(
            np.concatenate([part.moment + n for part, n in zip(parts, first, strict=True)]),
            np.concatenate([part.rotation for part in parts]),
            np.concatenate([part.translation for part in parts]),
        )


class OwnBodies:
    """A body for every frame of the block.

    Args:
        body: the body model.
        bodies: start: rotations (n, K, 3, 3), betas (n, B), translation (n, 3) metres.
        device: where the unknowns live.
    """

    def __init__(self, body: Body, bodies: Mapping[str, np.ndarray], device: torch.device) -> None:
        self.joints = len(body.parents)
        self.theta = _theta(bodies, self.joints, device)
        self.betas = _tensor(bodies["betas"], device)

    @property
    def parameters(self) -> list[torch.Tensor]:
        """The tensors that the optimiser changes: theta (n, 6 K + 3) and betas (n, B)."""
        return [self.theta, self.betas]

    def pose(self, rows: slice) -> Pose:
        """The bodies of some frames of the block, differentiable."""
        rotations, translation = _unpack(self.theta[rows], self.joints)
        return rotations, self.betas[rows], translation

    def frame_of(self, row: int) -> int:
        """A frame of the block that row `row` of theta belongs to."""
        return row


class SharedBodies:
    """One body for all frames of a moment, and one shape for the whole block.

    The body of a moment is held in the camera frame of its first frame. It starts at the mean of the
    frames' bodies.

    Args:
        body: the body model.
        bodies: start, as for `OwnBodies`.
        views: moments and cameras of the block's frames.
        device: where the unknowns live.
    """

    def __init__(
        self, body: Body, bodies: Mapping[str, np.ndarray], views: Views, device: torch.device
    ) -> None:
        self.joints = len(body.parents)
        _, first, self._owner = np.unique(views.moment, return_index=True, return_inverse=True)
        self._first = first
        self._index = torch.from_numpy(self._owner).to(device)
        lead = first[self._owner]
        turn = views.rotation @ np.swapaxes(views.rotation[lead], -1, -2)
        move = views.translation - np.einsum("nij,nj->ni", turn, views.translation[lead])
        self._turn, self._move = _tensor(turn, device), _tensor(move, device)
        # Linear in the betas: the pelvis at rest of the mean body and of each unit of shape.
        roots = body.rest_joints(np.eye(body.n_betas + 1, body.n_betas, k=-1))[:, 0]
        self._root = _tensor(roots[0], device)
        self._root_directions = _tensor((roots[1:] - roots[0]).T, device)
        mean = {
            "rotations": self._mean_rotations(bodies["rotations"], turn),
            "translation": np.asarray(bodies["translation"])[first],
        }
        self.theta = _theta(mean, self.joints, device)
        self.betas = _tensor(np.mean(bodies["betas"], axis=0, keepdims=True), device)

    @property
    def parameters(self) -> list[torch.Tensor]:
        """The tensors that the optimiser changes: theta (moments, 6 K + 3) and betas (1, B)."""
        return [self.theta, self.betas]

    def pose(self, rows: slice) -> Pose:
        """The bodies of some frames of the block in the frames' cameras, differentiable.

        The global orientation turns the mesh about its pelvis at rest, P: in a camera that sees
        X' = R X + t the body of orientation G and translation m has R G and R (P + m) + t - P.
        """
        rotations, translation = _unpack(self.theta[self._index[rows]], self.joints)
        betas = self.betas.expand(len(rotations), -1)
        root = self._root + betas @ self._root_directions.T
        turn = self._turn[rows]
        turned = torch.cat([(turn @ rotations[:, 0])[:, None], rotations[:, 1:]], dim=1)
        moved = torch.einsum("nij,nj->ni", turn, root + translation) + self._move[rows] - root
        return turned, betas, moved

    def frame_of(self, row: int) -> int:
        """A frame of the block that row `row` of theta belongs to."""
        return int(self._first[row])

    def _mean_rotations(self, rotations: np.ndarray, turn: np.ndarray) -> np.ndarray:
        """Chordal means over the frames of each moment, the orientation in the first frame's camera."""
        rotations = np.array(rotations, dtype=np.float64)
        rotations[:, 0] = np.swapaxes(turn, -1, -2) @ rotations[:, 0]
        total = np.zeros((len(self._first), *rotations.shape[1:]))
        np.add.at(total, self._owner, rotations)
        return nearest_rotation(total)


def checked_views(views: Views | None, count: int) -> Views:
    """The views of `count` frames, which shared bodies need.

    Raises:
        ShapeError: there are no views, or views of other frames.
    """
    if views is None:
        raise ShapeError(
            "optimize.multiview is on, but the sample has no moments and cameras of its frames",
            "pass views=Views(moment, rotation, translation), or set optimize.multiview to false",
        )
    shapes = np.shape(views.moment), np.shape(views.rotation), np.shape(views.translation)
    if shapes != ((count,), (count, 3, 3), (count, 3)):
        raise ShapeError(
            f"views have shapes {shapes}, expected ({count},), ({count}, 3, 3), ({count}, 3)",
            f"give moment, rotation and translation of the sample's {count} frames",
        )
    return views


def _theta(bodies: Mapping[str, np.ndarray], joints: int, device: torch.device) -> torch.Tensor:
    translation = np.array(bodies["translation"], dtype=np.float64)
    translation[:, 2] = exact.log(translation[:, 2])
    six = to_6d(bodies["rotations"]).reshape(len(translation), 6 * joints)
    return _tensor(np.concatenate([six, translation], axis=1), device)


def _unpack(theta: torch.Tensor, joints: int) -> tuple[torch.Tensor, torch.Tensor]:
    six, sideways, log_depth = theta.split([6 * joints, 2, 1], dim=1)
    return from_6d(six.reshape(-1, joints, 6)), torch.cat([sideways, exp(log_depth)], dim=1)


def _tensor(values: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float64)).to(device)
