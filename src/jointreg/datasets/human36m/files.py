"""Reader of Human3.6M as the official download lays it out.

`S1/Videos/Directions 1.54138969.mp4` and `S1/MyPoseFeatures/D3_Positions/Directions 1.cdf` under the
root, `metadata.xml` beside. Labels are millimetres in the files and metres here.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from jointreg import config
from jointreg.config.sequences import Work
from jointreg.datasets.damaged import fault, read_damaged, units
from jointreg.datasets.human36m.metadata import (
    ACTIONS,
    CAMERAS,
    OTHER_NAMES,
    Metadata,
    image_size,
    read_metadata,
    write_metadata,
)
from jointreg.datasets.recording import Recording, frame_window
from jointreg.datasets.video import probe
from jointreg.errors import ConfigError, DataError
from jointreg.geometry.camera import Camera
from jointreg.skeleton import H36M_17_IN_32

__all__ = ["ACTIONS", "CAMERAS", "Human36M", "Metadata", "image_size", "read_metadata", "write_metadata"]

_TAKE = re.compile(r"[1-9][0-9]?")
"""A sub-action number: 01 would be the files of 1 a second time."""
_HOW_TO_GET = (
    "download and unpack Human3.6M (http://vision.imar.ro/human3.6m, registration needed) so that "
    "dataset.root holds S1/Videos and S1/MyPoseFeatures, or set dataset.source: synthetic for the open "
    "data set"
)


class Human36M:
    """The data set under one root. Takes are the sub-action numbers "1" and "2"."""

    def __init__(self, settings: config.Dataset) -> None:
        """Read metadata.xml and the table of damaged recordings.

        `settings.calibration` may be relative to `settings.root`.

        Raises:
            DataError: root or metadata.xml is missing or damaged.
            ConfigError: the table of damaged recordings is missing or malformed.
        """
        self.root = Path(settings.root)
        if not self.root.is_dir():
            raise DataError(f"data folder {self.root} does not exist", _HOW_TO_GET)
        path = Path(settings.calibration)
        self.metadata = read_metadata(path if path.is_file() else self.root / path)
        self.damaged = read_damaged(settings.damaged) if settings.damaged else ()
        for row in self.damaged:
            known = row.action in ACTIONS and row.camera in ("*", *CAMERAS)
            numbered = re.fullmatch(r"S([1-9]|10|11)", row.subject) and _TAKE.fullmatch(row.take)
            if not known or not numbered:
                raise ConfigError(
                    f"{settings.damaged}: {row.subject} {row.action} take {row.take} camera "
                    f"{row.camera}: expected a subject S1 to S11, an action, a take (1, 2) and a camera "
                    "(or *) of Human3.6M"
                )
        self.skip_damaged = settings.skip_damaged

    def takes(self, subject: str, action: str) -> list[str]:
        """Sub-action numbers for which files exist, sorted."""
        names = self._on_disk(subject, action)
        mapped = {
            str(take): row.get(_subject_number(subject))
            for (number, take), row in self.metadata.mapping.items()
            if number == ACTIONS.get(action)
        }
        takes = [take for take, name in mapped.items() if name in names]
        return sorted(takes) if takes else [str(n) for n in range(1, len(names) + 1)]

    def recordings(self, sequence: Work) -> list[Recording]:
        """Labels, cameras and videos of one sequence, ordered by take, then camera.

        Raises:
            DataError: a file or camera is missing or damaged, or two files contradict each other.
            ConfigError: unknown action or camera, or a window outside the take.
        """
        return [self._recording(sequence, take, camera) for take, camera in self._units(sequence)]

    def _recording(self, sequence: Work, take: str, camera_name: str) -> Recording:
        """One take seen by one camera."""
        name = self._file_name(sequence.subject, sequence.action, take)
        folder = self.root / sequence.subject
        camera = self._camera(sequence.subject, camera_name)
        video = folder / "Videos" / f"{name}.{camera_name}.mp4"
        joints_cam = _joints_cam(*self._labels(sequence.subject, name, camera_name), camera)
        pixels = self._features(sequence.subject, "D2_Positions") / f"{name}.{camera_name}.cdf"
        joints_px = read_pose(pixels, 2)[:, H36M_17_IN_32] if pixels.is_file() else None
        if joints_px is not None and len(joints_px) != len(joints_cam):
            raise DataError(
                f"{pixels}: {len(joints_px)} frames, expected {len(joints_cam)} as in the 3D labels"
            )
        return Recording(
            subject=sequence.subject,
            action=sequence.action,
            take=take,
            camera=video_camera(video, camera),
            video=video,
            joints_cam=joints_cam,
            frames=frame_window(sequence.first_frame, sequence.last_frame, len(joints_cam)),
            file=name,
            joints_image_px=joints_px,
        )

    def expected(self, sequence: Work) -> list[Path]:
        """Files and folders that the sequence is read from, whether or not they exist.

        Raises:
            DataError: there are no files of a take.
        """
        files = []
        for take, camera in units(sequence, self.damaged, self.skip_damaged):
            name = self._file_name(sequence.subject, sequence.action, take)
            world, mono = self._labels(sequence.subject, name, camera)
            video = self.root / sequence.subject / "Videos" / f"{name}.{camera}.mp4"
            files += [video, mono if mono.is_file() else world]
        return files

    def _features(self, subject: str, kind: str) -> Path:
        """Folder of one kind of labels, as unpacked by hand or by h36m-fetch's extract_all.py."""
        folder = self.root / subject
        fetched = folder / f"Poses_{kind}"
        return fetched if fetched.is_dir() else folder / "MyPoseFeatures" / kind

    def _labels(self, subject: str, name: str, camera: str) -> tuple[Path, Path]:
        """Files of a take's labels in the room's frame and in a camera's, whether or not they exist."""
        world = self._features(subject, "D3_Positions") / f"{name}.cdf"
        return world, self._features(subject, "D3_Positions_mono") / f"{name}.{camera}.cdf"

    def _units(self, sequence: Work) -> list[tuple[str, str]]:
        """Pairs of take and camera of a sequence, without the damaged ones if those are skipped."""
        for take in sequence.takes:
            for camera in sequence.cameras:
                damage = fault(self.damaged, sequence, take, camera)
                if damage is not None:
                    where = f"{sequence.subject} {sequence.action} take {take} camera {camera}"
                    treatment = "left out, damaged" if self.skip_damaged else "known fault kept in"
                    print(f"{where}: {treatment}: {damage.reason}")
        remaining = units(sequence, self.damaged, self.skip_damaged)
        if not remaining:
            raise DataError(
                f"{sequence.subject} {sequence.action}: every recording is in the table of damaged ones",
                "take the row out of the sequence table, or set dataset.skip_damaged: false",
            )
        return remaining

    def _camera(self, subject: str, name: str) -> Camera:
        if name not in CAMERAS:
            raise ConfigError(
                f"camera '{name}' of {subject}: Human3.6M's cameras are {', '.join(CAMERAS)}",
                "correct the column cameras of the sequence table",
            )
        camera = self.metadata.cameras.get((_subject_number(subject), CAMERAS.index(name)))
        if camera is None:
            subjects = sorted({f"S{number}" for number, _ in self.metadata.cameras})
            raise DataError(
                f"metadata.xml has no camera {name} for {subject}; it has cameras of {subjects}"
            )
        return camera

    def _mapped(self, subject: str, action: str, take: str) -> str | None:
        """Name of a take's files by `mapping`; None if it has no entry."""
        row = self.metadata.mapping.get((ACTIONS[action], int(take)), {})
        return row.get(_subject_number(subject))

    def _require_known(self, action: str, take: str, subject: str) -> None:
        """Refuse actions and takes that the data set cannot have."""
        if action not in ACTIONS or action == "_ALL":
            raise ConfigError(
                f"action '{action}': Human3.6M has {', '.join(a for a in ACTIONS if a != '_ALL')}",
                "correct the column action of the sequence table",
            )
        if not _TAKE.fullmatch(take):
            raise ConfigError(
                f"take '{take}' of {subject} {action}: expected a sub-action number, 1 or 2"
            )

    def _file_name(self, subject: str, action: str, take: str) -> str:
        """Name of a take's files, by `mapping`, else by the order of the names that exist."""
        self._require_known(action, take, subject)
        names = self._on_disk(subject, action)
        mapped = self._mapped(subject, action, take)
        if mapped in names:
            return mapped
        if mapped is None and 0 < int(take) <= len(names):
            name = names[int(take) - 1]
            print(
                f"{subject} {action} take {take}: not in the mapping of metadata.xml, taken as '{name}'"
            )
            return name
        raise DataError(
            f"{self.root / subject}: no files for {action} take {take}, expected "
            f"'{mapped or action}' (mapping of metadata.xml); found {names or 'none of this action'}",
            _HOW_TO_GET,
        )

    def _on_disk(self, subject: str, action: str) -> list[str]:
        """Names of an action's takes that have labels or videos: numbered names, then the bare one.

        This is the order of the mapping table: of `Directions` and `Directions 1` the latter is take 1.
        """
        folder = self.root / subject
        files = [
            *self._features(subject, "D3_Positions").glob("*.cdf"),
            *self._features(subject, "D3_Positions_mono").glob("*.cdf"),
            *folder.glob("Videos/*.mp4"),
        ]
        stems = {re.sub(r"\.\d{8}$", "", file.stem) for file in files}
        names = {action, OTHER_NAMES.get(action, action)}
        matches = {stem: re.fullmatch(r"(\w+?)(?: (\d+))?", stem) for stem in stems}
        named = {stem: match for stem, match in matches.items() if match and match[1] in names}
        return sorted(named, key=lambda stem: (named[stem][2] is None, int(named[stem][2] or 0)))


