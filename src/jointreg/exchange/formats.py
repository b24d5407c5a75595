"""A matrix as bytes of each file format of the field, and back. Its meaning is not decided here.

Files come from strangers: NumPy and SciPy read without pickle, and pickles, those of
torch.save among them, through an unpickler that admits arrays only. Sizes that a file declares are
compared with what it holds before memory is taken for them.
"""

import io
import math
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from jointreg.config.joint_sets import SMPL_TO_J19
from jointreg.errors import DataError
from jointreg.files.input import read_file
from jointreg.files.npy import read_array
from jointreg.files.other_formats import cure_for
from jointreg.files.pickles import as_array, read_npz, read_pickle
from jointreg.files.saved_tensors import decode_saved, encode_saved
from jointreg.skeleton import H36M_17, rows

Format = Literal["npy", "npz", "pt", "pkl"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {f".{name}": name for name in FORMATS} | {".pth": "pt"}

LARGEST = 2 * 10**7
"""Entries that a matrix may have; 308 joints of a mesh of 18,439 vertices have 5.7e6."""

BODY_MODEL = "v_template"
"""A key that only a body model has."""


def format_of(path: Path, name: str | None = None) -> Format:
    """The format of this name, or of the file's suffix.

    Raises:
        DataError: neither is known.
    """
    form = SUFFIXES.get(path.suffix.lower() if name is None else f".{name}")
    if form is None:
        raise DataError(
            f"format of {path} is '{path.suffix if name is None else name}', "
            f"expected one of {', '.join(FORMATS)}",
            "give the file one of these suffixes, or name the format",
        )
    return form


def decode(raw: bytes, form: Format, where: str) -> np.ndarray:
    """The matrix in a file's bytes, float64, as it stands there.

    A file may hold one matrix in a table of keys (a dict, a state dict, an npz), or its rows by name.

    Raises:
        DataError: the bytes are not a plain real matrix in this format, or declare more entries than
            they hold or any regressor has.
    """
    return decode_named(raw, form, where)[0]


def decode_named(raw: bytes, form: Format, where: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """As `decode`, with the names of the rows where the file is a table of name -> row (V,); else None.

    Raises:
        DataError: as `decode`.
    """
    names = None
    try:
        content = _READERS[form](raw, where)
        if isinstance(content, dict):
            names = tuple(content)
            content = np.stack(list(content.values()))
        matrix = np.asarray(content)
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"{where} is not a plain {form} array: {error!s:.200}",
            cure_for(raw) or "fetch the file again: it is truncated, or of another format",
        ) from error
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise DataError(
            f"{where} holds {matrix.dtype!s:.40} of shape {matrix.shape}, expected a matrix of "
            "real numbers",
            "save the regressor alone, as np.save(file, matrix)",
        )
    if not matrix.size:
        raise DataError(
            f"{where} has shape {matrix.shape}, expected rows for joints and columns for vertices",
            "save the regressor again: this file has no weights",
        )
    return np.ascontiguousarray(matrix, dtype=np.float64), names


def encode(matrix: np.ndarray, form: Format, template: Path | None = None) -> bytes:
    """A file's bytes in this format: the same matrix always gives the same bytes.

    Args:
        matrix: (17, V); for pkl in the order `H36M_17`.
        form: the format.
        template: pkl: the user's own `SMPL_to_J19.pkl`, whose other rows are kept.

    Raises:
        DataError: pkl without a template, or one that does not fit.
    """
    stream = io.BytesIO()
    if form == "npy":
        np.save(stream, np.ascontiguousarray(matrix), allow_pickle=False)
    elif form == "npz":
        from scipy import sparse

        sparse.save_npz(stream, sparse.csr_matrix(matrix))
    elif form == "pt":
        return encode_saved(matrix)
    else:
        return _into_j19(matrix, template)
    return stream.getvalue()


def _read_npz(raw: bytes, where: str) -> np.ndarray | dict[str, np.ndarray]:
    """A SciPy sparse matrix, the one array of `np.savez`, or its rows by name."""
    entries = read_npz(raw, where)
    if "format" not in entries:
        if _are_rows(entries):
            return entries
        return as_array(_only_matrix(entries, where), where)
    _require_size(entries["shape"].tolist(), where)
    return sparse_matrix(entries, where).toarray()


def sparse_matrix(entries: Mapping[str, Any], where: str) -> Any:
    """The matrix of the entries that scipy.sparse.save_npz writes: a sparse array.

    Raises:
        DataError: another form than csr, csc or coo.
        ValueError, KeyError: indices that do not fit, or an entry that is missing.
    """
    from scipy import sparse

    if np.asarray(entries["shape"]).dtype.kind not in "iu":
        raise ValueError("its shape is no whole numbers")
    shape = tuple(int(size) for size in entries["shape"])
    form = entries["format"].item()
    form = form.decode("ascii") if isinstance(form, bytes) else str(form)
    if form == "coo":
        return sparse.coo_array((entries["data"], (entries["row"], entries["col"])), shape)
    kinds = {"csr": sparse.csr_array, "csc": sparse.csc_array}
    if form not in kinds:
        raise DataError(
            f"{where} holds a sparse matrix of the form '{form:.20}', expected csr, csc or coo",
            "save it again: scipy.sparse.save_npz(file, scipy.sparse.csr_matrix(matrix))",
        )
    if any(np.asarray(entries[key]).dtype.kind not in "iu" for key in ("indices", "indptr")):
        raise ValueError("its indices are no whole numbers")
    matrix = kinds[form]((entries["data"], entries["indices"], entries["indptr"]), shape)
    matrix.check_format(full_check=True)
    entries_before = matrix.nnz
    matrix.sum_duplicates()
    if matrix.nnz != entries_before:
        raise ValueError("it has an entry twice")
    return matrix


def _read_pt(raw: bytes, where: str) -> np.ndarray | dict[str, np.ndarray]:
    cures = (
        "save it with torch.save(tensor.detach().cpu().float(), file)",
        cure_for(raw) or "fetch the file again: it is truncated, or of another format",
    )
    loaded = decode_saved(raw, where, "file of torch.save", cures)
    if isinstance(loaded, Mapping):
        if _are_rows(loaded):
            return {name: np.asarray(row, dtype=np.float64) for name, row in loaded.items()}
        loaded = _only_matrix(loaded, where)
    if not hasattr(loaded, "dtype"):
        raise DataError(f"{where} holds a {type(loaded).__name__}, expected one tensor (17, V)")
    _require_size(loaded.shape, where)
    return loaded if isinstance(loaded, np.ndarray) else loaded.toarray()


def _read_pkl(raw: bytes, where: str) -> np.ndarray | dict[str, np.ndarray]:
    loaded = read_pickle(raw, where)
    if isinstance(loaded, dict) and _are_rows(loaded):
        return loaded
    return as_array(_only_matrix(loaded, where) if isinstance(loaded, Mapping) else loaded, where)


_READERS = {"npy": read_array, "npz": _read_npz, "pt": _read_pt, "pkl": _read_pkl}


def _require_size(shape: Sequence[int], where: str) -> None:
    """Refuse a declared shape that no regressor has, before it is unpacked."""
    if math.prod(shape) > LARGEST:
        raise DataError(f"{where} has shape {tuple(shape)!s:.100}, expected ({len(H36M_17)}, V)")


def _are_rows(table: Mapping[Any, Any]) -> bool:
    """Whether a table of keys gives each joint's name and row, all rows of one length."""
    shapes = [tuple(getattr(value, "shape", ())) for value in table.values()]
    return (
        len(shapes) > 1
        and len(shapes[0]) == 1
        and len(shapes) < shapes[0][0] <= LARGEST // len(shapes)
        and shapes.count(shapes[0]) == len(shapes)
        and all(isinstance(key, str) for key in table)
    )


def _only_matrix(table: Mapping[Any, Any], where: str) -> Any:
    """The one value of a table of keys."""
    keys = ", ".join(f"{key!s:.30}" for key in list(table)[:4]) + (", ..." if len(table) > 4 else "")
    if len(table) == 1 and BODY_MODEL not in table:
        (value,) = table.values()
        return value
    raise DataError(
        f"{where} holds a dict ({keys}), expected one array",
        "this looks like a body model: give it as the body, not as the regressor"
        if BODY_MODEL in table
        else "save the regressor alone, as np.save(file, matrix)",
    )


def _into_j19(matrix: np.ndarray, template: Path | None) -> bytes:
    """Bytes of the user's SMPL_to_J19.pkl with our 17 rows in the place of its own."""
    if template is None:
        raise DataError(
            "SMPL_to_J19.pkl has two rows that are not Human3.6M's (LSP's head top, MPII's thorax)",
            "give your own SMPL_to_J19.pkl as template (--template); its other rows are kept",
        )
    raw = read_file(template, "template", "give your own SMPL_to_J19.pkl as template")
    whole = np.asarray(_read_pkl(raw, str(template)))
    expected = len(SMPL_TO_J19), matrix.shape[1]
    if whole.shape != expected or whole.dtype.kind != "f":
        raise DataError(
            f"template {template} holds {whole.dtype} of shape {whole.shape}, expected float {expected}"
        )
    whole = whole.astype(np.result_type(whole, matrix))
    whole[rows(H36M_17, SMPL_TO_J19)] = matrix
    # numpy 2 writes the new name of this module, which numpy before 1.26 does not have.
    return pickle.dumps(np.ascontiguousarray(whole), protocol=2).replace(
        b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1
    )
