"""Frames of a video file or folder of pictures, one at a time, exactly numbered, in little memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from jointreg.datasets import pictures
from jointreg.datasets.recording import Recording
from jointreg.errors import DataError
from jointreg.files.input import absence

_HOW_TO_GET = "fetch the file again, or leave the take out of the sequence table"
_FRAMES_APART = 2.0
"""By which videos of one take may differ at its end: a file's rate is its frames over their duration."""
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
    if Path(path).is_dir():
        frames = pictures.frames_in(Path(path))
        _, first = next(pictures.read(Path(path), frames[:1]))
        return VideoInfo(frames[-1] + 1, first.shape[1], first.shape[0], 0.0)
    return _probe(*_file(path))


def require_same_rate(rates_hz: Mapping[str, float], frames: int, where: str) -> None:
    """Refuse cameras whose videos cannot show the same moments frame by frame.

    Args:
        rates_hz: of each camera's video; 0 (pictures) fits any.
        frames: length of the take.

    Raises:
        DataError: by the end of the take two videos are more than two frames apart.
    """
    known = {name: rate for name, rate in rates_hz.items() if rate > 0}
    if not known:
        return
    slow, fast = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    if frames * (1 - known[slow] / known[fast]) > _FRAMES_APART:
        raise DataError(
            f"{where}: the video of camera {slow} has {known[slow]:.6g} frames a second, that of camera "
            f"{fast} {known[fast]:.6g}; expected one rate: frame numbers are counted as moments",
            "write all videos at one rate (ffmpeg -i IN -r RATE OUT), one frame for each moment",
        )


def frames_by_header(path: str | Path) -> int:
    """About how many frames a video has, without a look at its packets: for estimates.

    Raises:
        DataError: the file is missing, truncated or not a video.
    """
    with _Opened(path) as (container, stream):
        if stream.frames:
            return int(stream.frames)
        seconds = float(stream.duration * stream.time_base) if stream.duration else 0.0
        if not seconds and container.duration:
            seconds = container.duration / av.time_base
        return round(seconds * float(stream.average_rate or 0))


_State = tuple[int, int] | None
"""Size and time of a file. Opening takes some 30 ms, so a file of the same state is opened once."""


def _file(path: str | Path) -> tuple[Path, _State]:
    path = Path(path)
    state = path.stat() if path.is_file() else None
    return path, None if state is None else (state.st_size, state.st_mtime_ns)


class _Packets(NamedTuple):
    """Facts of a video that need no decoding."""

    shown: int
    """Number of frames that a player shows."""
    moments: np.ndarray | None
    """Their time stamps, ascending, if a frame's number follows from them and the codec can skip."""


@lru_cache(maxsize=1024)
def _packets(path: Path, _state: _State) -> _Packets:
    """The frames of a video by the packets of its file."""
    with _Opened(path) as (container, stream):
        packets = [
            (packet.pts, packet.is_discard, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size
        ]
        codec = stream.codec_context.name
    hidden = sum(is_discard for _, is_discard, _ in packets)
    if hidden:
        print(f"{path}: the edit list of its header leaves out {hidden} of {len(packets)} frames")
    moments = {pts for pts, _, _ in packets}
    # A film cut before its first key frame begins with packets that give no picture.
    is_whole = packets and None not in moments and packets[0][0] == min(moments) and packets[0][2]
    if codec != "h264" or len(moments) < len(packets) or not is_whole:
        return _Packets(len(packets) - hidden, None)
    shown = np.array(sorted(pts for pts, is_discard, _ in packets if not is_discard), np.int64)
    return _Packets(len(shown), shown)


@lru_cache(maxsize=1024)
def _probe(path: Path, state: _State) -> VideoInfo:
    """As `probe`."""
    frames = _packets(path, state).shown
    with _Opened(path) as (container, stream):
        rate = float(stream.average_rate or 0)
        width, height = stream.codec_context.width, stream.codec_context.height
        first = next(container.decode(stream), None)
        quarters = 0 if first is None else _quarters(first, path)
    if quarters:
        print(f"{path}: turned by {90 * quarters} degrees as its header asks, frame numbers unchanged")
    width, height = (height, width) if quarters % 2 else (width, height)
    return VideoInfo(frames, width, height, rate)


def read_frames(path: str | Path, numbers: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode a video from its start and yield the wanted frames.

    Only wanted frames are converted to RGB. Of H.264, pictures that are not wanted and that no other
    picture depends on are not decoded either, which changes no bit of the others.

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
    wanted = list(numbers)
    for before, after in pairwise(wanted):
        if after <= before:
            raise ValueError(f"frame numbers must ascend: {after} after {before}")
    if not wanted:
        return
    read = 0
    moments = _packets(*_file(path)).moments
    if moments is not None:
        for number, picture in _wanted(path, wanted, moments):
            yield number, picture
            read += 1
    yield from _wanted(path, wanted[read:], None)


def _wanted(
    path: str | Path, wanted: list[int], moments: np.ndarray | None
) -> Iterator[tuple[int, np.ndarray]]:
    """The wanted frames, as `read_frames`; with `moments` up to the first that does not come out.

    Args:
        path: video file.
        wanted: frame numbers from 0, ascending.
        moments: time stamps of all frames in their order, to skip pictures; None: decode all of them.
    """
    if not wanted:
        return
    rest = iter(wanted)
    number: int | None = next(rest)
    at, broken, size = -1, -1, None
    with _Opened(path) as (container, stream):
        frames: Iterator[tuple[int, Any]] = enumerate(container.decode(stream))
        if moments is not None:
            frames = _decoded(container, stream, moments, set(wanted))
        for at, frame in frames:
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
                number = next(rest, None)
                if number is None:
                    return
    if moments is None:
        raise DataError(
            f"{path}: ends after {at + 1} frames, expected frame number {number}", _HOW_TO_GET
        )


def _decoded(
    container: Any, stream: Any, moments: np.ndarray, wanted: set[int]
) -> Iterator[tuple[int, "av.VideoFrame"]]:
    """Number and picture of the wanted frames and of those that others depend on, in their order."""
    numbers = {moment: number for number, moment in enumerate(moments.tolist())}
    for packet in container.demux(stream):
        is_wanted = numbers.get(packet.pts) in wanted
        stream.codec_context.skip_frame = "DEFAULT" if is_wanted else "NONREF"
        for frame in packet.decode():
            if frame.pts in numbers:
                yield numbers[frame.pts], frame


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
            raise DataError(f"video {self.path} {absence(self.path)}", _HOW_TO_GET)
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
