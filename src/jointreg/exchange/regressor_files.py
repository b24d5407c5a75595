"""Joint regressors as files: the formats of the field in, checked and brought to one form, and out.

A regressor J (joints x vertices) is non-negative and its rows sum to 1: joints = J @ vertices. A file
holds the bare matrix; what it means stands beside it in a sidecar, `<file>.json`. Formats, row orders
and refusals: docs/exchange.md.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jointreg.body.files import load_body
from jointreg.body.model import Body
from jointreg.config.joint_sets import (
    H36M,
    OTHER_POINTS,
    OTHER_SETS,
    SMPL_TO_J19,
    JointSet,
    joint_set_of,
)
from jointreg.errors import DataError, default_cure
from jointreg.exchange.formats import Format, encode, format_of
from jointreg.exchange.identification import public_matrix
from jointreg.exchange.known import read_known
from jointreg.exchange.matrix_files import read_matrix
from jointreg.exchange.named_rows import known_names, read_named_rows, write_named_rows
from jointreg.exchange.placement import (
    LEFT_LEG,
    crossed,
    known_set,
    require_placement,
    require_places,
)
from jointreg.exchange.regressor import Regressor
from jointreg.exchange.sidecar import UNKNOWN, read_sidecar, write_sidecar
from jointreg.files.atomic import replace_file, sidecar_path
from jointreg.files.input import is_given, require_file
from jointreg.files.json_object import read_object
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, rows

Legs = Literal["left", "right"]
"""Which leg's rows come first in a file."""
ORDERS: dict[Legs, tuple[str, ...]] = {"left": H36M_17, "right": H36M_17_RIGHT_FIRST}

LARGEST_SUM_ERROR = 0.01
"""A row's sum may differ from 1 by this; at 5 m from the camera that is 5 cm."""

EXPORTS: dict[str, Legs] = {
    "J_regressor_h36m.npy": "left",
    "J_regressor_h36m_correct.npy": "right",
    "J_regressor_h36m.pt": "left",
    "J_regressor_h36m.npz": "left",
}
"""Files of rule `export`, under the names that their readers ask for, and the leg that comes first."""
OWN_EXPORTS = ("J_regressor.npy", "J_regressor.pt", "J_regressor.npz")
"""The same for other joint sets than Human3.6M's."""


@default_cure("take the file from its source again; docs/exchange.md lists what is read")
def load_regressor(
    path: str | Path,
    body: Body | None = None,
    *,
    legs: Legs | None = None,
    joints: JointSet | None = None,
    note: Callable[[str], None] = print,
) -> Regressor:
    """Load a regressor from a file of the field; Human3.6M's 17 joints in the order `H36M_17`.

    Raw trained tensors (negative entries, rows that do not sum to 1) are cut at zero and divided by
    their row sums, as the paper's reference code does whenever it uses its own. The order of the legs is
    the sidecar's or `legs`; without both, the side of the body on which the rows land decides. A matrix
    (V, 17) is transposed.

    Args:
        path: npy, npz, pt or pkl (`SMPL_to_J19.pkl`). A sidecar `<path>.json` is read with it.
        body: the body that the regressor should fit; None skips the checks that need one.
        legs: the leg that comes first in the file. Needed where neither a body nor a sidecar gives it,
            and the matrix is no public one.
        joints: another joint set, in whose order the rows are unless a sidecar gives theirs; None for
            Human3.6M's.
        note: called with a sentence for everything that was changed or could not be checked.

    Returns:
        Weights (17, V), or (J, V) in the order of `joints`, float64, non-negative, rows summing to 1
        within 0.01. Weights that were so in the file are unchanged to the last bit.

    Raises:
        DataError: missing or unreadable file, another joint set, another number of vertices, a row that
            is empty or not finite, a row that lands farther from its joint than `exchange.placement`
            allows or at another joint, a sidecar that does not match the file or the body, nothing that
            gives the order of the rows, or another order than that of a public matrix.
    """
    path = Path(path)
    require_file(
        path,
        "regressor",
        "give the path of a regressor's file. SPIN's data archive has SMPL's, J_regressor_h36m.npy",
    )
    if joints is not None and legs is not None:
        raise DataError(f"{path}: legs '{legs}' and a joint set are given", "give one of them")
    if joints is not None and sorted(joints.joints) != sorted(H36M_17):
        return _load_set(path, body, joints, note)
    if joints is not None:
        legs = "left" if joints.joints == H36M_17 else "right"
    matrix, names = _read_matrix(path, body, note)
    sidecar = read_sidecar(path, matrix, body, order=None if legs is None else ORDERS[legs])
    names = names or _row_order(sidecar, legs, path)
    if body is None and sidecar is None:
        names = _known_order(matrix, names, path, note)
    weights = _normalised(matrix, path, note)
    about = {} if sidecar is None else sidecar["about"] | {"topology_hash": sidecar["topology_hash"]}
    if body is not None and names is None and crossed(weights @ body.template) == LEFT_LEG:
        names = H36M_17_RIGHT_FIRST
    _note_order(names or H36M_17, H36M_17, path, note)
    file_rows = rows(H36M_17, names or H36M_17)
    if body is None:
        return Regressor(weights[file_rows], about=about)
    ordered = weights[file_rows]
    where = str(path) if sidecar is None else f"{path}, read in the order of its sidecar,"
    own = sidecar is not None and sidecar["topology_hash"] == body.topology_hash
    with _public_named(matrix, body, path):
        require_placement(ordered @ body.template, body, where, file_rows=file_rows, fitted_on_it=own)
    return Regressor(ordered, about=about | {"topology_hash": body.topology_hash})


