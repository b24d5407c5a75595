"""Reader of Human3.6M as the official download lays it out.

`S1/Videos/Directions 1.54138969.mp4` and `S1/MyPoseFeatures/D3_Positions/Directions 1.cdf` under the
root, `metadata.xml` beside. Labels are millimetres in the files and metres here.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from jointreg.config.sequences import Work
from jointreg.datasets.damaged import fault
from jointreg.datasets.human36m.metadata import (
    ACTIONS,
    CAMERAS,
    Metadata,
    image_size,
    read_metadata,
    write_metadata,
)
from jointreg.datasets.human36m.tree import HOW_TO_GET, OfficialTree
from jointreg.datasets.recording import Recording, frame_window
from jointreg.datasets.video import probe
from jointreg.errors import DataError
from jointreg.files.input import absence, is_given, require_file
from jointreg.geometry.camera import Camera
from jointreg.skeleton import H36M_17_IN_32

__all__ = ["ACTIONS", "CAMERAS", "Human36M", "Metadata", "image_size", "read_metadata", "write_metadata"]


class Human36M(OfficialTree):
    """The data set under one root. Takes are the sub-action numbers "1" and "2"."""

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
        if self._mapped(sequence.subject, sequence.action, take) is None:
            print(
                f"{sequence.subject} {sequence.action} take {take}: not in the mapping of metadata.xml, "
                f"taken as '{name}'"
            )
        camera = self._camera(sequence.subject, camera_name)
        video = self._video(sequence.subject, name, camera_name)
        world, mono, pixels = self._labels(sequence.subject, name, camera_name)
        joints_cam = _joints_cam(world, mono, camera)
        joints_px = read_pose(pixels, 2)[:, H36M_17_IN_32] if is_given(pixels) else None
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

    def _units(self, sequence: Work) -> list[tuple[str, str]]:
        """Pairs of take and camera of a sequence, without the damaged ones if those are skipped."""
        for take in sequence.takes:
            for camera in sequence.cameras:
                damage = fault(self.damaged, sequence, take, camera)
                if damage is not None:
                    where = f"{sequence.subject} {sequence.action} take {take} camera {camera}"
                    treatment = "left out, damaged" if self.skip_damaged else "known fault kept in"
                    print(f"{where}: {treatment}: {damage.reason}")
        remaining = self.units(sequence)
        if not remaining:
            raise DataError(
                f"{sequence.subject} {sequence.action}: every recording is in the table of damaged ones",
                "take the row out of the sequence table, or set dataset.skip_damaged: false",
            )
        return remaining


def read_pose(path: str | Path, dimensions: int) -> np.ndarray:
    """Variable `Pose` of a CDF file, in the file's unit: (N, 32, dimensions) float64.

    Raises:
        DataError: the file is missing, damaged, of another shape, or holds NaN.
    """
    import cdflib

    path = Path(path)
    require_file(path, "labels", HOW_TO_GET)
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


def _joints_cam(world: Path, mono: Path, camera: Camera) -> np.ndarray:
    """The 17 labels in the camera frame, metres, (N, 17, 3).

    World labels are used if they exist; else it is printed that those of the camera are. If both files
    exist, they must agree.
    """
    if not is_given(world) and mono.is_file():
        print(f"{world} is no file: labels are those of {mono}")
        return read_pose(mono, 3)[:, H36M_17_IN_32] / 1000
    joints_cam = camera.from_world(read_pose(world, 3)[:, H36M_17_IN_32] / 1000)
    if is_given(mono):
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
        raise DataError(f"video {video} {absence(video)}", HOW_TO_GET)
    info = probe(video)
    if info.width != camera.size[0] or abs(info.height - camera.size[1]) > 2:
        raise DataError(
            f"{video}: {info.width} x {info.height} px, expected {camera.size[0]} x {camera.size[1]}: "
            "the calibration holds for the original size",
            "use the videos as delivered, not resized",
        )
    return replace(camera, size=(info.width, info.height))
