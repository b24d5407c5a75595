"""Meshes that bodycompress wrote (NLF): read by that package, where it is installed.

Vertices of SMPL and SMPL-X stand in an order that only the package has, and undoes. As a file may come
from anybody, it is first looked through for arrays that are no plain numbers.
"""

import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.errors import DataError

XZ, _PICKLE = b"\xfd7zXZ\x00", b"\x80"
"""First bytes of what xz compressed, and of a pickle."""

_PLAIN = re.compile(r"[<>|=]?[biuf][0-9]{1,2}")
"""Type of an array of plain numbers."""
_PART = 2**24
"""Bytes that are unpacked at a time."""
_UNPACK = (
    "pip install bodycompress; or unpack it elsewhere: np.savez('meshes.npz', vertices="
    "[frame['vertices'] for frame in bodycompress.BodyDecompressor(file)])"
)


def is_bodycompress(raw: bytes) -> bool:
    """Whether a file is compressed by xz and contains no pickle."""
    if not raw.startswith(XZ):
        return False
    try:
        head = lzma.LZMADecompressor().decompress(raw, max_length=100)
    except lzma.LZMAError:
        return False  # damaged: the reader of pickles names that
    return bool(head) and not head.startswith(_PICKLE)


def read_bodycompress(path: Path) -> dict[str, np.ndarray]:
    """The meshes of one person, in the order of their mesh.

    Args:
        path: the file, one person a frame. Frames without anybody are left out.

    Returns:
        vertices (N, V, 3) mm, and frame (N,), the number of each row's frame from 0.

    Raises:
        DataError: the package is not installed, the file is not whole, has several people in a frame, or
            arrays that are no plain numbers.
    """
    try:
        import bodycompress
        import msgpack
    except ImportError as error:
        raise DataError(
            f"{path} is compressed by xz and contains no pickle: probably meshes of bodycompress (NLF), "
            f"whose vertices stand in an order that only that package has ({error})",
            _UNPACK,
        ) from None

    def require_plain(table: dict[Any, Any]) -> dict[Any, Any]:
        kind = table.get(b"type", table.get("type"))
        text = kind.decode("latin1") if isinstance(kind, bytes) else kind
        array = b"nd" in table or "nd" in table
        if array and not (isinstance(text, str) and _PLAIN.fullmatch(text)):
            raise DataError(f"{path} has an array of {text!s:.40}, expected plain numbers", _UNPACK)
        return table

    meshes, frames = [], []
    try:
        unpacker = msgpack.Unpacker(object_hook=require_plain, strict_map_key=False)
        for part in _unpacked(path.read_bytes()):
            unpacker.feed(part)
            for _ in unpacker:
                pass
        for number, frame in enumerate(bodycompress.BodyDecompressor(str(path))):
            people = np.asarray(frame.get("vertices", np.empty((0, 0, 3))))
            people = people if people.ndim > 2 else people[None]
            if people.ndim != 3 or len(people) > 1:
                raise DataError(
                    f"{path}: frame {number} has vertices of shape {people.shape}, expected one person",
                    "unpack it and save the labelled person's rows: np.savez(file, vertices=...)",
                )
            if people.size:
                meshes.append(people[0])
                frames.append(number)
        vertices = np.stack(meshes)
    except DataError:
        raise
    except Exception as error:  # the package's, msgpack's and xz's have no class in common
        raise DataError(f"{path} is no whole file of bodycompress: {error!r:.200}", _UNPACK) from error
    return {"vertices": vertices, "frame": np.array(frames)}


def _unpacked(raw: bytes) -> Iterator[bytes]:
    """The content of all streams of a file, with zeros between them, in parts."""
    while (raw := raw.lstrip(b"\0")).startswith(XZ):
        stream = lzma.LZMADecompressor()
        yield stream.decompress(raw, max_length=_PART)
        while not stream.eof:
            part = stream.decompress(b"", max_length=_PART)
            if not part and stream.needs_input:
                raise DataError("it ends within a stream")
            yield part
        raw = stream.unused_data
