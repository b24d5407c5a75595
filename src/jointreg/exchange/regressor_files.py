"""Joint regressors as files: the formats of the field in, checked and brought to one form, and out.

A regressor J (joints x vertices) is non-negative and its rows sum to 1: joints = J @ vertices. A file
holds the bare matrix; what it means stands beside it in a sidecar, `<file>.json`. Formats, row orders
and refusals: docs/exchange.md.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jointreg.body.model import Body
from jointreg.errors import DataError
from jointreg.exchange.formats import Format, decode, encode, format_of
from jointreg.exchange.placement import LEFT_LEG, crossed, require_placement
from jointreg.exchange.regressor import Regressor
from jointreg.exchange.sidecar import read_sidecar, write_sidecar
from jointreg.files.atomic import replace_file, sidecar_path
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, SMPL_24, rows

Legs = Literal["left", "right"]
"""Which leg's rows come first in a file."""
ORDERS: dict[Legs, tuple[str, ...]] = {"left": H36M_17, "right": H36M_17_RIGHT_FIRST}

LARGEST_SUM_ERROR = 0.01
"""A row's sum may differ from 1 by this; at 5 m from the camera that is 5 cm."""

RAW_SUMS = (0.2, 5.0)
"""Row sums of positive entries that are divided out. The paper's released tensor: some 0.8 to 2.2."""

EXPORTS: dict[str, Legs] = {
    "J_regressor_h36m.npy": "left",
    "J_regressor_h36m_correct.npy": "right",
    "J_regressor_h36m.pt": "left",
    "J_regressor_h36m.npz": "left",
}
"""Files of rule `export`, under the names that their readers ask for, and the leg that comes first."""


