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
    """Facts of a video file."""

    frames: int
    """Frames that a player shows, counted in the file's packets. Of pictures: the number of the last."""
    width: int
    """Width in pixels as a player shows it, after the turn in the file's header."""
    height: int
    """Height in pixels, likewise."""
    rate: float
    """Frames per second; 0 for pictures, which have no rate."""


def probe(path: str | Path) -> VideoInfo:
    """Size, rate and exact number of frames of a video; only its first picture is decoded.

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
    """As `probe`. Opening takes some 30 ms, so a file of the same size and time is opened once."""
    with _Opened(path) as (container, stream):
        packets = [packet.is_discard for packet in container.demux(stream) if packet.size]
        hidden = sum(packets)
        if hidden:
            print(f"{path}: the edit list of its header leaves out {hidden} of {len(packets)} frames")
        rate = float(stream.average_rate or 0)
        width, height = stream.codec_context.width, stream.codec_context.height
    with _Opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        quarters = 0 if first is None else _quarters(first, path)
    if quarters:
        print(f"{path}: turned by {90 * quarters} degrees as its header asks, frame numbers unchanged")
    width, height = (height, width) if quarters % 2 else (width, height)
    return VideoInfo(len(packets) - hidden, width, height, rate)


def read_frames(path: str | Path, numbers: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode a video from its start and yield the wanted frames.

    Args:
        path: video file.
        numbers: frame numbers from 0, ascending.

    Yields:
        Frame number and image, (height, width, 3) uint8 RGB.

    Raises:
        DataError: the file is missing or damaged, a wanted picture or one that it depends on is
            broken, a wanted picture has another size than the first, or the file ends before the last
            wanted frame.
    """
    if Path(path).is_dir():
        yield from pictures.read(Path(path), numbers)
        return
    wanted = iter(numbers)
    number = next(wanted, None)
    if number is None:
        return
    at, broken, size = -1, -1, None
    with _Opened(path) as (container, stream):
        for at, frame in enumerate(container.decode(stream)):
            size = size or (frame.width, frame.height)
            if frame.is_corrupt:
                broken = at
            elif frame.key_frame:
                broken = -1  # a key frame depends on no other picture
            if at == number:
                if broken >= 0:
                    raise DataError(
                        f"{path}: frame {number} cannot be used, frame {broken} is a broken picture",
                        _HOW_TO_GET,
                    )
                if (frame.width, frame.height) != size:
                    raise DataError(
                        f"{path}: frame {number} has {frame.width} x {frame.height} px, the first "
                        f"{size[0]} x {size[1]}: a camera is calibrated for one size",
                        "cut the video where its size changes",
                    )
                yield number, _rgb(frame, path)
                number = next(wanted, None)
                if number is None:
                    return
                if number <= at:
                    raise ValueError(f"frame numbers must ascend: {number} after {at}")
    raise DataError(f"{path}: ends after {at + 1} frames, expected frame number {number}", _HOW_TO_GET)


def videos(
    frames: Mapping[str, np.ndarray], facts: Mapping[str, Any], recordings: Sequence[Recording]
) -> Iterator[tuple[Recording, np.ndarray, Iterator[np.ndarray]]]:
    """The recordings of a frames store, one after another, with their pictures.

    Args:
        frames: take, camera and frame of store FRAMES.
        facts: attributes of that store.
        recordings: the recordings that the frames were cut from.

    Yields:
        Recording, its rows of the store in the order of the video, and the pictures of these rows,
        (height, width, 3) uint8 RGB, decoded one by one as they are taken.

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

    A long video is not decoded from its start. Instead the last key frame before each evenly spaced
    position is taken, each once, and numbered by its time stamp and the frame rate. This is meant for
    statistics; use `read_frames` to match frames with labels.

    Yields:
        Frame number and image, (height, width, 3) uint8 RGB.

    Raises:
        DataError: the file is missing or damaged.
    """
    if Path(path).is_dir():
        existing = np.array(pictures.frames_in(Path(path)))
        count = min(count, len(existing))
        chosen = ((np.arange(count) + 0.5) * len(existing) / max(count, 1)).astype(int)
        yield from pictures.read(Path(path), existing[chosen].tolist())
        return
    total = probe(path).frames
    count = min(count, total)
    numbers = ((np.arange(count) + 0.5) * total / max(count, 1)).astype(int).tolist()
    if total < count * _SEEK_GAP:
        yield from read_frames(path, numbers)
        return
    with _Opened(path) as (container, stream):
        start, ticks = stream.start_time or 0, 1 / float(stream.average_rate * stream.time_base)
        sampled: set[int] = set()
        for number in numbers:
            container.seek(start + int(number * ticks), stream=stream)
            frame = next((frame for frame in container.decode(stream) if not frame.is_corrupt), None)
            if frame is None:
                continue
            at = round((frame.pts - start) / ticks)
            if at not in sampled:
                sampled.add(at)
                yield at, _rgb(frame, path)


def _rgb(frame: "av.VideoFrame", path: str | Path) -> np.ndarray:
    """The picture as it is shown, (height, width, 3) uint8."""
    picture = frame.to_ndarray(format="rgb24")
    quarters = _quarters(frame, path)
    return np.ascontiguousarray(np.rot90(picture, quarters)) if quarters else picture


def _quarters(frame: "av.VideoFrame", path: str | Path) -> int:
    """Quarter turns against the clock in the header, as OpenCV and players apply them.

    Raises:
        DataError: the header mirrors the pictures, or turns them by other angles.
    """
    pieces: Any = frame.side_data
    data = next((piece for piece in pieces if piece.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return 0
    (a, b), (c, d) = np.frombuffer(bytes(data), np.int32).reshape(3, 3)[:2, :2].astype(float)
    turn = -np.degrees(np.arctan2(b, a)) / 90
    if a * d - b * c <= 0 or abs(turn - round(turn)) > 1e-3:
        raise DataError(
            f"{path}: its header mirrors the pictures or turns them by other than quarter turns",
            "encode the video again, so that its pictures are stored as they are to be seen",
        )
    return round(turn) % 4


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
        if stream.codec_context is None:  # the header was cut before it names the codec
            self.container.close()
            raise DataError(f"{self.path}: not a readable video, truncated or damaged", _HOW_TO_GET)
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