def read_pose(path: str | Path, dimensions: int) -> np.ndarray:
    """Variable `Pose` of a CDF file, in the file's unit: (N, 32, dimensions) float64.

    Raises:
        DataError: the file is missing, damaged, of another shape, or holds NaN.
    """
    import cdflib

    path = Path(path)
    if not path.is_file():
        raise DataError(f"labels {path} do not exist", _HOW_TO_GET)
    try:
        pose = np.asarray(cdflib.CDF(path).varget("Pose"), dtype=np.float64)
    except Exception as error:
        raise DataError(f"{path}: no readable CDF file with variable 'Pose' ({error})") from error
    if pose.shape[-1] != 32 * dimensions or pose.ndim not in (2, 3) or pose.size == 0:
        raise DataError(f"{path}: 'Pose' has shape {pose.shape}, expected (1, N, {32 * dimensions})")
    pose = pose.reshape(-1, 32, dimensions)
    if not np.isfinite(pose).all():
        frame, joint = np.argwhere(~np.isfinite(pose).all(-1))[0]
        raise DataError(
            f"{path}: frame {frame}, joint {joint} of 32 is NaN, expected numbers throughout"
        )
    return pose


def _subject_number(subject: str) -> int:
    if not re.fullmatch(r"S([1-9]|10|11)", subject):
        raise ConfigError(f"subject '{subject}': Human3.6M's subjects are S1 to S11")
    return int(subject[1:])