def load_fitted(path: str | Path, body: Body | None = None) -> Regressor:
    """A regressor of a run, in the joint set that its sidecar describes; else as `load_regressor`."""
    sidecar = sidecar_path(path)
    cure = f"delete {sidecar} to load the matrix as one of unknown origin"
    table = read_object(sidecar, "the sidecar of a regressor", cure) if is_given(sidecar) else {}
    about = table.get("about")
    joint_set = joint_set_of(about if isinstance(about, dict) else {})
    return load_regressor(path, body, joints=None if joint_set == H36M else joint_set)


def _load_set(path: Path, body: Body | None, joints: JointSet, note: Callable[[str], None]) -> Regressor:
    """A regressor of another joint set, checked on the body where there is one."""
    read = read_named_rows(path, joints, note)
    _note_order(read.joints, joints.joints, path, note)
    matrix = read.matrix[rows(joints.joints, read.joints)]
    _require_mesh(matrix, body, path)
    weights = _normalised(matrix, path, note)
    about = read.about
    if body is None:
        note(f"{path}: rows taken for {joints.title}; without a body nothing checks it")
    else:
        if about.get("topology_hash", UNKNOWN) not in (UNKNOWN, body.topology_hash):
            raise DataError(
                f"{path} belongs to a mesh with other faces than the body's",
                "load it with the body that it was made for",
            )
        with _public_named(matrix, body, path):
            require_places(weights @ body.template, joints, body, str(path))
        about = about | {"topology_hash": body.topology_hash}
    return Regressor(weights, joints.joints, about)


@default_cure("fit the regressor again, or load it with its body: docs/exchange.md")
def save_regressor(
    regressor: Regressor,
    path: str | Path,
    format: Format | None = None,
    *,
    legs: Legs = "left",
    dtype: Literal["float64", "float32"] | None = None,
    template: str | Path | None = None,
    body: Body | None = None,
) -> None:
    """Save in a format of the field, and write the sidecar `<path>.json` where the mesh is known.

    Args:
        regressor: rows in the order `H36M_17`, or of the set in `about["joint_set"]`, for which legs,
            dtype and template do not count. The sidecar needs `about["topology_hash"]`.
        path: the file; its folder is made.
        format: npy, npz, pt or pkl; None takes the file's suffix.
        legs: the leg whose rows come first. pkl has an order of its own.
        dtype: None writes float64, but float32 for pt, whose readers multiply it with float32 vertices;
            a weight then changes by 6e-8 of itself, a joint by less than a micrometre.
        template: pkl: the user's own `SMPL_to_J19.pkl`, whose other rows are kept.
        body: the body of the regressor, whose placement is then checked as `load_regressor` does.

    Raises:
        DataError: weights that `load_regressor` would refuse or change, an unknown format, pkl without
            a template.
    """
    path, joint_set = Path(path), joint_set_of(regressor.about)
    if joint_set != H36M:
        if body is not None:
            landed = regressor.weights @ body.template
            require_places(landed, joint_set, body, f"{path} is not saved")
        write_named_rows(path, regressor.weights, joint_set.joints, regressor.about, format=format)
        return
    form = format_of(path, format)
    weights = np.asarray(regressor.weights)
    if weights.dtype.kind not in "fiu" or sorted(regressor.joint_names) != sorted(H36M_17):
        raise DataError(
            f"weights for {path} are {weights.dtype!s:.40} with {len(regressor.joint_names)} joint "
            "names, expected real numbers and the 17 names of skeleton.H36M_17"
        )
    _require_matrix(weights, body, path)
    if not _is_clean(weights):
        raise DataError(f"weights for {path} are negative, or rows do not sum to 1: not saved")
    if body is not None:
        joints = weights[rows(H36M_17, regressor.joint_names)] @ body.template
        require_placement(joints, body, f"{path} is not saved", fitted=True)
    names = H36M_17 if form == "pkl" else ORDERS[legs]
    kind = dtype or ("float32" if form == "pt" else "float64")
    matrix = regressor.weights[rows(names, regressor.joint_names)].astype(kind)
    replace_file(path, encode(matrix, form, None if template is None else Path(template)))
    write_sidecar(path, matrix, names, regressor.about)


