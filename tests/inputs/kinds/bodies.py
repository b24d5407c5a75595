"""Body models as npz and as pickles, and their sidecars."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from official_files import smpl_arrays, write_official_smpl

from inputs import raw, texts
from inputs.case import Case, Damage, Original, cases
from inputs.containers import KINDS, NPZ, NUMBERS, PICKLE, SHAPES, entries, keys_of, tables
from inputs.samples import body, posed
from jointreg.body.files import convert_body, load_body
from jointreg.skeleton import SMPL_24, rows

KIND = "body and sidecar"
NEEDED = ("v_template", "shapedirs", "posedirs", "weights", "J_regressor", "f", "kintree_table")


def _npz(folder: Path) -> None:
    np.savez(folder / "smpl.npz", **smpl_arrays(body()))


def _pickle(folder: Path) -> None:
    (folder / "smpl.pkl").write_bytes(pickle.dumps(smpl_arrays(body())))


def _official(folder: Path) -> None:
    write_official_smpl(folder / "SMPL_NEUTRAL.pkl", body())


def _converted(folder: Path) -> None:
    convert_body("open", folder / "body.npz")


def _read(name: str) -> Callable[..., Any]:
    def read(folder: Path, note: Callable[[str], None]) -> Any:
        loaded, one = load_body(folder / name), {key: value[:1] for key, value in posed().items()}
        one["betas"] = one["betas"][:, : loaded.n_betas]
        vertices = loaded.vertices(one["rotations"], one["betas"], one["translation"])
        mirror = np.zeros(0) if loaded.mirror is None else loaded.mirror
        joints = loaded.joints(one["rotations"], one["betas"])
        return vertices[0, ::97], joints, loaded.faces[::97].astype(np.int64), mirror[::97]

    return read


NPZ_FILE = Original(KIND, "npz", "smpl.npz", _npz, _read("smpl.npz"))
PKL = Original(KIND, "pickle", "smpl.pkl", _pickle, _read("smpl.pkl"))
OFFICIAL = Original(KIND, "official pickle", "SMPL_NEUTRAL.pkl", _official, _read("SMPL_NEUTRAL.pkl"))
CONVERTED = Original(KIND, "npz with a sidecar", "body.npz", _converted, _read("body.npz"))


def _entry(key: str, change: Callable[[Any], Any]) -> Callable[..., None]:
    def apply(path: Path, _: np.random.Generator) -> None:
        table = NPZ.load(path)
        NPZ.save(path, table | {key: change(table[key])})

    return apply


def _exchanged(names: list[str]) -> Callable[[np.ndarray], np.ndarray]:
    order = list(range(24))
    first, second = rows(names, SMPL_24)
    order[first], order[second] = second, first
    return lambda matrix: matrix[order]


def _sides(matrix: np.ndarray) -> np.ndarray:
    swap = [n.replace("left", "#").replace("right", "left").replace("#", "right") for n in SMPL_24]
    return matrix[rows(swap, SMPL_24)]


def _without_one(faces: np.ndarray) -> np.ndarray:
    return np.delete(faces, 1000, axis=0)


def _with_row(faces: np.ndarray, row: np.ndarray) -> np.ndarray:
    return np.concatenate([faces, [row]])


SENSE = [
    ("v_template is upside down", "v_template", lambda v: v * [1, -1, -1], False),
    ("v_template is mirrored", "v_template", lambda v: v * [-1, 1, 1], False),
    ("v_template faces backward", "v_template", lambda v: v * [-1, 1, -1], False),
    ("v_template is z up", "v_template", lambda v: v[:, [0, 2, 1]], False),
    ("v_template has its axes turned", "v_template", lambda v: v[:, [2, 0, 1]], False),
    ("v_template is half as large", "v_template", lambda v: v / 2, False),
    ("v_template is in centimetres", "v_template", lambda v: v * 100, False),
    ("v_template is reversed", "v_template", lambda v: v[::-1], False),
    ("v_template has one vertex far off", "v_template", lambda v: _moved(v, 100, 5.0), False),
    ("J_regressor sums to two", "J_regressor", lambda j: 2 * j, False),
    ("J_regressor is reversed", "J_regressor", lambda j: j[::-1], False),
    (
        "J_regressor has knee and ankle exchanged",
        "J_regressor",
        _exchanged(["left_knee", "left_ankle"]),
        False,
    ),
    ("J_regressor has hips exchanged", "J_regressor", _exchanged(["left_hip", "right_hip"]), False),
    ("J_regressor has its sides exchanged", "J_regressor", _sides, False),
    ("J_regressor has its vertices reversed", "J_regressor", lambda j: j[:, ::-1], False),
    ("weights are all on the pelvis", "weights", lambda w: np.eye(24)[np.zeros(len(w), int)], False),
    ("weights are alike", "weights", lambda w: np.full_like(w, 1 / 24), False),
    ("weights have their joints reversed", "weights", lambda w: w[:, ::-1], False),
    ("weights have their vertices reversed", "weights", lambda w: w[::-1], False),
    ("weights sum to two", "weights", lambda w: 2 * w, False),
    ("weights are negative in places", "weights", lambda w: _moved(w, 50, -1.0), False),
    ("shapedirs are in millimetres", "shapedirs", lambda s: 1000 * s, False),
    ("shapedirs are in centimetres", "shapedirs", lambda s: 100 * s, False),
    ("shapedirs are reversed", "shapedirs", lambda s: s[..., ::-1], True),
    ("posedirs are in millimetres", "posedirs", lambda p: 1000 * p, False),
    ("f counts from one", "f", lambda f: f + 1, False),
    ("f is turned inside out", "f", lambda f: f[:, ::-1], False),
    ("f lacks a face", "f", _without_one, True),
    ("f has a face twice", "f", lambda f: _with_row(f, f[10]), False),
    ("f has a face with a vertex twice", "f", lambda f: _with_row(f[:-1], [5, 5, 6]), False),
    ("f has a face turned round", "f", lambda f: _with_row(f[:-1], f[-1][::-1]), False),
    ("f has a vertex out of range", "f", lambda f: _with_row(f[:-1], [5, 6, 6890]), False),
    ("f has a vertex of -1", "f", lambda f: _with_row(f[:-1].astype(int), [5, 6, -1]), False),
    ("f is one face", "f", lambda f: f[:1], False),
    ("kintree_table is reversed", "kintree_table", lambda k: k[:, ::-1], False),
    ("kintree_table has a circle", "kintree_table", lambda k: _moved(k.astype(np.int64), 5, 8), False),
    ("kintree_table has no root", "kintree_table", lambda k: _moved(k.astype(np.int64), 0, 3), False),
]


def _moved(array: np.ndarray, row: int, value: float) -> np.ndarray:
    changed = np.array(array)
    if len(changed) == 2:  # kintree_table: parents, joints
        changed[0, row] = value
    else:
        changed[row, 1] = value
    return changed


SIDECAR = [
    *raw.whole(optional=True),
    *raw.cut(),
    *texts.letters(mark="refused"),
    *texts.trees(texts.JSON, extra="accepted"),
    *texts.values(texts.JSON, ("sha256",)),
]
CASES: list[Case] = [
    *cases(NPZ_FILE, [Damage(name, _entry(key, change), untold=u) for name, key, change, u in SENSE]),
    *cases(NPZ_FILE, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(4, untold=False)]),
    *cases(NPZ_FILE, [*keys_of(NPZ, NEEDED), *tables(NPZ)]),
    *cases(NPZ_FILE, entries(NPZ, NEEDED, SHAPES, untold=["shapedirs without its last column"])),
    *cases(NPZ_FILE, entries(NPZ, ("v_template", "weights", "f"), KINDS)),
    *cases(
        NPZ_FILE,
        entries(
            NPZ,
            ("v_template", "J_regressor", "weights", "shapedirs", "f"),
            NUMBERS,
            untold=[
                "v_template zero in one row",
                "shapedirs zero in one row",
                "shapedirs zero throughout",
                "shapedirs of the other sign",
                "shapedirs a thousand times smaller",
            ],
        ),
    ),
    *cases(PKL, tables(PICKLE, pickled=True)),
    *cases(PKL, keys_of(PICKLE, NEEDED)),
    *cases(OFFICIAL, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(4, (0.05, 0.95))]),
    *cases(CONVERTED, raw.flips(4, untold=False)),
    *cases(CONVERTED, SIDECAR, "body.npz.json"),
]
