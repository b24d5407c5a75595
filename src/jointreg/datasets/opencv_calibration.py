"""Calibrations in OpenCV's conventions, JSON or TOML: Anipose, FreeMoCap, Pose2Sim, Caliscope, Panoptic.

VoxelPose's files of Shelf and Campus are brought to these conventions.

A key that changes what the numbers mean is used, or the file is refused by its name. Keys of no meaning
to a projection are passed over; others are printed as not used.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.errors import DataError
from jointreg.geometry import rotations as so3
from jointreg.geometry.camera import SIZE_OF_VIDEO, Camera

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
"""Metres in each unit that a calibration may name as `unit`."""

OTHER_NAMES = {
    "resolution": "size",
    "image_size": "size",
    "K": "matrix",
    "intrinsics": "matrix",
    "camera_matrix": "matrix",
    "distCoef": "distortions",
    "distortion": "distortions",
    "dist_coeffs": "distortions",
    "R": "rotation",
    "t": "translation",
    "units": "unit",
}
"""Names of a key in other tools -> ours."""

MODELS = {
    "pinhole": False,
    "perspective": False,
    "opencv": False,
    "full_opencv": False,
    "brown": False,
    "radtan": False,
    "plumb_bob": False,
    "rational_polynomial": False,
    "fisheye": True,
    "opencv_fisheye": True,
    "equidistant": True,
    "kannala_brandt": True,
}
"""Names of lens models, in small letters -> whether it is OpenCV's fisheye model."""

_MODEL_KEYS = ("model", "camera_model", "distortion_model", "lens_model", "lens", "projection")
_USED = ("name", "size", "matrix", "distortions", "rotation", "translation", "fisheye", "unit", "ignore")
_MEANINGLESS = (
    *("error", "grid_count", "port", "cam_id", "exposure", "verified_resolutions", "serial", "about"),
    "rotation_count",  # Caliscope turns pictures to find people in them; points are in the stored ones
    *("type", "panel", "node", "comment", "fps", "index", "id", "board", "date", "rms", "rmse"),
)
_NOT_KNOWN = ("xi", "flip", "mirror", "crop", "roi", "camera_to_world", "convention")
"""Keys that change what the numbers mean, and are not supported; 0 and false are no change."""

VOXELPOSE = ("R", "T", "fx", "fy", "cx", "cy", "k", "p")
"""Keys of a camera in VoxelPose's files: X_cam = R (X - T) in millimetres, k1 k2 k3, p1 p2; no size."""

_PASSED_OVER = ("metadata", "calibDataSource")
_NO_SIZE = "size of the video"
"""Marks a camera of a form that has no sizes."""
_HOW_TO = "docs/own_data.md lists the formats that are read"


def read_opencv(path: Path) -> dict[str, Camera]:
    """Cameras by name, metres.

    A table (or a list with names) of cameras, at the top of the file or under `cameras`. Each has `size`
    [width, height] px, `matrix` 3x3, `distortions` (4, 5, 8 or 12 numbers in OpenCV's order; 14 with a
    sensor that is not tilted), `rotation` (3x3, or a Rodrigues vector) and `translation`,
    X_cam = R X + t. `name` overrides the table's key. `fisheye = true`: OpenCV's fisheye model with 4
    numbers. `unit` (m, cm, mm) beside the cameras is that of the translations; without it they are
    metres, in Panoptic's files centimetres. Keys `VOXELPOSE` are read as they are meant.

    Raises:
        DataError: malformed, two cameras of one name, or a camera that is incomplete or of a kind that
            is not supported.
    """
    content = _content(path)
    top: dict[str, Any] = dict(content) if isinstance(content, dict) else {}
    if {"intrinsics", "extrinsics"} <= set(top):
        raise DataError(
            f"calibration {path} has intrinsics and extrinsics in tables of their own",
            "for Human3.6M use metadata.xml; else write one table a camera: docs/own_data.md",
        )
    unit: Any = None
    about = top.get("metadata")
    for table in (top, about if isinstance(about, dict) else {}):  # where an appended line ends up
        unit = next((table.pop(key) for key in ("unit", "units") if key in table), unit)
    entries = _entries(content, top, path)
    voxelpose = bool(entries) and all(_is_voxelpose(entry) for _, entry in entries)
    if voxelpose:
        print(f"calibration {path}: VoxelPose's form: X_cam = R (X - T), T in {unit or 'mm'}")
    if unit is None:
        unit = "cm" if "calibDataSource" in top else "mm" if voxelpose else "m"
    if not isinstance(unit, str) or unit not in UNITS:
        raise DataError(
            f"calibration {path}: unit is {str(unit)[:40]!r}, expected one of {', '.join(UNITS)}"
        )
    cameras: dict[str, Camera] = {}
    unused: set[str] = set()
    for key, entry in entries:
        where = f"calibration {path}, camera '{key}'"
        if not isinstance(entry, Mapping):
            raise DataError(f"{where}: is a {type(entry).__name__}, expected a table", _HOW_TO)
        if entry.get("ignore") is True:
            print(f"{where}: left out, the file marks it with `ignore`")
            continue
        camera, others = _camera(key, entry, unit, where)
        unused |= others
        if camera.name in cameras:
            raise DataError(f"{where}: two cameras are named '{camera.name}'", "give each its own name")
        cameras[camera.name] = camera
    if unused:
        print(f"calibration {path}: keys that are not used: {', '.join(sorted(unused))}")
    return cameras


