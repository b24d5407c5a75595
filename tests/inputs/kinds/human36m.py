"""Human3.6M in the official layout, from files to prepared frames."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from capture_scene import write_video
from project import ROOT

from inputs import raw, texts
from inputs.case import Case, Damage, Original, cases
from inputs.people import people
from jointreg import config
from jointreg.config.sequences import Work
from jointreg.datasets.human36m.files import read_pose
from jointreg.datasets.readers import open_dataset
from jointreg.datasets.video import read_frames
from jointreg.frames.prepare import prepare
from jointreg.skeleton import H36M_17_IN_32
from jointreg.synthetic.layout import write_cdf
from jointreg.synthetic.parameters import load_parameters
from jointreg.synthetic.rig import write_rig
from jointreg.synthetic.subject import write_subject

KIND = "Human3.6M, official layout"
FRAMES = 4
CAMERA = "54138969"
SEQUENCE = Work("S1", "Walking", ("1",), (CAMERA,), 0, -1, "train")
FEATURES = Path("S1/MyPoseFeatures")
WORLD = str(FEATURES / "D3_Positions/Walking.cdf")
MONO = str(FEATURES / f"D3_Positions_mono/Walking.{CAMERA}.cdf")
PIXELS = str(FEATURES / f"D2_Positions/Walking.{CAMERA}.cdf")
VIDEO = f"S1/Videos/Walking.{CAMERA}.mp4"


def write_official(folder: Path) -> None:
    """One take of one subject by one camera."""
    made, parameters = folder / "made", load_parameters(ROOT / "config/generator.yaml")
    write_rig(made, made / "truth", parameters, ["S1"], ["Walking"], ["1"], [CAMERA], seed=0)
    takes = {"Walking": ["1"]}
    write_subject("S1", made, made / "truth", parameters, takes, [CAMERA], FRAMES, 5.0, seed=0)
    shutil.move(made / "S1", folder / "S1")
    shutil.move(made / "metadata.xml", folder / "metadata.xml")
    shutil.rmtree(made)


def _world_only(folder: Path) -> None:
    """No second source of labels beside those in the room's frame."""
    write_official(folder)
    for other in (MONO, PIXELS):
        shutil.rmtree((folder / other).parent)


def read(folder: Path, note: Callable[[str], None]) -> Any:
    """What rule `prepare` makes of it."""
    settings = config.Dataset(
        source="human36m",
        root=str(folder),
        calibration=str(folder / "metadata.xml"),
        damaged="",
        skip_damaged=True,
    )
    recordings = open_dataset(settings).recordings(SEQUENCE)
    arrays, _ = prepare(recordings, config.Prepare(frame_step=1, margin_m=0.25))
    arrays["crops"] = arrays["crops"][:, ::16, ::16].astype(np.float32)
    return dict(arrays)


NAMED = ("take 1 camera", CAMERA, "S1: no copy of Human3.6M", "S1 Walking")
WHOLE = Original(KIND, "all labels", VIDEO, write_official, read, NAMED)
ALONE = Original(KIND, "labels of the room only", WORLD, _world_only, read, NAMED)


def _cdf(
    name: str, change: Callable[[np.ndarray], np.ndarray], right: str = "refused", untold: bool = False
) -> Damage:
    """Values (N, 32, 2 or 3) of a CDF file changed; others than (N, C) are written as they are."""

    def apply(path: Path, _: np.random.Generator) -> None:
        dimensions = 2 if "D2" in str(path) else 3
        pose = change(read_pose(path, dimensions))
        path.unlink()
        write_cdf(path, pose.reshape(len(pose), -1))

    return Damage(f"its labels {name}", apply, right, untold)


def _seventeen(
    name: str, change: Callable[[np.ndarray], np.ndarray], right: str = "refused", untold: bool = False
) -> Damage:
    """The 17 joints that are used changed, metres."""

    def edit(pose: np.ndarray) -> np.ndarray:
        joints = change(pose[:, H36M_17_IN_32] / 1000) * 1000
        if joints.shape[1:] != (17, 3):
            return joints
        changed = pose.copy()
        changed[:, H36M_17_IN_32] = joints
        return changed

    return _cdf(name, edit, "refused" if right == "noted" else right, untold)


