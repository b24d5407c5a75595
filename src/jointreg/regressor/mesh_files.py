"""Posed meshes in files, read in parts: vertices as npy, npz, pt or zarr, or parameters with a body."""

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jointreg.body.model import Body
from jointreg.datasets.unread import only_key, others_of, require_read
from jointreg.errors import INSTALL, DataError, default_cure
from jointreg.files.input import require_file
from jointreg.files.npy import read_header
from jointreg.files.npz import require_declared_sizes
from jointreg.files.saved_tensors import read_saved
from jointreg.predictions.bodies import read_predictions
from jointreg.predictions.conventions import PARTS, WHOLE
from jointreg.predictions.files import read_file
from jointreg.predictions.rows import NAMES, names_of
from jointreg.predictions.vertices import VERTICES

SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".zarr", ".zip")
"""`.zip` is a zarr store in one file."""

TRANSLATIONS = {"transl", "trans"}
"""Keys of other tools for translations; some are of a camera or a room that the labels are not in."""


class Meshes(NamedTuple):
    """The meshes of a file."""

    frames: int
    vertices: int
    """Of each mesh."""
    parts: Callable[[int], Iterator[np.ndarray]]
    """`parts(n)` reads (up to n, V, 3) floats at a time, in the order of the file."""
    rows: np.ndarray | None = None
    """Frame numbers or pictures' file names that the file gives its meshes, (frames,)."""


@default_cure("docs/exchange.md gives the form of a file of vertices")
def open_meshes(path: str | Path, body: Body | None = None) -> Meshes:
    """The posed meshes of a file; the numbers are read when parts are asked for.

    Args:
        path: vertices (N, V, 3) or (V, 3): npy, or npz, pt or zarr, alone or under a key of
            `predictions.vertices.VERTICES`.
        body: poses the parameters in the file, of a form that `predictions.files` reads; with it the
            file has parameters, without it vertices.

    Raises:
        DataError: no such file, no floats of that shape, or parameters without a translation. A damaged
            file raises it when its parts are read.
    """
    path = Path(path)
    if body is not None:
        return _posed(path, body)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"{path} has suffix '{path.suffix}', expected {', '.join(SUFFIXES)}",
            "np.save(file, vertices); for parameters of a body give --body",
        )
    if not (path.is_dir() if suffix == ".zarr" else suffix == ".npy" and _has_bytes(path)):
        require_file(path, "file of vertices", "check the path")
    reader = {".npy": _npy, ".npz": _npz, ".pt": _tensor, ".pth": _tensor}.get(suffix, _zarr)
    try:
        return reader(path)
    except (
        ValueError,
        EOFError,
        OSError,
        KeyError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise _damaged(path, error) from error


def _has_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} is no plain {path.suffix[1:]} of vertices: {error!s:.200}",
        "save it again, as numbers: np.save(file, vertices)",
    )


def _sizes(shape: tuple[int, ...], dtype: Any, path: Path) -> tuple[int, int]:
    """Frames and vertices of an array of meshes."""
    frames = shape if len(shape) == 3 else (1, *shape)
    floats = str(dtype).rpartition(".")[2] in ("float16", "bfloat16", "float32", "float64", ">f4", ">f8")
    if len(frames) != 3 or frames[2] != 3 or not floats or not frames[0] or not frames[1]:
        raise DataError(
            f"{path} holds {dtype} {tuple(shape)}, expected floats (frames, V, 3)",
            "give posed vertices in metres, frames first",
        )
    return frames[0], frames[1]


def _sliced(shape: tuple[int, ...], dtype: Any, read: Callable[[slice], Any], path: Path) -> Meshes:
    """Meshes of an array of which parts can be read. `read` gives (n, V, 3), or (V, 3) of a single."""
    frames, vertices = _sizes(shape, dtype, path)

    def parts(count: int) -> Iterator[np.ndarray]:
        for begin in range(0, frames, count):
            try:
                part = read(slice(begin, begin + count) if len(shape) == 3 else slice(None))
            except (ValueError, KeyError, OSError, RuntimeError) as error:
                raise _damaged(path, error) from error
            yield np.asarray(part).reshape(-1, vertices, 3)

    return Meshes(frames, vertices, parts)


def _npy(path: Path) -> Meshes:
    return _streamed(path, lambda: path.open("rb"))


def _npz(path: Path) -> Meshes:
    require_declared_sizes(path)
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
    key = _key(names, path)
    with np.load(path, allow_pickle=False) as file:
        others = others_of(file, key)

    @contextmanager
    def opened() -> Iterator[Any]:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as stream:
            yield stream

    return _named(_streamed(path, opened), others, path)


