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
from collections.abc import Callable, Collection
from copyreg import _reconstructor  # type: ignore[attr-defined]  # typeshed does not list it
from typing import Any, ClassVar

import numpy as np
from numpy._core.multiarray import _reconstruct, scalar  # type: ignore[attr-defined]
from numpy._core.numeric import _frombuffer  # type: ignore[attr-defined]

from jointreg.errors import DataError

LARGEST = 10**8
"""Entries that a sparse matrix may claim before it is unpacked; the largest known mesh needs 2.4e6."""

UNPACKED_BYTES = 4 * 2**30
"""Bytes that a compressed pickle may unpack to."""


def read_pickle(raw: bytes, where: str) -> Any:
    """The content of a pickle, with stand-ins for chumpy and scipy objects (see `as_array`).

    Args:
        raw: the file's bytes, which may be compressed by zlib, gzip, bz2, xz or lzma.
        where: names the file in errors.

    Raises:
        DataError: truncated, no pickle, or a class in it that is not plain data (named).
    """
    try:
        return _Unpickler(io.BytesIO(_unpacked(raw)), encoding="latin1").load()
    except DataError as error:
        what, _, cure = str(error).partition("\n  next:   ")
        raise DataError(f"{where}: {what}", cure or None) from None
    except Exception as error:
        cure = _next_step(raw, "fetch the file again: it is truncated or no pickle")
        if isinstance(error, _ForeignClass):
            cure = error.cure
        reason = "it begins as no pickle does" if isinstance(error, KeyError) else error
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
            for name in archive.namelist():
                key = name.removesuffix(".npy")
                if keys is None or key in keys:
                    entries[key] = _read_npy(archive.read(name), f"{where}: {key}")
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"{where} is not a readable npz of plain arrays: {error}",
            "the file is a pickle: save its arrays by numpy.savez"
            if raw.startswith(_PICKLE)
            else _next_step(raw, "fetch the file again: it is truncated or no npz"),
        ) from error
    return entries


def _read_npy(raw: bytes, where: str) -> Any:
    stream = io.BytesIO(raw)
    version = np.lib.format.read_magic(stream)
    headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    dtype = headers[version](stream)[2] if version in headers else None
    if dtype is None or not dtype.hasobject:
        return np.load(io.BytesIO(raw), allow_pickle=False)
    value = read_pickle(stream.read(), where)
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


_PICKLE = b"\x80"
"""First byte of a pickle since protocol 2."""
_OTHER_FORMATS = {
    b"MATLAB 5.0 MAT-file": "MATLAB's",
    b"\x89HDF\r\n\x1a\n": "HDF5 (or MATLAB 7.3)",
    b"\x93NUMPY": "an npy, which has one array without a name",
    b"{": "JSON",
    b"[": "JSON",
}
"""First bytes -> format of files that are neither an npz nor a pickle."""


def cure_for(raw: bytes) -> str | None:
    """The next step for a file whose content does not match its suffix; None if it is unknown."""
    if raw.startswith(b"version https://git-lfs"):
        return "the file is a Git LFS pointer, not the data: run `git lfs pull` where it came from"
    if raw[:200].lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "the file is a web page, not the data: download the raw file"
    return None


def _next_step(raw: bytes, damaged: str) -> str:
    """The next step for a file of another format; `damaged` if its first bytes show none."""
    known = (words for magic, words in _OTHER_FORMATS.items() if raw.startswith(magic))
    other = next((f"the file is {words}: save its arrays by numpy.savez" for words in known), None)
    return cure_for(raw) or other or damaged


def as_array(value: Any, where: str) -> np.ndarray:
    """The array that a value of a pickle is, or represents; sparse matrices become dense.

    Args:
        value: from `read_pickle`.
        where: names file and key in errors.

    Raises:
        DataError: a chumpy expression whose value was not stored, or no numbers at all.
    """
    if isinstance(value, _StandIn):
        try:
            return value.array(where)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(
                f"{where}: {value.about} does not contain its values ({error!r})",
                "convert this file with chumpy installed: save np.array(value) of each entry",
            ) from error
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: lists of different lengths are no array ({error})") from error


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
        from scipy import sparse

        state = self.state
        shape = tuple(int(n) for n in state.get("_shape", state.get("shape")))
        if np.prod(shape, dtype=float) > LARGEST:
            raise DataError(f"{where}: a sparse matrix of shape {shape}, expected under 1e8 entries")
        if self.form == "coo":
            place = state["coords"] if "coords" in state else (state["row"], state["col"])
            return sparse.coo_array((state["data"], tuple(place)), shape=shape).toarray()
        kind = sparse.csc_array if self.form == "csc" else sparse.csr_array
        matrix = kind((state["data"], state["indices"], state["indptr"]), shape=shape)
        matrix.check_format(full_check=True)
        return matrix.toarray()


class _JoblibArray:
    """joblib's mark in the stream: the array's bytes follow it."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def read(self, stream: io.BytesIO) -> np.ndarray:
        state, dtype = self.state, np.dtype(self.state["dtype"])
        if dtype.hasobject:  # joblib then writes a pickle of its own
            return as_array(_Unpickler(stream, encoding="latin1").load(), "joblib array")
        if state.get("numpy_array_alignment_bytes") is not None:
            stream.read(stream.read(1)[0])
        size = dtype.itemsize * int(np.prod(state["shape"], dtype=np.int64))
        raw = stream.read(size)
        if len(raw) != size:
            raise EOFError(f"an array of shape {state['shape']} ends after {len(raw)} of {size} bytes")
        return np.frombuffer(raw, dtype).reshape(state["shape"], order=state["order"]).copy()


_PLAIN: dict[tuple[str, str], Any] = {
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),  # bytes under protocol 2
    ("copyreg", "_reconstructor"): _reconstructor,
    ("builtins", "object"): object,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "slice"): slice,
    ("builtins", "bytearray"): bytearray,
    ("builtins", "complex"): complex,
    **{("builtins", kind.__name__): kind for kind in (dict, list, tuple, int, float, bool, str)},
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): lambda *factory: {},
    ("collections", "Counter"): dict,
    ("collections", "deque"): deque,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): scalar,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _JoblibArray,
}
"""Everything that a pickle may call, under the names of Python 3 and of numpy 1."""

_SPARSE = {f"{form}_{kind}": form for form in ("csc", "csr", "coo") for kind in ("matrix", "array")}


_PythonUnpickler: Any = pickle._Unpickler  # the one written in Python: joblib's arrays need its hooks


class _Unpickler(_PythonUnpickler):
    """Loads `_PLAIN` and the stand-ins only. It reads joblib's arrays, which lie between the opcodes."""

    dispatch: ClassVar = dict(_PythonUnpickler.dispatch)

    def __init__(self, stream: io.BytesIO, **options: str) -> None:
        super().__init__(stream, **options)
        self._stream = stream

    def find_class(self, module: str, name: str) -> Any:
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
    b"\xfd7zXZ": lzma.LZMADecompressor,
    b"]\x00\x00": lzma.LZMADecompressor,
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
            raise ValueError(f"it unpacks to more than {UNPACKED_BYTES / 2**30:.0f} GiB")
        raise EOFError("the compressed stream ends early")
    return content
