"""Fit a body to labelled joints: the initial method `keypoints`, which needs no network weights.

Per frame f with pose theta_f and the sequence's shape b, Levenberg-Marquardt minimises

    sum_f sum_j w_j |p_j(theta_f, b) - x_fj|^2  +  prior * sum_f sum_ka s_ka (theta_fka - rest_ka)^2
        + prior * limit terms  +  F * BETA_PRIOR |b|^2

where p are the body's skeleton joints (no mesh vertex is skinned). The frames are coupled by the
shape only, so each step solves one small system per frame and one 10 x 10 system (Schur complement).
Twist that the labels do not show is held near zero by the prior; knees and elbows are soft hinges
that do not bend backwards. The start comes in closed form: torso by Procrustes, limbs by their
directions, so that neither heading nor bent limbs matter. Feet and hands are not labelled and stay
at rest. NumPy only; the same input gives the same bits.
"""

from typing import NamedTuple

import numpy as np

from jointreg.body.model import Body
from jointreg.config.joint_sets import H36M, JointSet
from jointreg.config.settings import Estimate
from jointreg.datasets.named_joints import require_size
from jointreg.datasets.poses import require_finite, require_metres
from jointreg.errors import ConfigError, ShapeError, SolverError
from jointreg.geometry import rotations as so3
from jointreg.predictions.keypoint_model import (
    LIMIT_STIFFNESS,
    NEEDED,
    POSED,
    FitModel,
    beyond_limits,
    fitted_points,
    full_rotations,
    initial_pose,
)
from jointreg.progress import progress
from jointreg.skeleton import SMPL_24

BETA_PRIOR = 4e-4
"""Square metres per frame and squared beta: one standard deviation weighs as much as 2 cm at one joint.

It does not fade with the number of frames: labels mean other points than the skeleton's joints, and that
does not average out. With 1e-4 the labels of config/lab.yaml gave shapes of 2.4 standard deviations.
"""

_CHUNK = 512  # frames solved side by side; bounds the memory


class _Unknowns(NamedTuple):
    """What is fitted to N frames: a pose for each, and the shape that they share."""

    root: np.ndarray
    """Global orientation, (N, 3, 3)."""
    pose: np.ndarray
    """Axis-angle of the joints `POSED`, radians, (N, P, 3)."""
    translation: np.ndarray
    """Metres, (N, 3)."""
    betas: np.ndarray
    """(B,)."""

    def part(self, rows: slice) -> "_Unknowns":
        """The unknowns of some of the frames."""
        return _Unknowns(self.root[rows], self.pose[rows], self.translation[rows], self.betas)

    def moved(self, step: np.ndarray, betas: np.ndarray) -> "_Unknowns":
        """Another shape, and every pose after a step (N, 6 + 3 P): translation, global turn, pose."""
        return _Unknowns(
            so3.from_axis_angle(step[:, 3:6]) @ self.root,
            self.pose + step[:, 6:].reshape(self.pose.shape),
            self.translation + step[:, :3],
            betas,
        )

    def where(self, frames: np.ndarray, other: "_Unknowns", betas: np.ndarray) -> "_Unknowns":
        """The poses of `other` in `frames`, (N,) bool, these in the rest; the shape `betas`."""
        root, pose, translation = (
            np.where(frames.reshape(-1, *[1] * (new.ndim - 1)), new, old)
            for new, old in zip(other[:3], self[:3], strict=True)
        )
        return _Unknowns(root, pose, translation, betas)


class KeypointFit(NamedTuple):
    """Bodies of N frames in the frame of reference of the labels."""

    rotations: np.ndarray
    """Global orientation and 23 relative rotations, (N, 24, 3, 3) float32."""
    betas: np.ndarray
    """The sequence's shape, repeated for every frame, (N, B) float32."""
    translation: np.ndarray
    """Added to every vertex, metres, (N, 3) float32."""