def _named(meshes: Meshes, others: Mapping[str, Any], path: Path) -> Meshes:
    """The meshes with what the file's other arrays name them by."""
    require_read(others, np.ones(meshes.frames, dtype=bool), str(path), NAMES)
    return meshes._replace(rows=names_of(others, str(path), meshes.frames))


def _streamed(path: Path, opened: Callable[[], AbstractContextManager[Any]]) -> Meshes:
    """The meshes of an npy that is read from its begin to its end, never as a whole.

    A file mapped into memory would count as memory of the process, up to its size.
    """
    with opened() as stream:
        header = read_header(stream)
    dtype, fortran = header.dtype, header.fortran
    frames, vertices = _sizes(header.shape, dtype, path)
    if fortran and frames > 1:
        raise DataError(
            f"{path} is in Fortran order, so its frames are not one after another",
            "save np.ascontiguousarray(vertices)",
        )

    def parts(count: int) -> Iterator[np.ndarray]:
        try:
            with opened() as stream:
                read_header(stream)
                for begin in range(0, frames, count):
                    part = (min(count, frames - begin), vertices, 3)
                    raw = stream.read(math.prod(part) * dtype.itemsize)
                    yield np.frombuffer(raw, dtype).reshape(part, order="F" if fortran else "C")
        except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise _damaged(path, error) from error

    return Meshes(frames, vertices, parts)


def _key(names: list[str], path: Path) -> str:
    """The one key, or the one that vertices are usually under; two of those are refused."""
    key = only_key(names, VERTICES, str(path))
    if key is None and len(names) == 1:
        return names[0]
    if key is None:
        raise DataError(
            f"{path} has the keys {', '.join(names)[:200]}, expected one of {', '.join(VERTICES)}",
            "for parameters of a body give --body; vertices are saved by np.savez(file, vertices=v)",
        )
    return key


def _tensor(path: Path) -> Meshes:
    cures = ("save it as a tensor: torch.save(vertices, file)", "fetch the file again")
    content = read_saved(path, "file of vertices", cures)
    others: dict[str, Any] = {}
    if isinstance(content, dict):
        arrays = {str(key): value for key, value in content.items() if isinstance(value, np.ndarray)}
        key = _key(list(arrays), path)
        others = {other: value for other, value in content.items() if other != key}
        content = arrays[key]
    if not isinstance(content, np.ndarray):
        raise DataError(f"{path} holds a {type(content).__name__}, expected a dense tensor", cures[0])
    meshes = _sliced(content.shape, content.dtype, content.__getitem__, path)
    return _named(meshes, others, path)


def _zarr(path: Path) -> Meshes:
    try:
        import zarr
        from zarr.storage import LocalStore, ZipStore
    except ImportError as error:
        raise DataError(f"reading {path} needs zarr", INSTALL.format("workflow")) from error

    store = LocalStore(path, read_only=True) if path.is_dir() else ZipStore(path, mode="r")
    try:
        node = zarr.open(store, mode="r")
        array = node if isinstance(node, zarr.Array) else node[_key(list(node.keys()), path)]
    except (FileNotFoundError, TypeError, RuntimeError) as error:
        raise _damaged(path, error) from error
    if not isinstance(array, zarr.Array):
        raise DataError(f"{path} has a group under the name of the vertices, expected an array")
    return _sliced(array.shape, array.dtype, array.__getitem__, path)


def _posed(path: Path, body: Body) -> Meshes:
    keys = set(read_file(path, note=lambda _: None, meshes=True))
    if keys & set(VERTICES) and not keys & {*WHOLE, *PARTS}:
        raise DataError(
            f"{path} has vertices, and a body that poses parameters is named",
            "leave out --body; --mesh names the mesh with its faces",
        )
    content = read_predictions(path, body)
    if "translation" not in content:
        other = sorted(keys & TRANSLATIONS)
        raise DataError(
            f"{path} has no translation: where its bodies stand beside the labels is not known",
            f"if {other[0]} is it, in the room of the labels and in metres, save it as `translation`"
            if other
            else "give a file with translations in metres, or vertices",
        )
    rotations, betas, translation = (content[key] for key in ("rotations", "betas", "translation"))

    def parts(count: int) -> Iterator[np.ndarray]:
        for begin in range(0, len(rotations), count):
            part = slice(begin, begin + count)
            yield body.vertices(rotations[part], betas[part], translation[part])

    rows = names_of(content, str(path), len(rotations))
    return Meshes(len(rotations), body.n_vertices, parts, rows)
