"""Films of people with exact masks and true bodies, made in seconds: own data without an estimator.

People, motion, cameras and labels are those of the open data set's generator (config/generator.yaml),
with another seed for everything that is planted, in any kind of world. Nothing is drawn but the masks,
so that a benchmark can make many films. Bodies start as with `initial: keypoints`: fitted to the labels;
or as a simulated estimator gives them. People can wear an outfit of one's own, as `even_outfit` makes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scene import ROOT, SIZE

from jointreg.body import Body, load_body
from jointreg.config import Estimate, read_yaml
from jointreg.config.data import Kinds
from jointreg.diagnosis.true_bodies import TrueBodies
from jointreg.geometry.camera import Camera, project_pinhole
from jointreg.geometry.rasterise import rasterise
from jointreg.predictions.keypoint_fit import fit_keypoints
from jointreg.refine import Sample, Views
from jointreg.refine.targets import dilated
from jointreg.silhouette import Topology, coverage
from jointreg.skeleton import H36M_17_IN_32
from jointreg.synthetic.clothes import PARTS, Clothes
from jointreg.synthetic.furniture import furnish
from jointreg.synthetic.labels import true_regressor
from jointreg.synthetic.motion.stances import seat_height
from jointreg.synthetic.parameters import SIMPLEST, Outfit, Parameters, load_parameters, with_joints
from jointreg.synthetic.people import cast, nearest_betas
from jointreg.synthetic.people import filmed as skin_of
from jointreg.synthetic.rig import cameras_of
from jointreg.synthetic.simulated_estimators import View, simulate
from jointreg.synthetic.subject import in_camera, performed, posed

ACTIONS = ("Directions", "Sitting", "Walking")
BETWEEN_S = 0.2
"""From moment to moment of a take, seconds."""
CROP = 1.2
"""Side of the crop over the larger side of the body's box."""
SAMPLES = 4
"""Of a pixel's side, in masks of people whom furniture hides."""
NAMES = ("rotations", "betas", "translation")


@dataclass(frozen=True)
class Person:
    """What one person does, as cameras and labels have it, and the truth."""

    sample: Sample
    """Initial bodies, labels, masks and cameras of all frames."""
    truth: TrueBodies
    """In the camera frame."""


@dataclass(frozen=True)
class _Plan:
    """What is the same for everybody; as the arguments of `film`."""

    cameras: int
    moments: int
    seed: int
    wider_px: int
    actions: Sequence[str]
    outfit: Outfit | None
    estimator: str | None
    between_s: float
    kinds: Kinds


def even_outfit(thickness_m: float) -> Outfit:
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


