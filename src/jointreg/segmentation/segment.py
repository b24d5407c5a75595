"""Rule `segment`: person masks in crop coordinates, by one of several methods (`SEGMENTERS`)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from jointreg import config
from jointreg.config.joint_sets import joint_set_of
from jointreg.datasets.recording import Recording
from jointreg.datasets.video import videos
from jointreg.errors import ConfigError, DataError, StoreError
from jointreg.frames.crops import sampler
from jointreg.progress import counter, report
from jointreg.segmentation.background import SPREAD_UNIT
from jointreg.segmentation.limbs import CORE_M, SURFACE_M, near_limbs
from jointreg.segmentation.subtraction import person_coverage, room_of
from jointreg.stores.schema import Record
from jointreg.stores.schemas import CROP
from jointreg.threads import one_opencv_thread

if TYPE_CHECKING:
    from jointreg.segmentation.detections import Network

LEAST_SHARE = 0.2
"""Share of the limbs' core that must differ from the room for a person to be there."""
CLEAR_SHARE = 0.5
"""Share above which most of the person does."""
MOST_UNCLEAR = 2 / 3
"""Largest share of a camera's frames that may lie below it."""
MOST_MISSING = 0.1
"""Share of a camera's frames without a mask from which on a cause is printed."""
_CAUSES = (
    "the labels lie beside the person (wrong calibration, exchanged cameras, shifted frames): draw them "
    "on a picture of every camera; or the person stays in one place or has its colours: add frames "
    "without, or take another segment.method (docs/tutorial_own_regressor.md)"
)


@dataclass(frozen=True)
class Footage:
    """The N frames of a sequence and the recordings behind them: the input of every method."""

    frames: Record
    """Record of `stores.FRAMES`."""
    recordings: Sequence[Recording]
    """The recordings that the frames were cut from."""
    room: Record | None = None
    """Record of `stores.BACKGROUND`, which the method `background` needs."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames["frame"])

    def videos(self) -> Iterator[tuple[Recording, np.ndarray, Iterator[np.ndarray]]]:
        """The recordings, each with its rows and video pictures; see `datasets.video.videos`."""
        return videos(self.frames, self.frames.attrs, self.recordings)


Masks = tuple[np.ndarray, np.ndarray]
"""Masks (N, CROP, CROP) uint8, probability x 255, and scores (N,) float32, 0 without a person."""

Segmenter = Callable[[Footage, config.Segment, str], Masks]
"""A method: footage, settings and the device of a network, "cpu" or "cuda" -> masks and scores."""


@one_opencv_thread()
def segment(
    footage: Footage, settings: config.Segment, device: str = "cpu"
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Segment every frame with the method of the settings.

    Args:
        footage: frames and recordings.
        settings: the method and its parameters.
        device: "cpu" or "cuda"; where Mask R-CNN runs.

    Returns:
        Arrays of `stores.MASKS` and its facts: rows, method. Frames without a person have score 0.

    Raises:
        ConfigError: the method is not installed in this environment.
        DataError: a recording or the network's weights are missing or damaged, or the weights have
            another sha256 than the settings; or the person was found in no frame at all, or by
            background subtraction not clearly in most frames of a camera.
        StoreError: the background model does not fit the recordings.
    """
    masks, score = SEGMENTERS[settings.method](footage, settings, device)
    if not score.any():
        raise DataError(
            f"segment.method '{settings.method}' found the person in none of the {len(score)} frames",
            _CAUSES
            if settings.method == "background"
            else "look at the videos, labels and calibration, or take another segment.method",
        )
    masks = np.where(score[:, None, None] > 0, masks, np.uint8(0))
    _check_cameras(score, footage.frames, settings.method)
    return {"masks": masks, "score": score}, {
        "rows": footage.frames.attrs["rows"],
        "method": settings.method,
    }


def _check_cameras(score: np.ndarray, frames: Record, method: str) -> None:
    """Print how many frames of each camera have a mask; refuse a camera whose labels miss the person."""
    for index, camera in enumerate(frames.attrs["camera_names"]):
        of_camera = score[frames["camera"] == index]
        if not len(of_camera):
            continue
        found = np.count_nonzero(of_camera)
        print(f"camera {camera}: {found} of {len(of_camera)} frames have a mask")
        unclear = float((of_camera < CLEAR_SHARE).mean())
        if method == "background" and unclear > MOST_UNCLEAR:
            raise DataError(
                f"camera {camera}: in {unclear:.0%} of the frames most of the labelled limbs look like "
                f"the empty room, expected in {MOST_UNCLEAR:.0%} at most",
                _CAUSES,
            )
        if found < (1 - MOST_MISSING) * len(of_camera):
            print(f"camera {camera}: masks are missing: are calibration and labels this camera's?")


