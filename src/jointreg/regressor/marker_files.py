"""Labelled points in the files of motion capture: TRC and C3D.

A marker that was lost has no place. The formats mark it otherwise: an empty cell in TRC, a residual
below zero in C3D; some programs write the origin, which no marker is at to the last bit. What models of
gait write among the points of a C3D (angles, forces, moments, powers) has no place and is left out.
"""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jointreg.errors import DataError
from jointreg.files.input import require_file

METRES = {"m": 1.0, "meters": 1.0, "metres": 1.0, "cm": 1e-2, "centimeters": 1e-2}
METRES |= {"mm": 1e-3, "millimeters": 1e-3, "millimetres": 1e-3, "in": 0.0254, "inches": 0.0254}
"""Units of both formats."""
TRC_HEAD = ("NumFrames", "NumMarkers", "Units")
"""Columns of the second line of a TRC that are needed."""
NO_PLACES = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "REACTIONS", "SCALARS")
"""Parameters of a C3D that name those of its points that are none: three numbers of another unit."""
TRC_CURE = "docs/exchange.md gives the form of a TRC: single tabs between cells, an empty one is lost"


class Markers(NamedTuple):
    """Marked points frame by frame."""

    points: np.ndarray
    """(N, J, 3) float64, metres; NaN where a marker was lost."""
    names: tuple[str, ...]


def read_trc(path: Path) -> Markers:
    """The markers of a TRC file.

    Raises:
        DataError: another form, an unknown unit, or frames or markers that are not as many as its
            header gives.
    """
    require_file(path, "label file", "check the path")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        head = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
        missing = [key for key in TRC_HEAD if key not in head]
        if missing or len(lines) < 6:
            raise ValueError(f"its header has no {', '.join(missing) or 'rows below it'}")
        names = tuple(cell.strip() for cell in lines[3].split("\t")[2:] if cell.strip())
        rows = [line.split("\t") for line in lines[5:] if line.strip()]
        points = np.full((len(rows), len(names), 3), np.nan)
        number, short = -1, ""
        for row, cells in enumerate(rows):
            if int(cells[0]) <= number:
                raise ValueError(f"frame {cells[0]} follows frame {number}")
            number = int(cells[0])
            places = [cell.strip() for cell in cells[2:]]
            if any(places[3 * len(names) :]):
                raise ValueError(f"frame {number} has more than {len(names)} markers")
            if len(places) < 3 * len(names):
                short = short or f"frame {number} has {len(places)} cells for {len(names)} markers"
            places = (places + [""] * 3 * len(names))[: 3 * len(names)]
            points[row] = np.reshape([float(cell) if cell else np.nan for cell in places], (-1, 3))
        if short and not any("" in map(str.strip, cells[2 : 2 + 3 * len(names)]) for cells in rows):
            raise ValueError(f"{short}, and lost ones have no empty cell: which they are is not known")
        frames, markers = int(head["NumFrames"]), int(head["NumMarkers"])
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no TRC: {error!s:.200}", TRC_CURE) from error
    if (frames, markers) != points.shape[:2]:
        raise DataError(
            f"{path}: its header gives {frames} frames of {markers} markers, it has {len(rows)} of "
            f"{len(names)}",
            "fetch it again if it was cut off; else correct NumFrames and NumMarkers in its third line",
        )
    return _markers(points, names, head["Units"], path)


def read_c3d(path: Path) -> Markers:
    """The markers of a C3D file, read by the package c3d.

    Raises:
        DataError: the package is not installed, no C3D, an unknown unit, fewer frames than the file
            declares, or points without a name.
    """
    require_file(path, "label file", "check the path")
    try:
        import c3d
    except ImportError as error:
        raise DataError(f"reading {path} needs the package c3d: {error}", "pip install c3d") from error
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of analogue channels that are not there
            reader = c3d.Reader(stream)
            names = _texts(reader, "LABELS")[: reader.point_used]
            others = {name for key in NO_PLACES for name in _texts(reader, key)}
            frames = [points.copy() for _, points, _ in reader.read_frames()]
            start, first = reader.get("TRIAL:ACTUAL_START_FIELD"), reader.first_frame
            if start is not None:  # c3d 0.6.0 takes its second word for 65,535 frames
                first = int(start.uint16_array[0]) + 65536 * int(start.uint16_array[1])
            declared = reader.last_frame - first + 1
            frames = frames[:declared]
            units = reader.get("POINT:UNITS").string_value.strip()
    except Exception as error:
        raise DataError(
            f"{path} is no readable C3D: {error!r:.200}", "export it again, or give its markers as npz"
        ) from error
    if not frames or len(frames) != declared or not names:
        raise DataError(
            f"{path} declares {declared} frames, {len(frames)} of {len(names)} markers are read",
            "export it again, or give its markers as npz",
        )
    points = np.stack(frames)
    if len(names) != points.shape[1]:
        raise DataError(
            f"{path} has {points.shape[1]} points and names {len(names)} of them",
            "name them all in the program that wrote it, or export only those with a name",
        )
    points = points[:, [name not in others for name in names]]
    places = points[..., :3].astype(np.float64)
    places[points[..., 3] < 0] = np.nan  # a negative residual: what stands there is old
    return _markers(places, tuple(name for name in names if name not in others), units, path)


def _texts(reader: Any, key: str) -> list[str]:
    """The names in a parameter of group POINT of a c3d.Reader.

    It has room for 255; the next are in LABELS2, LABELS3 and so on.
    """
    names: list[str] = []
    number = 1
    group = reader.get(f"POINT:{key}")
    while group is not None:
        names.extend(name.strip() for name in group.string_array)
        number += 1
        group = reader.get(f"POINT:{key}{number}")
    return names


def _markers(points: np.ndarray, names: tuple[str, ...], unit: str, path: Path) -> Markers:
    if unit.strip().lower() not in METRES:
        raise DataError(
            f"{path} has the unit '{unit:.40}', expected one of {', '.join(METRES)}",
            "correct the unit in its header",
        )
    points[(points == 0).all(axis=2)] = np.nan
    return Markers(points * METRES[unit.strip().lower()], names)