def _set(row: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(pose: np.ndarray) -> np.ndarray:
        changed = pose.copy()
        changed[row, 6] = value
        return changed

    return change


LABELS = [
    _cdf("are in metres", lambda p: p / 1000),
    _cdf("are in centimetres", lambda p: p / 10),
    _cdf("are a thousand times larger", lambda p: p * 1000),
    _cdf("lack a frame", lambda p: p[:-1]),
    _cdf("have a frame more", lambda p: np.concatenate([p, p[-1:]])),
    _cdf("have 17 joints", lambda p: p[:, :17]),
    _cdf("have 33 joints", lambda p: np.concatenate([p, p[:, :1]], axis=1)),
    _cdf("have a joint that is not a number", _set(1, np.nan)),
    _cdf("have an infinite joint", _set(1, np.inf)),
    _cdf("have a joint of 1e30", _set(1, 1e30)),
    _cdf("have a joint of 1e300", _set(1, 1e300)),
    _cdf("are zero", lambda p: 0 * p),
    _cdf("are zero in a frame", lambda p: np.where(np.arange(len(p))[:, None, None] == 1, 0, p)),
    _cdf(
        "are in metres in a frame",
        lambda p: np.where(np.arange(len(p))[:, None, None] == 1, p / 1000, p),
    ),
    _cdf("are reversed", lambda p: p[:, ::-1]),
    _cdf("are shifted by a joint", lambda p: np.roll(p, 1, axis=1)),
    _cdf("lie elsewhere", lambda p: p + 300),
]
ALONE_UNTOLD = ("its labels lie elsewhere", "its labels lack a frame")
"""Only a second source of labels shows these."""
BACKWARD = [_cdf("run backward", lambda p: p[::-1], untold=True)]


def _metadata(
    name: str, change: Callable[[str], str], right: str = "refused", untold: bool = False
) -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        path.write_text(change(path.read_text()))

    return Damage(f"it {name}", apply, right, untold)


def _w0(
    name: str, change: Callable[[list[str]], list[str]], right: str = "refused", untold: bool = False
) -> Damage:
    """The 300 numbers changed, as words."""

    def edit(text: str) -> str:
        numbers = re.search(r"<w0>\[(.*?)\]</w0>", text, re.DOTALL)
        assert numbers
        return text.replace(numbers[0], f"<w0>[{' '.join(change(numbers[1].split()))}]</w0>")

    return _metadata(name, edit, right, untold)


def _number(at: int, change: Callable[[float], float | str]) -> Callable[[list[str]], list[str]]:
    def edit(words: list[str]) -> list[str]:
        words[at] = str(change(float(words[at])))
        return words

    return edit


LENS = {"fx": 264, "fy": 265, "cx": 266, "cy": 267, "k1": 268, "p1": 271}
PLACE = {"a": 0, "b": 1, "x": 3, "z": 5}
METADATA = [
    *(
        _w0(f"has {name} {key}", _number(at, change))
        for key, at in (LENS | PLACE).items()
        for name, change in (
            *(("not a number for", lambda v: "nan"), ("infinity for", lambda v: "inf")),
            *(("a word for", lambda v: "none"), ("a comma in", lambda v: f"{v:.3f}".replace(".", ","))),
            *(("1e30 for", lambda v: 1e30), ("1e300 for", lambda v: 1e300)),
        )
    ),
    *(
        _w0(f"has {name}", _number(LENS[key], change))
        for name, key, change in (
            *(("a negative focal length", "fx", lambda v: -v), ("no focal length", "fx", lambda v: 0.0)),
            *(
                ("a focal length in mm", "fx", lambda v: v / 1000),
                ("a focal length in m", "fy", lambda v: v * 1000),
            ),
            *(
                ("a centre outside", "cx", lambda v: v * 10),
                ("a negative centre", "cy", lambda v: -v * 3),
            ),
            *(("a lens of 1e6", "k1", lambda v: 1e6), ("a lens of 500", "p1", lambda v: 500.0)),
        )
    ),
    _w0(
        "has positions in metres",
        lambda w: [str(float(v) / 1000) if n % 6 > 2 and n < 264 else v for n, v in enumerate(w)],
    ),
    _w0(
        "has angles in degrees",
        lambda w: [str(np.degrees(float(v))) if n % 6 < 3 and n < 264 else v for n, v in enumerate(w)],
    ),
    _w0("has a position of the other sign", _number(5, lambda v: -v)),
    _w0("has a number less", lambda w: w[:-1]),
    _w0("has a number more", lambda w: [*w, "0"]),
    _w0("has the numbers reversed", lambda w: w[::-1]),
    _w0("has the cameras exchanged", lambda w: [*w[66:132], *w[:66], *w[132:]]),
    _w0("has no numbers", lambda w: []),
    _w0("has zeros", lambda w: ["0"] * len(w)),
    _metadata("has no w0", lambda t: re.sub(r"<w0>.*</w0>", "", t, flags=re.DOTALL)),
    _metadata("has no mapping", lambda t: re.sub(r"<mapping>.*</mapping>", "", t, flags=re.DOTALL)),
    _metadata(
        "has another name in its mapping", lambda t: t.replace("<td>Walking</td>", "<td>Running</td>")
    ),
    _metadata(
        "has a path in its mapping", lambda t: t.replace("<td>Walking</td>", "<td>../Walking</td>")
    ),
    _metadata(
        "has superscripts in its mapping", lambda t: t.replace("<td>14</td>", "<td>¹⁴</td>"), "noted"
    ),
    _metadata("has a superscript for a take", lambda t: t.replace("<td>1</td>", "<td>¹</td>"), "noted"),
    _metadata("has a strange subject", lambda t: t.replace("<td>S1</td>", "<td>S²</td>")),
    _metadata("has S1 twice", lambda t: t.replace("<td>S2</td>", "<td>S1</td>")),
    _metadata("has a doctype", lambda t: t.replace("<metadata>", "<!DOCTYPE metadata><metadata>")),
    _metadata(
        "has an entity", lambda t: t.replace("<metadata>", '<!DOCTYPE m [<!ENTITY a "b">]><metadata>')
    ),
    _metadata("has an unknown encoding", lambda t: re.sub("encoding='.*?'", "encoding='klingon'", t)),
    _metadata(
        "has an encoding of many bytes", lambda t: re.sub("encoding='.*?'", "encoding='euc-jp'", t)
    ),
    _metadata("has another encoding", lambda t: re.sub("encoding='.*?'", "encoding='utf-16'", t)),
    _metadata("lacks an end", lambda t: t.replace("</metadata>", "")),
    _metadata("has another root", lambda t: t.replace("metadata>", "other>"), "accepted"),
]


def _film(
    name: str,
    change: Callable[[np.ndarray], np.ndarray],
    rate: int = 5,
    right: str = "refused",
    untold: bool = False,
) -> Damage:
    """The pictures (N, H, W, 3) changed and encoded again."""

    def apply(path: Path, _: np.random.Generator) -> None:
        pictures = np.stack([picture for _, picture in read_frames(path, range(FRAMES))])
        path.unlink()
        write_video(path, np.ascontiguousarray(change(pictures)), rate)

    return Damage(f"the video {name}", apply, right, untold)


VIDEOS = [
    _film("is half as large", lambda p: p[:, :1000:2, ::2]),
    _film("is upright", lambda p: p[:, :, :500]),
    _film("is cut above", lambda p: p[:, 100:]),
    _film("lies on its side", lambda p: p.transpose(0, 2, 1, 3)[:, :, :1000], untold=True),
    _film("lacks a picture", lambda p: p[:-1]),
    _film("has one picture", lambda p: p[:1]),
    _film("is black", lambda p: 0 * p),
    _film("is upside down", lambda p: p[:, ::-1], untold=True),
    _film("is mirrored", lambda p: p[:, :, ::-1], untold=True),
    _film("runs backward", lambda p: p[::-1], untold=True),
    _film("has its colours exchanged", lambda p: p[..., ::-1], untold=True),
    _film(
        "is noise",
        lambda p: np.random.default_rng(1).integers(0, 255, p.shape).astype(np.uint8),
        untold=True,
    ),
]
LABELLED = {one.name for one in LABELS}
CUT = [*raw.whole(), *raw.cut()]
SHIFTS = ("more", "less", "text")
"""Endings of damages that move what is behind them: a CDF file then leads its reader astray."""
BYTES = [one for one in raw.flips(2, (0.6, 0.9)) if not one.name.endswith(SHIFTS)]
CASES: list[Case] = [
    *cases(WHOLE, [*CUT, *raw.ends(untold=True), *VIDEOS]),
    *cases(WHOLE, [one for one in raw.flips(2, (0.2, 0.8)) if "zeros" in one.name]),
    *cases(WHOLE, [*CUT, *raw.ends(), *BYTES, *LABELS, *BACKWARD], WORLD),
    *cases(WHOLE, [*raw.whole(optional=True), *raw.cut(), *LABELS], MONO),
    *cases(WHOLE, [*raw.whole(optional=True), *raw.cut(), *LABELS[3:]], PIXELS),
    *cases(WHOLE, [*CUT, *METADATA, *texts.letters(mark="accepted")], "metadata.xml"),
    *cases(ALONE, [replace(one, untold=one.name in ALONE_UNTOLD) for one in LABELS], WORLD),
    *cases(ALONE, [one for one in people(_seventeen) if one.name not in LABELLED], WORLD),
    *cases(ALONE, METADATA[36:50], "metadata.xml"),
]
