"""Reads pickles of unknown origin: arrays, numbers, text and plain containers, without running code.

It reads pickles of Python 2 and 3, those of joblib in any compression of the standard library, and the
official SMPL files, which contain chumpy objects. Objects of chumpy and scipy become inert stand-ins for
the stored state. `as_array` computes the array that a stand-in represents.
"""

import bz2
import io
import lzma
import pickle
import zipfile
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from copyreg import _reconstructor  # type: ignore[attr-defined]  # typeshed does not list it
from typing import Any, ClassVar

import numpy as np
from numpy._core.multiarray import scalar  # type: ignore[attr-defined]
from numpy._core.numeric import _frombuffer  # type: ignore[attr-defined]

from jointreg.errors import DataError
from jointreg.files.npy import read_array, read_header
from jointreg.files.npz import DEFLATED
from jointreg.files.other_formats import next_step

LARGEST_MATRIX = 2 * 10**7
"""Entries that a sparse matrix may claim before it is unpacked; the largest known mesh needs 2.4e6."""

LARGEST_CONTENT = 10**8
"""Entries that lists may have where each reference to a list counts as a copy of it."""

UNPACKED_BYTES = 10**9
"""Bytes that a compressed file may unpack to; the largest known needs half of it."""

_LZMA_BYTES = 2**28
"""Memory of an lzma decompressor; its strongest presets need a quarter."""

_PICKLE = b"\x80"
"""First byte of a pickle since protocol 2."""


def read_pickle(raw: bytes, where: str) -> Any:
    """The content of a pickle, with stand-ins for chumpy and scipy objects (see `as_array`).

    Args:
        raw: the file's bytes, which may be compressed by zlib, gzip, bz2, xz or lzma.
        where: names the file in errors.

    Raises:
        DataError: truncated, no pickle, or a class in it that is not plain data (named).
    """
    try:
        content = PlainUnpickler(io.BytesIO(_unpacked(raw)), encoding="latin1").load()
        require_size(content)
        return content
    except DataError as error:
        what, _, cure = str(error).partition("\n  next:   ")
        raise DataError(f"{where}: {what}", cure or None) from None
    except Exception as error:
        cure = next_step(raw, "fetch the file again: it is truncated or no pickle")
        if isinstance(error, _ForeignClass):
            cure = error.cure
        reason = "it is no pickle" if isinstance(error, KeyError) else error
        reason = "it ends too early" if isinstance(error, EOFError) else reason
        raise DataError(f"{where} is not a plain pickle of arrays: {reason}", cure) from error


def read_npz(raw: bytes, where: str, keys: Collection[str] | None = None) -> dict[str, Any]:
    """Entries of an npz: arrays, and the content of arrays of Python objects, read by `read_pickle`.

    Args:
        raw: the file's bytes.
        where: names the file in errors.
        keys: entries to read where they exist; None reads all.

    Raises:
        DataError: truncated, no npz, or an entry with a class that is not plain data.
    """
    entries: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if len(members) != len(archive.infolist()):
                raise ValueError("two of its entries have one name")
            wanted = {key: info for key, info in members.items() if keys is None or key in keys}
            _require_unpacked_size(wanted.values(), len(raw))
            for key, info in wanted.items():
                entries[key] = _read_npy(archive.read(info), f"{where}: {key:.60}")
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"{where} is not a readable npz of plain arrays: {error}",
            "the file is a pickle: save its arrays by numpy.savez"
            if raw.startswith(_PICKLE)
            else next_step(raw, "fetch the file again: it is truncated or no npz"),
        ) from error
    return entries


def _read_npy(raw: bytes, where: str) -> Any:
    header = read_header(io.BytesIO(raw))
    if not header.dtype.hasobject:
        return read_array(raw, where)
    value = read_pickle(raw[header.begin :], where)
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def as_array(value: Any, where: str) -> np.ndarray:
    """The array that a value of a pickle is, or represents; sparse matrices become dense.

    Args:
        value: from `read_pickle`.
        where: names file and key in errors.

    Raises:
        DataError: a chumpy expression whose value was not stored, or no numbers at all.
    """
    if isinstance(value, _StandIn):
        return _stored(value, lambda: value.array(where), where)
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: lists of different lengths are no array ({error})") from error


def as_matrix(value: Any, where: str) -> Any:
    """As `as_array`, but a sparse matrix of any size stays sparse: an array of scipy."""
    if isinstance(value, _Sparse):
        return _stored(value, value.matrix, where)
    return as_array(value, where)