def unit_cure(path: Path, apart: float) -> str:
    """How to name the unit in a file whose cameras stand `apart` of its units from their middle."""
    millimetres = apart >= 1000 or path.suffix == ".toml"  # no known tool writes centimetres to TOML
    unit, name = ("mm", "millimetres") if millimetres else ("cm", "centimetres")
    guess = f"they are probably {name} ({apart * UNITS[unit]:.3g} m):"
    if path.suffix == ".toml":
        return f'{guess} add `unit = "{unit}"` as the first line, above the tables of the cameras'
    if path.suffix == ".json":
        return f'{guess} add `"unit": "{unit}",` directly after the first brace, beside the cameras'
    if path.suffix == ".yml":
        return f"{guess} EasyMocap has metres, so divide every T by {1 / UNITS[unit]:.0f}"
    return "check the positions of the cameras: the format has millimetres"


def _content(path: Path) -> Any:
    """What a JSON or TOML file contains; a key that stands twice is refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            names = [key for key, _ in pairs]
            twice = next(key for key in names if names.count(key) > 1)
            raise ValueError(f"the key '{twice}' stands twice")
        return table

    try:
        text = path.read_text(encoding="utf-8-sig")
        return (
            json.loads(text, object_pairs_hook=once) if path.suffix == ".json" else tomllib.loads(text)
        )
    except (ValueError, RecursionError) as error:
        raise DataError(f"calibration {path}: not readable ({error})", _HOW_TO) from error


def _entries(content: Any, top: dict[str, Any], path: Path) -> list[tuple[str, Any]]:
    """Key and table of each camera."""
    cameras = content
    if isinstance(content, dict):
        cameras = top.get("cameras", {k: v for k, v in top.items() if k not in _PASSED_OVER})
        if isinstance(cameras, dict) and "size" in cameras:  # one camera that is named `cameras`
            cameras = top
    if isinstance(cameras, dict):
        return list(cameras.items())
    if not isinstance(cameras, list):
        raise DataError(
            f"calibration {path}: holds a {type(cameras).__name__}, expected a table of cameras", _HOW_TO
        )
    if not all(isinstance(entry, dict) and "name" in entry for entry in cameras):
        raise DataError(
            f"calibration {path}: a list whose cameras have no `name`, expected a table of cameras",
            _HOW_TO,
        )
    return [(str(entry["name"]), entry) for entry in cameras]


def _camera(key: str, table: Mapping[str, Any], unit: str, where: str) -> tuple[Camera, set[str]]:
    """One camera in metres, and the keys that were not used."""
    if _is_voxelpose(table):
        table = _from_voxelpose(table, where)
    entry = {OTHER_NAMES.get(name, name): value for name, value in table.items()}
    if len(entry) != len(table):
        raise DataError(
            f"{where}: a value stands twice under two names: {', '.join(sorted(table))}", _HOW_TO
        )
    changed = [name for name in _NOT_KNOWN if entry.get(name) not in (None, 0, False)]
    if changed:
        raise DataError(
            f"{where}: {changed[0]} is {str(entry[changed[0]])[:40]}, which is not supported",
            "calibrate the picture as the video shows it, with a pinhole or fisheye lens model",
        )
    if entry.get("unit", unit) != unit:
        raise DataError(f"{where}: its unit is {entry['unit']!r}, that of the file '{unit}'")
    name = entry.get("name", key)
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise DataError(f"{where}: name is {str(name)[:40]!r}, expected text")
    fisheye = _fisheye(entry, where)
    rotation = _array(entry, "rotation", ((3, 3), (3,)), where)
    if rotation.shape == (3,):
        angle = float(np.linalg.norm(rotation))
        if not angle < 2 * np.pi:
            raise DataError(
                f"{where}: the rotation vector turns by {angle:.4g}, expected at most pi (radians)",
                "probably degrees: divide by 57.29578",
            )
        if angle > np.pi:
            print(
                f"{where}: the rotation vector turns by {angle:.4g}, more than pi, which tools do not "
                "write: is it a rotation vector in radians?"
            )
        rotation = so3.from_axis_angle(rotation)
    size = np.array(SIZE_OF_VIDEO) if _NO_SIZE in entry else _array(entry, "size", ((2,),), where)
    if not (np.abs(size) < 1e9).all() or (size != np.round(size)).any():
        raise DataError(f"{where}: size is {size.tolist()}, expected width and height in pixels")
    camera = Camera(
        str(name),
        rotation,
        _array(entry, "translation", ((3,),), where) * UNITS[unit],
        _array(entry, "matrix", ((3, 3),), where),
        _distortion(entry, fisheye, where),
        (int(size[0]), int(size[1])),
        fisheye,
    )
    known = {*_USED, *_MEANINGLESS, *_NOT_KNOWN, *_MODEL_KEYS, _NO_SIZE}
    return camera, set(map(str, entry)) - known


def _is_voxelpose(table: Any) -> bool:
    return isinstance(table, Mapping) and set(VOXELPOSE) <= set(table)


def _from_voxelpose(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The same camera under our keys, X_cam = R X + t."""
    rotation = _array(table, "R", ((3, 3),), where)
    fx, fy, cx, cy = (float(_array(table, key, ((),), where)) for key in ("fx", "fy", "cx", "cy"))
    (k1, k2, k3), (p1, p2) = (_array(table, *key, where) for key in (("k", ((3,),)), ("p", ((2,),))))
    camera = {
        "rotation": rotation.tolist(),
        "translation": (-rotation @ _array(table, "T", ((3,),), where)).tolist(),
        "matrix": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]],
        "distortions": [k1, k2, p1, p2, k3],
    }
    camera |= {key: value for key, value in table.items() if key not in VOXELPOSE}
    return camera if {"size", "resolution", "image_size"} & set(camera) else camera | {_NO_SIZE: True}


