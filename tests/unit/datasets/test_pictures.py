"""Pictures of a recording: damage that OpenCV hides is found, sound pictures are not touched."""

import cv2
import numpy as np
import pytest

from jointreg.datasets import pictures
from jointreg.errors import DataError

SIZE = (240, 320)


def jpeg(generator, progressive=0, restart=0, dark_corner=False):
    """A soft random picture as JPEG."""
    image = cv2.GaussianBlur(generator.integers(0, 255, (*SIZE, 3), dtype=np.uint8), (31, 31), 5)
    if dark_corner:
        image[-48:, -48:] = 0
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
    return cv2.imencode(".jpg", image, options)[1].tobytes()


def read(folder, raw):
    (folder / "img_000001.jpg").write_bytes(raw)
    ((_, picture),) = pictures.read(folder, [0])
    return picture


@pytest.mark.parametrize("options", [{}, {"progressive": 1}, {"restart": 8}, {"dark_corner": True}])
def test_sound_pictures_are_as_opencv_reads_them(tmp_path, generator, options):
    raw = jpeg(generator, **options)
    theirs = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    for after in (b"", b"bytes behind the picture"):
        assert np.array_equal(read(tmp_path, raw + after), theirs)


@pytest.mark.parametrize("options", [{}, {"progressive": 1}, {"dark_corner": True}])
@pytest.mark.parametrize(
    "damage",
    [
        lambda raw, half: raw[:half] + b"\xff\xd9",
        lambda raw, half: raw[:half] + bytes(half // 4) + raw[half + half // 4 :],
        lambda raw, half: raw[:half] + b"\xff\xd9" + raw[half + 2 :],
        lambda raw, half: raw[:half],
    ],
)
def test_damaged_pictures_are_refused_by_name(tmp_path, generator, capfd, options, damage):
    raw = jpeg(generator, **options)
    with pytest.raises(DataError, match=r"img_000001\.jpg: (a part of the pic|ends before)"):
        read(tmp_path, damage(raw, len(raw) // 2))
    capfd.readouterr()  # OpenCV's decoder writes its own line


def test_a_header_of_more_pixels_than_opencv_reads_is_refused(tmp_path, generator):
    raw = bytearray(jpeg(generator))
    start = raw.find(b"\xff\xc0")
    raw[start + 5 : start + 9] = (60000).to_bytes(2, "big") * 2
    with pytest.raises(DataError, match="not a readable picture"):
        read(tmp_path, raw)
