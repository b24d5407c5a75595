"""Human3.6M's `metadata.xml`: calibrated cameras (element `w0`) and file names (element `mapping`).

Millimetres in the file, metres in everything returned.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from jointreg.datasets.calibration import check_camera
from jointreg.errors import DataError
from jointreg.files.xml import read_xml
from jointreg.geometry.camera import Camera

CAMERAS: tuple[str, ...] = ("54138969", "55011271", "58860488", "60457274")
"""Camera names in the order of their numbers 1-4."""

ACTIONS: dict[str, int] = {
    "_ALL": 1,
    "Directions": 2,
    "Discussion": 3,
    "Eating": 4,
    "Greeting": 5,
    "Phoning": 6,
    "Posing": 7,
    "Purchases": 8,
    "Sitting": 9,
    "SittingDown": 10,
    "Smoking": 11,
    "Photo": 12,
    "Waiting": 13,
    "Walking": 14,
    "WalkDog": 15,
    "WalkTogether": 16,
}
"""Official action numbers, the first column of `mapping`. Number 1 is calibration, not a sequence."""

OTHER_NAMES = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog"}
"""Action -> its name in the files of some subjects."""

SUBJECTS = 11
LABELLED: tuple[str, ...] = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
"""The subjects whose labels are published."""
LEAVE_OUT = "take the subject out of the sequence table"
"""The cure for the others."""
DECIMALS = 9
"""Of angles and positions that are written, rad and mm: last bits differ between processors."""
_NUMBERS = 300
_INTRINSICS = 264
_FILE_NAME = re.compile(r"\w[\w .\-]*")
_HOW_TO_GET = (
    "metadata.xml is part of the code release of Human3.6M (http://vision.imar.ro/human3.6m): "
    "put it where dataset.calibration points"
)


@dataclass(frozen=True)
class Metadata:
    """Cameras and file names of the whole data set."""

    cameras: dict[tuple[int, int], Camera]
    """(subject number 1-11, camera index 0-3) -> camera, metres and pixels."""
    mapping: dict[tuple[int, int], dict[int, str]]
    """(action number, take) -> subject number -> file name without camera and extension."""


def read_metadata(path: str | Path) -> Metadata:
    """Read cameras and file names.

    `w0` holds 300 numbers. Extrinsics of camera c (0-3) and subject s (1-11) start at 6 (11 c + s - 1):
    Euler angles a, b, g in rad, then the camera's position T in mm; R = Rx(a) Ry(b) Rz(g), t = -R T.
    Intrinsics of camera c start at 264 + 9 c: fx fy cx cy k1 k2 k3 p1 p2. If all six
    numbers of a camera and subject are zero, the file does not describe that camera.

    Raises:
        DataError: the file is missing, is not XML, declares a DOCTYPE or entities, lacks an element, or
            describes a camera that cannot be one.
    """
    path = Path(path)
    root = read_xml(path, _HOW_TO_GET)
    w0 = _numbers(path, root)
    cameras = {
        (subject, index): _camera(w0, subject, index)
        for subject in range(1, SUBJECTS + 1)
        for index in range(len(CAMERAS))
        if w0[_extrinsics(subject, index)].any()
    }
    for (subject, _), camera in cameras.items():
        check_camera(camera, f"{path}, subject S{subject}")
    return Metadata(cameras, _mapping(path, root))


def write_metadata(
    path: str | Path,
    cameras: Mapping[int, list[Camera]],
    mapping: Mapping[tuple[int, int], Mapping[int, str]],
) -> None:
    """Write a `metadata.xml` that `read_metadata` and the public readers of the data set understand.

    Args:
        path: file to write; its folder is made.
        cameras: subject number -> its four cameras, in the order of `CAMERAS`, metres.
        mapping: (action number, take) -> subject number -> file name, as in `Metadata.mapping`.

    Raises:
        DataError: not four cameras a subject, or intrinsics that differ between subjects (the format
            has one set a camera).
    """
    w0 = np.zeros(_NUMBERS)
    for subject, row in cameras.items():
        if len(row) != len(CAMERAS) or not 1 <= subject <= SUBJECTS:
            raise DataError(
                f"metadata of subject {subject}: {len(row)} cameras, expected {len(CAMERAS)} "
                f"and a subject number from 1 to {SUBJECTS}"
            )
        for index, camera in enumerate(row):
            position_mm = -camera.rotation.T @ camera.translation * 1000
            w0[_extrinsics(subject, index)] = np.round(
                [*_euler(camera.rotation), *position_mm], DECIMALS
            )
            k, (k1, k2, p1, p2, k3) = camera.intrinsics, camera.distortion
            numbers = np.array([k[0, 0], k[1, 1], k[0, 2], k[1, 2], k1, k2, k3, p1, p2])
            place = slice(_INTRINSICS + 9 * index, _INTRINSICS + 9 * index + 9)
            if w0[place].any() and not np.array_equal(w0[place], numbers):
                raise DataError(
                    f"metadata of subject {subject}, camera {CAMERAS[index]}: intrinsics differ from "
                    "another subject's, expected one set a camera"
                )
            w0[place] = numbers
    root = ElementTree.Element("metadata")
    table = ElementTree.SubElement(root, "mapping")
    _table_row(table, ["", "", *(f"S{s}" for s in range(1, SUBJECTS + 1))])
    for (action, take), names in sorted(mapping.items()):
        _table_row(table, [str(action), str(take), *(names.get(s, "") for s in range(1, SUBJECTS + 1))])
    actions = ElementTree.SubElement(root, "actionnames")
    for name in ACTIONS:
        ElementTree.SubElement(actions, "name").text = name
    ids = ElementTree.SubElement(ElementTree.SubElement(root, "dbcameras"), "index2id")
    for name in CAMERAS:
        ElementTree.SubElement(ids, "id").text = name
    ElementTree.SubElement(root, "w0").text = f"[{' '.join(repr(float(x)) for x in w0)}]"
    ElementTree.indent(root)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def image_size(subject: int, index: int) -> tuple[int, int]:
    """Width and height in pixels of the videos of one subject (1-11) and camera (0-3)."""
    return (1000, 1002 if index in (0, 3) or subject in (4, 7, 10) else 1000)


def _numbers(path: Path, root: ElementTree.Element) -> np.ndarray:
    text = root.findtext(".//w0") or ""
    try:
        w0 = np.array([float(x) for x in re.split(r"[\s,;\[\]]+", text) if x])
    except ValueError as error:
        raise DataError(f"{path}: element 'w0' holds something that is no number ({error})") from error
    if len(w0) != _NUMBERS or not np.isfinite(w0).all():
        raise DataError(
            f"{path}: element 'w0' holds {len(w0)} numbers, expected {_NUMBERS} finite ones", _HOW_TO_GET
        )
    return w0


def _mapping(path: Path, root: ElementTree.Element) -> dict[tuple[int, int], dict[int, str]]:
    table = root.find(".//mapping")
    rows = [] if table is None else [[(cell.text or "").strip() for cell in tr] for tr in table]
    subjects: list[int] = []
    mapping: dict[tuple[int, int], dict[int, str]] = {}
    for cells in rows:
        if not subjects:
            subjects = [int(cell[1:]) for cell in cells[2:] if re.fullmatch(r"S[0-9]{1,4}", cell)]
        elif len(cells) > 2 and all(re.fullmatch(r"[0-9]{1,4}", cell) for cell in cells[:2]):
            names = {s: name for s, name in zip(subjects, cells[2:], strict=False) if name}
            mapping[int(cells[0]), int(cells[1])] = names
            outside = [name for name in names.values() if not _FILE_NAME.fullmatch(name)]
            if outside:
                raise DataError(f"{path}: element 'mapping' names '{outside[0]}', which is no file name")
    if not subjects:
        raise DataError(
            f"{path}: element 'mapping' has no header row with subjects (S1 ... S11)", _HOW_TO_GET
        )
    return mapping


def _table_row(table: ElementTree.Element, cells: list[str]) -> None:
    tr = ElementTree.SubElement(table, "tr")
    for cell in cells:
        ElementTree.SubElement(tr, "td").text = cell


def _extrinsics(subject: int, index: int) -> slice:
    start = 6 * (index * SUBJECTS + subject - 1)
    return slice(start, start + 6)


def _camera(w0: np.ndarray, subject: int, index: int) -> Camera:
    extrinsics = w0[_extrinsics(subject, index)]
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = w0[_INTRINSICS + 9 * index : _INTRINSICS + 9 * index + 9]
    rotation = _rotation(*extrinsics[:3])
    return Camera(
        name=CAMERAS[index],
        rotation=rotation,
        translation=-rotation @ extrinsics[3:] / 1000,
        intrinsics=np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
        distortion=np.array([k1, k2, p1, p2, k3]),
        size=image_size(subject, index),
    )


def _rotation(a: float, b: float, g: float) -> np.ndarray:
    """Rx(a) Ry(b) Rz(g), angles in rad -> (3, 3)."""
    (ca, cb, cg), (sa, sb, sg) = np.cos([a, b, g]), np.sin([a, b, g])
    rx = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    ry = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    rz = np.array([[cg, -sg, 0], [sg, cg, 0], [0, 0, 1]])
    return rx @ ry @ rz


def _euler(rotation: np.ndarray) -> tuple[float, float, float]:
    """Angles a, b, g of a rotation, the inverse of `_rotation`; exact away from b = 90 degrees."""
    r = np.asarray(rotation, dtype=np.float64)
    a = np.arctan2(-r[1, 2], r[2, 2])
    b = np.arctan2(r[0, 2], np.hypot(r[0, 0], r[0, 1]))
    return float(a), float(b), float(np.arctan2(-r[0, 1], r[0, 0]))
