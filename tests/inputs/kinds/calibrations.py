"""Calibrated videos: the scene, and calibrations of several systems."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from capture_scene import write_video
from room import NAMES, SIZE, room_cameras, write_qualisys

from inputs import raw, texts
from inputs.case import Case, Damage, Original, cases
from jointreg import config
from jointreg.config.sequences import Work
from jointreg.datasets.readers import open_dataset
from jointreg.frames.prepare import prepare
from jointreg.geometry import rotations as so3
from jointreg.skeleton import H36M_17

KIND = "calibrated videos"
FRAMES = 6
VIDEO = "walk/left.mp4"
LABELS = "walk/labels.npz"
HEIGHTS = (
    *(0.95, 0.93, 0.5, 0.08, 0.93, 0.5, 0.08, 1.2, 1.45),
    *(1.55, 1.7, 1.4, 1.15, 0.9, 1.4, 1.15, 0.9),
)
ACROSS = (0, 1, 1, 1, -1, -1, -1, 0, 0, 0, 0, 1.5, 1.6, 1.6, -1.5, -1.6, -1.6)
"""A standing person of 17 joints: height above the floor, metres, and place to the left, in 12 cm."""


def person() -> np.ndarray:
    """The person walks along x, knees bent and nose ahead, (N, 17, 3) metres, z up."""
    joints = np.zeros((17, 3))
    joints[:, 2], joints[:, 1] = np.array(HEIGHTS) - 0.9, 0.12 * np.array(ACROSS)
    for name, ahead in (("nose", 0.1), ("left_knee", 0.05), ("right_knee", 0.05)):
        joints[H36M_17.index(name), 0] += ahead
    return joints + 0.05 * np.arange(FRAMES)[:, None, None] * [1, 0, 0]


def table(unit: float = 1.0) -> dict[str, Any]:
    """The cameras as OpenCV's functions take them."""
    return {
        name: {
            "name": name,
            "size": list(camera.size),
            "matrix": camera.intrinsics.tolist(),
            "distortions": camera.distortion.tolist(),
            "rotation": so3.to_axis_angle(camera.rotation).tolist(),
            "translation": (unit * camera.translation).tolist(),
        }
        for name, camera in room_cameras().items()
    }


def _json(folder: Path) -> None:
    content = {"unit": "mm", "metadata": {"error": 0.1}, **table(1000.0)}
    (folder / "room.json").write_text(json.dumps(content, indent=1))