def _stored(value: "_StandIn", read: Callable[[], Any], where: str) -> Any:
    try:
        return read()
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, MemoryError) as error:
        raise DataError(
            f"{where}: {value.about} does not contain its values ({error!r:.200})",
            "convert this file with chumpy installed: save np.array(value) of each entry",
        ) from error


class _ForeignClass(pickle.UnpicklingError):
    """A class that is not on the list."""

    def __init__(self, name: str) -> None:
        super().__init__(f"class {name} is not allowed")
        self.cure = (
            "only arrays, numbers, text and plain containers are read, as other classes could run code: "
            f"replace the {name} by a dict of NumPy arrays and save it again"
        )
        if name.startswith("torch."):
            self.cure = "it contains torch tensors: save `tensor.detach().cpu().numpy()` of each"


class _StandIn:
    """Holds the state of an object whose class is not loaded."""

    about = ""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self, where: str) -> np.ndarray:
        raise NotImplementedError


class _Chumpy(_StandIn):
    """`chumpy.ch.Ch` holds its values as `x`; an expression holds its operands, or a stored result."""

    def array(self, where: str) -> np.ndarray:
        state = self.state
        if "x" in state:
            return as_array(state["x"], where)
        if "a" in state and "idxs" in state:  # chumpy.reordering.Select, what slicing makes
            picked = as_array(state["a"], where).ravel()[as_array(state["idxs"], where).astype(np.intp)]
            return picked.reshape(state.get("preferred_shape", picked.shape))
        if not isinstance(state["_cache"]["r"], np.ndarray):
            raise ValueError("an expression whose result was not stored")
        return state["_cache"]["r"]


class _Sparse(_StandIn):
    """A scipy matrix of any version: csc, csr or coo."""

    form = ""

    def array(self, where: str) -> np.ndarray:
        matrix = self.matrix()
        if np.prod(matrix.shape, dtype=float) > LARGEST_MATRIX:
            raise DataError(
                f"{where}: a sparse matrix of shape {matrix.shape!s:.80}, expected at most "
                f"{LARGEST_MATRIX:.0e} entries",
                "save the matrix of one mesh alone: scipy.sparse.save_npz('matrix.npz', matrix)",
            )
        return matrix.toarray()

    def matrix(self) -> Any:
        """The matrix as a sparse array, which has no more entries than the file."""
        from scipy import sparse

        state = self.state
        shape = tuple(int(n) for n in state.get("_shape", state.get("shape")))
        if self.form == "coo":
            place = state["coords"] if "coords" in state else (state["row"], state["col"])
            return sparse.coo_array((state["data"], tuple(place)), shape=shape)
        kind = sparse.csc_array if self.form == "csc" else sparse.csr_array
        matrix = kind((state["data"], state["indices"], state["indptr"]), shape=shape)
        matrix.check_format(full_check=True)
        return matrix


class _JoblibArray:
    """joblib's mark in the stream: the array's bytes follow it."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def read(self, stream: io.BytesIO) -> np.ndarray:
        state, dtype = self.state, np.dtype(self.state["dtype"])
        if dtype.hasobject:  # joblib then writes a pickle of its own
            return as_array(PlainUnpickler(stream, encoding="latin1").load(), "joblib array")
        if state.get("numpy_array_alignment_bytes") is not None:
            stream.read(stream.read(1)[0])
        size = dtype.itemsize * int(np.prod(state["shape"], dtype=np.int64))
        raw = stream.read(size)
        if len(raw) != size:
            raise EOFError(f"an array of shape {state['shape']} ends after {len(raw)} of {size} bytes")
        return np.frombuffer(raw, dtype).reshape(state["shape"], order=state["order"]).copy()


class _ArrayKind:
    """Stands for NumPy's class of arrays, which takes memory for any shape that it is called with."""


def _bytearray(content: bytes = b"", *encoding: str) -> bytearray:
    """As Python's, without the form that takes memory for a number of bytes."""
    if isinstance(content, int):
        raise pickle.UnpicklingError("a bytearray without content")
    return bytearray(content, *encoding)  # type: ignore[arg-type]


_PLAIN: dict[tuple[str, str], Any] = {
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),  # bytes under protocol 2
    ("copyreg", "_reconstructor"): _reconstructor,
    ("builtins", "object"): object,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "slice"): slice,
    ("builtins", "bytearray"): _bytearray,
    ("builtins", "complex"): complex,
    **{("builtins", kind.__name__): kind for kind in (dict, list, tuple, int, float, bool, str)},
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): lambda *factory: {},
    ("collections", "Counter"): dict,
    ("collections", "deque"): deque,
    ("numpy", "ndarray"): _ArrayKind,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): lambda kind, shape, code: np.empty(0, np.int8),
    ("numpy.core.multiarray", "scalar"): scalar,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _JoblibArray,
}
"""Everything that a pickle may call, under the names of Python 3 and of numpy 1."""

