"""Prediction files of ours, and those of other tools with a row for each frame."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inputs import raw
from inputs.case import Case, Damage, Original, cases
from inputs.containers import (
    KINDS,
    NPZ,
    NUMBERS,
    PICKLE,
    SHAPES,
    Container,
    Value,
    entries,
    entry,
    keys_of,
    tables,
)
from inputs.kinds.regressors import weights
from inputs.people import people
from inputs.samples import COUNT, body, one, posed
from jointreg.config.settings import Estimate
from jointreg.evaluation.presets import plain
from jointreg.evaluation.score_files import read_pair, score
from jointreg.geometry.rotations import to_axis_angle
from jointreg.predictions.bodies import estimate
from jointreg.skeleton import H36M_17, H36M_AS_SMPL, SMPL_24, rows
from jointreg.stores.schema import Record

KIND = "predictions"


def pose() -> np.ndarray:
    """Axis-angle of all joints, (N, 72)."""
    return to_axis_angle(posed()["rotations"]).reshape(COUNT, 72).astype(np.float32)


def person() -> np.ndarray:
    """Joints of the bodies in the order `H36M_17`, (N, 17, 3) metres."""
    skeleton = body().joints(*posed().values())
    return skeleton[:, rows([H36M_AS_SMPL[name] for name in H36M_17], SMPL_24)].astype(np.float64)


def _ours() -> dict[str, Any]:
    names = {"take": np.repeat("1", COUNT), "camera": np.repeat("54138969", COUNT)}
    return posed() | names | {"frame": np.arange(COUNT)}


def _spin() -> dict[str, Any]:
    names = [f"S9_Walking_1.54138969_{n + 1:06d}.jpg" for n in range(COUNT)]
    camera = np.tile([0.9, 0.0, 0.0], (COUNT, 1))
    return {"pose": pose(), "betas": posed()["betas"], "camera": camera, "imgname": np.array(names)}


def _hmr2() -> dict[str, Any]:
    rotations = posed()["rotations"]
    return {
        "global_orient": rotations[:, :1],
        "body_pose": rotations[:, 1:],
        "betas": posed()["betas"],
        "frame": np.arange(COUNT),
    }


def _romp() -> dict[str, Any]:
    results = {
        f"{n:08d}.jpg": {
            "cam": np.ones((1, 3)),
            "smpl_thetas": pose()[[n]],
            "smpl_betas": posed()["betas"][[n]],
        }
        for n in range(COUNT)
    }
    return {"results": np.array(results)}


def _amass() -> dict[str, Any]:
    whole = np.zeros((COUNT, 156), np.float32)
    whole[:, :66] = pose()[:, :66]
    return {"poses": whole, "betas": posed()["betas"][0], "trans": np.ones((COUNT, 3))}


def _aist() -> dict[str, Any]:
    return {"smpl_poses": pose(), "smpl_trans": np.ones((COUNT, 3)), "betas": posed()["betas"][0]}


def _smplcodec() -> dict[str, Any]:
    return {
        "codecVersion": np.array(2),
        "smplVersion": np.array(0),
        "bodyPose": pose().reshape(COUNT, 24, 3)[:, :22],
        "handPose": pose().reshape(COUNT, 24, 3)[:, 22:],
        "bodyTranslation": np.ones((COUNT, 3)),
        "shapeParameters": posed()["betas"][0],
        "frameCount": np.array(COUNT),
    }


FACTS = {"take_names": ["1"], "camera_names": ["54138969"]}


@one
def frames() -> Record:
    """Labels of the bodies, as a store of frames contains them."""
    count = {key: np.zeros(COUNT, int) for key in ("take", "camera")}
    return Record(count | {"frame": np.arange(COUNT), "joints_cam": person()}, FACTS)


def estimated(kind: str) -> Callable[[str], Any]:
    """Rule `estimate` with a file of take 1, camera 54138969, whose betas are those of the body."""

    def reader(name: str) -> Callable[..., Any]:
        files = name.replace("1.54138969", "{take}.{camera}")
        reading = {"kind": kind, "files": files, "rows": "", "six": "", "body": "run"}
        which = {"method": "net", "subject": "S9", "action": "Walking"}

        def read(folder: Path, note: Callable[[str], None]) -> Any:
            settings = Estimate(predictions=str(folder), keypoints_iterations=1, keypoints_prior=0.0)
            return estimate(reading, which, frames(), body(), settings)

        return read

    return reader


def scored(named: bool) -> Callable[[str], Any]:
    """`jointreg evaluate` with a file of another tool. `named`: it names the frames of its rows."""

    def reader(name: str) -> Callable[..., Any]:
        def read(folder: Path, note: Callable[[str], None]) -> Any:
            protocol = plain()
            names = {"frame": np.arange(COUNT)} if named else {}
            vertices = body().vertices(*posed().values()).astype(np.float64)
            np.savez(folder / "labels.npz", joints_cam=weights() @ vertices, **names)
            files = folder / name, folder / "labels.npz"
            pair = read_pair(*files, protocol, body(), body(), note=note)
            scores = score(pair, {"J": weights()}, {}, protocol, note)
            return {
                metric: round(value, 3) for metric, value in scores.means["J"].items()
            }, scores.frames

        return read

    return reader


def original(
    what: str, name: str, container: Container, content: Callable[[], Any], read: Any
) -> Original:
    return Original(
        KIND, what, name, lambda folder: container.save(folder / name, content()), read(name)
    )


def _joints_file() -> dict[str, Any]:
    return {key: _ours()[key] for key in ("take", "camera", "frame")} | {"joints": person()}


OURS = original("ours", "Walking.npz", NPZ, _ours, estimated("predictions"))
SPIN = original("SPIN", "result.npz", NPZ, _spin, scored(named=False))
HMR2 = original("4D-Humans", "hmr2.npz", NPZ, _hmr2, scored(named=True))
ROMP = original("ROMP", "video_results.npz", NPZ, _romp, scored(named=True))
AMASS = original("AMASS", "stageii.npz", NPZ, _amass, scored(named=False))
AIST = original("AIST++", "gBR_sBM.pkl", PICKLE, _aist, scored(named=False))
CODEC = original("smplcodec", "avatar.smpl", NPZ, _smplcodec, scored(named=True))
JOINTS = original("joints", "joints.npz", NPZ, _joints_file, estimated("joints"))

SHAPE_ONLY = [  # numbers that are plausible shapes, poses or places of somebody else
    *(
        f"betas {name}"
        for name in (
            "zero throughout",
            "of the other sign",
            "a thousand times smaller",
            "zero in one row",
            "in inches",
            "rounded to whole numbers",
            "yes and no",
        )
    ),
    *(
        f"pose {name}"
        for name in (
            "a thousand times smaller",
            "zero throughout",
            "zero in one row",
            "of the other sign",
            "rounded to whole numbers",
            "yes and no",
        )
    ),
    *(
        f"poses {name}"
        for name in (
            "a thousand times smaller",
            "zero throughout",
            "zero in one row",
            "of the other sign",
        )
    ),
    *(
        f"translation {name}"
        for name in (
            "zero throughout",
            "of the other sign",
            "zero in one row",
            "a thousand times smaller",
            "in inches",
            "rounded to whole numbers",
        )
    ),
    "rotations transposed",
]
ORDER: dict[str, Value] = {
    "reversed": lambda value, _: value[::-1],
    "shifted by a row": lambda value, _: np.roll(value, 1, axis=0),
}


def _frames(name: str, change: Callable[[np.ndarray], Any], untold: bool = False) -> Damage:
    return entry(NPZ, name, "frame", change, untold=untold)


FRAMES = [
    _frames("counts from one", lambda f: f + 1, untold=True),
    _frames("has a number twice", lambda f: np.where(f == 2, 1, f)),
    _frames("is negative", lambda f: f - 10),
    _frames("has fractions", lambda f: f + 0.5),
    _frames("is not a number", lambda f: np.where(f == 2, np.nan, f)),
    _frames("is infinite", lambda f: np.where(f == 2, np.inf, f)),
    _frames("is 1e30", lambda f: np.where(f == 2, 1e30, f)),
    _frames("has words", lambda f: np.array([f"{n}" for n in f[:-1]] + ["six"])),
    _frames("is text of numbers", lambda f: f.astype(str)),
    _frames("has nothing in it", lambda f: np.array([*f[:-1].tolist(), None], dtype=object)),
    _frames("is complex", lambda f: f.astype(complex)),
    _frames("is of two columns", lambda f: np.stack([f, f], axis=1)),
    _frames("is shorter", lambda f: f[:-1]),
    _frames("is one number", lambda f: np.array(3)),
    _frames("is a table", lambda f: np.array({"first": 1})),
    _frames("is dates", lambda f: f.astype("datetime64[s]")),
]


def _joints(
    name: str, change: Callable[[np.ndarray], np.ndarray], right: str = "refused", untold: bool = False
) -> Damage:
    return entry(NPZ, name, "joints", change, right, untold)


BYTES = [*raw.whole(), *raw.cut(), *raw.ends()]
ZIPPED = [*BYTES, *raw.flips(3, untold=False)]
CASES: list[Case] = [
    *cases(OURS, [*ZIPPED, *FRAMES, *tables(NPZ)]),
    *cases(
        OURS,
        keys_of(
            NPZ,
            ["rotations", "betas", "translation", "take", "camera", "frame"],
            optional=["translation", "take", "camera", "frame"],
        ),
    ),
    *cases(OURS, entries(NPZ, ["rotations", "betas", "translation"], SHAPES, untold=SHAPE_ONLY)),
    *cases(OURS, entries(NPZ, ["rotations", "betas", "translation"], KINDS, untold=SHAPE_ONLY)),
    *cases(OURS, entries(NPZ, ["rotations", "betas", "translation"], NUMBERS, untold=SHAPE_ONLY)),
    *cases(
        OURS, entries(NPZ, ["take", "camera"], {k: v for k, v in SHAPES.items() if k != "one number"})
    ),
    *cases(SPIN, [*ZIPPED, *keys_of(NPZ, ["pose", "betas", "imgname"], optional=["imgname"])]),
    *cases(SPIN, entries(NPZ, ["pose", "betas"], SHAPES | KINDS | NUMBERS, untold=SHAPE_ONLY)),
    *cases(HMR2, [*keys_of(NPZ, ["global_orient", "body_pose", "betas"]), *tables(NPZ)]),
    *cases(HMR2, entries(NPZ, ["global_orient", "body_pose"], SHAPES | NUMBERS)),
    *cases(ROMP, [*raw.cut(), *tables(NPZ), *keys_of(NPZ, ["results"])]),
    *cases(ROMP, entries(NPZ, ["results"], {k: KINDS[k] for k in ("a word", "nothing", "a table")})),
    *cases(AMASS, entries(NPZ, ["poses", "betas"], SHAPES | NUMBERS, untold=SHAPE_ONLY)),
    *cases(AIST, [*raw.cut(), *keys_of(PICKLE, ["smpl_poses", "betas"]), *tables(PICKLE, pickled=True)]),
    *cases(
        CODEC,
        [
            *raw.cut(),
            *keys_of(NPZ, ["smplVersion", "bodyPose", "shapeParameters"], optional=["smplVersion"]),
        ],
    ),
    *cases(
        CODEC,
        entries(NPZ, ["bodyPose", "shapeParameters"], KINDS, untold=["rounded to whole numbers"]),
    ),
    *cases(CODEC, entries(NPZ, ["smplVersion"], KINDS)),
    *cases(JOINTS, [*people(_joints, metres=False), *tables(NPZ), *keys_of(NPZ, ["joints"])]),
    *cases(JOINTS, entries(NPZ, ["joints"], KINDS)),
    *cases(
        JOINTS,
        entries(
            NPZ,
            ["joints"],
            NUMBERS,
            without=["a thousand times larger", "a hundred times larger", "in inches"],
        ),
    ),
]