def _toml(folder: Path) -> None:
    lines = []
    for name, entry in table().items():
        lines += [f"[cam_{name}]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items()), ""]
    (folder / "room.toml").write_text("\n".join([*lines, "[metadata]", "error = 0.1", ""]))


def _qualisys(folder: Path) -> None:
    write_qualisys(folder / "room.qca.txt", room_cameras())


def _easymocap(folder: Path) -> None:
    """intri.yml and extri.yml as OpenCV's FileStorage writes them."""
    head = "%YAML:1.0\n---\nnames:\n" + "".join(f'   - "{name}"\n' for name in NAMES)
    files = {"intri.yml": head, "extri.yml": head}
    for name, camera in room_cameras().items():
        files["intri.yml"] += _opencv_matrix(f"K_{name}", camera.intrinsics)
        files["intri.yml"] += _opencv_matrix(f"dist_{name}", camera.distortion[None])
        files["intri.yml"] += f"H_{name}: {camera.size[1]}\nW_{name}: {camera.size[0]}\n"
        vector = so3.to_axis_angle(camera.rotation)
        files["extri.yml"] += _opencv_matrix(f"R_{name}", vector[:, None])
        files["extri.yml"] += _opencv_matrix(f"Rot_{name}", camera.rotation)
        files["extri.yml"] += _opencv_matrix(f"T_{name}", camera.translation[:, None])
    for name, text in files.items():
        (folder / name).write_text(text)


def _opencv_matrix(name: str, matrix: np.ndarray) -> str:
    rows, columns = matrix.shape
    numbers = ", ".join(map(str, matrix.ravel().tolist()))
    lines = ["!!opencv-matrix", f"rows: {rows}", f"cols: {columns}", "dt: d", f"data: [ {numbers} ]"]
    return f"{name}: " + "\n   ".join(lines) + "\n"


def _film(folder: Path) -> None:
    """Both videos and the labels; the right video begins two frames earlier."""
    joints, column_row = person(), np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    for name, before in zip(NAMES, (0, 2), strict=True):
        camera = room_cameras()[name]
        places = camera.project(camera.from_world(joints[:, 9]))
        pictures = []
        for x, y in [*np.repeat([[5.0, 5.0]], before, axis=0), *places]:
            away = (column_row[0] - x) ** 2 + (column_row[1] - y) ** 2
            grey = 20 + 220 * np.exp(-away / 32)
            pictures.append(np.repeat(grey[..., None], 3, axis=2).astype(np.uint8))
        write_video(folder / "walk" / f"{name}.mp4", np.stack(pictures))
    offsets = {"cameras": np.array(NAMES), "frame_offsets": np.array([0, 2])}
    np.savez(folder / LABELS, joints_world=joints, about="planted", **offsets)


def _original(what: str, calibration: str, write: Callable[[Path], None]) -> Original:
    def make(folder: Path) -> None:
        write(folder)
        _film(folder)

    def read(folder: Path, note: Callable[[str], None]) -> Any:
        settings = config.Dataset(
            source="multiview",
            root=str(folder),
            calibration=str(folder / calibration),
            damaged="",
            skip_damaged=True,
        )
        sequence = Work("P1", "Walking", ("walk",), NAMES, 0, -1, "train")
        recordings = open_dataset(settings).recordings(sequence)
        arrays, _ = prepare(recordings, config.Prepare(frame_step=1, margin_m=0.25))
        arrays["crops"] = arrays["crops"][:, ::16, ::16].astype(np.float32)
        return dict(arrays)

    return Original(KIND, what, calibration, make, read, named=("take walk", "walk", calibration))


JSON_FILE = _original("JSON", "room.json", _json)
TOML_FILE = _original("TOML", "room.toml", _toml)
QUALISYS = _original("Qualisys", "room.qca.txt", _qualisys)
EASYMOCAP = _original("EasyMocap", "intri.yml", _easymocap)


def _camera(
    name: str, change: Callable[[dict[str, Any]], Any], right: str = "refused", untold: bool = False
) -> Damage:
    """The left camera changed."""
    return texts.changed(texts.JSON, f"the left camera {name}", "left", change, right, untold)


def _with(key: str, change: Callable[[np.ndarray], Any]) -> Callable[[dict[str, Any]], Any]:
    def edit(entry: dict[str, Any]) -> dict[str, Any]:
        value = change(np.array(entry[key]))
        return entry | {key: value.tolist() if isinstance(value, np.ndarray) else value}

    return edit


def _put(key: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda entry: entry | {key: value}


def _k(row: int, column: int, value: float) -> Callable[[dict[str, Any]], Any]:
    def change(matrix: np.ndarray) -> np.ndarray:
        matrix[row, column] = value
        return matrix

    return _with("matrix", change)


OTHER_UNIT = [
    texts.changed(texts.JSON, "is in unit m that is mm", "unit", lambda _: "m"),
    texts.changed(texts.JSON, "is in unit cm that is mm", "unit", lambda _: "cm", untold=True),
]
PLACES = [
    _camera("has its matrix transposed", _with("matrix", lambda m: m.T)),
    _camera("has 0 below right", _k(2, 2, 0.0)),
    _camera("has 2 below right", _k(2, 2, 2.0)),
    _camera("has a number below", _k(2, 0, 5.0)),
    _camera(
        "has a matrix in image units", _with("matrix", lambda m: np.diag([1 / 320, 1 / 240, 1]) @ m)
    ),
    _camera("has a negative focal length", _k(0, 0, -300.0)),
    _camera("has no focal length", _k(1, 1, 0.0)),
    _camera("has a focal length of 1e300", _k(0, 0, 1e300)),
    _camera("has a focal length of 1e5", _k(0, 0, 1e5)),
    _camera("has a focal length of 3", _k(0, 0, 3.0)),
    _camera("has skew", _k(0, 1, 0.5), untold=True),
    _camera("has its centre outside", _k(0, 2, 900.0)),
    _camera("has its centre at 1e9", _k(1, 2, 1e9)),
    _camera("has its centre exchanged", lambda e: _k(0, 2, 118.25)(_k(1, 2, 160.5)(e)), untold=True),
    _camera("has its rotation in degrees", _with("rotation", np.degrees)),
    _camera("has its rotation negated", _with("rotation", lambda r: -r), untold=True),
    _camera("has a matrix for its rotation", _with("rotation", so3.from_axis_angle), "accepted"),
    _camera(
        "has a mirrored rotation",
        _with("rotation", lambda r: np.diag([1, 1, -1]) @ so3.from_axis_angle(r)),
    ),
    _camera("has a scaled rotation", _with("rotation", lambda r: 1.1 * so3.from_axis_angle(r))),
    _camera(
        "has its rotation transposed", _with("rotation", lambda r: so3.from_axis_angle(r).T), untold=True
    ),
    _camera("has no rotation", _with("rotation", lambda r: np.eye(3)), untold=True),
    _camera("has its translation negated", _with("translation", lambda t: -t)),
    _camera("has no translation", _with("translation", lambda t: 0 * t)),
    _camera("has its translation in m", _with("translation", lambda t: t / 1000)),
    _camera("has its translation in feet", _with("translation", lambda t: t / 304.8)),
    _camera(
        "has its place for its translation",
        lambda e: _with("translation", lambda t: -so3.from_axis_angle(np.array(e["rotation"])).T @ t)(e),
        untold=True,
    ),
    _camera("has its size exchanged", _put("size", [240, 320])),
    _camera("has half its size", _put("size", [160, 120]), untold=True),
    _camera("is square", _put("size", [320, 320])),
    _camera("has a size of 1", _put("size", [1, 1])),
    _camera("has a size of 1e6", _put("size", [10**6, 10**6])),
    _camera("has a size of fractions", _put("size", [320.5, 240])),
    _camera("has a distortion of 1e6", _with("distortions", lambda d: d + 1e6)),
    _camera(
        "has a distortion of 50",
        _with("distortions", lambda d: np.array([50.0, 0, 0, 0, 0])),
        untold=True,
    ),
    _camera("has three distortions", _with("distortions", lambda d: d[:3])),
    _camera("has six distortions", _with("distortions", lambda d: np.append(d, 0.0))),
    _camera("has four distortions", _with("distortions", lambda d: d[:4]), "accepted"),
    _camera("has distortions in two rows", _with("distortions", lambda d: d[None]), "accepted"),
    _camera("has true for a distortion", _put("distortions", [True, 0, 0, 0, 0])),
    _camera("is of a fisheye model", _put("model", "fisheye"), untold=True),
    _camera("is of an unknown model", _put("model", "mirror ball")),
    _camera("has a unit of its own", _put("unit", "m")),
    _camera("has two names for its matrix", lambda e: e | {"K": e["matrix"]}),
    _camera("has the other's name", _put("name", "right")),
    _camera("has another name", _put("name", "front")),
    _camera("is marked to be ignored", _put("ignore", True)),
    _camera("is cropped", _put("crop", [0, 0, 10, 10])),
    _camera("has a key that nobody knows", _put("strange", 3), "noted"),
    _camera("is a list", lambda e: list(e.values())),
    texts.changed(
        texts.JSON,
        "has the cameras' places exchanged",
        "left",
        lambda e: e | {k: table(1000.0)["right"][k] for k in ("rotation", "translation")},
        untold=True,
    ),
]
FIELDS = [f"left.{key}" for key in ("size", "matrix", "distortions", "rotation", "translation")]


def _qca(name: str, old: str, new: str, right: str = "refused", untold: bool = False) -> Damage:
    import re

    def apply(path: Path, _: np.random.Generator) -> None:
        text = path.read_text()
        changed = re.sub(old, new, text, count=1, flags=re.DOTALL)
        assert changed != text, name
        path.write_text(changed)

    return Damage(f"it {name}", apply, right, untold)


XML = [
    *(
        _qca(f"has {name} {key}", rf'\b{key}="[^"]*"', f'{key}="{value}"')
        for key in ("focalLengthU", "centerPointV", "radialDistortion1", "r11", "x", "right")
        for name, value in (
            *(("not a number for", "nan"), ("infinity for", "inf"), ("a word for", "none")),
            *(("nothing for", ""), ("1e300 for", "1e300"), ("a comma in", "1,5")),
        )
    ),
    *(
        _qca(f"lacks {key}", rf'\b{key}="[^"]*"', "")
        for key in ("serial", "focalLengthU", "centerPointV", "radialDistortion1", "r11", "x", "right")
    ),
    *(_qca(f"lacks {tag}", rf"<{tag} [^>]*/>", "") for tag in ("fov_video", "transform", "intrinsic")),
    _qca("has a serial twice", 'serial="left"', 'serial="right"'),
    _qca("has a camera that is not active", 'active="1"', 'active="0"'),
    _qca("has a negative focal length", 'focalLengthU="', 'focalLengthU="-'),
    _qca("has a mirrored rotation", 'r11="', 'r11="-', untold=False),
    _qca("has a doctype", "<calibration>", "<!DOCTYPE c><calibration>"),
    _qca(
        "has an unknown encoding",
        "<calibration>",
        "<?xml version='1.0' encoding='klingon'?><calibration>",
    ),
    _qca("has another root", r"<calibration>(.*)</calibration>", r"<other>\1</other>", "accepted"),
    _qca("has no cameras", r"<cameras>.*</cameras>", "<cameras/>"),
    _qca("lacks its end", "</calibration>", ""),
]


def _lines(name: str, old: str, new: str, right: str = "refused", untold: bool = False) -> Damage:
    """The first match of a pattern in the lines of EasyMocap's files."""
    return _qca(name, old, new, right, untold)


def _entry(key: str, name: str, numbers: str, **answers: Any) -> Damage:
    """Other numbers in the left camera's matrix."""
    return _lines(
        f"{key} {name}", rf"({key}_left: .*?data: )\[[^]]*\]", rf"\g<1>[ {numbers} ]", **answers
    )


def _of_opencv(keys: tuple[str, ...], size: dict[str, int]) -> list[Damage]:
    damages = []
    for key in keys:
        damages += [
            _entry(key, f"has {name}", ", ".join([number] * size[key]))
            for name, number in (
                *(("no numbers but nan", ".nan"), ("no numbers but NaN", "nan"), ("infinity", ".inf")),
                *(("words", "none"), ("1e300", "1e300"), ("lists", "[1, 2]"), ("tables", "{a: 1}")),
                ("empty words", '""'),
            )
        ]
        damages += [
            _entry(key, "has no numbers", ""),
            _entry(key, "has a number more", ", ".join(["0.1"] * (size[key] + 1))),
            _lines(f"{key} is missing", rf"{key}_left: ", f"{key}_left2: "),
            _lines(f"{key} is a number", rf"({key}_left: ).*?\]", r"\g<1>3"),
            _lines(f"{key} is a word", rf"({key}_left: ).*?\]", r"\g<1>none"),
            _lines(f"{key} is of another camera", rf"{key}_left: ", f"{key}_right: "),
            _lines(f"{key} has no rows", rf"({key}_left: .*?)rows: \d+", r"\g<1>row: 3"),
            _lines(f"{key} has words for rows", rf"({key}_left: .*?)rows: \d+", r"\g<1>rows: many"),
            _lines(f"{key} has other rows", rf"({key}_left: .*?)rows: \d+", r"\g<1>rows: 7"),
            _lines(f"{key} has huge rows", rf"({key}_left: .*?)rows: \d+", rf"\g<1>rows: {10**30}"),
        ]
    return damages


INTRINSIC = [
    *_of_opencv(("K", "dist"), {"K": 9, "dist": 5}),
    _entry("K", "is one", "1, 0, 0, 0, 1, 0, 0, 0, 1"),
    _entry("K", "is transposed", "300, 0, 0, 0, 301, 0, 160.5, 118.25, 1"),
    _entry("K", "has its centre outside", "300, 0, 900, 0, 301, 118, 0, 0, 1"),
    _entry("dist", "is huge", "1e6, 0, 0, 0, 0"),
    _lines("W is missing", r"W_left: 320\n", ""),
    _lines("W is a word", r"W_left: 320", "W_left: wide"),
    _lines("W is huge", r"W_left: 320", "W_left: 1e300"),
    _lines("W is not a number", r"W_left: 320", "W_left: .nan"),
    _lines("W and H are exchanged", r"H_left: 240\nW_left: 320", r"H_left: 320\nW_left: 240"),
    _lines("W is a list", r"W_left: 320", "W_left: [320]"),
    _lines("has a key that nobody knows", r"\nK_left", r"\nstrange: 3\nK_left", "noted"),
    _lines("has the key K twice", r"\nK_left", r"\nK_left: 3\nK_left"),
    _lines("has a camera less", r'   - "left"\n', "", "accepted"),
    _lines("has a camera more", r'   - "left"\n', r'   - "left"\n   - "top"\n', "noted"),
]
EXTRINSIC = [
    *_of_opencv(("R", "Rot", "T"), {"R": 3, "Rot": 9, "T": 3}),
    _entry("R", "is another turn", "0.1, 0.2, 0.3"),
    _entry("R", "is in degrees", "90, 10, 20"),
    _entry("Rot", "is mirrored", "-1, 0, 0, 0, 1, 0, 0, 0, 1"),
    _entry("T", "is in millimetres", "100, 1200, 4000"),
    _entry("T", "is nothing", "0, 0, 0"),
    _lines("has a camera less", r'   - "left"\n', ""),
    _lines("has a camera more", r'   - "left"\n', r'   - "left"\n   - "top"\n'),
    _lines("has a camera twice", r'   - "left"\n', r'   - "left"\n   - "left"\n'),
    _lines("has a camera without a name", r'   - "left"\n', r'   - ""\n'),
    _lines("has a list for a camera", r'   - "left"\n', r"   - [left]\n"),
    _lines("has no list of cameras", r"names:", "cameras:"),
    _lines("has a number of cameras", r'names:\n   - "left"\n   - "right"\n', r"names: 2\n"),
    _lines("has an anchor in it", r"names:", "names: &all"),
    _lines("refers to what is not there", r"rows: 3", "rows: *nothing"),
    _lines("has a tag of Python", r"!!opencv-matrix", "!!python/object/apply:print"),
    _lines("has no head", r"%YAML:1.0\n---\n", "", "accepted"),
]
OPENCV_TEXT = [one for one in texts.letters(comment="# ") if "in the middle" not in one.name]


BYTES = [*raw.whole(), *raw.cut()]
CASES: list[Case] = [
    *cases(JSON_FILE, [*BYTES, *texts.letters(), *texts.trees(texts.JSON), *PLACES, *OTHER_UNIT]),
    *cases(JSON_FILE, texts.values(texts.JSON, FIELDS)),
    *cases(JSON_FILE, texts.values(texts.JSON, ["unit", "left"])),
    *cases(
        JSON_FILE,
        texts.values(
            texts.JSON,
            ["left.matrix.0", "left.matrix.0.0", "left.size.0", "left.distortions.0"],
            untold=[
                "left.distortions.0 is missing",
                "left.distortions.0 is a number",
                "left.distortions.0 is a fraction",
                "left.distortions.0 is negative",
                "left.distortions.0 is tiny",
            ],
        ),
    ),
    *cases(TOML_FILE, [*BYTES, *texts.letters(comment="#")]),
    *cases(QUALISYS, [*BYTES, *texts.letters(), *XML]),
    *cases(EASYMOCAP, [*BYTES, *OPENCV_TEXT, *INTRINSIC]),
    *cases(EASYMOCAP, [*BYTES, *OPENCV_TEXT, *EXTRINSIC], "extri.yml"),
]
