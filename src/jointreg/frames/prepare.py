"""Rule `prepare`: undistorted person crops, labels and crop cameras of one sequence."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jointreg import config
from jointreg.config.joint_sets import H36M
from jointreg.datasets.checks import check_recording, name
from jointreg.datasets.recording import Recording
from jointreg.datasets.video import read_frames
from jointreg.errors import DataError
from jointreg.frames.crops import person_intrinsics, sampler
from jointreg.geometry.camera import project_pinhole
from jointreg.progress import counter
from jointreg.stores.schema import rows_digest
from jointreg.stores.schemas import CROP
from jointreg.threads import one_opencv_thread

BLACK = 4.0
"""A crop is black if both mean and standard deviation of its grey values are below this."""


@one_opencv_thread()
def prepare(
    recordings: Sequence[Recording], settings: config.Prepare
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Crop the frames of a sequence around the labelled person.

    Rows are ordered by recording, then frame. Frames are those of `wanted_frames`. The array `frame`
    counts the frames of the take, alike for all its cameras.

    Args:
        recordings: all takes and cameras of one subject and action.
        settings: which frames, and the space around the person.

    Returns:
        Arrays of `stores.FRAMES`, and its facts: rows, camera_names, cameras (world to camera, metres),
        take_names, take_files, joint_names, labels, image_size (width and height for each camera name).

    Raises:
        DataError: a video is missing, shorter than its labels or black; labels are NaN, behind the
            camera or shifted against their 2D labels; a recording has no frame to crop.
        UnitError: labels are not in metres.
    """
    if not recordings:
        raise DataError("no recordings to prepare", "check takes and cameras in the sequence table")
    named = [(recording.take, recording.camera.name) for recording in recordings]
    twice = [one for one in named if named.count(one) > 1]
    if twice:
        raise DataError(
            f"take {twice[0][0]}, camera {twice[0][1]} stands twice: its frames would count twice",
            "name each take and camera once in the sequence table",
        )
    camera_names = sorted({recording.camera.name for recording in recordings})
    take_names = sorted({recording.take for recording in recordings})
    parts = []
    for recording in recordings:
        check_recording(recording)
    wanted = [wanted_frames(recording, settings.frame_step) for recording in recordings]
    tick = counter("frames", sum(map(len, wanted)))
    for recording, numbers in zip(recordings, wanted, strict=True):
        crops, crop_ks = crop_frames(recording, numbers, settings.margin_m, tick)
        check_crops(recording, crops)
        joints_cam = recording.joints_cam[numbers]
        parts.append(
            {
                "crops": crops,
                "joints_cam": joints_cam.astype(np.float32),
                "joints_px": project_pinhole(joints_cam, crop_ks).astype(np.float32),
                "crop_intrinsics": crop_ks,
                "camera": np.full(len(numbers), camera_names.index(recording.camera.name), np.int16),
                "take": np.full(len(numbers), take_names.index(recording.take), np.int16),
                "frame": numbers.astype(np.int32),
            }
        )
    arrays = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    joint_set = recordings[0].joint_set
    facts: dict[str, Any] = {
        "rows": rows_digest(arrays["take"], arrays["camera"], arrays["frame"]),
        "camera_names": camera_names,
        "cameras": {
            r.camera.name: {
                "rotation": r.camera.rotation.tolist(),
                "translation": r.camera.translation.tolist(),
            }
            for r in recordings
        },
        "take_names": take_names,
        "take_files": {r.take: r.file for r in recordings if r.file},
        "joint_names": list(joint_set.joints),
        "labels": f"{recordings[0].subject} {recordings[0].action}",
        "image_size": {r.camera.name: list(r.camera.size) for r in recordings},
    }
    if joint_set != H36M:
        facts["joint_set"] = joint_set.as_facts()
    return arrays, facts


def wanted_frames(recording: Recording, frame_step: int) -> np.ndarray:
    """Numbers of the frames to use: in the recording's window, every `frame_step`-th, counted from 0.

    A recording may have pictures of some frames only (`Recording.kept`). A step of 1 then takes all of
    these. Frames whose labels lack a joint (`Recording.gaps`) are left out at any step.

    Raises:
        DataError: the window contains none, or a frame that a larger step asks for has no picture.
    """
    first = -(-recording.frames.start // frame_step) * frame_step
    numbers = np.arange(first, recording.frames.stop, frame_step)
    if recording.kept is not None:
        available = recording.kept[(recording.kept >= first) & (recording.kept < recording.frames.stop)]
        if recording.gaps:
            available = np.intersect1d(numbers, available)
        numbers = available if frame_step == 1 or recording.gaps else numbers
        missing = np.setdiff1d(numbers, available)
        if len(missing):
            raise DataError(
                f"{name(recording)}: frame {missing[0]} is wanted (prepare.frame_step = {frame_step}), "
                f"but {recording.video} has no picture of it. It has {len(available)} frames, the first "
                f"{available[:4].tolist()}",
                "set prepare.frame_step: 1 to use every frame that has a picture, or set dataset.root "
                "to h36m-fetch's folder `extracted`, which has all of them",
            )
    if not len(numbers):
        raise DataError(
            f"{name(recording)}: no frame number from {recording.frames.start} to "
            f"{recording.frames.stop - 1} is a multiple of prepare.frame_step = {frame_step}",
            "lower prepare.frame_step or widen the window in the sequence table",
        )
    return numbers


def crop_frames(
    recording: Recording,
    numbers: np.ndarray,
    margin_m: float,
    tick: Callable[[], None] = lambda: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the frames `numbers` (N,) of a recording.

    Args:
        recording: video, camera and labels.
        numbers: of frames, rising.
        margin_m: space around the labelled joints, metres at the person.
        tick: called after each frame.

    Returns:
        Crops (N, CROP, CROP, 3) uint8 RGB and their pinhole matrices (N, 3, 3) px.
    """
    camera = recording.camera
    crops = np.empty((len(numbers), CROP, CROP, 3), np.uint8)
    crop_ks = np.stack(
        [person_intrinsics(recording.joints_cam[n], camera.intrinsics, margin_m) for n in numbers]
    )
    images = read_frames(recording.video, (int(n) + recording.frame_offset for n in numbers))
    for row, (_, image) in enumerate(images):
        crops[row] = sampler(camera, crop_ks[row])(image)
        tick()
    return crops, crop_ks


def check_crops(recording: Recording, crops: np.ndarray) -> None:
    """Refuse a video that shows nothing.

    Raises:
        DataError: all crops are black.
    """
    means = crops.mean(axis=(1, 2, 3))
    if means.max() < BLACK and crops.std(axis=(1, 2, 3)).max() < BLACK:
        raise DataError(
            f"{recording.video}: all {len(crops)} frames are black around the person of "
            f"{name(recording)} (brightest mean {means.max():.1f} of 255)",
            "look at the video: if it is not black, calibration or labels are another recording's",
        )
