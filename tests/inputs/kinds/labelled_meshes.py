"""Posed vertices and labelled joints for `jointreg fit`, and tables of joint sets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inputs import raw, texts
from inputs.case import Case, Damage, Original, cases
from inputs.containers import KINDS, NPY, NPZ, NUMBERS, SHAPES, entries, entry, keys_of, tables
from inputs.kinds.meshes import ball
from inputs.samples import one
from inputs.texts import CELLS, TABLE, cells, rows
from jointreg.config.joint_sets import joint_set
from jointreg.geometry.rotations import from_axis_angle
from jointreg.regressor.from_files import fit_files

KIND = "labelled meshes"
SETS = "joint-set tables"
FRAMES = 24
NAMES = ("top", "middle", "left", "right", "front", "foot")


@one
def planted() -> tuple[np.ndarray, np.ndarray]:
    """A body that walks about and trembles, (N, V, 3), and joints of five vertices each, (N, J, 3)."""
    draw, shape = np.random.default_rng(8), ball().vertices
    turns = from_axis_angle(draw.uniform(0, 3, (FRAMES, 1)) * [0, 1, 0])
    vertices = (shape + draw.normal(0, 0.05, (FRAMES, *shape.shape))) @ turns
    vertices += np.array([0, 0, 2]) + draw.uniform(-1, 1, (FRAMES, 1, 3))
    near = np.linalg.norm(shape[:: len(shape) // len(NAMES)][: len(NAMES), None] - shape, axis=2)
    weights = np.zeros((len(NAMES), vertices.shape[1]))
    for row, distance in zip(weights, near, strict=True):
        row[np.argsort(distance)[:5]] = draw.dirichlet(np.full(5, 5.0))
    return vertices, weights @ vertices


def _vertices(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        vertices, joints = planted()
        if name.endswith("npy"):
            np.save(folder / name, vertices)
        else:
            np.savez(folder / name, vertices=vertices)
        np.savez(folder / "labels.npz", joints=joints, joint_names=np.array(NAMES))

    return make


def _labels(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        vertices, joints = planted()
        np.save(folder / "walk.npy", vertices)
        if name.endswith("npy"):
            np.save(folder / name, joints)
            return
        if name.endswith("npz"):
            np.savez(folder / name, joints=joints, joint_names=np.array(NAMES))
            return
        lines = [
            ",".join([str(frame), joint, *map(str, place)])
            for frame, skeleton in enumerate(joints)
            for joint, place in zip(NAMES, skeleton, strict=True)
        ]
        (folder / name).write_text("\n".join(["frame,joint,x,y,z", *lines, ""]))

    return make


def _read(vertices: str, labels: str) -> Callable[..., Any]:
    def read(folder: Path, note: Callable[[str], None]) -> Any:
        fitted = fit_files([str(folder / vertices)], str(folder / labels), note=note)
        return fitted.weights @ planted()[0][0], list(fitted.joint_names)

    return read


def _original(
    what: str, file: str, make: Callable[[Path], None], vertices: str, labels: str
) -> Original:
    return Original(KIND, what, file, make, _read(vertices, labels), named=("label", "meshes"))


NPY_VERTICES = _original("vertices in npy", "walk.npy", _vertices("walk.npy"), "walk.npy", "labels.npz")
NPZ_VERTICES = _original("vertices in npz", "walk.npz", _vertices("walk.npz"), "walk.npz", "labels.npz")
NPZ_LABELS = _original("labels in npz", "labels.npz", _labels("labels.npz"), "walk.npy", "labels.npz")
NPY_LABELS = _original("labels in npy", "labels.npy", _labels("labels.npy"), "walk.npy", "labels.npy")
CSV_LABELS = _original("labels in csv", "labels.csv", _labels("labels.csv"), "walk.npy", "labels.csv")


def _frame(change: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], np.ndarray]:
    """The sixth frame is changed."""

    def apply(frames: np.ndarray) -> np.ndarray:
        changed = np.array(frames)
        changed[5] = change(changed[5])
        return changed

    return apply


def _of(key: str, container: Any, names: dict[str, Any], untold: tuple[str, ...] = ()) -> list[Damage]:
    return [entry(container, name, key, change, untold=name in untold) for name, change in names.items()]


PLACED = {
    "has a frame in millimetres": _frame(lambda frame: 1000 * frame),
    "has a frame of half the size": _frame(lambda frame: frame / 2),
    "has a frame of zeros": _frame(lambda frame: 0 * frame),
    "has a frame 3 m away": _frame(lambda frame: frame + 3),
    "has its frames reversed": lambda frames: frames[::-1],
    "has its frames shifted by one": lambda frames: np.roll(frames, 1, axis=0),
    "has its axes exchanged": lambda frames: frames[..., [0, 2, 1]],
    "is mirrored": lambda frames: frames * [-1, 1, 1],
    "has its points reversed": lambda frames: frames[:, ::-1],
}
LINES = {
    "has a row twice": lambda lines: [*lines, lines[-1]],
    "has a row of four cells": lambda lines: [*lines[:-1], lines[-1].rpartition(",")[0]],
    "has a row of six cells": lambda lines: [*lines[:-1], lines[-1] + ",1"],
    "has semicolons for commas": lambda lines: [line.replace(",", ";") for line in lines],
    "has no columns' names": lambda lines: lines[1:],
    "has only its columns' names": lambda lines: lines[:1],
    "has columns in another order": lambda lines: ["joint,frame,x,y,z", *lines[1:]],
    "has its frames in another order": lambda lines: [lines[0], *lines[7:], *lines[1:7]],
    "has empty lines in it": lambda lines: [part for line in lines for part in (line, "")],
    "lacks its last row": lambda lines: lines[:-1],
    "has an open quote in a row": lambda lines: [lines[0], '"' + lines[1], *lines[2:]],
    "has a field of a million letters": lambda lines: [*lines, f"0,{'a' * 10**6},0,0,0"],
    **{
        f"has a frame that is {name}": lambda lines, value=value: [
            *lines[:-1],
            ",".join([value, *lines[-1].split(",")[1:]]),
        ]
        for name, value in (
            *(("negative", "-1"), ("a fraction", "1.5"), ("a word", "one"), ("empty", "")),
            *(("huge", "99999999999999999999"), ("10^8", "100000000"), ("a superscript", "²")),
            *(("in other digits", "٣"), ("with an underscore", "1_0"), ("not a number", "nan")),
        )
    },
    **{
        f"has a coordinate that is {name}": lambda lines, value=value: [
            *lines[:-1],
            ",".join([*lines[-1].split(",")[:-1], value]),
        ]
        for name, value in (
            *(("a word", "one"), ("infinite", "inf"), ("1e30", "1e30"), ("in other digits", "٣")),
            *(("with an underscore", "1_0"), ("in millimetres", "900"), ("hexadecimal", "0x1p3")),
        )
    },
    "has a joint without a name": lambda lines: [*lines, "0,,0,0,0"],
    "has a joint with a blank": lambda lines: [*lines[:-1], lines[-1].replace("foot", "foot ")],
}

BYTES = [*raw.whole(), *raw.cut(), *raw.ends()]
SCALES = ("a thousand times smaller", "zero in one row")
SET = """set\tjoint\tmirror\tplace\troot
mine\tpelvis\tpelvis\tpelvis\tyes
mine\tleft\tright\tleft_knee\t-
mine\tright\tleft\tright_knee\t-
mine\tnose\tnose\tnose\t-
"""


def _set(folder: Path) -> None:
    (folder / "mine.tsv").write_text(SET)


def _read_set(folder: Path, note: Callable[[str], None]) -> Any:
    read = joint_set(str(folder / "mine.tsv"))
    return [list(read.joints), list(read.mirror), list(read.places), list(read.roots)]


JOINT_SET = Original(SETS, "a table of one's own", "mine.tsv", _set, _read_set)

CASES: list[Case] = [
    *cases(NPY_VERTICES, [*BYTES, *raw.flips(4, (0.01, 1.0))]),
    *cases(NPY_VERTICES, entries(NPY, ["matrix"], SHAPES | KINDS | NUMBERS)),
    *cases(NPY_VERTICES, _of("matrix", NPY, PLACED, untold=("has its points reversed",))),
    *cases(
        NPZ_VERTICES, [*BYTES, *raw.flips(4, untold=False), *keys_of(NPZ, ["vertices"]), *tables(NPZ)]
    ),
    *cases(NPZ_VERTICES, entries(NPZ, ["vertices"], SHAPES | KINDS | NUMBERS)),
    *cases(NPZ_LABELS, [*BYTES, *raw.flips(4, untold=False)]),
    *cases(
        NPZ_LABELS, [*keys_of(NPZ, ["joints", "joint_names"], optional=["joint_names"]), *tables(NPZ)]
    ),
    *cases(NPZ_LABELS, entries(NPZ, ["joints", "joint_names"], SHAPES)),
    *cases(NPZ_LABELS, entries(NPZ, ["joints"], KINDS | NUMBERS)),
    *cases(NPZ_LABELS, _of("joints", NPZ, PLACED, untold=("has its points reversed",))),
    *cases(NPY_LABELS, [*BYTES, *raw.flips(4, (0.1, 1.0))]),
    *cases(CSV_LABELS, [*BYTES, *texts.letters(), *rows(LINES)]),
    *cases(
        JOINT_SET,
        [
            *raw.whole(),
            *raw.cut(),
            *texts.letters(comment="# "),
            *rows(TABLE, accepted=["has empty lines in it", "has a comment in it"]),
        ],
    ),
    *cases(JOINT_SET, cells(SET.splitlines()[0].split("\t"), CELLS, row=2)),
]
