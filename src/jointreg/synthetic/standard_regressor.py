"""J_std of the open data set: regressed, as the field's was, on bodies fitted to labels alone.

The fit takes the body's skeleton joints for the labelled points and never sees an image. What the
labels mean anatomically is lost in it, and the regressor inherits the difference.
"""

from typing import Any

import numpy as np
from scipy.optimize import nnls

from jointreg.arrays import on_grid
from jointreg.body.model import Body
from jointreg.errors import SolverError
from jointreg.geometry.rotations import from_axis_angle
from jointreg.skeleton import H36M_17, LIMB
from jointreg.synthetic.motion.kinematics import figure
from jointreg.synthetic.motion.perform import perform
from jointreg.synthetic.parameters import Parameters, StandardRegressor

POSES = ("Directions", "Sitting", "Walking")
"""Actions that the random bodies are taken from: J_std is one matrix, whatever a run films."""

WEIGHT_STEP = 2.0**-20
"""Weights are multiples of this: last bits differ between processors and are not written."""


def standard_regressor(
    body: Body, true: np.ndarray, parameters: Parameters, generator: np.random.Generator
) -> np.ndarray:
    """J_std on random bodies of its own.

    Args:
        body: the open body.
        true: J_true, (17, V).
        parameters: of the generator.
        generator: for the random bodies.

    Returns:
        (17, V) float64, non-negative, rows sum to 1.

    Raises:
        SolverError: no vertex gets weight in a row.
    """
    rotations, betas, translation = random_bodies(body, parameters, generator)
    labels = np.matmul(true, body.vertices(rotations, betas, translation).astype(np.float64))
    fitted = fit_to_labels(body, labels, rotations, translation, parameters.standard_regressor)
    vertices = body.vertices(*fitted).astype(np.float64)
    return _regress(body, vertices, labels, parameters.standard_regressor.reach_m)


