"""Regressors in every format, and their sidecars."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from planted_regressors import genuine_stand_in

from inputs import raw, texts
from inputs.case import Case, Damage, Original, cases
from inputs.containers import KINDS, NPY, NPZ, NUMBERS, SHAPES, entries, keys_of, tables
from inputs.samples import body, one
from jointreg.config.joint_sets import SMPL_TO_J19
from jointreg.exchange.regressor import Regressor
from jointreg.exchange.regressor_files import load_regressor, save_regressor
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST, rows

KIND = "regressor and sidecar"


@one
def weights() -> np.ndarray:
    """A regressor of the open body, (17, V)."""
    return genuine_stand_in(body())


def _saved(name: str, topology: bool = False) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        about = {"topology_hash": body().topology_hash} if topology else {}
        save_regressor(Regressor(weights(), about=about), folder / name)

    return make


def _j19(folder: Path) -> None:
    import pickle

    matrix = np.zeros((len(SMPL_TO_J19), body().n_vertices))
    matrix[:, 0] = 1
    matrix[rows(H36M_17, SMPL_TO_J19)] = weights()
    (folder / "SMPL_to_J19.pkl").write_bytes(pickle.dumps(matrix))


def _read(name: str) -> Callable[..., Any]:
    def read(folder: Path, note: Callable[[str], None]) -> Any:
        return load_regressor(folder / name, body(), note=note).weights @ body().template

    return read


def _original(name: str, make: Callable[[Path], None], what: str) -> Original:
    return Original(KIND, what, name, make, _read(name))


def _matrix(change: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Callable[..., None]:
    def apply(path: Path, rng: np.random.Generator) -> None:
        np.save(path, change(np.load(path), rng))

    return apply


def _exchanged(first: str, second: str) -> Callable[..., None]:
    order = list(H36M_17)
    a, b = order.index(first), order.index(second)
    order[a], order[b] = order[b], order[a]
    return _matrix(lambda matrix, _: matrix[rows(order)])


def _scattered(matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return matrix[:, rng.permutation(matrix.shape[1])]


OTHER_SIDE = [
    name.replace("left", "#").replace("right", "left").replace("#", "right") for name in H36M_17
]
MATRICES = [
    Damage("has the right leg first", _matrix(lambda m, _: m[rows(H36M_17_RIGHT_FIRST)]), "noted"),
    Damage("has the rows reversed", _matrix(lambda m, _: m[::-1])),
    Damage("has the rows shifted by one", _matrix(lambda m, _: np.roll(m, 1, axis=0))),
    Damage("has the rows in a random order", _matrix(lambda m, rng: m[rng.permutation(17)])),
    Damage("has the sides exchanged", _matrix(lambda m, _: m[rows(OTHER_SIDE)])),
    *(
        Damage(f"has {first} and {second} exchanged", _exchanged(first, second))
        for first, second in (
            *(("left_knee", "left_ankle"), ("left_hip", "right_hip"), ("neck", "pelvis")),
            *(("left_wrist", "right_wrist"), ("head_top", "pelvis"), ("left_elbow", "left_shoulder")),
        )
    ),
    Damage("has the vertices in a random order", _matrix(_scattered)),
    Damage("has a row twice in place of another", _matrix(lambda m, _: m[[0, 1, 2, 2, *range(4, 17)]])),
    Damage(
        "has one row that reads one vertex", _matrix(lambda m, _: _with_row(m, 3, np.eye(m.shape[1])[0]))
    ),
    Damage(
        "has one row of means",
        _matrix(lambda m, _: _with_row(m, 6, np.full(m.shape[1], 1 / m.shape[1]))),
    ),
    Damage("has rows twice as large", _matrix(lambda m, _: 2 * m), "noted"),
    Damage("has one row twice as large", _matrix(lambda m, _: _with_row(m, 5, 2 * m[5])), "noted"),
    Damage("has one negative row", _matrix(lambda m, _: _with_row(m, 5, -m[5]))),
    Damage("is transposed", _matrix(lambda m, _: m.T), "noted"),
    Damage("is in column order", _matrix(lambda m, _: np.asfortranarray(m)), "accepted"),
    Damage("is in the other byte order", _matrix(lambda m, _: m.astype(">f8")), "accepted"),
    Damage("has 14 rows", _matrix(lambda m, _: m[:14])),
    Damage("has 24 rows", _matrix(lambda m, _: np.concatenate([m, m[:7]]))),
    Damage("has a row more", _matrix(lambda m, _: np.concatenate([m, m[:1]]))),
    Damage("is for a mesh with a vertex less", _matrix(lambda m, _: m[:, :-1])),
    Damage("is for a mesh with a vertex more", _matrix(lambda m, _: np.pad(m, ((0, 0), (0, 1))))),
]


def _with_row(matrix: np.ndarray, row: int, values: np.ndarray) -> np.ndarray:
    changed = matrix.copy()
    changed[row] = values
    return changed


NPY_FILE = _original("J.npy", _saved("J.npy"), "npy")
WITH_SIDECAR = _original("J.npy", _saved("J.npy", topology=True), "npy with a sidecar")
SPARSE = _original("J.npz", _saved("J.npz"), "sparse npz")
PT = _original("J.pt", _saved("J.pt"), "pt")
PKL = _original("SMPL_to_J19.pkl", _j19, "SMPL_to_J19.pkl")
SCALES = {name for name in NUMBERS if "larger" in name or "smaller" in name or name == "in inches"}

SIDECAR = [
    *raw.whole(optional=True),
    *raw.cut(),
    *texts.letters(mark="refused"),
    *texts.trees(texts.JSON, extra="accepted"),
    *texts.values(texts.JSON, ("joint_names", "topology_hash", "sha256", "about", "joint_names.3")),
    *(
        texts.changed(texts.JSON, f"names its rows {name}", "joint_names", change)
        for name, change in (
            ("in reverse", lambda names: names[::-1]),
            ("with the sides exchanged", lambda names: OTHER_SIDE),
            ("right leg first", lambda names: list(H36M_17_RIGHT_FIRST)),
            ("with one twice", lambda names: [*names[:-1], names[0]]),
            ("with one less", lambda names: names[:-1]),
            ("in capitals", lambda names: [name.upper() for name in names]),
        )
    ),
]
CASES: list[Case] = [
    *cases(NPY_FILE, [*raw.whole(), *raw.cut(), *raw.ends(untold=False), *raw.flips(4, (0.02, 1.0))]),
    *cases(NPY_FILE, MATRICES),
    *cases(
        NPY_FILE,
        [
            *entries(NPY, ["matrix"], SHAPES, without=["transposed"], accepted=["one more"]),
            *entries(NPY, ["matrix"], KINDS),
            *entries(NPY, ["matrix"], NUMBERS, untold=SCALES),
        ],
    ),
    *cases(WITH_SIDECAR, MATRICES[1:8]),
    *cases(WITH_SIDECAR, raw.flips(4, (0.02, 1.0), untold=False)),
    *cases(WITH_SIDECAR, SIDECAR, "J.npy.json"),
    *cases(SPARSE, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(6, untold=False)]),
    *cases(SPARSE, keys_of(NPZ, ["data", "indices", "indptr", "shape", "format"])),
    *cases(SPARSE, entries(NPZ, ["data", "indices", "indptr", "shape"], SHAPES)),
    *cases(SPARSE, entries(NPZ, ["data", "indices", "shape"], KINDS)),
    *cases(SPARSE, entries(NPZ, ["data"], NUMBERS, untold=[*SCALES, "zero in one row"])),
    *cases(SPARSE, tables(NPZ)),
    *cases(PT, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(6, untold=False)]),
    *cases(PKL, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(2, (0.2, 0.9))]),
]
