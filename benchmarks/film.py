"""Films of people with exact masks and true bodies, made in seconds: own data without an estimator.

People, motion, cameras and labels are those of the open data set's generator (config/generator.yaml),
with another seed for everything that is planted. Nothing is drawn but the masks, so that a benchmark
can make many films. Bodies start as with `initial: keypoints`: fitted to the labels; or as a simulated
estimator gives them. People can wear clothes of even thickness.
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
from jointreg.synthetic.clothes import PARTS, Clothes
from jointreg.synthetic.labels import label_offsets, true_regressor
from jointreg.synthetic.motion.kinematics import figure
from jointreg.synthetic.parameters import Outfit, Parameters, load_parameters
from jointreg.synthetic.rig import cameras_of
from jointreg.synthetic.simulated_estimators import View, simulate
from jointreg.synthetic.subject import in_camera, performed, posed

ACTIONS = ("Directions", "Sitting", "Walking")
BETWEEN_S = 0.2
"""From moment to moment of a take, seconds."""
CROP = 1.2
"""Side of the crop over the larger side of the body's box."""
NAMES = ("rotations", "betas", "translation")
Bodies = dict[str, np.ndarray]


@dataclass(frozen=True)
class Person:
    """What one person does, as cameras and labels have it, and the truth."""

    sample: Sample
    """Initial bodies, labels, masks and cameras of all frames."""
    truth: Bodies
    """`rotations`, `betas`, `translation` in the camera frame."""


@dataclass(frozen=True)
class _Plan:
    """What is the same for everybody; as the arguments of `film`."""

    cameras: int
    moments: int
    seed: int
    wider_px: int
    actions: Sequence[str]
    clothes_mm: float
    estimator: str | None
    between_s: float


def film(
    people: Sequence[str],
    *,
    cameras: int,
    moments: int,
    seed: int,
    offset_m: float | None = None,
    wider_px: int = 0,
    actions: Sequence[str] = ACTIONS,
    clothes_mm: float = 0.0,
    estimator: str | None = None,
    between_s: float = BETWEEN_S,
) -> tuple[Body, np.ndarray, dict[str, Person]]:
    """Film some people.

    Args:
        people: subjects of config/generator.yaml.
        cameras: number of cameras, the first of the generator's.
        moments: of each action.
        seed: of motion, cameras and label offsets.
        offset_m: length of the label offsets, metres; None: the generator's.
        wider_px: masks are wider than the body by so many pixels, as clothes make them.
        actions: what everybody does.
        clothes_mm: thickness of what everybody wears on trunk, arms and legs, in the masks only.
        estimator: simulated, a row of the generator's `methods`; None: bodies fitted to the labels.
        between_s: from moment to moment, seconds.

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
    plan = _Plan(cameras, moments, seed, wider_px, actions, clothes_mm, estimator, between_s)
    filmed = {name: _film_person(body, regressor, parameters, name, plan) for name in people}
    return body, regressor, filmed


def _film_person(
    body: Body, regressor: np.ndarray, parameters: Parameters, name: str, plan: _Plan
) -> Person:
    who = figure(body, np.array(parameters.subjects[name].betas))
    times = np.arange(plan.moments) * plan.between_s
    offsets = label_offsets(name, parameters.planted_seed, parameters.labels)
    estimate = Estimate(**read_yaml(ROOT / "config/config.yaml")["estimate"])
    outfit = _even_outfit(plan.clothes_mm / 1000)
    clothes = Clothes(body, name, outfit, parameters.planted_seed) if plan.clothes_mm else None
    samples, truths = [], []
    for action in plan.actions:
        take = performed(who, name, action, "1", times, regressor, parameters, plan.seed)
        rig = cameras_of(name, parameters)[: plan.cameras]
        turns, moves = zip(*(in_camera(take, who, view) for view in rig), strict=True)
        truth = {"rotations": np.concatenate(turns), "translation": np.concatenate(moves)}
        truth["betas"] = np.tile(take.betas, (len(truth["rotations"]), 1))
        limbs = limb_frames(body, truth["rotations"], truth["betas"])
        vertices = body.vertices(*(truth[key] for key in NAMES)).astype(np.float64)
        joints = regressor @ vertices + np.einsum("njac,jc->nja", limbs, offsets)
        camera = np.arange(len(rig)).repeat(plan.moments)
        shown = vertices
        if clothes:
            worn = [clothes.on(*at) for at in zip(posed(body, take), times.tolist(), strict=True)]
            shown = np.concatenate([view.from_world(np.array(worn, float)) for view in rig])
        intrinsics = _crops(shown, np.array([view.intrinsics for view in rig])[camera])
        views = Views(
            np.tile(np.arange(plan.moments), len(rig)),
            np.array([view.rotation for view in rig])[camera],
            np.array([view.translation for view in rig])[camera],
        )
        masks = dilated(_masks(body, shown, intrinsics), plan.wider_px)
        if plan.estimator is None:
            start = fit_keypoints(body, joints, estimate)._asdict()
        else:
            start = {key: [] for key in NAMES}
            for view, turn, move in zip(rig, turns, moves, strict=True):
                rotations, betas, pelvis = simulate(
                    plan.estimator, View(name, action, "1", view.name), turn, take.betas,
                    move + who.rest[0], 1 / plan.between_s, parameters.estimators,
                    parameters.planted_seed, plan.seed,
                )  # fmt: skip
                move = pelvis - body.rest_joints(betas)[:, 0]
                for key, value in zip(NAMES, (rotations, betas, move), strict=True):
                    start[key].append(value)
            start = {key: np.concatenate(parts) for key, parts in start.items()}
        samples.append(Sample(start, joints, masks, intrinsics, np.ones(len(joints)), views))
        truths.append(truth)
    joined = {key: np.concatenate([truth[key] for truth in truths]) for key in NAMES}
    return Person(Sample.joined(samples), joined)


def _even_outfit(thickness_m: float) -> Outfit:
    """Of one thickness from neck to wrists and ankles, without folds; shoes and hair are the skin."""
    even, none = [thickness_m] * 2, [0.0, 0.0]
    return Outfit(
        **{f"{part}_m": even for part in PARTS},
        shoes_m=none,
        hair_m=none,
        hang_m=none,
        long_sleeves=True,
        folds=0.0,
        fold_m=0.1,
        fold_s=1.0,
    )


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