def fit_keypoints(
    body: Body, joints_cam: np.ndarray, settings: Estimate, joint_set: JointSet = H36M
) -> KeypointFit:
    """Fit one shape and a pose per frame to the labels of one person.

    Args:
        body: a body with SMPL's 24 joints, y up and z forward in its T-pose.
        joints_cam: labels, (N, J, 3) metres, any fixed frame of reference.
        settings: `keypoints_iterations` steps and the weight `keypoints_prior` of the pose prior.
        joint_set: what the labels are: hips, knees, ankles, shoulders, elbows and wrists, and others.

    Returns:
        Rotations, betas (one value a sequence) and translation of every frame.

    Raises:
        ShapeError: labels that are not (N, J, 3) with N > 0, or a body without SMPL's joints.
        ConfigError: a joint set that lacks joints of the limbs.
        UnitError: legs that are no person's, usually millimetres.
        DataError: labels that are not finite, or a frame in another unit.
        SolverError: a step that is not finite.
    """
    labels = _checked(body, joints_cam, joint_set)
    model = FitModel(body, joint_set)
    root, pose = initial_pose(model, labels)
    translation = joint_set.trunk(labels)[0] - model.rest[0]
    unknowns = _Unknowns(root, pose, translation, np.zeros(body.n_betas))
    damping = np.full(len(labels), 1e-3)
    prior = settings.keypoints_prior
    cost = _cost(model, labels, prior, unknowns)
    for iteration in progress(range(settings.keypoints_iterations), "iterations"):
        step, shape_step = _step(model, labels, prior, unknowns, damping)
        if not (np.isfinite(step).all() and np.isfinite(shape_step).all()):
            frame = int(np.argmin(np.isfinite(step).all(axis=1)))
            raise SolverError(f"keypoints: step {iteration} is not finite at frame {frame}")
        betas = unknowns.betas + shape_step
        moved = unknowns.moved(step, betas)
        moved_cost = _cost(model, labels, prior, moved)
        still_cost = _cost(model, labels, prior, unknowns._replace(betas=betas))
        better = moved_cost <= still_cost
        if np.where(better, moved_cost, still_cost).sum() < cost.sum():
            cost = np.where(better, moved_cost, still_cost)
        else:  # the shape step overshot: judge the poses at the old shape
            betas = unknowns.betas
            moved_cost = _cost(model, labels, prior, moved._replace(betas=betas))
            better = moved_cost < cost
            cost = np.where(better, moved_cost, cost)
        unknowns = unknowns.where(better, moved, betas)
        damping = np.clip(np.where(better, damping / 3, damping * 4), 1e-7, 1e3)
    return KeypointFit(
        full_rotations(unknowns.root, unknowns.pose).astype(np.float32),
        np.repeat(unknowns.betas[None], len(labels), axis=0).astype(np.float32),
        unknowns.translation.astype(np.float32),
    )


def model_points(
    body: Body, rotations: np.ndarray, betas: np.ndarray, translation: np.ndarray
) -> np.ndarray:
    """The 17 points that are fitted to the labels, (N, 17, 3) metres, `skeleton.H36M_17` order.

    Skeleton joints as in `skeleton.H36M_AS_SMPL`; nose and head top are the template's foremost and
    highest head vertex, moved rigidly with the head joint.
    """
    glob, position = body.transforms(np.asarray(rotations, float), np.asarray(betas, float))
    return fitted_points(FitModel(body), glob, position) + np.asarray(translation)[:, None]


def _checked(body: Body, joints_cam: np.ndarray, joint_set: JointSet) -> np.ndarray:
    labels, expected = np.asarray(joints_cam, dtype=float), len(joint_set.joints)
    if labels.ndim != 3 or labels.shape[1:] != (expected, 3) or not len(labels):
        raise ShapeError(
            f"keypoints: labels have shape {labels.shape}, expected (frames, {expected}, 3)"
        )
    missing = [place for place in NEEDED if place not in joint_set.places]
    if missing:
        raise ConfigError(
            f"keypoints: {joint_set.title} have no joint at {', '.join(missing)}",
            "fit another initial method, or label the joints of arms and legs too",
        )
    if body.joint_names != SMPL_24:
        raise ShapeError(f"keypoints: the body has {len(body.joint_names)} joints, expected SMPL's 24")
    require_finite(labels, "keypoints", "frame")
    if joint_set == H36M:
        require_metres(labels, "keypoints", "frame")
    else:
        require_size(labels, "keypoints")
    return labels


def _cost(model: FitModel, labels: np.ndarray, prior: float, unknowns: _Unknowns) -> np.ndarray:
    """Energy of each frame, m^2, (N,)."""
    root, pose, translation, betas = unknowns
    shape = np.repeat(betas[None], len(root), axis=0)
    points = (
        fitted_points(model, *model.body.transforms(full_rotations(root, pose), shape))
        + translation[:, None]
    )
    data = (model.weight[:, None] * (points - labels) ** 2).sum((1, 2))
    prior_terms = (
        model.stiffness * (pose - model.mean) ** 2 + LIMIT_STIFFNESS * beyond_limits(model, pose) ** 2
    )
    return data + prior * prior_terms.sum((1, 2)) + BETA_PRIOR * betas @ betas


