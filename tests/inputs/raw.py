"""Damages of a file's bytes, whatever it contains."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from inputs.case import Damage

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 939000\n"
GZIP = bytes.fromhex("1f8b0800000000000003") + bytes(20)

Change = Callable[[bytes, np.random.Generator], bytes]


def whole(*, optional: bool = False) -> list[Damage]:
    """The file is another one, or none: no reader can mistake it. `optional`: it may be missing."""
    contents = {
        "is empty": b"",
        "is one line end": b"\n",
        "is a web page": PAGE,
        "is a pointer of Git LFS": POINTER,
        "is the head of a picture": PNG,
        "is a cut gzip": GZIP,
        "is zeros": bytes(4096),
        "is four letters": b"none",
    }
    gone = [] if optional else [Damage("is missing", _remove), Damage("is a link to nothing", _dangling)]
    if not optional:
        gone.append(Damage("is a folder", _folder))
    return gone + [Damage(name, _write(content)) for name, content in contents.items()]


def cut() -> list[Damage]:
    """The file ends too early."""
    return [
        _edit(f"is cut after {share:.0%}", lambda raw, _, share=share: raw[: int(len(raw) * share)])
        for share in (0.02, 0.25, 0.5, 0.75, 0.95)
    ] + [_edit("lacks its last byte", lambda raw, _: raw[:-1])]


def ends(*, untold: bool = False) -> list[Damage]:
    """Bytes before or behind the content."""
    return [
        _edit("has bytes behind it", lambda raw, rng: raw + rng.bytes(100), untold=untold),
        _edit("has zeros behind it", lambda raw, _: raw + bytes(512), untold=untold),
        _edit("has a line end before it", lambda raw, _: b"\r\n" + raw, untold=untold),
        _edit("stands in it twice", lambda raw, _: raw + raw, untold=untold),
        _edit("begins with zeros", lambda raw, _: bytes(16) + raw[16:], untold=untold),
    ]


def flips(
    times: int = 4, span: tuple[float, float] = (0.0, 1.0), *, untold: bool = True
) -> list[Damage]:
    """Bits and blocks that differ, within a part of the file."""
    one = [_edit(f"has a bit flipped ({n + 1})", _flip(span), untold=untold) for n in range(times)]
    return [
        *one,
        _edit("has a byte more", _insert(span), untold=untold),
        _edit("has a byte less", _delete(span), untold=untold),
        _edit("has a block of zeros", _zeros(span), untold=untold),
        _edit("has two blocks exchanged", _exchange(span), untold=untold),
        _edit("was copied as text", lambda raw, _: raw.replace(b"\n", b"\r\n"), untold=untold),
    ]


def _edit(name: str, change: Change, *, untold: bool = False) -> Damage:
    def apply(path: Path, rng: np.random.Generator) -> None:
        path.write_bytes(change(path.read_bytes(), rng))

    return Damage(name, apply, untold=untold)


def _place(raw: bytes, span: tuple[float, float], rng: np.random.Generator) -> int:
    first, last = (int(share * len(raw)) for share in span)
    return int(rng.integers(first, max(last, first + 1)))


def _flip(span: tuple[float, float]) -> Change:
    def change(raw: bytes, rng: np.random.Generator) -> bytes:
        damaged, at = bytearray(raw), _place(raw, span, rng)
        damaged[at] ^= 1 << int(rng.integers(8))
        return bytes(damaged)

    return change


def _insert(span: tuple[float, float]) -> Change:
    def change(raw: bytes, rng: np.random.Generator) -> bytes:
        at = _place(raw, span, rng)
        return raw[:at] + rng.bytes(1) + raw[at:]

    return change


def _delete(span: tuple[float, float]) -> Change:
    def change(raw: bytes, rng: np.random.Generator) -> bytes:
        at = _place(raw, span, rng)
        return raw[:at] + raw[at + 1 :]

    return change


def _zeros(span: tuple[float, float]) -> Change:
    def change(raw: bytes, rng: np.random.Generator) -> bytes:
        at = _place(raw, span, rng)
        size = min(64, len(raw) - at)
        return raw[:at] + bytes(size) + raw[at + size :]

    return change


def _exchange(span: tuple[float, float]) -> Change:
    def change(raw: bytes, rng: np.random.Generator) -> bytes:
        at = _place(raw, span, rng)
        size = min(64, (len(raw) - at) // 2)
        middle, end = at + size, at + 2 * size
        return raw[:at] + raw[middle:end] + raw[at:middle] + raw[end:]

    return change


def _write(content: bytes) -> Callable[[Path, np.random.Generator], None]:
    def apply(path: Path, rng: np.random.Generator) -> None:
        _remove(path, rng)
        path.write_bytes(content)

    return apply


def _remove(path: Path, _: np.random.Generator) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _folder(path: Path, rng: np.random.Generator) -> None:
    _remove(path, rng)
    path.mkdir()


def _dangling(path: Path, rng: np.random.Generator) -> None:
    _remove(path, rng)
    path.symlink_to("nowhere")
