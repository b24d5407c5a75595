"""Calibration files of Qualisys systems."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from jointreg.errors import DataError
from jointreg.files.xml import read_xml
from jointreg.geometry.camera import Camera

SUBPIXELS = 64
"""Qualisys counts image positions in 64ths of a pixel."""

_HOW_TO = "export the calibration from QTM again; docs/own_data.md lists the formats that are read"


def read_qualisys(path: Path) -> dict[str, Camera]:
    """Active cameras by serial number.

    The file has millimetres, camera y up and z backward, positions in 64ths of a pixel. The distortion
    coefficients are those of normalised coordinates and carry no factor 64, though some readers divide
    them too: chessboards filmed by the cameras of config/lab.yaml give k1 = -0.05 and k2 = 0.15 as the
    file says.

    Raises:
        DataError: not XML, an incomplete camera, a number that is none, or a serial that stands twice.
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
        if name in cameras:
            raise DataError(f"{where}: two cameras have this serial", _HOW_TO)
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
        number = float(element.attrib[key])
    except (KeyError, ValueError):
        raise DataError(
            f"{where}: '{key}' of <{element.tag}> is missing or no number", _HOW_TO
        ) from None
    if not abs(number) < 1e9:
        raise DataError(f"{where}: '{key}' of <{element.tag}> is {number}", _HOW_TO)
    return number
