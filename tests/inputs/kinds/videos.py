"""Calibrated videos: their labels and the films."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from capture_scene import write_video
from room import SIZE

from inputs import raw
from inputs.case import Case, Damage, cases
from inputs.containers import KINDS, NPZ, NUMBERS, SHAPES, entries, entry, keys_of, tables
from inputs.kinds.calibrations import BYTES, FRAMES, JSON_FILE, LABELS, VIDEO
from inputs.people import people
from jointreg.datasets.video import read_frames


def _joints(
    name: str, change: Callable[[np.ndarray], np.ndarray], right: str = "refused", untold: bool = False
) -> Damage:
    return entry(NPZ, name, "joints_world", change, right, untold)


def _lacking(joint: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(joints: np.ndarray) -> np.ndarray:
        changed = joints.copy()
        changed[2, joint] = np.nan
        return changed

    return change


WORLD = [
    _joints("are upside down", lambda j: j * [1, -1, -1]),
    _joints("are y up", lambda j: j[..., [0, 2, 1]] * [1, 1, -1], untold=True),
    _joints("have the axes turned", lambda j: j[..., [2, 0, 1]], untold=True),
    _joints("lie elsewhere", lambda j: np.add(j, [0.5, 0.2, 0.0]), untold=True),
    _joints("lie behind a camera", lambda j: np.add(j, [9.0, 3.0, 0.0])),
    _joints("run backward", lambda j: j[::-1], untold=True),
    _joints("lack a frame", lambda j: j[:-1], untold=True),
    _joints("have more frames than the video", lambda j: np.concatenate([j, j])),
    _joints("lack a wrist in a moment", _lacking(13), "noted"),
    _joints("lack a pelvis in a moment", _lacking(0), "noted"),
    _joints("are float32", lambda j: j.astype(np.float32), "accepted"),
]
OFFSETS = (
    [
        entry(NPZ, f"are {name}", "frame_offsets", change)
        for name, change in (
            *(
                ("negative", lambda o: -o),
                ("fractions", lambda o: o + 0.5),
                ("not numbers", lambda o: o * np.nan),
            ),
            *(
                ("infinite", lambda o: o + np.inf),
                ("1e30", lambda o: o + 1e30),
                ("text", lambda o: o.astype(str)),
            ),
            *(
                ("words", lambda o: np.array(["a", "b"])),
                ("fewer", lambda o: o[:1]),
                ("more", lambda o: np.append(o, 1)),
            ),
            *(
                ("in two columns", lambda o: np.stack([o, o])),
                ("beyond the video", lambda o: o + 50),
                ("one", lambda o: np.array(2)),
            ),
            *(
                ("yes and no", lambda o: o > 0),
                ("objects", lambda o: o.astype(object)),
                ("complex", lambda o: o.astype(complex)),
            ),
        )
    ]
    + [
        entry(NPZ, f"are {name}", "cameras", change)
        for name, change in (
            *(
                ("others", lambda c: np.array(["front", "back"])),
                ("alike", lambda c: np.array(["left", "left"])),
            ),
            *(
                ("fewer", lambda c: c[:1]),
                ("numbers", lambda c: np.arange(2)),
                ("in capitals", np.char.upper),
            ),
            *(
                ("objects", lambda c: c.astype(object)),
                ("bytes", lambda c: c.astype("S")),
                ("a table", lambda c: np.array({"a": 1})),
            ),
        )
    ]
    + [entry(NPZ, "are exchanged", "cameras", lambda c: c[::-1])]
)


def _movie(
    name: str, change: Callable[[np.ndarray], np.ndarray], right: str = "refused", untold: bool = False
) -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        pictures = np.stack([picture for _, picture in read_frames(path, range(FRAMES))])
        path.unlink()
        write_video(path, np.ascontiguousarray(change(pictures)))

    return Damage(f"the video {name}", apply, right, untold)


def _container(suffix: str, codec: str) -> Callable[..., None]:
    """The pictures in another container and encoding, under the same name."""

    def apply(path: Path, _: np.random.Generator) -> None:
        pictures = [picture for _, picture in read_frames(path, range(FRAMES))]
        other = path.with_suffix(suffix)
        with av.open(str(other), "w") as container:
            stream = container.add_stream(codec, rate=Fraction(25))
            stream.width, stream.height = SIZE
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        path.unlink()
        other.rename(path)

    return apply


def _sound(path: Path, _: np.random.Generator) -> None:
    """A file with a sound track only."""
    path.unlink()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _suffix(path: Path, _: np.random.Generator) -> None:
    path.rename(path.with_suffix(".MP4"))


MOVIES = [
    _movie("is half as large", lambda p: p[:, ::2, ::2], untold=True),
    _movie("is upright", lambda p: p.transpose(0, 2, 1, 3)),
    _movie("is square", lambda p: p[:, :, 40:280]),
    _movie("is cut below", lambda p: p[:, :180], "noted"),
    _movie("has bars", lambda p: np.pad(p, ((0, 0), (20, 20), (0, 0), (0, 0))), "noted"),
    _movie("lacks a picture", lambda p: p[:-1]),
    _movie("has one picture", lambda p: p[:1]),
    _movie("has a picture more", lambda p: np.concatenate([p, p[-1:]]), untold=True),
    _movie("is black", lambda p: 0 * p),
    _movie("runs backward", lambda p: p[::-1], untold=True),
    _movie("is mirrored", lambda p: p[:, :, ::-1], untold=True),
    _movie("is upside down", lambda p: p[:, ::-1], untold=True),
    Damage("the video is a sound track", _sound),
    Damage("the video has capitals in its suffix", _suffix),
    Damage("the video is Motion JPEG in AVI", _container(".avi", "mjpeg"), untold=True),
    Damage("the video is Matroska", _container(".mkv", "libx264"), untold=True),
]


BLOCKS = [one for one in raw.flips(1, (0.3, 0.8)) if "zeros" in one.name or "exchanged" in one.name]
CASES: list[Case] = [
    *cases(JSON_FILE, [*BYTES, *raw.ends(), *raw.flips(4, untold=False), *tables(NPZ)], LABELS),
    *cases(JSON_FILE, [*people(_joints), *WORLD, *OFFSETS], LABELS),
    *cases(
        JSON_FILE,
        keys_of(NPZ, ["joints_world", "cameras", "frame_offsets", "about"], optional=["about"]),
        LABELS,
    ),
    *cases(
        JSON_FILE,
        entries(
            NPZ,
            ["joints_world"],
            SHAPES | KINDS | NUMBERS,
            untold=["without its last row"],
            noted=["not a number in one place", "infinite in one place"],
        ),
        LABELS,
    ),
    *cases(JSON_FILE, [*BYTES, *raw.ends(untold=True), *BLOCKS, *MOVIES], VIDEO),
]