def _step(
    model: FitModel,
    labels: np.ndarray,
    prior: float,
    unknowns: _Unknowns,
    damping: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Damped Gauss-Newton step: per frame (N, 6 + 3 P) translation, global turn, pose; shape (B,)."""
    pose, betas = unknowns.pose, unknowns.betas
    count, width = len(labels), 6 + 3 * len(POSED)
    own = np.empty((count, width))
    coupling = np.empty((count, width, len(betas)))
    schur = count * BETA_PRIOR * np.eye(len(betas))
    right = -count * BETA_PRIOR * betas
    for start in range(0, count, _CHUNK):
        part = slice(start, min(start + _CHUNK, count))
        jacobian, shape_jacobian, residual = _linearise(model, labels[part], unknowns.part(part))
        transposed = jacobian.transpose(0, 2, 1)
        normal = transposed @ jacobian
        gradient = (transposed @ residual[..., None])[..., 0]
        beyond = beyond_limits(model, pose[part])
        curvature = prior * (model.stiffness + LIMIT_STIFFNESS * (beyond != 0)).reshape(-1, width - 6)
        pull = prior * (model.stiffness * (pose[part] - model.mean) + LIMIT_STIFFNESS * beyond)
        gradient[:, 6:] += pull.reshape(-1, width - 6)
        diagonal = np.arange(width)
        normal[:, diagonal[6:], diagonal[6:]] += curvature
        normal[:, diagonal, diagonal] *= 1 + damping[part, None]
        normal[:, diagonal, diagonal] += 1e-9
        mixed = transposed @ shape_jacobian
        solved = np.linalg.solve(normal, np.concatenate([-gradient[..., None], mixed], axis=-1))
        own[part], coupling[part] = solved[..., 0], solved[..., 1:]
        schur += np.einsum("nrb,nrc->bc", shape_jacobian, shape_jacobian)
        schur -= np.einsum("npb,npc->bc", mixed, coupling[part])
        right -= np.einsum("nrb,nr->b", shape_jacobian, residual)
        right -= np.einsum("npb,np->b", mixed, own[part])
    shape_step = np.linalg.solve(schur, right)
    return own - coupling @ shape_step, shape_step


def _linearise(
    model: FitModel, labels: np.ndarray, unknowns: _Unknowns
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Derivatives by pose (N, 3 J, 6 + 3 P) and shape (N, 3 J, B) of the weighted residuals, and these.

    Residuals are (N, 3 J): three coordinates a label.
    """
    root, pose, translation, betas = unknowns
    count, rows, parents = len(labels), 3 * labels.shape[1], model.body.parents
    glob, position = model.body.transforms(
        full_rotations(root, pose), np.repeat(betas[None], count, axis=0)
    )
    points = fitted_points(model, glob, position)
    weight = np.sqrt(model.weight)
    residual = weight[:, None] * (points + translation[:, None] - labels)
    # axes[n, p]: columns are the world axes about which the three pose numbers turn the limb
    axes = np.empty((count, 1 + len(POSED), 3, 3))
    axes[:, 0] = np.eye(3)
    axes[:, 1:] = glob[:, parents[model.posed]] @ _left_jacobian(pose)
    pivots = np.concatenate([[0], model.posed])
    arms = points[:, None] - position[:, pivots, None]
    arms = arms * (model.moves[pivots] * weight)[None, :, :, None]
    turned = np.cross(axes.transpose(0, 1, 3, 2)[:, :, :, None], arms[:, :, None])
    jacobian = np.empty((count, rows, 6 + 3 * len(POSED)))
    jacobian[:, :, :3] = (weight[:, None, None] * np.eye(3)).reshape(rows, 3)
    jacobian[:, :, 3:] = turned.transpose(0, 3, 4, 1, 2).reshape(count, rows, -1)
    shape = np.empty((count, *model.directions.shape))
    shape[:, 0] = model.directions[0]
    for joint in range(1, 24):
        bone = model.directions[joint] - model.directions[parents[joint]]
        shape[:, joint] = shape[:, parents[joint]] + glob[:, parents[joint]] @ bone
    shape_jacobian = (weight[:, None, None] * shape[:, model.joint]).reshape(count, rows, -1)
    return jacobian, shape_jacobian, residual.reshape(count, rows)


def _left_jacobian(axis_angle: np.ndarray) -> np.ndarray:
    """d(turn) / d(axis-angle) of the exponential map, (..., 3) -> (..., 3, 3)."""
    angle = np.maximum(np.linalg.norm(axis_angle, axis=-1), 1e-6)[..., None, None]
    skew = np.cross(axis_angle[..., None, :], np.eye(3)).swapaxes(-1, -2)
    first = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    second = np.where(angle < 1e-3, 1 / 6, (angle - np.sin(angle)) / angle**3)
    return np.eye(3) + first * skew + second * (skew @ skew)