def segment_background(footage: Footage, settings: config.Segment, device: str) -> Masks:
    """Compare frames with the empty room (`segmentation.subtraction.person_coverage`).

    The score of a frame is the share of the limbs' core that differs from the room, or 0 if it is under
    `LEAST_SHARE`.

    Raises:
        ConfigError: there is no background model.
        StoreError: the background model lacks a camera of the frames, or has another size.
        DataError: a recording of the frames is missing, or a video is damaged.
    """
    if footage.room is None:
        raise ConfigError(
            "segment.method 'background' needs a background model",
            "give Footage(frames, recordings, room), room as written by the rule background",
        )
    frames = footage.frames
    masks = np.zeros((len(footage), CROP, CROP), np.uint8)
    score = np.zeros(len(footage), np.float32)
    tick = counter("frames", len(footage))
    for recording, rows, images in footage.videos():
        room = room_of(*_room(footage.room, recording))
        for row, image in zip(rows, images, strict=True):
            number = int(frames["frame"][row])
            sample = sampler(recording.camera, frames["crop_intrinsics"][row])
            left, top, right, bottom = sample.window(*recording.camera.size, space=16)
            window = (slice(top, bottom), slice(left, right))
            depth = recording.joints_cam[number, :, 2].mean()
            alpha, share = person_coverage(
                image[window],
                room.part(window),
                core=near_limbs(recording, number, CORE_M)[window],
                reach=near_limbs(recording, number, SURFACE_M)[window],
                pixels_per_metre=float(recording.camera.intrinsics[0, 0] / depth),
                threshold=settings.threshold,
            )
            masks[row] = np.round(sample(alpha, left, top) * 255)
            score[row] = share if share >= LEAST_SHARE else 0.0
            tick()
    return masks, score


def segment_landmarker(footage: Footage, settings: config.Segment, device: str) -> Masks:
    """Segment the crops with the landmark network in the file `settings.weights`."""
    from jointreg.labels.landmarker import Landmarker, segment_crops

    frames = footage.frames
    joint_set = joint_set_of(frames.attrs)
    return segment_crops(Landmarker(settings.weights), frames["crops"], frames["joints_px"], joint_set)


def segment_mask_rcnn(footage: Footage, settings: config.Segment, device: str) -> Masks:
    """Segment the video pictures with the Mask R-CNN in the file `settings.weights`."""
    from jointreg.segmentation.mask_rcnn import load_network

    network = load_network(settings.method, settings.weights, settings.sha256, device)
    return segment_people(footage, network, settings.batch)


def segment_people(footage: Footage, network: "Network", batch: int) -> Masks:
    """Detect everybody in whole video pictures and use the labelled person's mask.

    The score of a frame is the network's confidence in that person. It is 0 where nobody agrees with the
    labels, whoever else is detected (`segmentation.detections.labelled_person`).

    Args:
        footage: frames and recordings.
        network: detects the people in pictures of one size.
        batch: number of pictures in one call of the network.
    """
    from jointreg.segmentation.detections import in_crop, labelled_person

    frames, joint_set = footage.frames, joint_set_of(footage.frames.attrs)
    masks = np.zeros((len(footage), CROP, CROP), np.uint8)
    score = np.zeros(len(footage), np.float32)
    show, done = report("pictures"), 0
    for recording, rows, images in footage.videos():
        for first in range(0, len(rows), batch):
            part = rows[first : first + batch]
            for row, people in zip(part, network(list(islice(images, len(part)))), strict=True):
                crop_k = frames["crop_intrinsics"][row]
                candidates = in_crop(people, recording.camera, crop_k)
                scale = crop_k[0, 0] / frames["joints_cam"][row, :, 2].mean()
                person = labelled_person(candidates, frames["joints_px"][row], scale, joint_set)
                if person is not None:
                    masks[row] = np.round(candidates[person] * 255)
                    score[row] = people.scores[person]
            done += len(part)
            show(done, len(footage))
    return masks, score


def _room(model: Record, recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Median and spread of a recording's camera, cut to the camera's size, grey values."""
    names, camera = model.attrs["camera_names"], recording.camera
    if camera.name not in names:
        raise StoreError(
            f"the background model has cameras {', '.join(names)}, not {camera.name}", "rerun background"
        )
    width, height = model.attrs["image_size"][camera.name]
    if (width, height) != tuple(camera.size):
        raise StoreError(
            f"background model of camera {camera.name} is {width} x {height} px, its video "
            f"{camera.size[0]} x {camera.size[1]} px",
            "rerun background",
        )
    index = names.index(camera.name)
    median, spread = (model[key][index, :height, :width] for key in ("median", "spread"))
    return median, spread.astype(np.float32) / SPREAD_UNIT


SEGMENTERS: dict[str, Segmenter] = {
    "background": segment_background,
    "landmarker": segment_landmarker,
    "detectron2": segment_mask_rcnn,
    "torchvision": segment_mask_rcnn,
}
"""Methods by the value of `segment.method`. To add a method, add an entry here."""
