"""Prediction files of other tools: their content as one flat mapping, whatever tool wrote it."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jointreg.errors import DataError
from jointreg.files.input import require_file
from jointreg.files.other_formats import cure_for
from jointreg.files.pickles import read_npz, read_pickle
from jointreg.files.saved_tensors import read_saved
from jointreg.predictions.bodycompress import is_bodycompress, read_bodycompress
from jointreg.predictions.other_tools import refuse_other_tools, refuse_scene
from jointreg.predictions.tools import flattened
from jointreg.predictions.vertices import VERTICES, is_mesh

_TORCH = (".pt", ".pth", ".tar")
_NAMED = "save them by numpy.savez: joints; vertices; or rotations and betas (docs/methods.md)"
_LISTED = (
    "join its entries: np.savez(file, betas=np.concatenate([one['betas'] for one in entries]), ...)"
)
_PAGE = "docs/methods.md lists files, keys and shapes"


def read_file(
    path: str | Path,
    track: str = "",
    note: Callable[[str], None] = print,
    *,
    meshes: bool = False,
) -> dict[str, Any]:
    """A prediction file as one flat mapping: arrays by their names.

    The first bytes decide what is read: npz (`.smpl` files too), npy, a file of torch.save, or a pickle
    (joblib's too). `predictions.tools` lists the forms of the content.

    Args:
        path: the file.
        track: the person to read of several, as the tool numbers them; empty: the only one.
        note: is told what is left out.
        meshes: vertices are wanted. An array of meshes without a name is then read, and tools whose
            parameters are not read are read for their vertices.

    Raises:
        DataError: missing, truncated, with classes that are not plain data, or of no known form.
    """
    path = Path(path)
    joined = "join the frames of one person into one file: docs/vertices.md, docs/methods.md"
    require_file(path, "prediction file", joined if path.is_dir() else "check the path")
    where = str(path)
    content = read_content(path)
    if meshes and is_mesh(content):
        content = {VERTICES[0]: content}
    if not isinstance(content, dict) or not content:
        found = "no entry" if isinstance(content, dict) else f"a {type(content).__name__}"
        if isinstance(content, np.ndarray):
            found = f"one array without a name, of shape {content.shape}"
        listed = isinstance(content, list | tuple) and content and isinstance(content[0], dict)
        raise DataError(
            f"{where} contains {found}, expected arrays by name", _LISTED if listed else _NAMED
        )
    if not (meshes and set(VERTICES) & set(content)):
        refuse_other_tools(content, where)
    try:
        return flattened(content, where, track, note)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise DataError(f"{where} is arranged in no known form ({error!r})"[:400], _PAGE) from error


def read_content(path: Path) -> Any:
    """What a file contains: npz, npy, a pickle, a file of torch.save, or meshes of bodycompress.

    Raises:
        DataError: truncated, or with classes that are not plain data.
    """
    where = str(path)
    raw = path.read_bytes()
    refuse_scene(raw, where)
    if is_bodycompress(raw):
        return read_bodycompress(path)
    if (path.suffix in _TORCH and cure_for(raw) is None) or _is_torch(raw):
        return _tensors(path)
    if path.suffix in (".npz", ".smpl") or raw.startswith(b"PK"):
        return read_npz(raw, where)
    return read_npy(raw, where) if raw.startswith(b"\x93NUMPY") else read_pickle(raw, where)


def read_npy(raw: bytes, where: str) -> Any:
    """What an npy file contains; an object that numpy.save pickled is read as `read_pickle` does."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("content.npy", raw)
    return read_npz(archive.getvalue(), where)["content"]


def _is_torch(raw: bytes) -> bool:
    if not raw.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return any(name.endswith("/data.pkl") or name == "data.pkl" for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return False


def _tensors(path: Path) -> Any:
    cures = (
        "save the dict of its tensors alone: torch.save(dict, path)",
        "fetch the file again: it is truncated, or no file of torch.save",
    )
    return read_saved(path, "file of torch.save", cures)
