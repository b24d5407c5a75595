"""Pictures and downloads as data URIs, so that the page needs no other file and no host."""

import base64
import io
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

LARGE = 120_000
"""A PNG of more bytes is packed again as WebP. An SVG of twice as many is replaced by its PNG."""
QUALITY = 82
"""Quality of WebP, 0 to 100."""
MIME = {".npy": "application/octet-stream", ".npz": "application/octet-stream", ".webp": "image/webp"}


@dataclass(frozen=True)
class Picture:
    """A picture for an element `img` of the page."""

    address: str
    """Data URI."""
    alt: str
    size: tuple[int, int] | None
    """Width and height, so that the page does not move while pictures are decoded."""
    still: str
    """Data URI of an animation's last picture; empty for other pictures."""


@dataclass(frozen=True)
class Download:
    """A file that a link of the page saves."""

    name: str
    address: str
    """Data URI."""
    size: str
    """Size in kB, as text for the reader."""


def picture(path: str | Path, alt: str) -> Picture:
    """A picture file; an animation also has a still picture, for readers who stop it."""
    path = Path(path)
    content, mime = path.read_bytes(), MIME.get(path.suffix, mimetypes.guess_type(path.name)[0] or "")
    twin = path.with_suffix(".png")
    if path.suffix == ".svg" and len(content) > 2 * LARGE and twin.is_file():
        path, content, mime = twin, twin.read_bytes(), "image/png"
    last = b""
    if path.suffix == ".gif" or (path.suffix == ".png" and len(content) > LARGE):
        content, mime, last = _smaller(content, mime)
    return Picture(
        address=data_uri(content, mime),
        alt=alt,
        size=_pixels(content, mime),
        still=data_uri(last, MIME[".webp"]) if last else "",
    )


def download(path: str | Path, name: str) -> Download:
    """A file as a download that is saved under `name`."""
    path = Path(path)
    content = path.read_bytes()
    mime = MIME.get(path.suffix, mimetypes.guess_type(path.name)[0] or "application/octet-stream")
    kilobytes = f"{max(1, round(len(content) / 1000)):,} kB".replace(",", "\u202f")
    return Download(name, data_uri(content, mime), kilobytes)


def data_uri(content: bytes, mime: str) -> str:
    """A file as an address."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def _pixels(content: bytes, mime: str) -> tuple[int, int] | None:
    """Width and height; None for an SVG without a viewBox that begins at 0 0."""
    from PIL import Image

    if mime != "image/svg+xml":
        return Image.open(io.BytesIO(content)).size
    box = re.search(rb'<svg[^>]*? viewBox="0 0 ([\d.]+) ([\d.]+)"', content)
    if box is None:
        return None
    width, height = (round(float(points) * 4 / 3) for points in box.groups())
    return width, height


def _smaller(content: bytes, mime: str) -> tuple[bytes, str, bytes]:
    """Content and MIME type, as WebP if that is smaller, and the last picture of an animation."""
    from PIL import Image, ImageSequence

    image = Image.open(io.BytesIO(content))
    count = getattr(image, "n_frames", 1)
    packed, last = io.BytesIO(), io.BytesIO()
    if count == 1:
        image.convert("RGB").save(packed, "WEBP", quality=QUALITY, method=4)
    else:
        times = [frame.info.get("duration", 100) for frame in ImageSequence.Iterator(image)]
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
        loop = image.info.get("loop", 1)
        frames[0].save(
            packed,
            "WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=times,
            loop=loop,
            quality=QUALITY,
            method=2,
        )
        frames[-1].save(last, "WEBP", quality=QUALITY)
    if packed.tell() < len(content):
        content, mime = packed.getvalue(), MIME[".webp"]
    return content, mime, last.getvalue()
