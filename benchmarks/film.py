"""Films of people with exact masks and true bodies, made in seconds: own data without an estimator.

People, motion, cameras and labels are those of the open data set's generator (config/generator.yaml),
with another seed for everything that is planted. Nothing is drawn but the masks, so that a benchmark
can make many films. Bodies start as with `initial: keypoints`: fitted to the labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scene import ROOT, SIZE

from jointreg.body import Body, load_body
from jointreg.config import Estimate, read_yaml
from jointreg.geometry.camera import project_pinhole
from jointreg.labels.offsets import limb_frames
from jointreg.predictions.keypoint_fit import fit_keypoints
from jointreg.refine import Sample, Views
from jointreg.refine.targets import dilated
from jointreg.silhouette import Topology, coverage
from jointreg.synthetic.labels import label_offsets, true_regressor
from jointreg.synthetic.motion.kinematics import figure
from jointreg.synthetic.parameters import Parameters, load_parameters
from jointreg.synthetic.rig import cameras_of
from jointreg.synthetic.subject import in_camera, performed

ACTIONS = ("Directions", "Sitting", "Walking")
FRAMES_PER_SECOND = 5.0
CROP = 1.2
"""Side of the crop over the larger side of the body's box."""
NAMES = ("rotations", "betas", "translation")
Bodies = dict[str, np.ndarray]


@dataclass(frozen=True)
class Person:
    """What one person does, as cameras and labels have it, and the truth."""

    sample: Sample
    """Bodies fitted to the labels, labels, masks and cameras of all frames."""
    truth: Bodies
    """`rotations`, `betas`, `translation` in the camera frame."""


def film(
    people: Sequence[str],
    *,
    cameras: int,
    moments: int,
    seed: int,
    offset_m: float | None = None,
    wider_px: int = 0,
    actions: Sequence[str] = ACTIONS,
) -> tuple[Body, np.ndarray, dict[str, Person]]:
    """Film some people.

    Args:
        people: subjects of config/generator.yaml.
        cameras: number of cameras, the first of the generator's.
        moments: of each action, at five a second.
        seed: of motion, cameras and label offsets.
        offset_m: length of the label offsets, metres; None: the generator's.
        wider_px: masks are wider than the body by so many pixels, as clothes make them.
        actions: what everybody does.

    Returns:
        The body, the true regressor (17, V) and the people by name.
    """
    parameters = load_parameters(ROOT / "config/generator.yaml")
    labels = parameters.labels
    if offset_m is not None:
        labels = labels.model_copy(update={"subject_offset_m": offset_m})
    parameters = parameters.model_copy(update={"planted_seed": seed, "labels": labels})
    body = load_body(parameters.body)
    regressor = true_regressor(body, labels)
    filmed = {
        name: _film_person(body, regressor, parameters, name, cameras, moments, seed, wider_px, actions)
        for name in people
    }
    return body, regressor, filmed


def _film_person(
    body: Body,
    regressor: np.ndarray,
    parameters: Parameters,
    name: str,
    cameras: int,
    moments: int,
    seed: int,
    wider_px: int,
    actions: Sequence[str],
) -> Person:
    who = figure(body, np.array(parameters.subjects[name].betas))
    times = np.arange(moments) / FRAMES_PER_SECOND
    offsets = label_offsets(name, parameters.planted_seed, parameters.labels)
    estimate = Estimate(**read_yaml(ROOT / "config/config.yaml")["estimate"])
    samples, truths = [], []
    for action in actions:
        take = performed(who, name, action, "1", times, regressor, parameters, seed)
        rig = cameras_of(name, parameters)[:cameras]
        turns, moves = zip(*(in_camera(take, who, view) for view in rig), strict=True)
        truth = {"rotations": np.concatenate(turns), "translation": np.concatenate(moves)}
        truth["betas"] = np.tile(take.betas, (len(truth["rotations"]), 1))
        limbs = limb_frames(body, truth["rotations"], truth["betas"])
        vertices = body.vertices(*(truth[key] for key in NAMES)).astype(np.float64)
        joints = regressor @ vertices + np.einsum("njac,jc->nja", limbs, offsets)
        camera = np.arange(len(rig)).repeat(moments)
        intrinsics = _crops(vertices, np.array([view.intrinsics for view in rig])[camera])
        views = Views(
            np.tile(np.arange(moments), len(rig)),
            np.array([view.rotation for view in rig])[camera],
            np.array([view.translation for view in rig])[camera],
        )
        masks = dilated(_masks(body, vertices, intrinsics), wider_px)
        start = fit_keypoints(body, joints, estimate)._asdict()
        samples.append(Sample(start, joints, masks, intrinsics, np.ones(len(joints)), views))
        truths.append(truth)
    joined = {key: np.concatenate([truth[key] for truth in truths]) for key in NAMES}
    return Person(Sample.joined(samples), joined)


def _crops(vertices: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Intrinsics of square crops that show the whole body, (N, 3, 3)."""
    points = project_pinhole(vertices, intrinsics)
    low, high = points.min(axis=1), points.max(axis=1)
    scale = SIZE / (CROP * (high - low).max(axis=1))
    crops = intrinsics.copy()
    crops[:, :2] *= scale[:, None, None]
    crops[:, :2, 2] += (SIZE - 1) / 2 - scale[:, None] * (low + high) / 2
    return crops


def _masks(body: Body, vertices: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    points = torch.from_numpy(project_pinhole(vertices, intrinsics))
    topology = Topology(body.faces)
    parts = [coverage(part, topology, SIZE).numpy() for part in points.split(64)]
    return (np.concatenate(parts) * 255).round().astype(np.uint8)
