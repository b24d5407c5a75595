"""Clothes of a subject as a shell of unknown thickness over its skin, fitted beside its bodies.

A mask shows the clothes; a body model has none. The shell is the body's mesh, moved outwards by a
thickness for each of `PARTS` along the normals of the template in T-pose, and skinned as the body is.
So a thickness acts like one more beta. The skeleton does not move with it. Silhouettes are those of the
shell, joints those of the naked body. What the head wears is hair. Face, neck and hands are bare: there
the masks show the body.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from jointreg.body.model import Body
from jointreg.body.motion import Motion
from jointreg.body.skinning import Skinner
from jointreg.body.skinning_torch import PlainSkinner
from jointreg.errors import DataError, ShapeError
from jointreg.refine.parameters import Pose

PARTS = {
    "trunk": ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar"),
    "thighs": ("left_hip", "right_hip"),
    "shins": ("left_knee", "right_knee"),
    "upper_arms": ("left_shoulder", "right_shoulder"),
    "forearms": ("left_elbow", "right_elbow"),
    "head": ("head",),
    "feet": ("left_ankle", "right_ankle", "left_foot", "right_foot"),
}
"""Part of the shell -> skeleton joints that move it. Of the head, what faces away from the face."""

FACE = np.array([0.0, -0.5, 0.75**0.5])
"""From the middle of the head to that of the face in T-pose, where y is up and z forward: 30 degrees
down. Face, chin and throat are bare: hair is on the other half of the head."""
HAIRLINE_M = 0.03
"""Width of the edge between the halves, metres."""

START_M = 0.003
"""Thickness that a refinement starts from, metres."""
LEAST_M = 1e-4
"""Least thickness of a start, metres: at 0 the gradient of the unknown vanishes."""
UNIT_M = 0.01
"""Below this thickness the unknown's effect fades, so that the thickness stays positive; metres."""
PACE = 5.0
"""Steps of the unknown for one of a rotation in radians: the shell settles as fast as the pose."""

Skins = TypeVar("Skins", bound=Skinner | PlainSkinner)


class Shell:
    """The shell of the one subject of a block of frames.

    Args:
        start: thickness of each part, metres, (P,).
        device: where the bodies are refined.
    """

    unknown: torch.Tensor
    """What the optimiser changes, (P,)."""

    def __init__(self, start: np.ndarray, device: torch.device) -> None:
        self.unknown = torch.from_numpy(to_unknown(start)).to(device)

    def thickness(self) -> torch.Tensor:
        """Thickness of each part, metres, at least 0, differentiable, (P,)."""
        return UNIT_M * torch.nn.functional.softplus(PACE * self.unknown)

    def values(self) -> np.ndarray:
        """`thickness` as an array."""
        return self.thickness().detach().cpu().numpy()

    def worn(self, pose: Pose) -> Pose:
        """Parameters of the shell over bodies, for `shell_skinner`; betas (n, B) become (n, B + P)."""
        rotations, betas, translation = pose
        thickness = self.thickness().expand(len(betas), -1)
        return rotations, torch.cat([betas, thickness], dim=1), translation


def to_unknown(thickness: np.ndarray) -> np.ndarray:
    """What the solvers change, of thickness in metres, (P,)."""
    return np.log(np.expm1(np.maximum(thickness, LEAST_M) / UNIT_M)) / PACE


def from_unknown(unknown: np.ndarray) -> np.ndarray:
    """Thickness, metres, of what the solvers change, (P,)."""
    return UNIT_M * np.logaddexp(0, PACE * unknown)


def shell_skinner(body: Body, make: Callable[[Body], Skins]) -> Skins:
    """What poses the shell over bodies: a skinner with a further beta for each part, metres.

    Args:
        body: the naked body.
        make: gives the skinner of a body.
    """
    skinner = make(_dressed(body))
    skinner.rest_directions[..., body.n_betas :] = 0  # clothes leave the skeleton where it is
    return skinner


def shell_motion(body: Body) -> Motion:
    """The derivatives of the shell over bodies: those of the body, with a further beta for each part."""
    motion = Motion(_dressed(body))
    motion.rest_directions[..., body.n_betas :] = 0
    return motion


def _dressed(body: Body) -> Body:
    directions = np.concatenate([body.shape_directions, shell_directions(body)], axis=2)
    return replace(body, shape_directions=directions)


def shell_directions(body: Body) -> np.ndarray:
    """How the vertices in T-pose move for a metre of each part's thickness, (V, 3, P)."""
    names = list(body.joint_names)
    columns = [[names.index(joint) for joint in joints] for joints in PARTS.values()]
    share = np.stack([body.skinning_weights[:, part].sum(axis=1) for part in columns], axis=1)
    corners = body.template[body.faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((body.n_vertices, 3))
    np.add.at(normals, body.faces, across[:, None])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    # Faces of one mesh turn their outsides, of another their insides to the right-hand side.
    outwards = np.sign(np.einsum("fk,fk->", corners.mean(axis=1), across))
    normals *= outwards
    hair = _hairy(body.template, body.skinning_weights[:, names.index("head")])
    share[:, list(PARTS).index("head")] *= hair
    return (normals[:, :, None] * share[:, None]).astype(body.shape_directions.dtype)


def _hairy(template: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """0 on the face's half of the head, 1 on the other, (V,); `moves`: skinning weights of the head."""
    head = template[moves > 0.5]
    middle = (head.min(axis=0) + head.max(axis=0)) / 2
    return np.clip(0.5 - (template - middle) @ FACE / HAIRLINE_M, 0, 1)


def checked_thickness(thickness: np.ndarray | None) -> np.ndarray:
    """Thickness to start from, metres, (P,) float64; `START_M` for None.

    Raises:
        ShapeError: not one number a part.
        DataError: a thickness is negative or not finite.
    """
    if thickness is None:
        return np.full(len(PARTS), START_M)
    thickness = np.asarray(thickness, dtype=np.float64)
    if thickness.shape != (len(PARTS),):
        raise ShapeError(
            f"the thickness has shape {thickness.shape}, expected ({len(PARTS)},)",
            f"give metres for {', '.join(PARTS)}, or set shell: none",
        )
    if not (np.isfinite(thickness) & (thickness >= 0)).all():
        raise DataError(
            f"the thickness is {thickness.tolist()} m, expected finite numbers of at least 0",
            "start from the thickness of a refinement, or from none",
        )
    return thickness