def load_regressor(
    path: str | Path,
    body: Body | None = None,
    *,
    legs: Legs | None = None,
    note: Callable[[str], None] = print,
) -> Regressor:
    """Load a 17-joint regressor from a file of the field, and bring it to the order `H36M_17`.

    Raw trained tensors (negative entries, rows that do not sum to 1) are cut at zero and divided by
    their row sums, as the paper's reference code does whenever it uses its own. The order of the legs
    is the sidecar's, or `legs`, or is found by the side of the body that the rows land on.

    Args:
        path: npy, sparse npz, pt or pkl (`SMPL_to_J19.pkl`); a sidecar `<path>.json` is read as well.
        body: the body it shall fit; None skips the checks that need one.
        legs: the leg that comes first in the file; None finds it out.
        note: called with a sentence for everything that was changed or could not be checked.

    Returns:
        Weights (17, V) float64, non-negative, rows summing to 1 within 0.01. Weights that were so in the
        file are unchanged to the last bit.

    Raises:
        DataError: missing or unreadable file, not 17 rows, another number of vertices, a row that is not
            finite or empty, legs or arms on the wrong side, a sidecar that does not match the file or
            the body, or without a sidecar a row that lands far from its joint on the body.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(
            f"regressor {path} does not exist",
            "SPIN's data archive has J_regressor_h36m.npy; set regressor_std to its path",
        )
    matrix = decode(path.read_bytes(), format_of(path), str(path))
    _require_matrix(matrix, body, path)
    sidecar = read_sidecar(path, matrix, body)
    names = _row_order(sidecar, legs, path)
    weights = _normalised(matrix, path, note)
    ordered = weights[rows(H36M_17, names or H36M_17)]
    about = {} if sidecar is None else sidecar["about"] | {"topology_hash": sidecar["topology_hash"]}
    if body is None:
        if names is None:
            note(f"{path}: rows taken as left leg first; without a body or a sidecar nothing says so")
        return Regressor(ordered, about=about)
    joints = ordered @ body.template
    if names is None and crossed(joints) == LEFT_LEG:
        note(f"{path}: the right leg comes first, rows reordered to left leg first")
        ordered = weights[rows(H36M_17, H36M_17_RIGHT_FIRST)]
        joints = ordered @ body.template
    if sidecar is None:
        require_placement(joints, body, str(path))
    wrong = crossed(joints)
    if wrong:
        raise DataError(
            f"{path}: {', '.join(wrong)} lie on the right side of the body, expected on the left",
            "give the rows the order skeleton.H36M_17 (left leg first) or skeleton.H36M_17_RIGHT_FIRST",
        )
    return Regressor(ordered, about=about | {"topology_hash": body.topology_hash})


def save_regressor(
    regressor: Regressor,
    path: str | Path,
    format: Format | None = None,
    *,
    legs: Legs = "left",
    dtype: Literal["float64", "float32"] | None = None,
    template: str | Path | None = None,
) -> None:
    """Save in a format of the field, and write the sidecar `<path>.json` where the mesh is known.

    Args:
        regressor: rows in the order `H36M_17`. The sidecar needs `about["topology_hash"]`.
        path: the file; its folder is made.
        format: npy, npz, pt or pkl; None takes the file's suffix.
        legs: the leg whose rows come first. pkl has an order of its own.
        dtype: None writes float64, but float32 for pt, whose readers multiply it with float32 vertices;
            a weight then changes by 6e-8 of itself, a joint by less than a micrometre.
        template: pkl: the user's own `SMPL_to_J19.pkl`, whose other rows are kept.

    Raises:
        DataError: weights that `load_regressor` would refuse or change, an unknown format, pkl without
            a template.
    """
    path = Path(path)
    form = format_of(path, format)
    _require_matrix(regressor.weights, None, path)
    if not _is_clean(regressor.weights):
        raise DataError(f"weights for {path} are negative, or rows do not sum to 1: not saved")
    names = H36M_17 if form == "pkl" else ORDERS[legs]
    kind = dtype or ("float32" if form == "pt" else "float64")
    matrix = regressor.weights[rows(names, regressor.joint_names)].astype(kind)
    replace_file(path, encode(matrix, form, None if template is None else Path(template)))
    write_sidecar(path, matrix, names, regressor.about)


def export(regressor: Regressor, folder: str | Path) -> None:
    """Write every file of `EXPORTS`, and its sidecar, into a folder."""
    for name, legs in EXPORTS.items():
        save_regressor(regressor, Path(folder, name), legs=legs)


def export_files() -> list[str]:
    """Names of all files that `export` writes, for a regressor whose mesh is known."""
    return [name for file in EXPORTS for name in (file, str(sidecar_path(file)))]


def _is_clean(weights: np.ndarray) -> bool:
    return bool(weights.min() >= 0 and np.abs(weights.sum(axis=1) - 1).max() <= LARGEST_SUM_ERROR)


def _require_matrix(matrix: np.ndarray, body: Body | None, path: Path) -> None:
    """Refuse a matrix of another shape, or that is not finite."""
    expected = f"({len(H36M_17)}, {'V' if body is None else body.n_vertices})"
    if matrix.ndim == 2 and len(matrix) == len(SMPL_24):
        raise DataError(
            f"{path} has {len(SMPL_24)} rows: SMPL's own skeleton regressor, expected {expected}",
            "Human3.6M's 17 joints are other points: use J_regressor_h36m.npy, or fit one",
        )
    if matrix.ndim != 2 or len(matrix) != len(H36M_17):
        raise DataError(f"{path} has shape {matrix.shape}, expected {expected}")
    if body is not None and matrix.shape[1] != body.n_vertices:
        raise DataError(
            f"{path} is for {matrix.shape[1]} vertices, the body has {body.n_vertices}",
            "a regressor belongs to one mesh: load it with the body that it was made for",
        )
    broken = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(broken):
        raise DataError(f"{path}: row {', '.join(map(str, broken))} holds NaN or infinity")


def _normalised(matrix: np.ndarray, path: Path, note: Callable[[str], None]) -> np.ndarray:
    """The matrix itself where it is a regressor, else its positive part with rows that sum to 1."""
    if _is_clean(matrix):
        return matrix
    positive = np.maximum(matrix, 0.0)
    total = positive.sum(axis=1)
    wrong = np.flatnonzero((total < RAW_SUMS[0]) | (total > RAW_SUMS[1]))
    if len(wrong):
        raise DataError(
            f"{path}: positive entries of row {wrong[0]} sum to {total[wrong[0]]:.3g}, expected about 1 "
            f"({len(wrong)} of {len(matrix)} rows)",
            f"raw weights are normalised where they sum to {RAW_SUMS[0]:g}-{RAW_SUMS[1]:g}; this is "
            "something else",
        )
    sums = matrix.sum(axis=1)
    note(
        f"{path}: raw weights: {np.count_nonzero(matrix < 0)} negative entries (lowest "
        f"{min(matrix.min(), 0.0):.3f}) set to zero; rows, which summed to {sums.min():.2f}-"
        f"{sums.max():.2f}, normalised to 1"
    )
    return positive / total[:, None]


def _row_order(sidecar: dict[str, Any] | None, legs: Legs | None, path: Path) -> tuple[str, ...] | None:
    """Names of the file's rows, where the sidecar or the caller says them."""
    if format_of(path) == "pkl":
        return H36M_17
    if sidecar is None:
        return None if legs is None else ORDERS[legs]
    names = tuple(sidecar["joint_names"])
    if legs is not None and names != ORDERS[legs]:
        raise DataError(
            f"{path}: its sidecar does not have the {legs} leg first: {', '.join(names[1:7])}",
            "leave the order to the sidecar",
        )
    return names
