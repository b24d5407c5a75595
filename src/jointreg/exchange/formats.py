"""A matrix as bytes of each file format of the field, and back. Nothing here knows what it means.

Files come from strangers: NumPy and SciPy read without pickle, torch with `weights_only`, and pickles
through an unpickler that admits arrays only.
"""

import io
import pickle
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from jointreg.errors import DataError
from jointreg.files.pickles import LARGEST, as_array, cure_for, read_pickle
from jointreg.skeleton import H36M_14, H36M_17, rows

Format = Literal["npy", "npz", "pt", "pkl"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {f".{name}": name for name in FORMATS} | {".pth": "pt"}

SMPL_TO_J19: tuple[str, ...] = (*H36M_14[:13], "-", "pelvis", "-", "spine", "nose", "head_top")
"""Rows of `SMPL_to_J19.pkl` (4D-Humans, ProHMR, HSMR). `-`: LSP's head top, MPII's thorax, not ours."""


def format_of(path: Path, given: str | None = None) -> Format:
    """The format that is given, or that the file's suffix says.

    Raises:
        DataError: neither is known.
    """
    found = SUFFIXES.get(path.suffix.lower() if given is None else f".{given}")
    if found is None:
        raise DataError(
            f"format of {path} is '{path.suffix if given is None else given}', "
            f"expected one of {', '.join(FORMATS)}",
            "give the file one of these suffixes, or name the format",
        )
    return found


def decode(raw: bytes, form: Format, where: str) -> np.ndarray:
    """The matrix in a file's bytes, float64; of a `SMPL_to_J19.pkl` our 17 rows, order `H36M_17`.

    Raises:
        DataError: the bytes are not a plain real matrix in this format.
    """
    try:
        matrix = np.asarray(_READERS[form](raw, where))
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{where} is not a plain {form} array: {error}", cure_for(raw)) from error
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise DataError(
            f"{where} holds {matrix.dtype} of shape {matrix.shape}, expected a matrix of real numbers"
        )
    if form == "pkl" and len(matrix) == len(SMPL_TO_J19):
        matrix = matrix[rows(H36M_17, SMPL_TO_J19)]
    return np.ascontiguousarray(matrix, dtype=np.float64)


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
        torch = _torch("writing")
        torch.save(torch.from_numpy(np.array(matrix)), stream)
    else:
        return _into_j19(matrix, template)
    return stream.getvalue()


def _read_npy(raw: bytes, where: str) -> np.ndarray:
    return np.load(io.BytesIO(raw), allow_pickle=False)


def _read_npz(raw: bytes, where: str) -> np.ndarray:
    from scipy import sparse

    matrix = sparse.load_npz(io.BytesIO(raw))
    if np.prod(matrix.shape, dtype=float) > LARGEST:
        raise DataError(f"{where} has shape {matrix.shape}, expected ({len(H36M_17)}, V)")
    return matrix.toarray()


def _read_pt(raw: bytes, where: str) -> np.ndarray:
    torch = _torch("reading")
    loaded = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    if not isinstance(loaded, torch.Tensor):
        raise DataError(f"{where} holds a {type(loaded).__name__}, expected one tensor (17, V)")
    return loaded.detach().double().numpy()


def _read_pkl(raw: bytes, where: str) -> np.ndarray:
    loaded = read_pickle(raw, where)
    if isinstance(loaded, dict):
        raise DataError(
            f"{where} holds a dict ({', '.join(map(str, list(loaded)[:4]))}, ...), expected an array",
            "this looks like a body model: give it as the body, not as the regressor",
        )
    return as_array(loaded, where)


_READERS = {"npy": _read_npy, "npz": _read_npz, "pt": _read_pt, "pkl": _read_pkl}


def _into_j19(matrix: np.ndarray, template: Path | None) -> bytes:
    """The user's SMPL_to_J19.pkl with our rows in it."""
    if template is None:
        raise DataError(
            "SMPL_to_J19.pkl has two rows that are not Human3.6M's (LSP's head top, MPII's thorax)",
            "give your own SMPL_to_J19.pkl as template; its other rows are kept",
        )
    if not template.is_file():
        raise DataError(f"template {template} does not exist")
    whole = _read_pkl(template.read_bytes(), str(template))
    expected = len(SMPL_TO_J19), matrix.shape[1]
    if whole.shape != expected or whole.dtype.kind != "f":
        raise DataError(
            f"template {template} holds {whole.dtype} of shape {whole.shape}, expected float {expected}"
        )
    whole = whole.astype(np.result_type(whole, matrix))
    whole[rows(H36M_17, SMPL_TO_J19)] = matrix
    # numpy 2 writes the new name of this module, which numpy before 1.26 does not know.
    return pickle.dumps(np.ascontiguousarray(whole), protocol=2).replace(
        b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1
    )


def _torch(doing: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise DataError(f"{doing} .pt files needs torch: {error}", "pip install torch") from error
    return torch
