"""Rule `background`: the empty room of each camera, from its videos without the labelled person."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jointreg import config
from jointreg.datasets.recording import Recording
from jointreg.datasets.video import sample_frames
from jointreg.errors import DataError
from jointreg.progress import progress
from jointreg.segmentation.limbs import near_limbs
from jointreg.threads import one_opencv_thread

PERSON_M = (0.30, 0.12)
"""Distances from the labelled limbs, metres. A pixel within the first may show the person, a pixel
within the second most likely does."""
VOTES = 3
"""Number of frames with which a pixel's statistics are taken from the most trusted frames alone."""
SPREAD_UNIT = 16
"""Steps of the stored spread per grey value."""
_STRIP_BYTES = 4 * 2**20
"""Of one strip of all pictures in float32: what a processor's cache holds."""
_SUMMED_AT_ONCE = 128
"""Rows whose sum NumPy does not split in two."""
_TRIM = 0.125
_TRIM_FACTOR = 1.647
"""Standard deviation of a normal variable over that of its middle 75 per cent."""


@one_opencv_thread()
def background_model(
    recordings: Sequence[Recording], settings: config.Background
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Empty-room image and noise of every camera, over all recordings of a subject.

    Frames are spread evenly over a camera's recordings. A frame has no vote on pixels near the labelled
    limbs, so that a person who stays in one place does not become background. A pixel uses the frames in
    which the limbs are farther away than the first of `PERSON_M`. If these are fewer than `VOTES`, it
    uses those beyond the second, and if these are too few, all frames. Memory: `max_frames` images of
    one camera and one strip.

    Args:
        recordings: all takes and cameras of one subject; cameras of one name share one model.
        settings: number of frames.

    Returns:
        Arrays of `stores.BACKGROUND` (rows of smaller cameras are zero beyond their size) and its
        facts: camera_names, image_size, frames.

    Raises:
        DataError: no recordings, videos of one camera that differ in size, or a damaged video.
    """
    if not recordings:
        raise DataError("no recordings for a background model", "check the sequence table")
    names = sorted({recording.camera.name for recording in recordings})
    sizes = {recording.camera.name: recording.camera.size for recording in recordings}
    width, height = (max(size[axis] for size in sizes.values()) for axis in (0, 1))
    median = np.zeros((len(names), height, width, 3), np.uint8)
    spread = np.zeros_like(median)
    counts = []
    for index, camera in enumerate(progress(names, "cameras")):
        own = [recording for recording in recordings if recording.camera.name == camera]
        pictures, trust = _sample(own, settings.max_frames)
        rows, columns = pictures.shape[1:3]
        median[index, :rows, :columns], spread[index, :rows, :columns] = room_statistics(pictures, trust)
        counts.append(len(pictures))
        print(f"background of camera {camera}: {len(pictures)} frames of {len(own)} videos")
    facts = {
        "camera_names": names,
        "image_size": {name: list(size) for name, size in sizes.items()},
        "frames": counts,
    }
    return {"median": median, "spread": spread}, facts


def room_statistics(pictures: np.ndarray, trust: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and noise of a stack of pictures, pixel by pixel.

    Args:
        pictures: (N, height, width, 3) uint8.
        trust: how surely a picture shows the empty room, (N, height, width) uint8. A pixel uses the
            pictures at or above the largest trust that at least `VOTES` pictures reach.

    Returns:
        Median (height, width, 3) uint8. Standard deviation of the middle three quarters of the values,
        scaled so that it is that of a normal variable, in 1/16 grey values, same shape, uint8.
    """
    count, height, width, _ = pictures.shape
    median = np.empty((height, width, 3), np.uint8)
    spread = np.empty_like(median)
    strip = max(1, _STRIP_BYTES // (count * width * 3 * 4))
    for top in range(0, height, strip):
        part = slice(top, top + strip)
        median[part], spread[part] = _strip_statistics(pictures[:, part], trust[:, part])
    return median, spread


def _strip_statistics(pictures: np.ndarray, trust: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count, height, width, _ = pictures.shape
    least = np.zeros(trust.shape[1:], np.uint8)
    for level in range(1, int(trust.max()) + 1):
        least += (trust >= level).sum(axis=0, dtype=np.uint16) >= min(VOTES, count)
    voting = (trust >= least).repeat(3, axis=-1)  # from here on colours are columns
    votes = voting.sum(axis=0, dtype=np.uint16)
    # A value that is left out is the largest, so that the first `votes` ranks are those that vote.
    ordered = np.where(voting, pictures.reshape(count, height, 3 * width), np.uint8(255))
    sort_first_axis(ordered)
    low, high = (_at_rank(ordered, rank) for rank in ((votes - 1) // 2, votes // 2))
    median = (low.astype(np.uint16) + high + 1) // 2
    cut = (votes * _TRIM).astype(np.uint16)
    ranks = np.arange(count, dtype=np.uint16)[:, None, None]
    central = (ranks >= cut) & (ranks < votes - cut)
    total = (votes - 2 * cut).astype(np.float32)
    values = ordered.astype(np.float32)
    values -= (ordered * central).sum(axis=0, dtype=np.float32) / total
    values *= values
    values *= central
    spread = np.sqrt(sum_first_axis(values) / total) * _TRIM_FACTOR * SPREAD_UNIT
    spread = np.clip(np.round(spread), 0, 255)
    shape = height, width, 3
    return median.astype(np.uint8).reshape(shape), spread.astype(np.uint8).reshape(shape)


def _at_rank(ordered: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Of values (N, ...) that ascend along the first axis those at `rank` (...)."""
    values = np.empty_like(ordered[0])
    for one in range(int(rank.min()), int(rank.max()) + 1):
        np.copyto(values, ordered[one], where=rank == one)
    return values


def sum_first_axis(rows: np.ndarray) -> np.ndarray:
    """Sum along the first axis, with the last bits that NumPy's sum along the last axis has."""
    count = len(rows)
    if count > _SUMMED_AT_ONCE:
        half = count // 16 * 8
        return sum_first_axis(rows[:half]) + sum_first_axis(rows[half:])
    whole = count // 8 * 8
    sums = rows[:whole].reshape(-1, 8, *rows.shape[1:]).sum(axis=0)
    while len(sums) > 1:
        sums = sums[::2] + sums[1::2]
    total = sums[0]
    for row in rows[whole:]:
        total = total + row
    return total


def sort_first_axis(rows: np.ndarray) -> None:
    """Sort an array in place along its first axis, by exchanges of whole rows.

    `np.sort` gathers the values of each column from all rows, which takes several times as long.

    Source: Batcher's merge exchange, Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M.
    """
    count = len(rows)
    top = 1 << max(count - 1, 0).bit_length() >> 1
    step = top
    while step:
        widest, first, distance = top, 0, step
        while True:
            for start in range(first, min(first + step, count - distance)):
                upper = rows[start : count - distance : 2 * step]
                lower = rows[start + distance :: 2 * step][: len(upper)]
                smaller = np.minimum(upper, lower)
                np.maximum(upper, lower, out=lower)
                upper[...] = smaller
            if widest == step:
                break
            distance, widest, first = widest - step, widest // 2, step
        step //= 2


def _sample(recordings: list[Recording], max_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, height, width, 3) and the trust in their pixels (N, height, width), both uint8."""
    shares = np.diff(np.linspace(0, max_frames, len(recordings) + 1).astype(int))
    width, height = recordings[0].camera.size
    pictures = np.empty((max_frames, height, width, 3), np.uint8)
    trust = np.empty((max_frames, height, width), np.uint8)
    count = 0
    for recording, share in zip(recordings, shares, strict=True):
        labelled = range(len(recording.joints_cam)) if recording.kept is None else recording.kept
        for number, picture in sample_frames(recording.video, int(share)):
            frame = number - recording.frame_offset
            if frame not in labelled:
                continue
            if picture.shape != pictures.shape[1:]:
                raise DataError(
                    f"{recording.video}: pictures of {picture.shape[1]} x {picture.shape[0]} px, "
                    f"expected {width} x {height} px as in the camera's other videos",
                    "fetch the video again, or leave the take out of the sequence table",
                )
            pictures[count] = picture
            trust[count] = len(PERSON_M)
            for radius in PERSON_M:
                trust[count] -= near_limbs(recording, frame, radius).astype(np.uint8)
            count += 1
    if not count:
        raise DataError(
            f"no picture taken from the videos of camera {recordings[0].camera.name} has labels",
            "raise background.max_frames, or leave the camera out of the sequence table",
        )
    return pictures[:count], trust[:count]
