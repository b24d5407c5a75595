"""One virtual subject: its videos, labels and predictions in the public formats, and the truth."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jointreg.body.files import load_body
from jointreg.body.model import Body
from jointreg.config.data import Kinds
from jointreg.geometry.camera import Camera
from jointreg.progress import counter
from jointreg.provenance import seed_for
from jointreg.skeleton import LIMB
from jointreg.synthetic import layout, truth
from jointreg.synthetic.clothes import Clothes
from jointreg.synthetic.labels import label_offsets, labelled_joints, slides, true_regressor, wandering
from jointreg.synthetic.motion.actions import require_known
from jointreg.synthetic.motion.kinematics import Figure, to_world, turn
from jointreg.synthetic.motion.perform import perform
from jointreg.synthetic.motion.stances import seat_height
from jointreg.synthetic.parameters import SIMPLEST, Parameters, with_joints
from jointreg.synthetic.people import cast, filmed, nearest_betas
from jointreg.synthetic.render import Painter, Picture, Scene, build_scene, noise_pool
from jointreg.synthetic.rig import METADATA, require_cameras
from jointreg.synthetic.simulated_estimators import View, simulate

CHUNK = 64
"""Frames posed at a time."""


@dataclass(frozen=True)
class Take:
    """The truth of one take, room frame (z up), metres."""

    rotations: np.ndarray
    """(N, 24, 3, 3)."""
    betas: np.ndarray
    """(10,)."""
    translation: np.ndarray
    """(N, 3)."""
    joints: np.ndarray
    """All 32 labelled joints, (N, 32, 3)."""


def write_subject(
    subject: str,
    root: str | Path,
    truth_root: str | Path,
    parameters: Parameters,
    takes: Mapping[str, Sequence[str]],
    cameras: Sequence[str],
    frames: int,
    frames_per_second: float,
    seed: int,
    kinds: Kinds = SIMPLEST,
) -> None:
    """Film one subject.

    Args:
        subject: Human3.6M's name, "S1".
        root: folder of the raw data, with `metadata.xml` from `write_rig`. Videos, CDF files and
            prediction files go here.
        truth_root: folder of the true bodies and masks, which only `diagnose` may read.
        parameters: of the generator.
        takes: action -> sub-action numbers: the work.
        cameras: cameras to write.
        frames: frames a take.
        frames_per_second: frame rate of the videos.
        seed: of motion, sensor noise and the estimators' noise.
        kinds: which people, in which world.

    Raises:
        ConfigError: a subject, action, take or camera that neither generator nor rig lists.
        DataError: `metadata.xml` is missing or damaged.
    """
    from jointreg.datasets.human36m.metadata import read_metadata

    parameters = with_joints(parameters, kinds.joints)
    require_cameras(cameras, parameters)
    for action in takes:
        require_known(action)
    root, truth_root = Path(root), Path(truth_root)
    number = layout.subject_number(subject)
    every = read_metadata(root / METADATA).cameras
    rig = [camera for (who, _), camera in every.items() if who == number and camera.name in cameras]
    rig.sort(key=lambda camera: list(cameras).index(camera.name))
    body = load_body(parameters.body)
    who = cast(subject, body, parameters, kinds.people)
    outfit = None if kinds.clothes == "none" else getattr(parameters.clothes, kinds.clothes)
    skin, person = filmed(who.body), parameters.person(subject)
    clothes = Clothes(skin, subject, outfit, parameters.planted_seed) if outfit else None
    long_sleeves = outfit is not None and outfit.long_sleeves
    stage = _Stage(
        subject, parameters, body, who, nearest_betas(body, who), rig,
        true_regressor(body, parameters.labels),
        [build_scene(camera, parameters.room, seat_height(who), kinds.furniture) for camera in rig],
        Painter(skin, person, parameters, long_sleeves), clothes, kinds, frames_per_second, seed,
    )  # fmt: skip
    if clothes:
        truth.write_clothes(truth_root, subject, clothes.thickness_m)
    tick = counter("pictures", frames * len(rig) * sum(map(len, takes.values())))
    for action, names in takes.items():
        recordings = [stage.perform(action, name, frames) for name in names]
        rows = layout.rows_of(list(names), list(cameras), frames)
        boxes, coverages = [], []
        for name, recording in zip(names, recordings, strict=True):
            stage.write_labels(root, action, name, recording)
            pictures = stage.film(root, action, name, recording, tick)
            for camera in rig:
                boxes += [picture.box for picture in pictures[camera.name]]
                coverages += [picture.coverage for picture in pictures[camera.name]]
        truth.write_masks(truth_root, subject, action, rows, boxes, coverages)
        truth.write_bodies(truth_root, subject, action, rows, *stage.true_bodies(recordings))
        if kinds.people == "free":
            vertices = [np.stack(list(posed(who.body, recording))) for recording in recordings]
            truth.write_vertices(truth_root, subject, action, names, vertices, who.body.template)
        for method in parameters.estimators.methods:
            rotations, betas, translation = stage.predicted(method, action, names, recordings)
            path = root / "predictions" / method / subject / f"{action}.npz"
            layout.save_npz(path, rotations=rotations, betas=betas, translation=translation, **rows)


@dataclass(frozen=True)
class _Stage:
    """Renders and labels all takes of one subject."""

    subject: str
    parameters: Parameters
    model: Body
    who: Figure
    betas: np.ndarray
    """Of the model: the person's own, or those nearest to a free person, (10,)."""
    rig: list[Camera]
    regressor: np.ndarray
    scenes: list[Scene]
    painter: Painter
    clothes: Clothes | None
    kinds: Kinds
    frames_per_second: float
    seed: int

    def perform(self, action: str, take: str, frames: int) -> Take:
        """Motion and labels of one take."""
        return performed(
            self.who, self.subject, action, take, np.arange(frames) / self.frames_per_second,
            self.regressor, self.parameters, self.seed, self.kinds,
        )  # fmt: skip

    def write_labels(self, root: Path, action: str, take: str, recording: Take) -> None:
        """CDF files of one take: world, camera frame and pixels; millimetres."""
        name = layout.recording_name(self.subject, action, take)
        folder = root / self.subject / "MyPoseFeatures"
        frames = len(recording.joints)
        layout.write_cdf(
            folder / "D3_Positions" / f"{name}.cdf", 1000 * recording.joints.reshape(frames, 96)
        )
        for camera in self.rig:
            joints_cam = camera.from_world(recording.joints)
            file = f"{name}.{camera.name}.cdf"
            layout.write_cdf(folder / "D3_Positions_mono" / file, 1000 * joints_cam.reshape(frames, 96))
            layout.write_cdf(
                folder / "D2_Positions" / file, camera.project(joints_cam).reshape(frames, 64)
            )

    def film(
        self, root: Path, action: str, take: str, recording: Take, tick: Callable[[], None]
    ) -> dict[str, list[Picture]]:
        """Videos of one take; the pictures come back without their images. `tick`: called after each."""
        name, video = layout.recording_name(self.subject, action, take), self.parameters.video
        drawn: dict[str, list[Picture]] = {camera.name: [] for camera in self.rig}
        append, pools, draws = {}, {}, {}
        with ExitStack() as videos:
            for camera in self.rig:
                identity = ("video", self.subject, action, take, camera.name)
                draws[camera.name] = np.random.default_rng(seed_for(self.seed, *identity))
                pools[camera.name] = noise_pool(camera.size, video, draws[camera.name])
                path = root / self.subject / "Videos" / f"{name}.{camera.name}.mp4"
                append[camera.name] = videos.enter_context(
                    layout.writing_video(path, camera.size, self.frames_per_second, video)
                )
            for frame, vertices in enumerate(posed(filmed(self.who.body), recording)):
                if self.clothes:
                    vertices = self.clothes.on(vertices, frame / self.frames_per_second)
                colours, shadow = self.painter.light(vertices), self.painter.shadow(vertices)
                for scene in self.scenes:
                    key = scene.camera.name
                    offset = int(draws[key].integers(len(pools[key]) // 2))
                    picture = self.painter.paint(scene, vertices, colours, shadow, pools[key], offset)
                    append[key](picture.image)
                    drawn[key].append(Picture(picture.image[:0], picture.box, picture.coverage))
                    tick()
        return drawn

    def true_bodies(self, recordings: Sequence[Take]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """True rotations, betas, translation in the camera frame; rows as `synthetic.layout.rows_of`.

        Of free people: those of the model's body with their pose, their pelvis and the nearest betas.
        """
        parts = [in_camera(r, self.who, camera) for r in recordings for camera in self.rig]
        rotations, translation = (np.concatenate(part) for part in zip(*parts, strict=True))
        betas = np.tile(self.betas, (len(rotations), 1))
        return rotations, betas, translation + self.who.rest[0] - self.model.rest_joints(betas[:1])[0, 0]

    def predicted(
        self, method: str, action: str, names: Sequence[str], recordings: Sequence[Take]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Predictions of one simulated estimator, arrays as in `true_bodies`, float32."""
        parts = []
        for name, recording in zip(names, recordings, strict=True):
            for camera in self.rig:
                rotations, translation = in_camera(recording, self.who, camera)
                wrong, betas, pelvis = simulate(
                    method, View(self.subject, action, name, camera.name), rotations, self.betas,
                    translation + self.who.rest[0], self.frames_per_second,
                    self.parameters.estimators, self.parameters.planted_seed, self.seed,
                )  # fmt: skip
                parts.append((wrong, betas, pelvis - self.model.rest_joints(betas)[:, 0]))
        rotations, betas, translation = (np.concatenate(part) for part in zip(*parts, strict=True))
        return rotations.astype(np.float32), betas.astype(np.float32), translation.astype(np.float32)


def performed(
    who: Figure,
    subject: str,
    action: str,
    take: str,
    times: np.ndarray,
    regressor: np.ndarray,
    parameters: Parameters,
    seed: int,
    kinds: Kinds = SIMPLEST,
) -> Take:
    """Bodies and labels of one take, room frame.

    Args:
        who: the subject's figure.
        subject: its name.
        action: row of the action table.
        take: sub-action number.
        times: seconds from the start, (N,).
        regressor: J_true, (17, V).
        parameters: of the generator.
        seed: of the motion, and of labels that wander.
        kinds: whether labels move, and desks are there to sit at.
    """
    generator = np.random.default_rng(seed_for(seed, "motion", subject, action, take))
    stools, number = parameters.room.stools_m, layout.take_number(take)
    desks = parameters.room.desk.headings_rad if kinds.furniture == "desks" else ()
    staged = perform(who, action, number - 1, times, parameters.motion, stools, generator, desks)
    rotations, translation = to_world(*staged, who.rest[0])
    planted, labelling = parameters.planted_seed, parameters.labels
    offsets = label_offsets(subject, planted, labelling)
    wander = None
    if kinds.markers == "moving":
        draw = np.random.default_rng(seed_for(seed, "wandering labels", subject, action, take))
        wander = wandering(times, draw, labelling)
    joints = []
    for begin in range(0, len(times), CHUNK):
        part = slice(begin, begin + CHUNK)
        betas = np.tile(who.betas, (len(rotations[part]), 1))
        limbs, skeleton = who.body.transforms(rotations[part], betas)
        skeleton = skeleton + translation[part, None]
        vertices = who.body.vertices(rotations[part], betas, translation[part])
        labels = labelled_joints(vertices, limbs, regressor, offsets)
        if wander is not None:
            slid = slides(subject, rotations[part], planted, labelling)
            labels += np.einsum("njab,njb->nja", limbs[:, LIMB], slid) + wander[part]
        joints.append(layout.full_skeleton(labels, limbs, skeleton))
    return Take(rotations, who.betas, translation, np.concatenate(joints))


def posed(body: Body, recording: Take) -> Iterable[np.ndarray]:
    """The mesh of every frame, (V, 3) metres in the room."""
    for begin in range(0, len(recording.rotations), CHUNK):
        part = slice(begin, begin + CHUNK)
        betas = np.tile(recording.betas, (len(recording.rotations[part]), 1))
        yield from body.vertices(recording.rotations[part], betas, recording.translation[part])


def in_camera(recording: Take, who: Figure, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N, 24, 3, 3) and translation (N, 3) metres in the camera frame."""
    return turn(
        recording.rotations, recording.translation, who.rest[0], camera.rotation, camera.translation
    )
