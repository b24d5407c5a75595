"""Calibrations of EasyMocap and EasyVolcap: `intri.yml` and `extri.yml` of OpenCV's FileStorage.

For every camera C the first file has the matrix K_C (pixels), the lens dist_C or D_C, and perhaps the
picture's width W_C and height H_C. The second has the rotation vector R_C, the same as a matrix Rot_C,
and the translation T_C in metres, X_cam = R X + T.
"""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from jointreg.errors import DataError
from jointreg.files.input import require_file
from jointreg.geometry import rotations as so3
from jointreg.geometry.camera import SIZE_OF_VIDEO, Camera

FILES = ("intri.yml", "extri.yml")
"""The two files, which stand in one folder."""

LARGEST_BYTES = 10**7
"""A larger file is not read; one of ten cameras has some kilobytes."""

_USED = ("K", "dist", "D", "W", "H", "R", "Rot", "T")
_HOW_TO = f"give {FILES[0]} with {FILES[1]} beside it, as EasyMocap writes them"


def other_file(path: str | Path) -> list[str]:
    """The second file of a calibration that consists of two; empty for all others."""
    path = Path(path)
    return [str(path.with_name(name)) for name in FILES if path.name in FILES and name != path.name]


def read_easymocap(path: Path) -> dict[str, Camera]:
    """Cameras by name, metres: those of the second file. Others of the first file are printed.

    A camera without W and H has the size `SIZE_OF_VIDEO`.

    Args:
        path: one of `FILES`; the other one stands beside it.

    Raises:
        DataError: a file is missing or malformed, or a camera is incomplete or contradicts itself.
    """
    intrinsic, extrinsic = (_values(path.with_name(name)) for name in FILES)
    names = _names(extrinsic, path.with_name(FILES[1]))
    others = [name for name in _names(intrinsic, path.with_name(FILES[0])) if name not in names]
    if others:
        print(f"calibration {path}: {len(others)} cameras have no place in {FILES[1]}: {_few(others)}")
    values = {**intrinsic, **extrinsic}
    known = {f"{key}_{name}" for key in _USED for name in [*names, *others]}
    unused = sorted(set(values) - known - {"names"})
    if unused:
        print(f"calibration {path}: keys that are not used: {_few(unused)}")
    return {name: _camera(values, name, path) for name in names}


def _camera(values: dict[str, Any], name: str, path: Path) -> Camera:
    where, place = (f"calibration {path.with_name(file)}, camera '{name}'" for file in FILES)
    width, height = (_size(values, f"{key}_{name}", where) for key in "WH")
    if (width > 0) != (height > 0):
        raise DataError(f"{where}: has one of W_{name} and H_{name}", "give width and height, or none")
    lens = f"dist_{name}" if f"dist_{name}" in values else f"D_{name}"
    distortion = _matrix(values, lens, (4, 5, 8, 12), where)
    return Camera(
        name,
        _rotation(values, name, place),
        _matrix(values, f"T_{name}", (3,), place),
        _matrix(values, f"K_{name}", (9,), where).reshape(3, 3),
        np.append(distortion, 0.0) if len(distortion) == 4 else distortion,
        (width, height) if width else SIZE_OF_VIDEO,
    )


def _rotation(values: dict[str, Any], name: str, where: str) -> np.ndarray:
    """World to camera, (3, 3). Vector and matrix have to agree where there are both."""
    vector, matrix = f"R_{name}", f"Rot_{name}"
    if vector not in values:
        return _matrix(values, matrix, (9,), where).reshape(3, 3)
    turn = _matrix(values, vector, (3,), where)
    if np.linalg.norm(turn) > 2 * np.pi:
        raise DataError(
            f"{where}: {vector} is {np.linalg.norm(turn):.4g} long, expected a turn in radians",
            "give the vector of cv2.Rodrigues",
        )
    rotation = so3.from_axis_angle(turn)
    if matrix in values:
        other = _matrix(values, matrix, (9,), where).reshape(3, 3)
        if not np.abs(rotation - other).max() < 1e-3:
            raise DataError(f"{where}: {vector} and {matrix} are different rotations", _HOW_TO)
    return rotation


def _matrix(values: dict[str, Any], key: str, counts: tuple[int, ...], where: str) -> np.ndarray:
    """The numbers of a matrix, row by row."""
    node = values.get(key)
    if not isinstance(node, dict) or not isinstance(node.get("data"), list):
        raise DataError(f"{where}: lacks the matrix {key}", _HOW_TO)
    try:
        numbers = np.array([float(number) for number in node["data"]])
        shape = int(node["rows"]), int(node["cols"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where}: {key} is no matrix of numbers ({error!r})"[:300], _HOW_TO) from None
    square = counts != (9,) or shape == (3, 3)
    if len(numbers) not in counts or shape[0] * shape[1] != len(numbers) or not square:
        raise DataError(
            f"{where}: {key} has {len(numbers)} numbers in {shape[0]} x {shape[1]}, expected "
            f"{' or '.join(map(str, counts))}",
            _HOW_TO,
        )
    return numbers


def _size(values: dict[str, Any], key: str, where: str) -> int:
    """Width or height, px; 0 where the file has none (EasyMocap then writes none, or -1)."""
    text = str(values.get(key, "0"))
    try:
        return max(int(float(text)), 0)
    except (ValueError, OverflowError):
        raise DataError(
            f"{where}: {key} is {text[:40]!r}, expected a number of pixels", _HOW_TO
        ) from None


def _names(values: dict[str, Any], path: Path) -> list[str]:
    names = values.get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise DataError(f"calibration {path}: lacks the list `names` of its cameras", _HOW_TO)
    if len(set(names)) != len(names):
        raise DataError(f"calibration {path}: a camera stands twice in `names`: {_few(names)}", _HOW_TO)
    return names


def _values(path: Path) -> dict[str, Any]:
    """The entries of a file. Scalars stay text: 01 is the name of a camera."""
    require_file(path, "calibration", _HOW_TO)
    if path.stat().st_size > LARGEST_BYTES:
        raise DataError(
            f"calibration {path} has {path.stat().st_size} bytes, expected under {LARGEST_BYTES}",
            _HOW_TO,
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        first, _, rest = text.partition("\n")
        header = first.startswith("%YAML")  # OpenCV's header is not YAML's
        loader = yaml.BaseLoader(rest if header else text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise ValueError("no entries with names")
        keys = [str(key.value) for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise ValueError(f"the key '{twice}' stands twice")
        parts = [loader.construct_document(value) for _, value in node.value]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"calibration {path}: not readable ({error!s:.300})", _HOW_TO) from error
    return dict(zip(keys, parts, strict=True))


def _few(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