_SPARSE = {f"{form}_{kind}": form for form in ("csc", "csr", "coo") for kind in ("matrix", "array")}


_PythonUnpickler: Any = pickle._Unpickler  # the one written in Python: joblib's arrays need its hooks


class PlainUnpickler(_PythonUnpickler):
    """Loads `_PLAIN` and the stand-ins only. It reads joblib's arrays, which lie between the opcodes."""

    dispatch: ClassVar = dict(_PythonUnpickler.dispatch)

    def __init__(self, stream: io.BytesIO, **options: str) -> None:
        super().__init__(stream, **options)
        self._stream = stream

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle names; refused where it is no plain data."""
        package = module.split(".")[0]
        if package == "chumpy":
            return type(name, (_Chumpy,), {"about": f"{module}.{name}"})
        if module.startswith("scipy.sparse") and name in _SPARSE:
            return type(name, (_Sparse,), {"about": f"{module}.{name}", "form": _SPARSE[name]})
        renamed = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        allowed = _PLAIN.get((renamed.replace("numpy._core.", "numpy.core."), name))
        if allowed is None:
            raise _ForeignClass(f"{module}.{name}")
        return allowed

    def load_build(self) -> None:
        """Set an object's state; where it is joblib's mark, read the array behind it."""
        if callable(self.stack[-2]):
            raise pickle.UnpicklingError("state for a function or class")
        super().load_build()
        if isinstance(self.stack[-1], _JoblibArray):
            self.stack[-1] = self.stack[-1].read(self._stream)

    dispatch[pickle.BUILD[0]] = load_build


_COMPRESSIONS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"\x78": zlib.decompressobj,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lambda: lzma.LZMADecompressor(memlimit=_LZMA_BYTES),
    b"]\x00\x00": lambda: lzma.LZMADecompressor(memlimit=_LZMA_BYTES),
}
"""First bytes of each compression -> maker of its decompressor."""

_NOT_UNPACKED = {b"\x04\x22\x4d\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd"}


def _unpacked(raw: bytes) -> bytes:
    for magic, name in _NOT_UNPACKED.items():
        if raw.startswith(magic):
            raise DataError(
                f"compressed by {name}", "save it again without compression: joblib.dump(value, path)"
            )
    unpack = next((make for magic, make in _COMPRESSIONS.items() if raw.startswith(magic)), None)
    if unpack is None:
        return raw
    unpacker = unpack()
    content: bytes = unpacker.decompress(raw, UNPACKED_BYTES)
    if not unpacker.eof:
        if len(content) >= UNPACKED_BYTES:
            raise ValueError(f"it unpacks to more than {UNPACKED_BYTES / 1e9:.0f} GB")
        raise EOFError("the compressed stream ends early")
    return content


def _require_unpacked_size(members: Iterable[zipfile.ZipInfo], packed: int) -> None:
    """Refuse entries of an archive of `packed` bytes that declare more than it can hold."""
    members = list(members)
    declared, held = sum(info.file_size for info in members), sum(info.compress_size for info in members)
    if declared > max(UNPACKED_BYTES, packed) or declared > DEFLATED * (min(held, packed) + 100):
        raise ValueError(f"its {packed} bytes declare {declared}, expected at most {UNPACKED_BYTES}")


def require_size(content: Any) -> None:
    """Refuse containers that become huge where each reference in them is followed.

    Raises:
        ValueError: more than `LARGEST_CONTENT` entries, or a container within itself.
    """
    sizes: dict[int, int] = {}  # of containers that are counted; 0 while one is open
    rest = [content]
    while rest:
        value = rest[-1]
        items = _items(value)
        if items is None or sizes.get(id(value)):
            rest.pop()
            continue
        inner = [item for item in items if _items(item) is not None]
        if id(value) not in sizes:
            if any(sizes.get(id(item)) == 0 for item in inner):
                raise ValueError("a list or table in it contains itself")
            sizes[id(value)] = 0
            rest.extend(item for item in inner if id(item) not in sizes)
            continue
        size = 1 + len(items) + sum(sizes.get(id(item), 1) for item in inner)
        if size > LARGEST_CONTENT:
            raise ValueError(f"its lists have more than {LARGEST_CONTENT:.0e} entries")
        sizes[id(value)] = size
        rest.pop()


def _items(value: Any) -> Collection[Any] | None:
    """What a plain container contains; None for everything else."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple | set | frozenset | deque) else None