def export(regressor: Regressor, folder: str | Path) -> None:
    """Write every file of `EXPORTS` or `OWN_EXPORTS`, and its sidecar, into a folder."""
    for name in _exports(joint_set_of(regressor.about)):
        save_regressor(regressor, Path(folder, name), legs=EXPORTS.get(name, "left"))


def export_files(joint_set: JointSet = H36M) -> list[str]:
    """Names of all files that `export` writes, for a regressor whose mesh is known."""
    return [name for file in _exports(joint_set) for name in (file, str(sidecar_path(file)))]


def _exports(joint_set: JointSet) -> tuple[str, ...]:
    return tuple(EXPORTS) if joint_set == H36M else OWN_EXPORTS


def _is_clean(weights: np.ndarray) -> bool:
    return bool(weights.min() >= 0 and np.abs(_sums(weights) - 1).max() <= LARGEST_SUM_ERROR)


def _sums(weights: np.ndarray) -> np.ndarray:
    """Of each row; infinite where they exceed float64."""
    with np.errstate(over="ignore"):
        return weights.sum(axis=1)


def _read_matrix(
    path: Path, body: Body | None, note: Callable[[str], None]
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """The 17 rows in a file, and their names where the file's form gives them."""
    form = format_of(path)
    matrix, names = read_matrix(path, note)[0], None
    if form == "pkl" and len(matrix) == len(SMPL_TO_J19):
        matrix, names = matrix[rows(H36M_17, SMPL_TO_J19)], H36M_17
    _require_matrix(matrix, body, path)
    return matrix, names


def _require_matrix(matrix: np.ndarray, body: Body | None, path: Path) -> None:
    """Refuse a matrix of another joint set or mesh, or that is not finite."""
    expected = f"({len(H36M_17)}, {'V' if body is None else body.n_vertices})"
    if matrix.ndim != 2:
        raise DataError(f"{path} has shape {matrix.shape}, expected {expected}")
    if len(matrix) != len(H36M_17):
        named, cure = _other_set(matrix, body)
        raise DataError(f"{path} has shape {matrix.shape}, expected {expected}{named}", cure)
    _require_mesh(matrix, body, path)


def _require_mesh(matrix: np.ndarray, body: Body | None, path: Path) -> None:
    """Refuse a matrix of another mesh, or that is not finite."""
    if body is not None and matrix.shape[1] != body.n_vertices:
        raise DataError(
            f"{path} is for {matrix.shape[1]} vertices, the body has {body.n_vertices}",
            "a regressor belongs to one mesh: load it with the body that it was made for",
        )
    broken = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(broken):
        raise DataError(f"{path}: row {', '.join(map(str, broken))} holds NaN or infinity")


def _other_set(matrix: np.ndarray, body: Body | None) -> tuple[str, str | None]:
    """What a matrix with other than 17 rows is, by where its rows land or by their number; the cure."""
    if body is not None and matrix.shape[1] == body.n_vertices and np.isfinite(matrix).all():
        positive = np.maximum(matrix, 0.0)
        totals = _sums(positive)
        if (totals > 0).all() and np.isfinite(totals).all():
            landed = known_set(positive / totals[:, None] @ body.template, body)
            if landed is not None:
                return f": it holds {landed.title}", landed.cure
    sets = [candidate for candidate in OTHER_SETS if len(candidate.places) == len(matrix)]
    if not sets:
        return "", None
    names = " or ".join(one.title for one in sets)
    return f": as many rows as {names}", sets[0].cure if len(sets) == 1 else OTHER_POINTS


def _normalised(matrix: np.ndarray, path: Path, note: Callable[[str], None]) -> np.ndarray:
    """The matrix itself where it is a regressor, else its positive part with rows that sum to 1."""
    if _is_clean(matrix):
        return matrix
    positive = np.maximum(matrix, 0.0)
    totals = _sums(positive)
    usable = (totals > 0) & np.isfinite(totals)
    weights = positive / np.where(usable, totals, 1.0)[:, None]
    wrong = np.flatnonzero(~usable | (np.abs(_sums(weights) - 1) > LARGEST_SUM_ERROR))
    if len(wrong):
        raise DataError(
            f"{path}: positive entries of row {wrong[0]} sum to {totals[wrong[0]]:.3g}, expected a "
            f"positive, finite number ({len(wrong)} of {len(matrix)} rows)",
            "such a row reads no vertex: take the file from its source again, or fit a regressor",
        )
    sums = _sums(matrix)
    negative = np.count_nonzero(matrix < 0)
    cut = f"{negative} negative entries (lowest {matrix.min():.3g}) set to zero; " if negative else ""
    note(
        f"{path}: raw weights: {cut}rows, which summed to {sums.min():.3g}-{sums.max():.3g}, "
        "normalised to 1"
    )
    return weights


def _note_order(
    names: tuple[str, ...], wanted: tuple[str, ...], path: Path, note: Callable[[str], None]
) -> None:
    """A note where the rows of a file are read in another order than they have."""
    if names == H36M_17_RIGHT_FIRST:
        note(f"{path}: the right leg comes first in the file, rows are read left leg first")
    elif names != wanted:
        note(f"{path}: rows are reordered to {wanted[0]}, {wanted[1]}, {wanted[2]}, ...")


@contextmanager
def _public_named(matrix: np.ndarray, body: Body, path: Path) -> Iterator[None]:
    """Name a public matrix of SMPL that the block refuses on the open body, in place of distances."""
    try:
        yield
    except DataError as error:
        name = public_matrix(matrix, read_known())
        if name is None or body.topology_hash != load_body("open").topology_hash:
            raise
        raise DataError(
            f"{path} is the public matrix {name}, of SMPL's mesh; the body is `open`, the default",
            "give the body that it is for: --body SMPL_NEUTRAL.pkl (convert and inspect also take "
            "--body none)",
        ) from error


def _known_order(
    matrix: np.ndarray, given: tuple[str, ...] | None, path: Path, note: Callable[[str], None]
) -> tuple[str, ...]:
    """Names of the rows without a body and a sidecar: those given, which a public matrix has to bear."""
    names = known_names(matrix)
    if given is not None:
        if names not in (None, given):
            raise DataError(
                f"{path} is a public matrix, whose rows are {', '.join(names):.300}; the order given is "
                f"{', '.join(given):.100}, ...",
                "leave the order to the matrix, without --joints and --input-legs",
            )
        if names is None:
            note(f"{path}: rows taken for Human3.6M's 17 joints; without a body nothing checks it")
        return given
    if names is not None and sorted(names) != sorted(H36M_17):
        raise DataError(
            f"{path} is a public matrix of other joints than Human3.6M's: {', '.join(names):.200}",
            "name the set of its joints with --joints (docs/exchange.md)",
        )
    if names is None:
        raise DataError(
            f"{path}: nothing gives the order of its rows, left or right leg first",
            "give the body that the regressor is for, which shows it, or the order: --joints h36m_17 "
            "(left leg first) or h36m_17_right_first (legs= in Python). Files named `correct` begin "
            "with the right",
        )
    note(f"{path}: nothing names its rows; names of the known matrix")
    return names


def _row_order(sidecar: dict[str, Any] | None, legs: Legs | None, path: Path) -> tuple[str, ...] | None:
    """Names of the file's rows, where the sidecar or the caller gives them."""
    if sidecar is None:
        return None if legs is None else ORDERS[legs]
    names = tuple(sidecar["joint_names"])
    if legs is not None and names != ORDERS[legs]:
        raise DataError(
            f"{path}: its sidecar does not have the {legs} leg first: {', '.join(names[1:7])}",
            "leave the order to the sidecar",
        )
    return names
