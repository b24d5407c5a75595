"""Files of torch.save as NumPy arrays, without torch and without running code.

Tensors become arrays, sparse ones of two dimensions scipy's; views of one storage share its memory.
Files since torch 1.6 are zips, older ones a row of pickles with the numbers behind them.

Source: torch.serialization and torch._utils of torch 2.
"""

import io
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np

from jointreg.errors import DataError
from jointreg.files.pickles import PlainUnpickler, require_size

LARGEST_REPEATED = 10**9
"""Bytes that a tensor may take that repeats the numbers of its file, as tensor.expand makes them."""

_BFLOAT16 = "bfloat16"
_STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
    "ComplexFloatStorage": "c8",
    "ComplexDoubleStorage": "c16",
}
"""Class of a storage -> its numbers in NumPy's words."""
_WRITTEN = {"f8": "DoubleStorage", "f4": "FloatStorage", "i8": "LongStorage", "i4": "IntStorage"}
_LAYOUTS = ("sparse_coo", "sparse_csr", "sparse_csc")
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
"""What a file of before torch 1.6 begins with."""
_ALIGNMENT = 64
"""Bytes that torch aligns numbers to, so that a file can be mapped into memory."""


def read_saved(path: Path, what: str, cures: Sequence[str]) -> Any:
    """What a file of torch.save contains, with arrays in the place of tensors.

    Args:
        path: the file.
        what: names it in errors, for example `file of torch.save`.
        cures: what to do about a foreign class or a tensor without plain numbers, and about a damaged
            file.

    Raises:
        DataError: damaged (its checksums are compared), or it names a class that is not plain data.
    """
    return decode_saved(path.read_bytes(), str(path), what, cures)


def decode_saved(raw: bytes, where: str, what: str, cures: Sequence[str]) -> Any:
    """As `read_saved`, from the bytes of the file that `where` names."""
    try:
        if require_sound(io.BytesIO(raw), len(raw)):
            return _from_zip(raw)
        return _from_pickles(raw)
    except _NotPlainError as error:
        raise DataError(f"{where} has a tensor without plain numbers: {error}", cures[0]) from error
    except Exception as error:
        foreign = re.match(r"class (\S+) is not allowed", str(error))
        if foreign:
            raise DataError(
                f"{where} names {foreign[1]}, expected tensors and numbers only: it is not read, "
                "because that could run code",
                cures[0],
            ) from error
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise DataError(
            f"{where} ({len(raw)} bytes) is not a readable {what}, truncated or damaged: {reason}",
            cures[1],
        ) from error


