"""Calibrations of camera systems: what is read, checked, and fitted to a video's size.

Whatever the file contains, the cameras returned are in metres and pixels, world to camera, x right,
y down, z forward, with one of OpenCV's lens models.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from jointreg.datasets.easymocap import FILES, read_easymocap
from jointreg.datasets.opencv_calibration import read_opencv, unit_cure
from jointreg.datasets.qualisys import read_qualisys
from jointreg.errors import DataError
from jointreg.files.input import require_file
from jointreg.geometry.camera import SIZE_OF_VIDEO, Camera
from jointreg.plausible import CAMERA_M

WIDE_M = 30.0
"""Distance of a camera from the middle of all from which on the unit is printed."""
NEAR_M = 0.02
"""The same below which several cameras are one, or in another unit."""
FOCAL = (0.1, 100.0)
"""Plausible focal lengths, widths of the picture."""
COEFFICIENT = 100.0
"""Largest plausible coefficient of the lens."""
RATIONAL_COEFFICIENT = 1e6
"""Largest one of a rational model, whose numerator and denominator may both be large."""
FARTHEST_M = 1e7
"""Largest plausible distance of a camera from the origin, which may be a country's."""
SKEW = 0.1
"""Largest plausible skew of the pixels, in focal lengths."""
LARGEST_PX = 100_000
OFF_CENTRE = 0.2
"""Largest distance of the optical axis from the middle of a video that gives the size, in its widths or
heights: a picture of another resolution has it elsewhere."""
SHAPE = 0.01
"""Relative difference in width / height from which on a video is another cut of the picture."""

_METADATA = "for Human3.6M use metadata.xml of the official release, which has all its cameras"
CURES = {
    ".npy": f"{_METADATA} (the npy of learnable-triangulation has them in single precision)",
    ".pkl": _METADATA,
    ".h5": _METADATA,
    ".calibration": "MPI-INF-3DHP's file, in millimetres: write its cameras to one JSON file",
    ".cal": "TotalCapture's file: write its cameras to one JSON file",
    ".mat": "write the cameras of the MATLAB file to one JSON file",
}
"""Endings of calibrations that are known and not read -> what to do."""

_HOW_TO = "docs/own_data.md lists the formats that are read"


def read_calibration(path: str | Path) -> dict[str, Camera]:
    """Cameras by name.

    Args:
        path: `.qca.txt`, `.qca` or `.xml` (Qualisys); `.json` or `.toml` (OpenCV conventions; see
            `datasets.opencv_calibration.read_opencv`); `intri.yml` or `extri.yml` (EasyMocap).

    Raises:
        DataError: the file is missing, malformed, or a camera is incomplete or implausible.
        UnitError: the cameras stand too far from their middle (`plausible.CAMERA_M`).
    """
    path = Path(path)
    require_file(path, "calibration", "check dataset.calibration")
    kind = path.suffixes[-2:] if path.suffix == ".txt" else path.suffixes[-1:]
    if kind[:1] in ([".qca"], [".xml"]):
        cameras = read_qualisys(path)
    elif kind in ([".json"], [".toml"]):
        cameras = read_opencv(path)
    elif path.name in FILES:
        cameras = read_easymocap(path)
    else:
        cure = CURES.get(path.suffix, "write its cameras to one JSON file")
        raise DataError(
            f"calibration {path}: expected .qca.txt, .xml, .json, .toml, or {' or '.join(FILES)}",
            f"{cure}: {_HOW_TO}",
        )
    if not cameras:
        raise DataError(f"calibration {path} describes no camera", _HOW_TO)
    for camera in cameras.values():
        check_camera(camera, f"calibration {path}")
    centres = np.array([-camera.rotation.T @ camera.translation for camera in cameras.values()])
    apart = float(np.linalg.norm(centres - np.median(centres, axis=0), axis=1).max())
    CAMERA_M.require(
        apart,
        f"calibration {path}: cameras stand {apart:.4g} m from their middle",
        unit_cure(path, apart),
    )
    if any(camera.size == SIZE_OF_VIDEO for camera in cameras.values()):
        print(f"calibration {path}: names no size of its pictures, that of each video is taken")
    if len(cameras) > 1 and apart < NEAR_M:
        print(
            f"calibration {path}: all cameras stand within {apart:.2g} m of their middle: if not, "
            "the file is in a larger unit than its form has (VoxelPose's are in mm)"
        )
    if apart > WIDE_M:
        print(
            f"calibration {path}: cameras stand up to {apart:.4g} m from their middle; "
            f"if they do not, {unit_cure(path, apart)}"
        )
    return cameras


