"""Frames of a video file or folder of pictures, one at a time, exactly numbered, in little memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from jointreg.datasets import pictures
from jointreg.datasets.recording import Recording
from jointreg.errors import DataError

_HOW_TO_GET = "fetch the file again, or leave the take out of the sequence table"
_SEEK_GAP = 200
"""Seek rather than decode when the wanted frames lie at least this far apart."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself."""

    frames: int
    """Number of frames, counted in the file's packets; of pictures the last one's number."""
    width: int
    height: int
    rate: float
    """Frames per second; 0 of pictures, which do not say."""


def probe(path: str | Path) -> VideoInfo:
    """Size, rate and exact number of frames of a video, without decoding it.

    Raises:
        DataError: the file is missing, truncated or not a video.
    """
    path = Path(path)
    if path.is_dir():
        frames = pictures.frames_in(path)
        _, first = next(pictures.read(path, frames[:1]))
        return VideoInfo(frames[-1] + 1, first.shape[1], first.shape[0], 0.0)
    state = path.stat() if path.is_file() else None
    return _probe(path, None if state is None else (state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=1024)
def _probe(path: Path, _state: tuple[int, int] | None) -> VideoInfo:
    """Opening costs some 30 ms, so a file that has not changed is looked at once."""
    with _Opened(path) as (container, stream):
        frames = sum(1 for packet in container.demux(stream) if packet.size)
        rate = float(stream.average_rate or 0)
        return VideoInfo(frames, stream.codec_context.width, stream.codec_context.height, rate)


def read_frames(path: str | Path, numbers: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode a video from its start and yield the wanted frames.

    Args:
        path: video file.
        numbers: frame numbers from 0, ascending.

    Yields:
        Frame number and image, (height, width, 3) uint8 RGB.

    Raises:
        DataError: the file is missing or damaged, or ends before the last wanted frame.
    """
    if Path(path).is_dir():
        yield from pictures.read(Path(path), numbers)
        return
    wanted = iter(numbers)
    number = next(wanted, None)
    if number is None:
        return
    at = -1
    with _Opened(path) as (container, stream):
        for at, frame in enumerate(container.decode(stream)):
            if at == number:
                yield number, _rgb(frame)
                number = next(wanted, None)
                if number is None:
                    return
                if number <= at:
                    raise ValueError(f"frame numbers must ascend: {number} after {at}")
    raise DataError(f"{path}: ends after {at + 1} frames, expected frame number {number}", _HOW_TO_GET)


def videos(
    frames: Mapping[str, np.ndarray], facts: Mapping[str, Any], recordings: Sequence[Recording]
) -> Iterator[tuple[Recording, np.ndarray, Iterator[np.ndarray]]]:
    """The recordings behind a frames store, with their rows in the video's order and their pictures.

    Pictures (height, width, 3) uint8 RGB are decoded as they are asked for.

    Raises:
        DataError: a recording of the frames is missing, or a video is damaged.
    """
    by_name = {(recording.take, recording.camera.name): recording for recording in recordings}
    for take, camera in sorted({*zip(frames["take"].tolist(), frames["camera"].tolist(), strict=True)}):
        names = facts["take_names"][take], facts["camera_names"][camera]
        recording = by_name.get(names)
        if recording is None:
            raise DataError(f"no recording of take {names[0]}, camera {names[1]}, which the frames name")
        rows = np.flatnonzero((frames["take"] == take) & (frames["camera"] == camera))
        rows = rows[np.argsort(frames["frame"][rows], kind="stable")]
        numbers = frames["frame"][rows].astype(int) + recording.frame_offset
        images = (image for _, image in read_frames(recording.video, numbers.tolist()))
        yield recording, rows, images


def sample_frames(path: str | Path, count: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield at most `count` frames spread evenly over a video.

    Long videos are entered by seeking: the frames are then the key frames next before the even spacing,
    each once, and their numbers follow from time stamps and frame rate. Good for statistics; to match
    frames with labels one by one use `read_frames`.

    Yields:
        Frame number and image, (height, width, 3) uint8 RGB.

    Raises:
        DataError: the file is missing or damaged.
    """
    if Path(path).is_dir():
        there = np.array(pictures.frames_in(Path(path)))
        count = min(count, len(there))
        chosen = ((np.arange(count) + 0.5) * len(there) / max(count, 1)).astype(int)
        yield from pictures.read(Path(path), there[chosen].tolist())
        return
    total = probe(path).frames
    count = min(count, total)
    numbers = ((np.arange(count) + 0.5) * total / max(count, 1)).astype(int).tolist()
    if total < count * _SEEK_GAP:
        yield from read_frames(path, numbers)
        return
    with _Opened(path) as (container, stream):
        start, ticks = stream.start_time or 0, 1 / float(stream.average_rate * stream.time_base)
        seen: set[int] = set()
        for number in numbers:
            container.seek(start + int(number * ticks), stream=stream)
            frame = next(container.decode(stream), None)
            if frame is None:
                continue
            at = round((frame.pts - start) / ticks)
            if at not in seen:
                seen.add(at)
                yield at, _rgb(frame)


def _rgb(frame: "av.VideoFrame") -> np.ndarray:
    return frame.to_ndarray(format="rgb24")


class _Opened:
    """A video opened for single-threaded decoding; FFmpeg's errors become `DataError`."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __enter__(self) -> tuple[Any, Any]:
        if not self.path.is_file():
            raise DataError(f"video {self.path} does not exist", _HOW_TO_GET)
        try:
            self.container = av.open(str(self.path))
        except (av.FFmpegError, OSError) as error:
            raise self._damaged(error) from error
        if not self.container.streams.video:
            self.container.close()
            raise DataError(f"{self.path}: has no video stream", _HOW_TO_GET)
        stream = self.container.streams.video[0]
        stream.thread_type = "NONE"
        return self.container, stream

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.container.close()
        if isinstance(error, av.FFmpegError):
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> DataError:
        return DataError(
            f"{self.path}: not a readable video, truncated or damaged ({error})", _HOW_TO_GET
        )
