"""Calibration files of camera systems: Qualisys, and OpenCV conventions in JSON or TOML.

Whatever the file holds, the cameras returned are in metres and pixels, world to camera, x right,
y down, z forward, with OpenCV's distortion.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from jointreg.errors import DataError
from jointreg.files.xml import read_xml
from jointreg.geometry import rotations as so3
from jointreg.geometry.camera import Camera
from jointreg.plausible import CAMERA_M

SUBPIXELS = 64
"""Qualisys counts image positions in 64ths of a pixel."""

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
"""Metres in each unit that a JSON or TOML calibration may name as `unit`."""

_HOW_TO = "see docs/own_data.md for the formats that are read"


def read_calibration(path: str | Path) -> dict[str, Camera]:
    """Cameras by name.

    Args:
        path: `.qca.txt`, `.qca` or `.xml` (Qualisys); `.json` or `.toml` (OpenCV conventions): a table
            a camera with `size` [width, height] px, `matrix` 3x3, `distortions` (4 or 5 numbers
            k1 k2 p1 p2 k3), `rotation` (3x3, or a Rodrigues vector) and `translation`, X_cam = R X + t.
            `name` overrides the table's key; `unit` (m, cm, mm) beside the cameras is that of the
            translations, metres if absent; a table `metadata` is passed over.

    Raises:
        DataError: the file is missing, malformed, or a camera is incomplete or no rotation.
        UnitError: the cameras stand too far from their centre (`plausible.CAMERA_M`).
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"calibration {path} does not exist", "check dataset.calibration")
    kind = path.suffixes[-2:] if path.suffix == ".txt" else path.suffixes[-1:]
    if kind[:1] in ([".qca"], [".xml"]):
        cameras = _qualisys(path)
    elif kind in ([".json"], [".toml"]):
        cameras = _opencv(path)
    else:
        raise DataError(f"calibration {path}: expected .qca.txt, .xml, .json or .toml", _HOW_TO)
    if not cameras:
        raise DataError(f"calibration {path} describes no camera", _HOW_TO)
    for camera in cameras.values():
        _check(camera, path)
    centres = np.array([-camera.rotation.T @ camera.translation for camera in cameras.values()])
    apart = float(np.linalg.norm(centres - np.median(centres, axis=0), axis=1).max())
    CAMERA_M.require(
        apart,
        f"calibration {path}: cameras stand {apart:.4g} m from their middle",
        'translations are probably millimetres: add `"unit": "mm"`',
    )
    return cameras


def fitted(camera: Camera, size: tuple[int, int]) -> Camera:
    """The same camera for a video that shows the calibrated image at another resolution.

    The image is taken to be scaled evenly to fit, and centred between black bars if the shapes differ,
    as video converters do.

    Args:
        camera: as calibrated.
        size: width and height of the video.
    """
    if tuple(size) == tuple(camera.size):
        return camera
    wanted, calibrated = np.array(size, dtype=float), np.array(camera.size, dtype=float)
    scale = float((wanted / calibrated).min())
    intrinsics = camera.intrinsics.astype(float)
    intrinsics[:2] *= scale
    bars = (wanted - scale * calibrated) / 2
    intrinsics[:2, 2] += bars + (scale - 1) / 2  # the outer corner lies at -0.5, the bar before it
    return replace(camera, intrinsics=intrinsics, size=(int(size[0]), int(size[1])))


