"""Data of which a plan asks only names and calibration: the files themselves are empty."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from project import ROOT
from room import write_qualisys

from jointreg.config.sequences import load_sequences
from jointreg.datasets.human36m.metadata import ACTIONS, CAMERAS, write_metadata
from jointreg.geometry.camera import Camera

CAMERA = Camera(
    name="any",
    intrinsics=np.array([[1145, 0, 512], [0, 1143, 515], [0, 0, 1.0]]),
    distortion=np.zeros(5),
    rotation=np.eye(3),
    translation=np.array([0, 0, 4.0]),
    size=(1000, 1000),
)


def plant_human36m(raw: Path) -> None:
    """Every file of the sequence table, empty, in the official layout; metadata.xml names it."""
    names = {
        (number, take): dict.fromkeys(range(1, 12), f"{action} {take}" if take == 1 else action)
        for action, number in ACTIONS.items()
        for take in (1, 2)
    }
    raw.mkdir(parents=True, exist_ok=True)
    row = [replace(CAMERA, name=name) for name in CAMERAS]
    write_metadata(raw / "metadata.xml", dict.fromkeys(range(1, 12), row), names)
    for work in load_sequences(ROOT / "config/sequences/human36m.tsv"):
        videos, labels = (
            raw / work.subject / folder for folder in ("Videos", "MyPoseFeatures/D3_Positions")
        )
        for folder in (videos, labels):
            folder.mkdir(parents=True, exist_ok=True)
        for take in work.takes:
            name = names[ACTIONS[work.action], int(take)][int(work.subject[1:])]
            (labels / f"{name}.cdf").touch()
            for camera_name in work.cameras:
                (videos / f"{name}.{camera_name}.mp4").touch()


def plant_laboratory(root: Path) -> None:
    """The recording of config/sequences/lab.tsv, by the four cameras of a Qualisys system."""
    cameras = {name: replace(CAMERA, name=name) for name in ("cam01", "cam02", "cam03", "cam04")}
    (root / "balance").mkdir(parents=True, exist_ok=True)
    write_qualisys(root / "Calib.qca.txt", cameras)
    for name in cameras:
        (root / "balance" / f"{name}.mp4").touch()
