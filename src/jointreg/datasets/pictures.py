"""A video as a folder of pictures, `img_000001.jpg` and so on: frame n is picture n + 1."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from jointreg.errors import DataError
from jointreg.files.input import absence

_JPEG, _JPEG_SCAN, _JPEG_END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
"""Markers of a JPEG picture: its first bytes, the beginning of its pixels, its end."""
_JPEG_PROGRESSIVE = b"\xff\xc2"
_AS_STORED = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
"""Pictures are read without the turn that a header may contain: labels belong to the stored pixels."""
_HOW_TO_GET = "extract the pictures again (h36m-fetch: process_all.py)"


def name(frame: int) -> str:
    """File name of a frame, from 0."""
    return f"img_{frame + 1:06d}.jpg"


def frames_in(folder: Path) -> list[int]:
    """Numbers of the frames that have a picture, ascending.

    Raises:
        DataError: there are none.
    """
    matches = (re.fullmatch(r"img_(\d{6})\.jpg", path.name) for path in folder.iterdir())
    numbers = sorted(int(match[1]) - 1 for match in matches if match)
    if not numbers:
        raise DataError(f"{folder} holds no pictures img_000001.jpg, ...", _HOW_TO_GET)
    return numbers


def read(folder: Path, frames: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Frame number and picture, (height, width, 3) uint8 RGB, of the wanted frames.

    Raises:
        DataError: a picture is missing, damaged, or of another size than the first one.
    """
    size = None
    for frame in frames:
        path = folder / name(frame)
        if not path.is_file():
            raise DataError(f"{path} {absence(path)}: frame {frame} was not extracted", _HOW_TO_GET)
        raw = path.read_bytes()
        if raw.startswith(_JPEG) and raw.rfind(_JPEG_END) < raw.rfind(_JPEG_SCAN):
            raise DataError(f"{path}: ends before the end of the picture, truncated", _HOW_TO_GET)
        try:
            picture = cv2.imdecode(np.frombuffer(raw, np.uint8), _AS_STORED)
        except cv2.error:  # more pixels than OpenCV reads
            picture = None
        if picture is None:
            raise DataError(f"{path}: not a readable picture, truncated or damaged", _HOW_TO_GET)
        if raw.startswith(_JPEG) and _is_concealed(raw, picture):
            raise DataError(f"{path}: a part of the picture is damaged, and was filled", _HOW_TO_GET)
        size = size or picture.shape
        if picture.shape != size:
            raise DataError(
                f"{path}: {picture.shape[1]} x {picture.shape[0]} px, the pictures before it "
                f"{size[1]} x {size[0]}",
                _HOW_TO_GET,
            )
        yield frame, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _is_concealed(raw: bytes, picture: np.ndarray) -> bool:
    """Whether OpenCV filled a part of a JPEG picture, whose data are damaged.

    FFmpeg is asked, which takes as long as reading the picture. OpenCV fills up to the last corner in
    one colour, so other pictures need no second look; a progressive one is blurred instead.

    Args:
        raw: the file's bytes.
        picture: what OpenCV made of them, (height, width, 3).
    """
    corner = picture[-4:, -4:]
    progressive = _JPEG_PROGRESSIVE in raw[: raw.find(_JPEG_SCAN)]
    if not progressive and (corner != corner[-1, -1]).any():
        return False
    decoder: Any = av.CodecContext.create("mjpeg", "r")
    decoder.options = {"err_detect": "explode"}
    try:
        return not [*decoder.decode(av.Packet(raw)), *decoder.decode(None)]
    except av.FFmpegError:
        return True