def film(
    people: Sequence[str],
    *,
    cameras: int,
    moments: int,
    seed: int,
    offset_m: float | None = None,
    wider_px: int = 0,
    actions: Sequence[str] = ACTIONS,
    outfit: Outfit | None = None,
    estimator: str | None = None,
    between_s: float = BETWEEN_S,
    kinds: Kinds = SIMPLEST,
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
        outfit: what everybody wears, in the masks only; None: that of `kinds.clothes`.
        estimator: simulated, a row of the generator's `methods`; None: bodies fitted to the labels.
        between_s: from moment to moment, seconds.
        kinds: of world: `synthesize` of the configuration.

    Returns:
        The body, the true regressor (17, V) and the people by name.
    """
    parameters = with_joints(load_parameters(ROOT / "config/generator.yaml"), kinds.joints)
    labels = parameters.labels
    if offset_m is not None:
        labels = labels.model_copy(update={"subject_offset_m": offset_m})
    parameters = parameters.model_copy(update={"planted_seed": seed, "labels": labels})
    body = load_body(parameters.body)
    regressor = true_regressor(body, labels)
    plan = _Plan(cameras, moments, seed, wider_px, actions, outfit, estimator, between_s, kinds)
    filmed = {name: _film_person(body, regressor, parameters, name, plan) for name in people}
    return body, regressor, filmed


def _film_person(
    body: Body, regressor: np.ndarray, parameters: Parameters, name: str, plan: _Plan
) -> Person:
    who, kinds = cast(name, body, parameters, plan.kinds.people), plan.kinds
    skin, betas = skin_of(who.body), nearest_betas(body, who)
    times = np.arange(plan.moments) * plan.between_s
    estimate = Estimate(**read_yaml(ROOT / "config/config.yaml")["estimate"])
    outfit = plan.outfit
    if outfit is None and kinds.clothes != "none":
        outfit = getattr(parameters.clothes, kinds.clothes)
    clothes = Clothes(skin, name, outfit, parameters.planted_seed) if outfit else None
    rig = cameras_of(name, parameters)[: plan.cameras]
    samples, turned, moved, meshes = [], [], [], []
    for action in plan.actions:
        take = performed(who, name, action, "1", times, regressor, parameters, plan.seed, kinds)
        turns, moves = zip(*(in_camera(take, who, view) for view in rig), strict=True)
        labels = _seen_by(rig, take.joints[:, H36M_17_IN_32])
        worn = list(posed(skin, take))
        if clothes:
            worn = [clothes.on(mesh, at) for mesh, at in zip(worn, times.tolist(), strict=True)]
        shown = _seen_by(rig, np.array(worn, float))
        camera = np.arange(len(rig)).repeat(plan.moments)
        intrinsics = _crops(shown, np.array([view.intrinsics for view in rig])[camera])
        views = Views(
            np.tile(np.arange(plan.moments), len(rig)),
            np.array([view.rotation for view in rig])[camera],
            np.array([view.translation for view in rig])[camera],
        )
        if kinds.furniture == "desks":
            piece = furnish(parameters.room, seat_height(who))
            behind = _seen_by(rig, np.repeat(piece.vertices[None], plan.moments, axis=0))
            masks = _masks_behind(skin.faces, shown, piece.faces, behind, intrinsics)
        else:
            masks = _masks(skin.faces, shown, intrinsics)
        masks = dilated(masks, plan.wider_px)
        if plan.estimator is None:
            start = fit_keypoints(body, labels, estimate)._asdict()
        else:
            parts = []
            for view, turn, move in zip(rig, turns, moves, strict=True):
                rotations, shapes, pelvis = simulate(
                    plan.estimator, View(name, action, "1", view.name), turn, betas,
                    move + who.rest[0], 1 / plan.between_s, parameters.estimators,
                    parameters.planted_seed, plan.seed,
                )  # fmt: skip
                parts.append((rotations, shapes, pelvis - body.rest_joints(shapes)[:, 0]))
            joined = (np.concatenate(part) for part in zip(*parts, strict=True))
            start = dict(zip(NAMES, joined, strict=True))
        samples.append(Sample(start, labels, masks, intrinsics, np.ones(len(labels)), views))
        turned += turns
        moved += [move + who.rest[0] - body.rest_joints(betas[None])[0, 0] for move in moves]
        meshes.append(_seen_by(rig, np.array(list(posed(who.body, take)))))
    rotations, translation = np.concatenate(turned), np.concatenate(moved)
    truth = TrueBodies(rotations, np.tile(betas, (len(rotations), 1)), translation)
    if kinds.people == "free":
        truth = replace(truth, free_vertices=np.concatenate(meshes), free_t_pose=who.body.template)
    return Person(Sample.joined(samples), truth)


def _seen_by(rig: Sequence[Camera], points: np.ndarray) -> np.ndarray:
    """Points in the room (N, P, 3) in the frame of each camera in turn, (cameras x N, P, 3)."""
    return np.concatenate([view.from_world(points) for view in rig])


def _crops(vertices: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Intrinsics of square crops that show the whole body, (N, 3, 3)."""
    points = project_pinhole(vertices, intrinsics)
    low, high = points.min(axis=1), points.max(axis=1)
    scale = SIZE / (CROP * (high - low).max(axis=1))
    crops = intrinsics.copy()
    crops[:, :2] *= scale[:, None, None]
    crops[:, :2, 2] += (SIZE - 1) / 2 - scale[:, None] * (low + high) / 2
    return crops


def _masks(faces: np.ndarray, vertices: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    points = torch.from_numpy(project_pinhole(vertices, intrinsics))
    topology = Topology(faces)
    parts = [coverage(part, topology, SIZE).numpy() for part in points.split(64)]
    return (np.concatenate(parts) * 255).round().astype(np.uint8)


def _masks_behind(
    faces: np.ndarray,
    vertices: np.ndarray,
    other_faces: np.ndarray,
    other: np.ndarray,
    intrinsics: np.ndarray,
) -> np.ndarray:
    """Masks of meshes (N, V, 3) where no other mesh (N, W, 3) is nearer to the camera."""
    together = np.concatenate([vertices, other], axis=1)
    points = project_pinhole(together, intrinsics)
    both = np.concatenate([faces, other_faces + vertices.shape[1]]).astype(np.int32)
    white = np.zeros((together.shape[1], 3))
    white[: vertices.shape[1]] = 1
    masks = [
        rasterise(*at, white, both, 0, 0, SIZE, SIZE, SAMPLES)[1][..., 0]
        for at in zip(points, together[..., 2], strict=True)
    ]
    return (np.array(masks) * (255 / SAMPLES**2)).round().astype(np.uint8)
