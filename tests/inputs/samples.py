"""What several originals share, made once a process."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from project import ROOT

from jointreg.body.files import load_body
from jointreg.body.model import Body
from jointreg.datasets.human36m.metadata import ACTIONS, write_metadata
from jointreg.synthetic.parameters import load_parameters
from jointreg.synthetic.rig import cameras_of

COUNT = 6
"""Rows of predictions and labels."""


def one(make: Callable[[], Any]) -> Callable[[], Any]:
    """The function, which makes its value at the first call only."""
    return cache(make)


@one
def body() -> Body:
    """The open body."""
    return load_body("open")


@one
def posed() -> dict[str, np.ndarray]:
    """Plausible bodies in a camera's frame: rotations, betas and translation."""
    from jointreg.geometry.rotations import from_axis_angle

    draw = np.random.default_rng(7)
    vectors = draw.normal(0, 0.2, (COUNT, 24, 3))
    vectors[:, 0] = np.add([np.pi, 0, 0], draw.normal(0, 0.1, (COUNT, 3)))
    return {
        "rotations": from_axis_angle(vectors).astype(np.float32),
        "betas": draw.normal(0, 1, (COUNT, 10)).astype(np.float32),
        "translation": draw.normal([0, 0, 4.5], 0.2, (COUNT, 3)).astype(np.float32),
    }


def write_metadata_file(path: Path) -> None:
    """Human3.6M's metadata.xml with the cameras of S1."""
    parameters = load_parameters(ROOT / "config/generator.yaml")
    mapping = {(ACTIONS["Walking"], 1): {1: "Walking"}}
    write_metadata(path, {1: cameras_of("S1", parameters)}, mapping)
