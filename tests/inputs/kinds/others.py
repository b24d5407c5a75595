"""Parameters of the generator, tracks of landmarks, weights of the energies, the landmark network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from project import ROOT

from inputs import raw, texts
from inputs.case import Case, Original, cases
from inputs.containers import KINDS, NPZ, NUMBERS, SHAPES, entries, keys_of, tables
from inputs.texts import JSON, YAML, values
from jointreg.labels.landmarker import Landmarker
from jointreg.labels.tracking import read_tracks, write_tracks
from jointreg.refine.losses import EnergyWeights
from jointreg.synthetic.parameters import load_parameters

KIND = "generator, tracks, weights of energies, landmark network"


def _generator(folder: Path) -> None:
    content = YAML.load((ROOT / "config/generator.yaml").read_text())
    (folder / "generator.yaml").write_text(YAML.dump(content))


def _read_generator(folder: Path, note: Callable[[str], None]) -> Any:
    return load_parameters(folder / "generator.yaml").model_dump(mode="json")


def _tracks(folder: Path) -> None:
    draw = np.random.default_rng(4)
    track = {
        "points_px": draw.uniform(0, 300, (5, 33, 2)).astype(np.float32),
        "visibility": draw.uniform(0, 1, (5, 33)).astype(np.float32),
        "presence": np.ones(5, np.float32),
        "size": np.array([320, 240]),
        "rate": np.array(25.0),
    }
    write_tracks(folder / "tracks.npz", dict.fromkeys(("left", "right"), track))


def _read_tracks(folder: Path, note: Callable[[str], None]) -> Any:
    return read_tracks(folder / "tracks.npz")


def _weights(folder: Path) -> None:
    weights = EnergyWeights(196.0, 0.002, 4.0, 0.0003)
    (folder / "weights.json").write_text(json.dumps(weights.as_dict(), indent=1))


def _read_weights(folder: Path, note: Callable[[str], None]) -> Any:
    return EnergyWeights.read(folder / "weights.json").as_dict()


def _network(folder: Path) -> None:
    (folder / "pose_landmark_full.tflite").write_bytes(b"")


def _read_network(folder: Path, note: Callable[[str], None]) -> Any:
    path = folder / "pose_landmark_full.tflite"
    return "sound" if path.is_file() and not path.read_bytes() else str(Landmarker(path))


GENERATOR = Original(KIND, "generator.yaml", "generator.yaml", _generator, _read_generator)
TRACKS = Original(KIND, "tracks", "tracks.npz", _tracks, _read_tracks)
WEIGHTS = Original(KIND, "weights of energies", "weights.json", _weights, _read_weights)
NETWORK = Original(KIND, "landmark network", "pose_landmark_full.tflite", _network, _read_network)
"""No genuine network is at hand: what is damaged is an empty file, which here counts as sound."""

ARRAYS = [
    f"{name}/{key}"
    for name in ("left",)
    for key in ("points_px", "visibility", "presence", "size", "rate")
]
MEANINGFUL = [  # another place in the picture, another confidence
    *(
        f"left/points_px {name}"
        for name in (
            "of the other sign",
            "zero throughout",
            "zero in one row",
            "in inches",
            "a thousand times smaller",
            "a hundred times larger",
            "a thousand times larger",
            "a thousand times larger in one row",
            "rounded to whole numbers",
            "not a number throughout",
            "not a number in one place",
            "yes and no",
        )
    ),
    *(
        f"left/visibility {name}"
        for name in (
            "zero throughout",
            "zero in one row",
            "a thousand times smaller",
            "rounded to whole numbers",
        )
    ),
    *(
        f"left/presence {name}"
        for name in ("zero in one row", "zero throughout", "a thousand times smaller", "yes and no")
    ),
    *(
        f"left/size {name}"
        for name in ("in inches", "a thousand times larger", "a hundred times larger", "zero in one row")
    ),
    *(
        f"left/rate {name}"
        for name in (
            "in inches",
            "a thousand times smaller",
            "a hundred times larger",
            "a thousand times larger",
            "one number",
            "rounded to whole numbers",
        )
    ),
]
TERMS = ("joint", "silhouette", "adversarial", "keypoints")
PLACES = (
    *(
        "planted_seed",
        "body",
        "subjects",
        "subjects.S1.betas",
        "subjects.S1.betas.0",
        "rig",
        "room",
        "video.crf",
    ),
    *("estimators.leading", "estimators.methods", "estimators.joint_weight", "motion", "labels"),
)
TEXT = [*raw.whole(), *raw.cut()]
CASES: list[Case] = [
    *cases(GENERATOR, [*TEXT, *texts.letters(comment="# "), *texts.trees(YAML)]),
    *cases(
        GENERATOR,
        values(
            YAML,
            PLACES,
            {k: v for k, v in texts.VALUES.items() if k not in ("a number", "a fraction")},
            untold=[
                "planted_seed is negative",
                "subjects.S1.betas.0 is tiny",
                "subjects.S1.betas.0 is negative",
            ],
        ),
    ),
    *cases(
        TRACKS,
        [*TEXT, *raw.ends(), *raw.flips(4, untold=False), *tables(NPZ)[1:], *keys_of(NPZ, ARRAYS)],
    ),
    *cases(TRACKS, entries(NPZ, ARRAYS[:3], SHAPES | KINDS | NUMBERS, untold=MEANINGFUL)),
    *cases(TRACKS, entries(NPZ, ARRAYS[3:4], SHAPES | KINDS | NUMBERS, untold=MEANINGFUL)),
    *cases(WEIGHTS, [*TEXT, *texts.letters(mark="refused"), *texts.trees(JSON)]),
    *cases(
        WEIGHTS,
        values(
            JSON,
            TERMS,
            untold=[f"{term} is {name}" for term in TERMS for name in ("a number", "a fraction")],
        ),
    ),
    *cases(NETWORK, [one for one in raw.whole() if one.name != "is empty"]),
]