def random_bodies(
    body: Body, parameters: Parameters, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Other people in the poses of `POSES`: rotations, betas, translation (stage frame)."""
    total, each = parameters.standard_regressor.bodies, 8
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for index in range(-(-total // each)):
        betas = np.clip(0.7 * generator.standard_normal(body.n_betas), -1.5, 1.5)
        person = figure(body, betas)
        times = np.sort(generator.uniform(0, 20, each))
        stools = parameters.room.stools_m
        rotations, translation = perform(
            person, POSES[index % len(POSES)], index, times, parameters.motion, stools, generator
        )
        loose = from_axis_angle(0.1 * generator.standard_normal((each, 23, 3)))
        rotations[:, 1:] = rotations[:, 1:] @ loose
        parts.append((rotations, np.tile(betas, (each, 1)), translation))
    rotations, betas, translation = (np.concatenate(part)[:total] for part in zip(*parts, strict=True))
    return rotations, betas, translation


def fit_to_labels(
    body: Body,
    labels: np.ndarray,
    rotations: np.ndarray,
    translation: np.ndarray,
    settings: StandardRegressor,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bodies whose skeleton joints lie on the labels: damped Gauss-Newton from a good pose.

    Args:
        body: the model.
        labels: (N, 17, 3) metres.
        rotations: start, (N, 24, 3, 3); the pose prior keeps each step small.
        translation: start, (N, 3) metres.
        settings: priors and number of steps.

    Returns:
        Rotations (N, 24, 3, 3), betas (N, B), translation (N, 3); shape starts at and is drawn to zero.
    """
    count, joints, rotations = len(labels), len(body.parents), rotations.copy()
    betas, translation = np.zeros((count, body.n_betas)), translation.copy()
    offset = np.zeros((len(H36M_17), 3))
    for name, assumed in settings.assumed_cm.items():
        offset[H36M_17.index(name)] = np.array(assumed) / 100
    below = _descendants(body.parents)
    regressor, directions = (
        table.astype(np.float64) for table in (body.joint_regressor, body.shape_directions)
    )
    bones = np.einsum("kv,vcb->kcb", regressor, directions)
    bones[1:] -= bones[body.parents[1:]]
    unknowns = 3 * joints + 3 + body.n_betas
    prior = np.concatenate(
        [
            np.full(3 * joints, settings.pose_prior),
            np.zeros(3),
            np.full(body.n_betas, settings.shape_prior),
        ]
    )
    for _ in range(settings.steps):
        glob, position = (a.astype(np.float64) for a in body.transforms(rotations, betas))
        position += translation[:, None]
        points = position[:, LIMB] + np.einsum("njab,jb->nja", glob[:, LIMB], offset)
        jacobian = np.zeros((count, len(H36M_17), 3, unknowns))
        for k in range(joints):
            moved = np.flatnonzero(below[k, LIMB])
            arm = points[:, moved] - position[:, k : k + 1]
            for axis in range(3):
                jacobian[..., 3 * k + axis][:, moved] = np.cross(np.eye(3)[axis], arm)
        jacobian[..., 3 * joints : 3 * joints + 3] = np.eye(3)
        grown = np.einsum("nkab,kbs->nkas", glob[:, np.maximum(body.parents, 0)], bones)
        grown[:, 0] = bones[0]
        jacobian[..., 3 * joints + 3 :] = np.einsum("kj,nkas->njas", below[:, LIMB].astype(float), grown)
        matrix = jacobian.reshape(count, -1, unknowns)
        residual = (labels - points).reshape(count, -1)
        pull = np.zeros((count, unknowns))
        pull[:, 3 * joints + 3 :] = -settings.shape_prior * betas
        right = np.einsum("nru,nr->nu", matrix, residual) + pull
        normal = np.swapaxes(matrix, 1, 2) @ matrix + np.diag(prior + 1e-9)
        step = np.linalg.solve(normal, right[..., None])[..., 0]
        turn = from_axis_angle(step[:, : 3 * joints].reshape(count, joints, 3))
        parent = glob[:, np.maximum(body.parents, 0)]
        parent[:, 0] = np.eye(3)
        rotations = np.swapaxes(parent, 2, 3) @ turn @ parent @ rotations
        translation += step[:, 3 * joints : 3 * joints + 3]
        betas += step[:, 3 * joints + 3 :]
    return rotations, betas, translation


def _regress(body: Body, vertices: np.ndarray, labels: np.ndarray, reach_m: float) -> np.ndarray:
    """Non-negative rows over the vertices near each joint, on body-centred points."""
    centre = vertices.mean(axis=1, keepdims=True)
    vertices, labels = vertices - centre, labels - centre
    rest = body.rest_joints(np.zeros((1, body.n_betas)))[0]
    weights = np.zeros((len(H36M_17), body.n_vertices))
    sum_weight = np.sqrt(len(vertices))
    for row, joint in enumerate(LIMB):
        near = np.flatnonzero(np.linalg.norm(body.template - rest[joint], axis=1) < reach_m)
        matrix: np.ndarray[Any, Any] = vertices[:, near].transpose(0, 2, 1).reshape(-1, len(near))
        matrix = np.concatenate([matrix, np.full((1, len(near)), sum_weight)])
        entries, _ = nnls(*_compressed(matrix, np.append(labels[:, row].ravel(), sum_weight)))
        if not entries.sum() > 0.5:
            raise SolverError(
                f"J_std: joint '{H36M_17[row]}' has no vertices",
                "raise standard_regressor.reach_m in config/generator.yaml",
            )
        entries = on_grid(entries / entries.sum(), WEIGHT_STEP)
        entries[entries.argmax()] += 1 - entries.sum()
        weights[row, near] = entries
    return weights


def _compressed(matrix: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same least-squares problem with at most as many rows as columns (QR)."""
    if matrix.shape[0] <= matrix.shape[1]:
        return matrix, target
    q, r = np.linalg.qr(matrix)
    return r, q.T @ target


def _descendants(parents: np.ndarray) -> np.ndarray:
    """[k, j]: joint j moves when joint k turns; every joint is its own descendant. (K, K) bool."""
    below = np.eye(len(parents), dtype=bool)
    for joint in range(len(parents) - 1, 0, -1):
        below[parents[joint]] |= below[joint]
    return below
