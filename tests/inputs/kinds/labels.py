"""Labels of `jointreg evaluate`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inputs import raw
from inputs.case import Case, Damage, Original, cases
from inputs.containers import KINDS, NPZ, NUMBERS, SHAPES, entries, entry, keys_of, tables
from inputs.kinds.predictions import FRAMES
from inputs.kinds.regressors import weights
from inputs.people import people
from inputs.samples import COUNT, body, posed
from jointreg.evaluation.presets import plain
from jointreg.evaluation.score_files import read_pair, score
from jointreg.skeleton import H36M_17, H36M_17_RIGHT_FIRST

KIND = "labels of evaluate"
NAMED = {
    "take": np.repeat("1", COUNT),
    "camera": np.repeat("54138969", COUNT),
    "frame": np.arange(COUNT),
}


def _made(names: dict[str, Any]) -> Callable[[Path], None]:
    """Labels that lie on the bodies' joints but for some millimetres, and the bodies."""

    def make(folder: Path) -> None:
        bodies = posed()
        vertices = body().vertices(*bodies.values()).astype(np.float64)
        noise = np.random.default_rng(3).normal(0, 0.004, (COUNT, 17, 3))
        np.savez(folder / "labels.npz", joints_cam=weights() @ vertices + noise, **names)
        other = {key: value for key, value in names.items() if key != "joint_names"}
        np.savez(folder / "bodies.npz", **bodies, **other)

    return make


def _read(folder: Path, note: Callable[[str], None]) -> Any:
    protocol = plain()
    files = folder / "bodies.npz", folder / "labels.npz"
    pair = read_pair(*files, protocol, body(), body(), note=note)
    scores = score(pair, {"J": weights()}, {}, protocol, note)
    return {metric: float(value) for metric, value in scores.means["J"].items()}, scores.frames


def _original(what: str, names: dict[str, Any]) -> Original:
    return Original(KIND, what, "labels.npz", _made(names), _read, named=("bodies.npz",))


WHOLE = _original("named by take, camera and frame", NAMED)
NUMBERED = _original("named by frame", {"frame": np.arange(COUNT)})
BARE = _original("not named", {})
WITH_NAMES = _original("with joint_names", NAMED | {"joint_names": np.array(H36M_17)})


def _entry(name: str, key: str, change: Callable[[np.ndarray], Any], right: str = "refused") -> Damage:
    return entry(NPZ, name, key, change, right)


def _joints(
    name: str, change: Callable[[np.ndarray], np.ndarray], right: str = "refused", untold: bool = False
) -> Damage:
    return _entry(name, "joints_cam", change, right)


def _missing(joint: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(joints: np.ndarray) -> np.ndarray:
        changed = joints.copy()
        changed[2, joint] = np.nan
        return changed

    return change


def _all_rows(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    NPZ.save(path, {key: change(value) for key, value in NPZ.load(path).items()})


def _rows(
    name: str, change: Callable[[np.ndarray], np.ndarray], right: str = "refused", untold: bool = False
) -> Damage:
    return Damage(f"rows are {name}", lambda path, _: _all_rows(path, change), right, untold)


FRAMES_OF_REFERENCE = [
    _joints("are y up", lambda j: j * [1, -1, -1]),
    _joints("are upside down", lambda j: j * [-1, -1, 1]),
    _joints("are z up", lambda j: j[..., [0, 2, 1]] * [1, 1, -1]),
    _joints("have x and y exchanged", lambda j: j[..., [1, 0, 2]]),
    _joints("have the axes turned", lambda j: j[..., [2, 0, 1]]),
    _joints("lie elsewhere", lambda j: np.add(j, [0.5, 0.2, 1.0]), "accepted"),
    _joints("are root-relative", lambda j: j - j[:, :1], "accepted"),
    _joints("are in float32", lambda j: j.astype(np.float32), "accepted"),
    _joints("are in the other byte order", lambda j: j.astype(">f8"), "accepted"),
    _joints("are in column order", np.asfortranarray, "accepted"),
    *(_joints(f"lack {H36M_17[joint]} in a row", _missing(joint), "noted") for joint in (0, 3, 9, 16)),
]
JOINT_NAMES = [
    _entry("are reversed", "joint_names", lambda n: n[::-1]),
    _entry("are right leg first", "joint_names", lambda n: np.array(H36M_17_RIGHT_FIRST)),
    _entry("have one twice", "joint_names", lambda n: np.array([*n[:-1], n[0]])),
    _entry("have one less", "joint_names", lambda n: n[:-1]),
    _entry("are others", "joint_names", lambda n: np.array([f"joint_{k}" for k in range(17)])),
    _entry("are in capitals", "joint_names", lambda n: np.char.upper(n)),
    _entry("are numbers", "joint_names", lambda n: np.arange(17)),
    _entry("are in two columns", "joint_names", lambda n: np.stack([n, n])),
    _entry("are one text", "joint_names", lambda n: np.array(",".join(n))),
    _entry("are bytes", "joint_names", lambda n: n.astype("S")),
    _entry("are objects", "joint_names", lambda n: n.astype(object)),
    _entry("are a table", "joint_names", lambda n: np.array({"pelvis": 0})),
    _entry("are nothing", "joint_names", lambda n: np.array(None)),
]
TAKEN = [
    _entry(f"is {name}", key, change)
    for key in ("take", "camera")
    for name, change in (
        ("another", lambda v: np.repeat("other", len(v))),
        ("shorter", lambda v: v[:-1]),
        ("one text", lambda v: v[0]),
        ("in two columns", lambda v: np.stack([v, v], axis=1)),
        ("a table", lambda v: np.array({"a": 1})),
        ("fractions", lambda v: np.arange(len(v)) + 0.5),
        ("of two kinds", lambda v: np.array([*v[:-1], 3], dtype=object)),
    )
]
ROWS = [
    _rows("reversed", lambda v: v[::-1], "accepted"),
    _rows("half of them", lambda v: v[::2], untold=True),
    _rows("there twice", lambda v: np.concatenate([v, v])),
    _rows("there with the first twice", lambda v: np.concatenate([v, v[:1]])),
    _rows("none", lambda v: v[:0]),
]
JOINTS = ["joints_cam"]
CASES: list[Case] = [
    *cases(WHOLE, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(4, untold=False)]),
    *cases(WHOLE, [*people(_joints), *FRAMES_OF_REFERENCE, *FRAMES, *TAKEN, *ROWS, *tables(NPZ)]),
    *cases(WHOLE, [*keys_of(NPZ, ["joints_cam", "take", "camera", "frame"])]),
    *cases(
        WHOLE,
        entries(
            NPZ,
            JOINTS,
            SHAPES | KINDS | NUMBERS,
            untold=["without its last row"],
            noted=["not a number in one place", "infinite in one place"],
        ),
    ),
    *cases(WITH_NAMES, JOINT_NAMES),
    *cases(WITH_NAMES, keys_of(NPZ, ["joint_names"])),
    *cases(NUMBERED, [*FRAMES, *ROWS[1:], *people(_joints)[:14]]),
    *cases(BARE, [*ROWS[2:], *FRAMES_OF_REFERENCE, *people(_joints)[14:]]),
    *cases(
        BARE,
        entries(
            NPZ, JOINTS, {k: SHAPES[k] for k in ("without its last row", "with its last row twice")}
        ),
    ),
]
