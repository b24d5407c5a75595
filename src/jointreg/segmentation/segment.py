"""Person masks in crop coordinates: one interface, and the methods behind it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from jointreg import config
from jointreg.datasets.recording import Recording
from jointreg.datasets.video import videos
from jointreg.errors import StoreError
from jointreg.frames.crops import sampler
from jointreg.progress import counter, report
from jointreg.segmentation.background import SPREAD_UNIT
from jointreg.segmentation.limbs import CORE_M, REACH_M, near_limbs
from jointreg.segmentation.subtraction import person_coverage
from jointreg.stores.schemas import CROP

if TYPE_CHECKING:
    from jointreg.segmentation.detections import Network


cv2.setNumThreads(1)

SEEN = 0.2
"""Least share of the limbs' core that must differ from the room for a person to be there."""

Segmenter = Callable[
    [Mapping[str, np.ndarray], Mapping[str, Any], Sequence[Recording], config.Segment, Any, str],
    tuple[np.ndarray, np.ndarray],
]
"""(frames arrays, frames facts, recordings, settings, room, device) -> masks (N, CROP, CROP) uint8 and
scores (N,) float32. `room` is the background store, `device` where a network runs."""


def segment(
    frames: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    recordings: Sequence[Recording],
    settings: config.Segment,
    room: Any = None,
    device: str = "cpu",
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Segment every row of a frames store with the method of the settings.

    Args:
        frames: arrays of `stores.FRAMES`.
        facts: its attributes (rows, camera_names, take_names).
        recordings: the recordings that the frames were cut from.
        settings: method and its parameters.
        room: for `background`, the record of `stores.BACKGROUND`.
        device: where Mask R-CNN runs, "cpu" or "cuda".

    Returns:
        Arrays of `stores.MASKS` and its facts: rows, method. Rows without a person have score 0.

    Raises:
        ConfigError: the method is not installed in this environment.
        DataError: the network's weights are missing, damaged or not those of the settings.
    """
    masks, score = SEGMENTERS[settings.method](frames, facts, recordings, settings, room, device)
    masks = np.where(score[:, None, None] > 0, masks, np.uint8(0))
    print(f"{np.count_nonzero(score)} of {len(score)} frames have a mask")
    return {"masks": masks, "score": score}, {"rows": facts["rows"], "method": settings.method}


def segment_background(
    frames: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    recordings: Sequence[Recording],
    settings: config.Segment,
    room: Any,
    device: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Segment by comparing frames with the empty room (`segmentation.subtraction.person_coverage`).

    The score of a row is the share of the limbs' core that differs from the room; 0 if under `SEEN`.

    Raises:
        StoreError: the background model lacks a camera of the frames, or has another size.
        DataError: a recording of the frames is missing, or a video is damaged.
    """
    masks = np.zeros((len(frames["frame"]), CROP, CROP), np.uint8)
    score = np.zeros(len(masks), np.float32)
    tick = counter("frames", len(masks))
    for recording, rows, images in videos(frames, facts, recordings):
        median, spread = _room(room, recording)
        for row, image in zip(rows, images, strict=True):
            number = int(frames["frame"][row])
            sample = sampler(recording.camera, frames["crop_intrinsics"][row])
            left, top, right, bottom = sample.window(*recording.camera.size, space=16)
            window = (slice(top, bottom), slice(left, right))
            depth = recording.joints_cam[number, :, 2].mean()
            alpha, seen = person_coverage(
                image[window],
                median[window],
                spread[window].astype(np.float32) / SPREAD_UNIT,
                core=near_limbs(recording, number, CORE_M)[window],
                reach=near_limbs(recording, number, REACH_M)[window],
                pixels_per_metre=float(recording.camera.intrinsics[0, 0] / depth),
                threshold=settings.threshold,
            )
            masks[row] = np.round(sample(alpha, left, top) * 255)
            score[row] = seen if seen >= SEEN else 0.0
            tick()
    return masks, score


def segment_landmarker(
    frames: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    recordings: Sequence[Recording],
    settings: config.Segment,
    room: Any,
    device: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Segment the crops with the landmark network in the file `settings.weights`."""
    from jointreg.labels.landmarker import Landmarker, segment_crops

    return segment_crops(Landmarker(settings.weights), frames["crops"], frames["joints_px"])


def segment_mask_rcnn(
    frames: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    recordings: Sequence[Recording],
    settings: config.Segment,
    room: Any,
    device: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Segment the video pictures with the Mask R-CNN in the file `settings.weights`."""
    from jointreg.segmentation.mask_rcnn import load_network

    network = load_network(settings.method, settings.weights, settings.sha256, device)
    return segment_people(network, frames, facts, recordings, settings.batch)


def segment_people(
    network: "Network",
    frames: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    recordings: Sequence[Recording],
    batch: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Let a network find everybody in the whole video pictures, and keep the labelled person's mask.

    The score of a row is the network's confidence in that person; 0 where nobody agrees with the labels,
    whoever else was found (`segmentation.detections.labelled_person`).

    Args:
        network: finds the people in pictures of one size.
        batch: pictures that it is given at once.
    """
    from jointreg.segmentation.detections import in_crop, labelled_person

    masks = np.zeros((len(frames["frame"]), CROP, CROP), np.uint8)
    score = np.zeros(len(masks), np.float32)
    show, done = report("pictures"), 0
    for recording, rows, images in videos(frames, facts, recordings):
        for first in range(0, len(rows), batch):
            part = rows[first : first + batch]
            for row, people in zip(part, network(list(islice(images, len(part)))), strict=True):
                crop_k = frames["crop_intrinsics"][row]
                found = in_crop(people, recording.camera, crop_k)
                scale = crop_k[0, 0] / frames["joints_cam"][row, :, 2].mean()
                person = labelled_person(found, frames["joints_px"][row], scale)
                if person is not None:
                    masks[row] = np.round(found[person] * 255)
                    score[row] = people.scores[person]
            done += len(part)
            show(done, len(masks))
    return masks, score


def _room(model: Any, recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Median and spread of a recording's camera, cut to the camera's size."""
    known, camera = model.attrs["camera_names"], recording.camera
    if camera.name not in known:
        raise StoreError(
            f"the background model has cameras {known}, not {camera.name}", "rerun background"
        )
    width, height = model.attrs["image_size"][camera.name]
    if (width, height) != tuple(camera.size):
        raise StoreError(
            f"background model of camera {camera.name} is {width} x {height} px, its video "
            f"{camera.size[0]} x {camera.size[1]} px",
            "rerun background",
        )
    index = known.index(camera.name)
    return model["median"][index, :height, :width], model["spread"][index, :height, :width]


SEGMENTERS: dict[str, Segmenter] = {
    "background": segment_background,
    "landmarker": segment_landmarker,
    "detectron2": segment_mask_rcnn,
    "torchvision": segment_mask_rcnn,
}
"""Methods by name. Another one takes its seat by an entry with the same signature."""