def fitted(camera: Camera, size: tuple[int, int], video: str | Path = "") -> Camera:
    """The same camera for a video that shows the calibrated picture at another resolution.

    The picture is taken to be scaled evenly to fit. If the shapes differ it is taken to be centred
    between black bars, as video converters do, and that is printed.

    Args:
        camera: as calibrated.
        size: width and height of the video as it is shown, px.
        video: its file, for errors.

    Raises:
        DataError: one is upright, the other is not: the video is turned or cut. Or the optical axis lies
            far from the middle: of a video that gives the size, or of the calibrated size alone.
    """
    where = f"{video}: camera '{camera.name}'" if video else f"camera '{camera.name}'"
    if camera.size == SIZE_OF_VIDEO:
        middle = camera.intrinsics[:2, 2] / size
        if np.abs(middle - 0.5).max() > OFF_CENTRE:
            raise DataError(
                f"{where}: the optical axis meets a video of {size[0]} x {size[1]} px at "
                f"{camera.intrinsics[0, 2]:.4g}, {camera.intrinsics[1, 2]:.4g} px, expected near its "
                "middle: it was calibrated at another resolution, which the file does not name",
                "name the calibrated size: docs/own_data.md",
            )
        return replace(camera, size=(int(size[0]), int(size[1])))
    if tuple(size) == tuple(camera.size):
        return camera
    wanted, calibrated = np.array(size, dtype=float), np.array(camera.size, dtype=float)
    shapes = f"a video of {size[0]} x {size[1]} px, calibrated for {camera.size[0]} x {camera.size[1]}"
    if (wanted[0] > wanted[1]) != (calibrated[0] > calibrated[1]):
        raise DataError(
            f"{where}: {shapes}: the video is turned or cut",
            "give the calibration of the picture as the video shows it, or film that was calibrated",
        )
    scale = float((wanted / calibrated).min())
    if abs(wanted[0] * calibrated[1] / (wanted[1] * calibrated[0]) - 1) > SHAPE:
        centre = camera.intrinsics[:2, 2]
        if np.abs(centre / wanted - 0.5).max() < OFF_CENTRE < np.abs(centre / calibrated - 0.5).max():
            raise DataError(
                f"{where}: {shapes}: the optical axis at {centre[0]:.4g}, {centre[1]:.4g} px is "
                "near the middle of the video, not of that size",
                f"correct the calibration's size to {size[0]} x {size[1]}",
            )
        print(f"camera '{camera.name}': {shapes}: taken to be scaled by {scale:.4g} between black bars")
    intrinsics = camera.intrinsics.astype(float)
    intrinsics[:2] *= scale
    bars = (wanted - scale * calibrated) / 2
    intrinsics[:2, 2] += bars + (scale - 1) / 2  # the outer corner lies at -0.5, the bar before it
    return replace(camera, intrinsics=intrinsics, size=(int(size[0]), int(size[1])))


def check_camera(camera: Camera, where: str) -> None:
    """Refuse a camera that cannot be one.

    Raises:
        DataError: numbers that are not finite, no proper rotation, no pinhole matrix, implausible size,
            focal length, centre or lens.
    """
    where = f"{where}, camera '{camera.name}'"
    numbers = (camera.rotation, camera.translation, camera.intrinsics, camera.distortion)
    if not all(np.isfinite(n).all() for n in numbers):
        raise DataError(f"{where}: numbers are not finite", _HOW_TO)
    orthogonal = np.abs(camera.rotation @ camera.rotation.T - np.eye(3)).max() < 1e-3
    if not orthogonal or np.linalg.det(camera.rotation) < 0:
        raise DataError(f"{where}: rotation is not a proper rotation matrix", _HOW_TO)
    k, (width, height) = camera.intrinsics, camera.size
    if camera.size == SIZE_OF_VIDEO:  # the optical axis meets the picture near its middle
        width, height = (max(round(2 * float(k[axis, 2])), 1) for axis in (0, 1))
    if not (0 < width < LARGEST_PX and 0 < height < LARGEST_PX):
        raise DataError(f"{where}: size is {width} x {height} px", "size is width, height in pixels")
    if k[1, 0] != 0 or not np.array_equal(k[2], [0, 0, 1]):
        raise DataError(
            f"{where}: matrix is {k.tolist()}, expected fx 0 cx, 0 fy cy, 0 0 1",
            "give the matrix K row by row, in pixels",
        )
    focal = k[[0, 1], [0, 1]] / width
    if not ((focal > FOCAL[0]) & (focal < FOCAL[1])).all():
        raise DataError(
            f"{where}: focal lengths are {k[0, 0]:.4g} and {k[1, 1]:.4g} px for a picture {width} px "
            f"wide, expected positive, {FOCAL[0]} to {FOCAL[1]:.0f} widths",
            "give the matrix K in pixels of the calibrated picture",
        )
    if abs(k[0, 1]) > SKEW * k[0, 0]:
        raise DataError(
            f"{where}: the skew is {k[0, 1]:.4g} px, expected under {SKEW} focal lengths",
            "give the matrix K row by row, in pixels",
        )
    if np.abs(camera.translation).max() > FARTHEST_M:
        raise DataError(
            f"{where}: the camera lies {np.abs(camera.translation).max():.4g} m from the origin",
            "give the translation in metres, or a `unit`",
        )
    centre = k[:2, 2] / (width, height)
    if not ((centre > -0.5) & (centre < 1.5)).all():
        raise DataError(
            f"{where}: the optical axis meets the picture at {k[0, 2]:.4g}, {k[1, 2]:.4g} px, "
            f"expected inside {width} x {height} px",
            "give the matrix K in pixels of the calibrated picture",
        )
    largest = COEFFICIENT if len(camera.distortion) <= 5 else RATIONAL_COEFFICIENT
    if np.abs(camera.distortion).max() > largest:
        raise DataError(
            f"{where}: a distortion coefficient is {np.abs(camera.distortion).max():.4g}, "
            f"expected under {largest:.0f}",
            "coefficients belong to normalised coordinates, in OpenCV's order k1 k2 p1 p2 k3",
        )
