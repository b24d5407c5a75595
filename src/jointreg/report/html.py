"""Pieces of the report as HTML: captions, tables, pictures, files. Everything is escaped here.

Nothing refers to a file or a host: pictures and downloads are data URIs.
"""

import base64
import csv
import io
import math
import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

LARGE = 120_000
"""Bytes from which a PNG is packed anew as WebP; an SVG of twice that gives way to its PNG."""
QUALITY = 82
MIME = {".npy": "application/octet-stream", ".npz": "application/octet-stream", ".webp": "image/webp"}


def prose(text: str) -> str:
    """reStructuredText as paragraphs; a mistake in it is an error, not a red box in the page."""
    from docutils.core import publish_parts

    settings = {
        "file_insertion_enabled": False,
        "raw_enabled": False,
        "halt_level": 2,
        "report_level": 5,
        "_disable_config": True,
        "embed_stylesheet": False,
        "doctitle_xform": False,
        "smart_quotes": False,
    }
    return publish_parts(text, writer="html5", settings_overrides=settings)["body"].strip()


def minus(text: str) -> str:
    """Hyphens that stand for minus, or for no number, as what they stand for."""
    if text == "-":
        return "\u2013"
    return re.sub(r"(?<!\w)-(?=\d)|(?<= )-(?= )", "\u2212", text)


def data_uri(content: bytes, mime: str) -> str:
    """A file as an address."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def picture(path: str | Path, alt: str) -> str:
    """A picture file as an `img`; an animation brings a still picture for those who stop it."""
    path = Path(path)
    content, mime = path.read_bytes(), MIME.get(path.suffix, mimetypes.guess_type(path.name)[0] or "")
    twin = path.with_suffix(".png")
    if path.suffix == ".svg" and len(content) > 2 * LARGE and twin.is_file():
        path, content, mime = twin, twin.read_bytes(), "image/png"
    still = ""
    if path.suffix == ".gif" or (path.suffix == ".png" and len(content) > LARGE):
        content, mime, last = _smaller(content, mime)
        still = f' data-still="{data_uri(last, MIME[".webp"])}"' if last else ""
    size = _pixels(content, mime)
    return f'<img{size} alt="{escape(alt, quote=True)}" src="{data_uri(content, mime)}"{still}>'


def _pixels(content: bytes, mime: str) -> str:
    """Width and height, so that the page does not move while pictures are decoded."""
    if mime == "image/svg+xml":
        found = re.search(rb'<svg[^>]*? viewBox="0 0 ([\d.]+) ([\d.]+)"', content)
        if not found:
            return ""
        width, height = (round(float(points) * 4 / 3) for points in found.groups())
    else:
        from PIL import Image

        width, height = Image.open(io.BytesIO(content)).size
    return f' width="{width}" height="{height}"'


def _smaller(content: bytes, mime: str) -> tuple[bytes, str, bytes]:
    """A picture as WebP where that is smaller; of an animation also its last picture."""
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


def sortable_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], name: str) -> str:
    """A table that sorts by a click on a heading; numbers are rounded for the eye only.

    Args:
        columns: headings.
        rows: cells; text that is a number counts as one, `nan` and nothing as an empty cell.
        name: what the table is, for readers who hear it.
    """
    rows = [[_value(cell) for cell in row] for row in rows]
    looks = [_look([row[k] for row in rows]) for k in range(len(columns))]
    heads = "".join(
        f'<th scope="col"{"" if look else " class=text"}>{escape(column.replace("_", " "))}</th>'
        for column, look in zip(columns, looks, strict=True)
    )
    lines = []
    for row in rows:
        cells = [
            f'<td data-value="{"" if cell is None else cell}">{"" if cell is None else look % cell}</td>'
            if look
            else f'<td class="text">{escape("" if cell is None else str(cell))}</td>'
            for cell, look in zip(row, looks, strict=True)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    head, body = f"<thead><tr>{heads}</tr></thead>", f"<tbody>{''.join(lines)}</tbody>"
    return wide(f'<table class="sortable">{head}{body}</table>', name)


def read_csv(path: str | Path) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of a CSV file."""
    with Path(path).open(newline="") as stream:
        columns, *rows = csv.reader(stream)
    return columns, rows


def facts(pairs: Mapping[str, str]) -> str:
    """Names and what they are, which is HTML."""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{text}</dd>" for name, text in pairs.items())
    return f'<dl class="facts">{lines}</dl>'


def download(path: str | Path, name: str) -> str:
    """A link that saves a file under a name; its size beside it."""
    path = Path(path)
    content = path.read_bytes()
    mime = MIME.get(path.suffix, mimetypes.guess_type(path.name)[0] or "application/octet-stream")
    address = data_uri(content, mime)
    return (
        f'<a download="{escape(name, quote=True)}" href="{address}">{escape(name)}</a> {_size(content)}'
    )


def _size(content: bytes) -> str:
    return f"({max(1, round(len(content) / 1000)):,} kB)".replace(",", "\u202f")


def _value(cell: Any) -> Any:
    """A cell as int, float, text or None for nothing."""
    if not isinstance(cell, str):
        return None if isinstance(cell, float) and not math.isfinite(cell) else cell
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        number = float(cell)
    except ValueError:
        return cell or None
    return number if math.isfinite(number) else None


def _look(values: Sequence[Any]) -> str:
    """How the numbers of a column are printed, alike so that points align; empty for text."""
    known = [value for value in values if value is not None]
    if not known or any(isinstance(value, str) for value in known):
        return ""
    if all(isinstance(value, int) for value in known):
        return "%d"
    largest = max(map(abs, known))
    return "%.2e" if largest >= 1e5 else f"%.{1 if largest >= 1000 else 2 if largest >= 10 else 3}f"


def wide(content: str, name: str) -> str:
    """A table or picture in a frame of its own that scrolls sideways, by keyboard too."""
    label = escape(name, quote=True)
    return f'<div class="wide" tabindex="0" role="region" aria-label="{label}">{content}</div>'
