"""One take seen by one camera, and what every reader of a data set offers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from jointreg.config.sequences import Work
from jointreg.errors import ConfigError
from jointreg.geometry.camera import Camera


@dataclass(frozen=True)
class Recording:
    """One take seen by one camera. Frame n is a moment of the take, the same for all its cameras."""

    subject: str
    action: str
    take: str
    camera: Camera
    video: Path
    """A video file, or a folder of pictures (`datasets.pictures`)."""
    joints_cam: np.ndarray
    """Labels of every frame of the take, camera frame, metres, `H36M_17` order, (N, 17, 3) float64."""
    frames: range
    """Frames that the sequence asks for: a part of range(N)."""
    frame_offset: int = 0
    """Frame n is number n + frame_offset in the video file."""
    kept: np.ndarray | None = None
    """Frames that have a label and a picture, ascending; None: all. The others' labels are NaN."""
    gaps: bool = False
    """Whether frames that are not kept lack a joint. They are then left out at any frame step."""
    file: str = ""
    """The subject's own name of the take, where files have one: `Directions 1`."""
    joints_image_px: np.ndarray | None = None
    """2D labels that came with the data, distorted full-image pixels, (N, 17, 2); only a check."""


class DataSet(Protocol):
    """What every kind of data set offers."""

    def takes(self, subject: str, action: str) -> list[str]:
        """Names of the takes that exist, sorted."""
        ...

    def recordings(self, sequence: Work) -> list[Recording]:
        """Labels, cameras and video paths of one sequence, ordered by take, then camera.

        Raises:
            DataError: a file or a camera is missing or damaged; the message says how to get it.
            UnitError: labels that cannot be millimetres (or what the format prescribes).
        """
        ...


def frame_window(first_frame: int, last_frame: int, count: int) -> range:
    """Frames first..last (inclusive; -1: to the end) of a take with `count` labelled frames.

    Raises:
        ConfigError: the window lies outside the take.
    """
    last = count - 1 if last_frame == -1 else last_frame
    if not 0 <= first_frame <= last < count:
        raise ConfigError(
            f"frames {first_frame} to {last_frame} of a take with {count} labelled frames",
            "correct first_frame and last_frame in the sequence table; -1 means to the end",
        )
    return range(first_frame, last + 1)
