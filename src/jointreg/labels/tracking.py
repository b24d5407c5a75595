"""Rule `landmarks`: one person followed through the videos of a recording, camera by camera."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jointreg.datasets.video import probe, read_frames
from jointreg.errors import DataError
from jointreg.files.atomic import replacing
from jointreg.files.input import read_file
from jointreg.files.pickles import read_npz
from jointreg.labels.landmarker import (
    BLAZEPOSE_33,
    PRESENT,
    STILL_PRESENT,
    Box,
    Landmarker,
    around,
    look_twice,
)
from jointreg.progress import counter


class Track(NamedTuple):
    """One person through N video frames of one camera."""

    points_px: np.ndarray
    """(N, 33, 2) full-image pixels (distorted, centre of the first pixel at 0); NaN without a person."""
    visibility: np.ndarray
    """(N, 33) in 0..1."""
    presence: np.ndarray
    """(N,) in 0..1; 0 without a person."""


def follow(landmarker: Landmarker, frames: Iterable[np.ndarray]) -> Track:
    """Landmarks of the largest person, followed through one video.

    The first window comes from a scan of the image (`find_person`), a later one from the landmarks of
    the frame before. When the person is lost, the scan is repeated.

    Args:
        landmarker: the loaded network.
        frames: full images, (H, W, 3) uint8 RGB.
    """
    points, visibility, presence = [], [], []
    box: Box | None = None
    for frame in frames:
        looks = [] if box is None else look_twice(landmarker, frame, box, STILL_PRESENT)
        if not looks:
            box = find_person(landmarker, frame)
            looks = [] if box is None else look_twice(landmarker, frame, box, STILL_PRESENT)
        look = looks[-1] if looks else None
        points.append(np.full((33, 2), np.nan) if look is None else look.points)
        visibility.append(np.zeros(33) if look is None else look.visibility)
        presence.append(0.0 if look is None else look.presence)
        box = None if look is None else around(look.points)
    shape = (len(points), len(BLAZEPOSE_33))
    return Track(
        np.array(points, np.float32).reshape(*shape, 2),
        np.array(visibility, np.float32).reshape(shape),
        np.array(presence, np.float32),
    )


def find_person(landmarker: Landmarker, frame: np.ndarray) -> Box | None:
    """Window around the largest person of an image (H, W, 3) uint8 RGB, or None.

    Square windows of 1, 0.7 and 0.5 times the image's longer side are laid over the image in steps of
    a quarter. Where the network detects a person, a second look centres the window on the landmarks. The
    recording's person is the one that fills most of the image.
    """
    height, width = frame.shape[:2]
    best, size = None, 0.0
    for scale in (1.0, 0.7, 0.5):
        side = scale * max(height, width)
        for y in _centres(height, side):
            for x in _centres(width, side):
                looks = look_twice(landmarker, frame, Box(x, y, side, 0.0), PRESENT)
                if not looks:
                    continue
                extent = looks[-1].box.side * float(looks[-1].visibility.mean())
                if extent > size:
                    best, size = around(looks[-1].points), extent
    return best


def track_videos(landmarker: Landmarker, videos: Mapping[str, Path]) -> dict[str, dict[str, np.ndarray]]:
    """Landmarks of the person in every camera's video of one recording.

    Returns:
        For each camera the arrays of its `Track`, `size` (2,) width and height in pixels, and `rate`,
        frames per second.

    Raises:
        DataError: a video is missing, damaged, or shows no person in any frame.
    """
    tracks = {}
    about = {name: probe(path) for name, path in videos.items()}
    tick = counter("frames", sum(info.frames for info in about.values()))
    for name, path in videos.items():
        info = about[name]
        track = follow(landmarker, _counted(path, info.frames, tick))
        if not (track.presence > 0).any():
            raise DataError(
                f"{path}: no person detected in {info.frames} frames",
                "check the video, or leave the camera out",
            )
        tracks[name] = track._asdict() | {
            "size": np.array([info.width, info.height]),
            "rate": np.array(info.rate),
        }
    return tracks


def _counted(path: Path, frames: int, tick: Callable[[], None]) -> Iterator[np.ndarray]:
    """The pictures of a video; `tick` is called after each."""
    for _, image in read_frames(path, range(frames)):
        yield image
        tick()


def write_tracks(path: str | Path, tracks: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Write the tracks of a recording as one npz; keys are `<camera>/<array>`."""
    arrays: dict[str, Any] = {
        f"{name}/{key}": value for name, track in tracks.items() for key, value in track.items()
    }
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)


def read_tracks(path: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Read what `write_tracks` wrote.

    Raises:
        DataError: the file is missing or damaged, or an array is missing, of another shape, or beyond
            its range.
    """
    again = f"snakemake -f {path}"
    tracks: dict[str, dict[str, np.ndarray]] = {}
    for entry, value in read_npz(read_file(path, "file of landmarks", again), str(path)).items():
        name, _, key = entry.rpartition("/")
        tracks.setdefault(name, {})[key] = value
    for name, track in tracks.items() or [("", {})]:
        fault = _fault(track)
        if fault:
            raise DataError(f"{path} is no file of landmarks: camera '{name:.40}': {fault}", again)
    return tracks


_ARRAYS: dict[str, tuple[tuple[int | None, ...], float, float]] = {
    "points_px": ((None, len(BLAZEPOSE_33), 2), -1e6, 1e6),
    "visibility": ((None, len(BLAZEPOSE_33)), -1e-3, 1.001),
    "presence": ((None,), -1e-3, 1.001),
    "size": ((2,), 1, 1e5),
    "rate": ((), 0, 1e5),
}
"""Arrays of a camera: shape (None: frames), smallest and largest number."""


def _fault(track: Mapping[str, Any]) -> str:
    """What is wrong with the arrays of one camera; empty if nothing is."""
    frames = np.size(track.get("presence", ()))
    for key, (dimensions, low, high) in _ARRAYS.items():
        value = np.asarray(track.get(key))
        shape = tuple(frames if size is None else size for size in dimensions)
        if value.dtype.kind not in "fiu" or value.shape != shape:
            kind = f"{value.dtype!s:.40} of shape {value.shape}"
            return f"'{key}' is {kind}, expected numbers of shape {shape}"
        known = value[~np.isnan(value)] if key == "points_px" else value  # NaN: nobody
        if not ((known >= low) & (known <= high)).all():
            return f"'{key}' is not between {low:g} and {high:g} throughout"
    return ""


def _centres(length: int, side: float) -> np.ndarray:
    """Centres of windows that cover 0..length in steps of a quarter side."""
    if side >= length:
        return np.array([(length - 1) / 2])
    count = int(np.ceil((length - side) / (side / 4))) + 1
    return np.linspace(side / 2, length - side / 2, count) - 0.5
