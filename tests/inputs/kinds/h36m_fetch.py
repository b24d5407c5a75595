"""Human3.6M as h36m-fetch leaves it: annotations and pictures."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np

from inputs import raw
from inputs.case import Case, Damage, Original, cases
from inputs.kinds.human36m import CAMERA, CUT, FRAMES, MONO, NAMED, PIXELS, VIDEO, read, write_official
from jointreg.datasets.human36m.files import read_pose
from jointreg.datasets.video import read_frames

KIND = "Human3.6M, h36m-fetch"
TAKE = "S1/Walking-1"
ANNOTATIONS = f"{TAKE}/annot.h5"
PICTURE = f"{TAKE}/imageSequence/{CAMERA}/img_000002.jpg"


def _fetch(folder: Path) -> None:
    """What h36m-fetch makes of it."""
    write_official(folder)
    (folder / PICTURE).parent.mkdir(parents=True)
    for frame, picture in read_frames(folder / VIDEO, range(FRAMES)):
        quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
        done, content = cv2.imencode(".jpg", picture[..., ::-1], quality)
        assert done
        (folder / PICTURE).with_name(f"img_{frame + 1:06d}.jpg").write_bytes(content.tobytes())
    with h5py.File(folder / ANNOTATIONS, "w") as file:
        file["pose/3d"] = read_pose(folder / MONO, 3)
        file["pose/2d"] = read_pose(folder / PIXELS, 2)
        file["camera"] = np.full(FRAMES, int(CAMERA))
        file["frame"] = np.arange(FRAMES) + 1
    for name in ("MyPoseFeatures", "Videos"):
        shutil.rmtree(folder / "S1" / name)


PICTURES = Original(KIND, "pictures", ANNOTATIONS, _fetch, read, NAMED)


def _annot(
    name: str, change: Callable[[h5py.File], None], right: str = "refused", untold: bool = False
) -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        with h5py.File(path, "r+") as file:
            change(file)

    return Damage(f"annot.h5 {name}", apply, right, untold)


def _replaced(key: str, change: Callable[[np.ndarray], Any]) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        value = change(np.asarray(file[key]))
        del file[key]
        file[key] = value

    return edit


def _dangling(key: str) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[key]
        file[key] = h5py.SoftLink("/nowhere")

    return edit


def _elsewhere(key: str) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[key]
        file[key] = h5py.ExternalLink("nowhere.h5", "/a")

    return edit


def _group(key: str) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[key]
        file.create_group(key)

    return edit


def _renamed(key: str) -> Callable[[h5py.File], None]:
    return lambda file: file.move(key, f"{key}_")


def _removed(key: str) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[key]

    return edit


def _empty(key: str) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[key]
        file.create_dataset(key, dtype="f8")

    return edit


KEYS = ("pose/3d", "pose/2d", "camera", "frame")
ANNOT = [
    *(
        _annot(f"has {key} {name}", change(key))
        for key in KEYS
        for name, change in (
            *(("missing", _removed), ("misspelt", _renamed), ("a group", _group)),
            *(
                ("a link to nothing", _dangling),
                ("a link to another file", _elsewhere),
                ("without values", _empty),
            ),
        )
    ),
    *(
        _annot(f"has {key} {name}", _replaced(key, change))
        for key in KEYS
        for name, change in (
            *(("shorter", lambda v: v[:-1]), ("longer", lambda v: np.concatenate([v, v[-1:]]))),
            *(
                ("of no rows", lambda v: v[:0]),
                ("one number", lambda v: 3.0),
                ("flat", lambda v: np.repeat(v.ravel(), 2)),
            ),
            *(
                ("with an axis more", lambda v: v[None]),
                ("text", lambda v: "none"),
                ("texts", lambda v: np.full(len(v), b"none")),
            ),
            *(("yes and no", lambda v: v > 0), ("complex", lambda v: v.astype(complex))),
            *(
                ("not a number", lambda v: v * np.nan),
                ("infinite", lambda v: v * np.inf),
                ("1e30", lambda v: v * 0 + 1e30),
            ),
            *(("zero", lambda v: v * 0), ("of the other sign", lambda v: -v.astype(float))),
        )
    ),
    _annot("has frames counted from zero", _replaced("frame", lambda v: v - 1)),
    _annot("has a frame twice", _replaced("frame", lambda v: np.where(v == 2, 1, v))),
    _annot("has a frame of fractions", _replaced("frame", lambda v: v + 0.5)),
    _annot("has frames reversed", _replaced("frame", lambda v: v[::-1]), untold=True),
    _annot("has another camera", _replaced("camera", lambda v: v + 1)),
    _annot(
        "has its rows reversed",
        lambda f: [_replaced(key, lambda v: v[::-1])(f) for key in KEYS] and None,
        "accepted",
    ),
    _annot("has labels in metres", _replaced("pose/3d", lambda v: v / 1000)),
    _annot("has labels in centimetres", _replaced("pose/3d", lambda v: v / 10)),
    _annot(
        "has labels in metres in a row",
        _replaced("pose/3d", lambda v: np.where(np.arange(len(v))[:, None, None] == 1, v / 1000, v)),
    ),
    _annot("has 17 joints", _replaced("pose/3d", lambda v: v[:, :17])),
    _annot("has labels reversed", _replaced("pose/3d", lambda v: v[:, ::-1])),
    _annot("has labels of the scaled skeleton", _replaced("pose/3d", lambda v: v * 0.9), untold=True),
    _annot("has pixels of half the size", _replaced("pose/2d", lambda v: v / 2)),
    _annot("has x and y of pixels exchanged", _replaced("pose/2d", lambda v: v[..., ::-1])),
    _annot("has labels in float32", _replaced("pose/3d", lambda v: v.astype(np.float32)), "accepted"),
]


def _shot(
    name: str, change: Callable[[np.ndarray], np.ndarray], right: str = "refused", untold: bool = False
) -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        picture = cv2.imread(str(path))
        done, content = cv2.imencode(".jpg", change(picture), [cv2.IMWRITE_JPEG_QUALITY, 92])
        assert done
        path.write_bytes(content.tobytes())

    return Damage(f"a picture {name}", apply, right, untold)


def _twin(path: Path, _: np.random.Generator) -> None:
    shutil.copy(path.with_name("img_000003.jpg"), path)


def _upper(path: Path, _: np.random.Generator) -> None:
    path.rename(path.with_suffix(".JPG"))


SHOTS = [
    _shot("is half as large", lambda p: p[::2, ::2]),
    _shot("is cut above", lambda p: p[100:]),
    _shot("lies on its side", lambda p: np.rot90(p)),
    _shot("is black", lambda p: 0 * p, untold=True),
    _shot("is grey", lambda p: p.mean(axis=2).astype(np.uint8), untold=True),
    Damage("a picture is that of another frame", _twin, untold=True),
    Damage("a picture has capitals in its suffix", _upper),
]
CASES: list[Case] = [
    *cases(PICTURES, [*CUT, *raw.ends()[:1], *ANNOT]),
    *cases(PICTURES, [*CUT, *SHOTS], PICTURE),
]
