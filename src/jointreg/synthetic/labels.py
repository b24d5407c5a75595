"""The labelled points of the open data set: the true regressor and each subject's label offset."""

import numpy as np

from jointreg.body.model import Body
from jointreg.errors import SolverError
from jointreg.geometry.rotations import to_axis_angle
from jointreg.provenance import seed_for
from jointreg.skeleton import H36M_17, LIMB, SMPL_24
from jointreg.synthetic.motion.rhythm import wobble
from jointreg.synthetic.parameters import Labels

DRIVER = [SMPL_24.index("spine1"), *LIMB[1:]]
"""Skeleton joint whose bend moves the skin under a label; the pelvis's own rotation bends nothing."""


def planted_generator(parameters_seed: int, *identity: str) -> np.random.Generator:
    """Random numbers of one planted thing, the same in every job that asks for it."""
    return np.random.default_rng(seed_for(parameters_seed, "planted", *identity))


def anatomical_points(body: Body, settings: Labels) -> np.ndarray:
    """Where the 17 labelled points lie on the T-pose at zero betas, (17, 3) metres."""
    rest = body.rest_joints(np.zeros((1, body.n_betas)))[0].astype(np.float64)
    points = rest[LIMB]
    for row, name in enumerate(H36M_17):
        side, _, part = name.partition("_") if name.startswith(("left_", "right_")) else ("", "", name)
        offset = np.array(settings.points_cm[part]) / 100
        points[row] += offset * [-1 if side == "right" else 1, 1, 1]
    return points


def true_regressor(body: Body, settings: Labels) -> np.ndarray:
    """J_true: the smoothest local average of vertices that hits each anatomical point.

    Weights of row j are exp(-|v - x_j|^2 / 2 s^2 + l . v), s the smoothing size and l such that the
    average of the T-pose's vertices is exactly x_j: of all non-negative weights that sum to 1 and do so,
    those nearest to the Gaussian around x_j in relative entropy. Vertices of other limbs do not enter.

    Returns:
        (17, V) float64, non-negative, rows sum to 1.

    Raises:
        SolverError: a point lies outside the body part it belongs to.
    """
    template = body.template.astype(np.float64)
    points = anatomical_points(body, settings)
    weights = np.zeros((len(H36M_17), len(template)))
    for row, (name, joint) in enumerate(zip(H36M_17, LIMB, strict=True)):
        near = _neighbourhood(body, joint) & (
            np.linalg.norm(template - points[row], axis=1) < 4 * settings.smoothing_m
        )
        weights[row, near] = _tilted_gaussian(template[near], points[row], settings.smoothing_m, name)
    return weights


def label_offsets(subject: str, planted_seed: int, settings: Labels) -> np.ndarray:
    """One subject's constant label error in the local frame of each limb, (17, 3) metres."""
    generator = planted_generator(planted_seed, "label offset", subject)
    direction = generator.standard_normal((len(H36M_17), 3))
    length = settings.subject_offset_m * generator.uniform(0.5, 1.5, (len(H36M_17), 1))
    return length * direction / np.linalg.norm(direction, axis=1, keepdims=True)


def slides(subject: str, rotations: np.ndarray, planted_seed: int, settings: Labels) -> np.ndarray:
    """How far labels have slid on the skin, in the local frame of each limb.

    The shift is linear in the rotation vector of the label's own joint, zero in the T-pose, in which
    markers are calibrated. One half of the map is the same for all people, left mirroring right.

    Args:
        subject: its name.
        rotations: of the joints against their parents, (N, 24, 3, 3).
        planted_seed: of the maps.
        settings: sizes.

    Returns:
        (N, 17, 3) metres.
    """
    bent = to_axis_angle(rotations[:, DRIVER])
    flip, own = np.array([-1.0, 1.0, 1.0]), settings.moving.own
    shift = np.empty_like(bent)
    for row, name in enumerate(H36M_17):
        part = name.removeprefix("left_").removeprefix("right_")
        tissue = planted_generator(planted_seed, "slide", part).standard_normal((3, 3))
        if name.startswith("right_"):
            tissue = -np.outer(flip, flip) * tissue
        person = planted_generator(planted_seed, "slide", part, subject, name).standard_normal((3, 3))
        slide = np.sqrt(1 - own) * tissue + np.sqrt(own) * person
        # A random matrix makes a vector longer by sqrt(3).
        shift[:, row] = settings.moving.slide_m_rad[part] / np.sqrt(3) * bent[:, row] @ slide.T
    return shift


def wandering(times: np.ndarray, generator: np.random.Generator, settings: Labels) -> np.ndarray:
    """Errors that come and go over seconds, room frame, (N,) seconds -> (N, 17, 3) metres."""
    return wobble(times, generator, settings.moving.wander_m, 3 * len(H36M_17)).reshape(-1, 17, 3)


def labelled_joints(
    vertices: np.ndarray, limb_rotations: np.ndarray, regressor: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Labels of posed bodies: J_true @ V plus the offset carried by the limb.

    Args:
        vertices: (N, V, 3) metres.
        limb_rotations: global rotations of the 24 skeleton joints, same frame, (N, 24, 3, 3).
        regressor: J_true, (17, V).
        offsets: from `label_offsets`, (17, 3).

    Returns:
        (N, 17, 3) metres, float64.
    """
    support = np.flatnonzero(regressor.any(axis=0))
    points = np.matmul(regressor[:, support], vertices[:, support].astype(np.float64))
    return points + np.einsum("njab,jb->nja", limb_rotations[:, LIMB], offsets)


def _neighbourhood(body: Body, joint: int) -> np.ndarray:
    """Vertices of a joint's own part, its parent's and its children's, (V,) bool."""
    family = {joint, int(body.parents[joint])} | set(np.flatnonzero(body.parents == joint).tolist())
    family.discard(-1)
    return body.skinning_weights[:, sorted(family)].sum(axis=1) > 0.5


def _tilted_gaussian(vertices: np.ndarray, point: np.ndarray, size: float, name: str) -> np.ndarray:
    """Non-negative weights, sum 1, whose average of `vertices` is `point`: Newton on the dual."""
    away = vertices - point
    base = -0.5 * (away**2).sum(axis=1) / size**2
    tilt = np.zeros(3)
    for _ in range(200):
        exponent = base + away @ tilt
        weights = np.exp(exponent - exponent.max())
        weights /= weights.sum()
        mean = weights @ away
        if np.abs(mean).max() < 1e-9:
            return weights
        spread = (weights[:, None] * away).T @ away - np.outer(mean, mean)
        step = np.linalg.solve(spread + 1e-9 * np.eye(3), mean)
        tilt -= step * min(1.0, 1.0 / (np.linalg.norm(step) * size + 1e-12))
    raise SolverError(
        f"label point '{name}' is not inside its body part (off by {1e3 * np.abs(mean).max():.1f} mm)",
        "move labels.points_cm of config/generator.yaml inwards",
    )