def _fisheye(entry: Mapping[str, Any], where: str) -> bool:
    """Whether the lens model is OpenCV's fisheye model."""
    readings = {}
    if "fisheye" in entry:
        if not isinstance(entry["fisheye"], bool):
            raise DataError(f"{where}: fisheye is {entry['fisheye']!r}, expected true or false")
        readings["fisheye"] = entry["fisheye"]
    for key in _MODEL_KEYS:
        if key in entry:
            name = str(entry[key]).lower()
            if name not in MODELS:
                raise DataError(
                    f"{where}: {key} is '{str(entry[key])[:40]}', expected one of {', '.join(MODELS)}",
                    "calibrate with one of OpenCV's lens models",
                )
            readings[key] = MODELS[name]
    if len(set(readings.values())) > 1:
        raise DataError(f"{where}: {' and '.join(readings)} name different lens models", _HOW_TO)
    return any(readings.values())


def _distortion(entry: Mapping[str, Any], fisheye: bool, where: str) -> np.ndarray:
    """Coefficients as `Camera.distortion` has them."""
    counts = (4, 5) if fisheye else (4, 5, 8, 12, 14)
    numbers = _array(entry, "distortions", tuple((count,) for count in counts), where)
    if fisheye:
        if numbers[4:].any():
            raise DataError(f"{where}: a fisheye lens has 4 distortions, found {numbers.tolist()}")
        return numbers[:4]
    if numbers[12:].any():
        raise DataError(
            f"{where}: the sensor is tilted (distortions 13 and 14), which is not supported",
            "calibrate without cv2.CALIB_TILTED_MODEL",
        )
    return np.concatenate([numbers, np.zeros(1)]) if len(numbers) == 4 else numbers[:12]


def _array(
    entry: Mapping[str, Any], key: str, shapes: tuple[tuple[int, ...], ...], where: str
) -> np.ndarray:
    if key not in entry:
        raise DataError(f"{where}: lacks '{key}'", _HOW_TO)
    if entry[key] is None or entry[key] == "null":  # Caliscope, before it has placed the camera
        raise DataError(
            f"{where}: '{key}' is empty, the camera has not been calibrated",
            "calibrate it, or add `ignore = true` to its table",
        )
    if _holds_bool(entry[key]):
        raise DataError(f"{where}: '{key}' contains true or false, expected numbers", _HOW_TO)
    try:
        value = np.array(entry[key], dtype=float)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(f"{where}: '{key}' is no array of numbers ({error})", _HOW_TO) from error
    value = value.squeeze() if value.ndim > 1 and value.shape not in shapes else value
    if value.shape not in shapes:
        expected = " or ".join(str(shape) for shape in shapes)
        raise DataError(f"{where}: '{key}' has shape {value.shape}, expected {expected}", _HOW_TO)
    return value


def _holds_bool(value: Any, depth: int = 3) -> bool:
    """Whether a number or a nested list of numbers contains a truth value."""
    if isinstance(value, list) and depth:
        return any(_holds_bool(item, depth - 1) for item in value)
    return isinstance(value, bool)