def _joints_cam(world: Path, mono: Path, camera: Camera) -> np.ndarray:
    """The 17 labels in the camera frame, metres, (N, 17, 3).

    World labels are used if they exist. If both files exist, they must agree.
    """
    if not world.is_file() and mono.is_file():
        return read_pose(mono, 3)[:, H36M_17_IN_32] / 1000
    joints_cam = camera.from_world(read_pose(world, 3)[:, H36M_17_IN_32] / 1000)
    if mono.is_file():
        other = read_pose(mono, 3)[:, H36M_17_IN_32] / 1000
        if other.shape != joints_cam.shape:
            raise DataError(f"{mono}: {len(other)} frames, but {len(joints_cam)} in {world}")
        apart = float(np.median(np.linalg.norm(other - joints_cam, axis=-1)))
        if apart > 0.005:
            raise DataError(
                f"{world} and {mono} lie {apart * 1000:.1f} mm apart in the frame of camera "
                f"{camera.name}, expected under 5 mm: metadata.xml belongs to another recording"
            )
    return joints_cam


def video_camera(video: Path, camera: Camera) -> Camera:
    """The camera with the size of its video: up to 2 rows at the bottom may differ from the table."""
    if not video.exists():
        raise DataError(f"video {video} does not exist", _HOW_TO_GET)
    info = probe(video)
    if info.width != camera.size[0] or abs(info.height - camera.size[1]) > 2:
        raise DataError(
            f"{video}: {info.width} x {info.height} px, expected {camera.size[0]} x {camera.size[1]}: "
            "the calibration holds for the original size",
            "use the videos as delivered, not resized",
        )
    return replace(camera, size=(info.width, info.height))