def _qualisys(path: Path) -> dict[str, Camera]:
    """Qualisys: millimetres, camera y up and z backward, positions in 64ths of a pixel.

    The distortion coefficients are those of normalised coordinates and carry no factor 64, though some
    readers divide them too: chessboards filmed by the cameras of config/lab.yaml give k1 = -0.05 and
    k2 = 0.15 as the file says.
    """
    root = read_xml(path, _HOW_TO)
    cameras = {}
    for element in root.iter("camera"):
        name = element.get("serial", "")
        where = f"calibration {path}, camera '{name}'"
        if element.get("active", "1") != "1":
            continue
        pose, lens = element.find("transform"), element.find("intrinsic")
        view = element.find("fov_video")
        if pose is None or lens is None or view is None or not name:
            raise DataError(f"{where}: lacks serial, transform, intrinsic or fov_video", _HOW_TO)
        turned = np.array(
            [[_number(pose, f"r{row}{column}", where) for column in (1, 2, 3)] for row in (1, 2, 3)]
        )
        rotation = np.diag([1.0, -1.0, -1.0]) @ turned
        position = np.array([_number(pose, axis, where) for axis in "xyz"]) / 1000
        edge = {side: _number(view, side, where) for side in ("left", "right", "top", "bottom")}
        fx, fy, cx, cy = (
            _number(lens, key, where) / SUBPIXELS
            for key in ("focalLengthU", "focalLengthV", "centerPointU", "centerPointV")
        )
        cx, cy = cx - edge["left"], cy - edge["top"]
        keys = (
            *(f"radialDistortion{n}" for n in (1, 2, 3)),
            *(f"tangentalDistortion{n}" for n in (1, 2)),
        )
        k1, k2, k3, p1, p2 = (_number(lens, key, where) for key in keys)  # of normalised coordinates
        cameras[name] = Camera(
            name,
            rotation,
            -rotation @ position,
            np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
            np.array([k1, k2, p1, p2, k3]),
            (int(edge["right"] - edge["left"]) + 1, int(edge["bottom"] - edge["top"]) + 1),
        )
    return cameras


def _number(element: ElementTree.Element, key: str, where: str) -> float:
    try:
        return float(element.attrib[key])
    except (KeyError, ValueError):
        raise DataError(
            f"{where}: '{key}' of <{element.tag}> is missing or no number", _HOW_TO
        ) from None


def _opencv(path: Path) -> dict[str, Camera]:
    try:
        text = path.read_text(encoding="utf-8")
        table = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (UnicodeDecodeError, ValueError) as error:
        raise DataError(f"calibration {path}: not readable ({error})", _HOW_TO) from error
    if not isinstance(table, dict):
        raise DataError(f"calibration {path}: holds a {type(table).__name__}, expected a table", _HOW_TO)
    unit = table.pop("unit", "m")
    if unit not in UNITS:
        raise DataError(f"calibration {path}: unit is '{unit}', expected one of {sorted(UNITS)}")
    table.pop("metadata", None)
    cameras = {}
    for key, entry in table.items():
        where = f"calibration {path}, camera '{key}'"
        if not isinstance(entry, Mapping):
            raise DataError(f"{where}: is a {type(entry).__name__}, expected a table", _HOW_TO)
        name = str(entry.get("name", key))
        rotation = _array(entry, "rotation", ((3, 3), (3,)), where)
        distortion = _array(entry, "distortions", ((4,), (5,)), where)
        width, height = _array(entry, "size", ((2,),), where).astype(int).tolist()
        cameras[name] = Camera(
            name,
            so3.from_axis_angle(rotation) if rotation.shape == (3,) else rotation,
            _array(entry, "translation", ((3,),), where) * UNITS[unit],
            _array(entry, "matrix", ((3, 3),), where),
            np.concatenate([distortion, np.zeros(5 - len(distortion))]),
            (width, height),
        )
    return cameras


def _array(
    entry: Mapping[str, Any], key: str, shapes: tuple[tuple[int, ...], ...], where: str
) -> np.ndarray:
    try:
        value = np.array(entry[key], dtype=float)
    except KeyError:
        raise DataError(f"{where}: lacks '{key}'", _HOW_TO) from None
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: '{key}' is no array of numbers ({error})", _HOW_TO) from error
    value = value.squeeze() if value.ndim > 1 and value.shape not in shapes else value
    if value.shape not in shapes:
        raise DataError(f"{where}: '{key}' has shape {value.shape}, expected {shapes}", _HOW_TO)
    return value


def _check(camera: Camera, path: Path) -> None:
    numbers = (camera.rotation, camera.translation, camera.intrinsics, camera.distortion)
    orthogonal = np.abs(camera.rotation @ camera.rotation.T - np.eye(3)).max() < 1e-3
    if not all(np.isfinite(n).all() for n in numbers):
        raise DataError(f"calibration {path}, camera '{camera.name}': numbers are not finite", _HOW_TO)
    if not orthogonal or np.linalg.det(camera.rotation) < 0:
        raise DataError(
            f"calibration {path}, camera '{camera.name}': rotation is not a proper rotation matrix"
        )
    focal = camera.intrinsics[0, 0], camera.intrinsics[1, 1]
    if min(focal) <= 0 or min(camera.size) <= 0:
        raise DataError(
            f"calibration {path}, camera '{camera.name}': focal lengths {focal} and size {camera.size} "
            "must be positive"
        )
