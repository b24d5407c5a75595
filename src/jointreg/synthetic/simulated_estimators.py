"""Simulated estimators: the true bodies with the errors that real networks have.

They are not the networks whose names they echo. Each has an error that all frames share (biased shape,
one bias a joint, a root turn a camera), one that comes and goes over some tenths of a second, and a
wrong distance. A method may share part of the leading method's errors, as networks on one backbone do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jointreg.geometry.rotations import from_axis_angle
from jointreg.provenance import seed_for
from jointreg.skeleton import SMPL_24
from jointreg.synthetic.labels import planted_generator
from jointreg.synthetic.parameters import Estimators

_POSE, _ROOT, _SHAPE = slice(0, 72), slice(72, 75), slice(75, 85)
_COLUMNS = 88


@dataclass(frozen=True)
class View:
    """One take in one camera. The errors depend on it and on the method."""

    subject: str
    action: str
    take: str
    camera: str


def simulate(
    method: str,
    view: View,
    rotations: np.ndarray,
    betas: np.ndarray,
    pelvis: np.ndarray,
    frames_per_second: float,
    settings: Estimators,
    planted_seed: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions of one method for the frames of one take and camera.

    Args:
        method: row of `settings.methods`.
        view: which frames.
        rotations: true, camera frame, (N, 24, 3, 3).
        betas: true, (B,).
        pelvis: true pelvis joint, camera frame, (N, 3) metres.
        frames_per_second: of the frames.
        settings: sizes of the errors.
        planted_seed: of the errors that all data share.
        seed: of the errors that come and go.

    Returns:
        Rotations (N, 24, 3, 3), betas (N, B) and pelvis joint (N, 3) metres, camera frame.
    """
    count, scale = len(rotations), settings.methods[method].scale
    bias = _mixed(method, settings, lambda name: _bias(name, view.camera, planted_seed))
    noise = _mixed(
        method, settings, lambda name: _noise(name, view, count, frames_per_second, settings, seed)
    )
    weight = np.array(
        [0.0, *(settings.joint_weight[_without_side(name)] for name in SMPL_24[1:])]
    )[:, None]  # fmt: skip
    pose = scale * weight * (
        settings.pose_bias_rad * bias[_POSE].reshape(24, 3)
        + settings.pose_noise_rad * noise[:, _POSE].reshape(count, 24, 3)
    )  # fmt: skip
    root = scale * (
        settings.orientation_bias_rad * bias[_ROOT] + settings.orientation_noise_rad * noise[:, _ROOT]
    )
    wrong = rotations @ from_axis_angle(pose)
    wrong[:, 0] = from_axis_angle(root) @ rotations[:, 0]
    shape = betas + shape_bias(method, settings) + settings.shape_noise * noise[:, _SHAPE]
    farther = 1 + settings.depth_bias + settings.depth_noise * noise[:, 87:]
    place = pelvis * farther
    place[:, :2] += settings.lateral_noise_m * noise[:, 85:87]
    return wrong, shape, place


def shape_bias(method: str, settings: Estimators) -> np.ndarray:
    """What a method adds to the true betas in every frame, (10,)."""
    return _mixed(method, settings, lambda name: np.array(settings.shape_bias[name]))


def _mixed(method: str, settings: Estimators, draw: Callable[[str], np.ndarray]) -> np.ndarray:
    """Errors of a method: the part shared with the leading method plus its own."""
    first, shared = settings.leading, settings.methods[method].shared
    if method == first:
        return draw(first)
    own = np.sqrt(1 - shared**2) * draw(method)
    return own + shared * draw(first) if shared else own


def _bias(method: str, camera: str, planted_seed: int) -> np.ndarray:
    """Standard normal: per joint for all data, root turn per camera, (75,)."""
    pose = planted_generator(planted_seed, "pose bias", method).standard_normal(72)
    root = planted_generator(planted_seed, "root bias", method, camera).standard_normal(3)
    return np.concatenate([pose, root])


def _noise(
    method: str, view: View, count: int, frames_per_second: float, settings: Estimators, seed: int
) -> np.ndarray:
    """Standard normal with memory over time (first-order autoregression), (N, 88)."""
    identity = (method, view.subject, view.action, view.take, view.camera)
    generator = np.random.default_rng(seed_for(seed, "estimator noise", *identity))
    fresh = generator.standard_normal((count, _COLUMNS))
    memory = np.exp(-1 / (frames_per_second * settings.noise_time_s))
    noise = np.empty_like(fresh)
    noise[0] = fresh[0]
    for frame in range(1, count):
        noise[frame] = memory * noise[frame - 1] + np.sqrt(1 - memory**2) * fresh[frame]
    return noise


def _without_side(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")
