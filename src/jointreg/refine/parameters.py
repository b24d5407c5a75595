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


class Moments:
    """The moments of N frames: whose body each shows, and where its camera stands.

    The body of a moment is held in the camera frame of its first frame. M moments.

    Args:
        body: the body model.
        views: of the frames.
    """

    first: np.ndarray
    """First frame of each moment, (M,)."""
    owner: np.ndarray
    """Moment of each frame, (N,)."""
    turn: np.ndarray
    """First camera of the moment to that of the frame, (N, 3, 3)."""
    move: np.ndarray
    """Metres, (N, 3)."""
    root: np.ndarray
    """Pelvis at rest of the mean body, metres, (3,)."""
    root_directions: np.ndarray
    """How each unit of shape moves it, (3, B)."""

    def __init__(self, body: Body, views: Views) -> None:
        _, self.first, self.owner = np.unique(views.moment, return_index=True, return_inverse=True)
        lead = self.first[self.owner]
        self.turn = views.rotation @ np.swapaxes(views.rotation[lead], -1, -2)
        self.move = views.translation - np.einsum("nij,nj->ni", self.turn, views.translation[lead])
        # Linear in the betas.
        roots = body.rest_joints(np.eye(body.n_betas + 1, body.n_betas, k=-1))[:, 0]
        self.root, self.root_directions = roots[0], (roots[1:] - roots[0]).T

    def __len__(self) -> int:
        """Number of moments."""
        return len(self.first)

    def mean_bodies(self, bodies: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """A body for each moment, and one shape: means over the frames' bodies.

        Args:
            bodies: rotations (N, K, 3, 3), betas (N, B), translation (N, 3) metres.

        Returns:
            rotations (M, K, 3, 3), chordal means; betas (1, B); translation (M, 3), of the first frame.
        """
        rotations = np.array(bodies["rotations"], dtype=np.float64)
        rotations[:, 0] = np.swapaxes(self.turn, -1, -2) @ rotations[:, 0]
        total = np.zeros((len(self), *rotations.shape[1:]))
        np.add.at(total, self.owner, rotations)
        return {
            "rotations": nearest_rotation(total),
            "betas": np.mean(bodies["betas"], axis=0, keepdims=True),
            "translation": np.asarray(bodies["translation"])[self.first],
        }


class SharedBodies:
    """One body for all frames of a moment, and one shape for the whole block.

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
        moments = Moments(body, views)
        self._first, self._index = moments.first, torch.from_numpy(moments.owner).to(device)
        self._turn, self._move = _tensor(moments.turn, device), _tensor(moments.move, device)
        self._root = _tensor(moments.root, device)
        self._root_directions = _tensor(moments.root_directions, device)
        mean = moments.mean_bodies(bodies)
        self.theta, self.betas = _theta(mean, self.joints, device), _tensor(mean["betas"], device)

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