def encode_saved(array: np.ndarray) -> bytes:
    """The bytes that torch.load reads as one dense tensor; the same array always gives the same bytes.

    Args:
        array: of float64, float32, int64 or int32.
    """
    array = np.ascontiguousarray(array)
    strides = [step // array.itemsize for step in array.strides]
    storage = f"ctorch\n{_WRITTEN[array.dtype.str[1:]]}\n".encode()
    content = b"".join(
        [
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((",
            *(_text("storage"), storage, _text("0"), _text("cpu"), _whole(array.size), b"tQ"),
            *(_whole(0), b"(", *map(_whole, array.shape), b"t(", *map(_whole, strides), b"t"),
            b"\x89ccollections\nOrderedDict\n)RtR.",
        ]
    )
    stream = io.BytesIO()
    records = {"data.pkl": content, "byteorder": b"little", "data/0": array.tobytes(), "version": b"3\n"}
    with zipfile.ZipFile(stream, "w") as archive:
        for name, record in records.items():
            entry = zipfile.ZipInfo(f"archive/{name}")
            header = stream.tell() + 30 + len(entry.filename) + 4
            padding = -header % _ALIGNMENT
            entry.extra = b"FB" + struct.pack("<H", padding) + bytes(padding)
            archive.writestr(entry, record)
    return stream.getvalue()


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _whole(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def require_sound(file: Path | BinaryIO, size: int) -> bool:
    """Refuse a zip of torch.save whose records are damaged or larger than the file.

    torch compares no checksum, and stores its tensors uncompressed.

    Args:
        file: the file.
        size: of it, bytes.

    Returns:
        Whether it is a zip. The format before 2020 is none, and cannot be mapped into memory.

    Raises:
        ValueError: names what is wrong.
    """
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        declared = sum(record.file_size for record in archive.infolist())
        if declared > 2 * size + 10**6:
            raise ValueError(f"it declares {declared} bytes, but has {size}")
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of its record {damaged:.60} is wrong")
    return True


class _NotPlainError(Exception):
    """A tensor that is no array of its numbers: quantised, or without storage."""


class _Storage:
    """The numbers that tensors are views of. Those of an old file are read after all tensors."""

    def __init__(self, kind: str, count: int) -> None:
        self.kind, self.count = kind, count
        self.numbers = np.empty(0)

    def fill(self, raw: bytes, order: Literal["<", ">"] = "<") -> None:
        """Take the numbers from bytes; bfloat16 becomes float32."""
        dtype = np.dtype("u2" if self.kind == _BFLOAT16 else self.kind).newbyteorder(order)
        if len(raw) < self.count * dtype.itemsize:
            raise ValueError(f"a storage of {self.count} numbers has {len(raw)} bytes")
        numbers = np.frombuffer(raw, dtype, self.count)
        numbers = numbers.astype(dtype.newbyteorder("="))
        if self.kind == _BFLOAT16:
            numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
        self.numbers = numbers


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """The view of the storage."""
        numbers, item = self.storage.numbers, self.storage.numbers.itemsize
        positive = min(self.offset, *self.shape, *self.strides, 0) == 0
        if not positive or len(self.shape) != len(self.strides):
            raise ValueError(f"a tensor of shape {self.shape!s:.80} has strides {self.strides!s:.80}")
        size = 1
        for count in self.shape:
            size *= count
        if size * item > max(numbers.nbytes, LARGEST_REPEATED):
            raise _NotPlainError(
                f"one of shape {self.shape!s:.80} repeats the {len(numbers)} of its file"
            )
        last = self.offset + sum(
            (n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)
        )
        if size and last >= len(numbers):
            raise ValueError(f"a tensor of shape {self.shape!s:.80} lies outside its storage")
        view = numbers[self.offset :]
        steps = [step * item for step in self.strides]
        return np.lib.stride_tricks.as_strided(view, self.shape, steps, writeable=False)


class _Sparse(NamedTuple):
    layout: str
    parts: tuple[Any, ...]

    def array(self) -> Any:
        """A sparse array of scipy."""
        from scipy import sparse

        tensors = [part.array() for part in self.parts if isinstance(part, _Tensor)]
        shape = tuple(int(count) for count in self.parts[len(tensors)])
        if len(shape) != 2:
            raise _NotPlainError(f"a sparse one of shape {shape!s:.80}")
        if tensors[-1].dtype == np.float16:  # scipy's sparse arrays have none
            tensors[-1] = tensors[-1].astype(np.float32)
        if self.layout == "sparse_coo":
            (rows, columns), values = tensors
            whole = sparse.coo_array((values, (rows, columns)), shape=shape)
            whole.sum_duplicates()
            return whole
        first, others, values = tensors
        kind = sparse.csc_array if self.layout == "sparse_csc" else sparse.csr_array
        whole = kind((values, others, first), shape=shape)
        whole.check_format(full_check=True)
        return whole.tocoo()


def _refuse(kind: str) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise _NotPlainError(kind)

    return refuse


def _tensor(storage: Any, offset: int, shape: Any, strides: Any, *rest: Any) -> _Tensor:
    """torch._utils._rebuild_tensor_v2; of the rest only its bits, like `conj`, have a meaning."""
    if len(rest) > 2 and rest[2]:
        raise _NotPlainError(f"a view with {rest[2]!s:.80}")
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


_REBUILD: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    ("torch._utils", "_rebuild_sparse_tensor"): lambda layout, parts: _Sparse(layout, tuple(parts)),
    ("torch._utils", "_rebuild_qtensor"): _refuse("quantised"),
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): _refuse("on the device meta"),
    ("torch.serialization", "_get_layout"): lambda name: name.removeprefix("torch."),
    ("torch", "Size"): tuple,
    ("torch", "device"): lambda *name: ":".join(map(str, name)),
    **{("torch", name): kind for name, kind in _STORAGES.items()},
    **{("torch", name): name for name in ("float64", "float32", "float16", "int64", "int32", *_LAYOUTS)},
}
"""What a file of tensors may name besides plain data."""


class _Unpickler(PlainUnpickler):
    """Plain data and tensors."""

    def __init__(self, stream: io.BytesIO, storage: Callable[[str, str, int], _Storage]) -> None:
        super().__init__(stream, encoding="utf-8")
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        known = _REBUILD.get((module, name))
        if known is None and module == "torch" and re.fullmatch(r"Q\w+Storage", name):
            raise _NotPlainError(f"quantised ({name})")
        return super().find_class(module, name) if known is None else known

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage: its class, key and number of entries."""
        _, kind, key, _, count, *_ = pid
        return self._storage(kind, str(key), int(count))


def _from_zip(raw: bytes) -> Any:
    storages: dict[str, _Storage] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        names = archive.namelist()
        (content,) = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
        folder = content.removesuffix("data.pkl")
        order: Literal["<", ">"] = "<"
        if f"{folder}byteorder" in names and archive.read(f"{folder}byteorder") == b"big":
            order = ">"

        def storage(kind: str, key: str, count: int) -> _Storage:
            if key not in storages:
                storages[key] = _Storage(kind, count)
                storages[key].fill(archive.read(f"{folder}data/{key}"), order)
            return storages[key]

        return _resolved(_Unpickler(io.BytesIO(archive.read(content)), storage).load())


def _from_pickles(raw: bytes) -> Any:
    storages: dict[str, _Storage] = {}

    def storage(kind: str, key: str, count: int) -> _Storage:
        return storages.setdefault(key, _Storage(kind, count))

    stream = io.BytesIO(raw)
    begin = [_Unpickler(stream, storage).load() for _ in range(3)]
    if begin[:2] != [_MAGIC, _PROTOCOL]:
        raise ValueError("it is no file of torch.save")
    order: Literal["<", ">"] = "<" if begin[2].get("little_endian", True) else ">"
    content = _Unpickler(stream, storage).load()
    for key in _Unpickler(stream, storage).load():
        one = storages[key]
        (one.count,) = struct.unpack(f"{order}q", stream.read(8))
        bytes_each = 2 if one.kind == _BFLOAT16 else np.dtype(one.kind).itemsize
        one.fill(stream.read(max(one.count, 0) * bytes_each), order)
    return _resolved(content)


def _resolved(content: Any) -> Any:
    """The same with arrays in the place of tensors, tuples as lists; each tensor once."""
    require_size(content)
    arrays: dict[int, Any] = {}

    def resolve(value: Any) -> Any:
        if isinstance(value, _Tensor | _Sparse):
            if id(value) not in arrays:
                arrays[id(value)] = value.array()
            return arrays[id(value)]
        if isinstance(value, dict):
            return {key: resolve(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [resolve(item) for item in value]
        return value

    return resolve(content)
