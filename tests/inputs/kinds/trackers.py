"""Prediction files of trackers: tables of people, or of frames."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from inputs import raw
from inputs.case import Case, Damage, cases
from inputs.containers import PICKLE, TORCH, Container, keys_of, tables
from inputs.kinds.predictions import BYTES, ZIPPED, estimated, original, pose, scored
from inputs.samples import COUNT, posed


def _vibe() -> dict[str, Any]:
    tracked = {
        "pred_cam": np.tile(np.float32([0.9, 0, 0]), (COUNT, 1)),
        "pose": pose(),
        "betas": posed()["betas"],
        "joints3d": np.zeros((COUNT, 49, 3), np.float32),
        "joints2d": None,
        "frame_ids": np.arange(COUNT),
    }
    return {1: tracked}


def _phalp() -> dict[str, Any]:
    frames = {}
    for frame in range(COUNT):
        rotations = posed()["rotations"][frame]
        smpl = {"global_orient": rotations[:1], "body_pose": rotations[1:]}
        frames[f"img/{frame:06d}.jpg"] = {
            "time": frame,
            "tid": [1],
            "tracked_ids": [1],
            "tracked_time": [0],
            "smpl": [smpl | {"betas": posed()["betas"][frame]}],
        }
    return frames


def _gvhmr() -> dict[str, Any]:
    camera = {
        "body_pose": pose()[:, 3:66],
        "global_orient": pose()[:, :3],
        "betas": posed()["betas"],
        "transl": np.ones((COUNT, 3), np.float32),
    }
    world = camera | {"global_orient": 0 * pose()[:, :3]}
    return {"smpl_params_global": world, "smpl_params_incam": camera, "K_fullimg": np.eye(3)[None]}


def _prompt_hmr() -> dict[str, Any]:
    whole = np.zeros((COUNT, 165), np.float32)
    whole[:, :66] = pose()[:, :66]
    camera = {"pose": whole, "shape": posed()["betas"], "trans": np.ones((COUNT, 3))}
    followed = {"frames": np.arange(COUNT), "smplx_cam": camera, "smplx_world": {"pose": 0 * whole}}
    return {"camera": {}, "people": {1: followed}, "has_tracks": True}


def _joblib(path: Path, table: dict[Any, Any]) -> None:
    joblib.dump(table, path, compress=3)


JOBLIB = Container(lambda path: joblib.load(path), _joblib)


VIBE = original("VIBE", "vibe_output.pkl", JOBLIB, _vibe, scored(named=True))
PHALP = original("PHALP", "demo.pkl", JOBLIB, _phalp, scored(named=True))
GVHMR = original("GVHMR", "1.54138969.pt", TORCH, _gvhmr, estimated("predictions"))
PROMPT = original("PromptHMR", "1.54138969.pkl", PICKLE, _prompt_hmr, estimated("predictions"))


def _second_person(path: Path, _: np.random.Generator) -> None:
    table = joblib.load(path)
    _joblib(path, table | {2: table[1]})


def _in_person(name: str, key: str, change: Callable[[np.ndarray], Any], untold: bool = False) -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        table = joblib.load(path)
        table[1][key] = change(table[1][key])
        _joblib(path, table)

    return Damage(f"{key} {name}", apply, untold=untold)


TRACK = [
    Damage("has a second person", _second_person),
    _in_person("is missing", "pose", lambda v: None),
    _in_person("is in degrees", "pose", lambda v: np.degrees(v)),
    _in_person("has text", "pose", lambda v: v.astype(str)),
    _in_person("is shorter", "betas", lambda v: v[:-2]),
    _in_person("is ragged", "betas", lambda v: [[1.0], [1.0, 2.0]]),
    _in_person("has words", "frame_ids", lambda v: ["a"] * len(v)),
    _in_person("has a number twice", "frame_ids", lambda v: v // 2),
    _in_person("is nothing", "frame_ids", lambda v: None),
    _in_person("is a number", "frame_ids", lambda v: 3),
    _in_person("is a set", "frame_ids", lambda v: {1, 2}),
    _in_person("is long doubles", "pose", lambda v: v.astype(np.longdouble)),
]


def _in_frames(name: str, change: Callable[[dict[str, Any]], Any], untold: bool = False) -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        table = joblib.load(path)
        key = list(table)[2]
        table[key] = change(table[key])
        _joblib(path, table)

    return Damage(f"a frame {name}", apply, untold=untold)


TRACKED = [
    _in_frames("lacks its bodies", lambda f: {k: v for k, v in f.items() if k != "smpl"}),
    _in_frames("has nothing for bodies", lambda f: f | {"smpl": None}),
    _in_frames("has a number for bodies", lambda f: f | {"smpl": 3}),
    _in_frames(
        "has two people",
        lambda f: f | {k: 2 * f[k] for k in ("smpl", "tracked_ids", "tracked_time")} | {"tid": [1, 2]},
    ),
    _in_frames("has a word for its time", lambda f: f | {"time": "three"}),
    _in_frames("has no number for its time", lambda f: f | {"time": float("nan")}),
    _in_frames("has the time of another", lambda f: f | {"time": 1}),
    _in_frames("has a word for its person", lambda f: f | {"tid": ["one"]}),
    _in_frames("has fewer people than names", lambda f: f | {"tid": [1, 2]}),
    _in_frames(
        "has nobody", lambda f: f | {k: [] for k in ("smpl", "tid", "tracked_ids", "tracked_time")}, True
    ),
    _in_frames("is nothing", lambda f: None),
    _in_frames("is a list", lambda f: list(f.values())),
    _in_frames(
        "has a mirrored body",
        lambda f: f | {"smpl": [f["smpl"][0] | {"body_pose": -f["smpl"][0]["body_pose"]}]},
    ),
    _in_frames(
        "has a body of other joints",
        lambda f: f | {"smpl": [f["smpl"][0] | {"body_pose": f["smpl"][0]["body_pose"][:5]}]},
    ),
    _in_frames(
        "lacks the betas",
        lambda f: f | {"smpl": [{k: v for k, v in f["smpl"][0].items() if k != "betas"}]},
    ),
]


CASES: list[Case] = [
    *cases(VIBE, [*BYTES, *raw.flips(4, untold=False), *TRACK, *tables(JOBLIB, pickled=True)]),
    *cases(PHALP, [*BYTES, *TRACKED, *tables(JOBLIB, pickled=True)]),
    *cases(GVHMR, [*ZIPPED, *tables(TORCH, pickled=True)]),
    *cases(
        GVHMR,
        keys_of(TORCH, [f"smpl_params_incam.{key}" for key in ("global_orient", "body_pose", "betas")]),
    ),
    *cases(PROMPT, [*raw.whole(), *raw.cut(), *tables(PICKLE, pickled=True)]),
]
