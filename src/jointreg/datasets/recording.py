"""One take seen by one camera, and the interface that every reader of a data set has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from jointreg.config.joint_sets import H36M, JointSet
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
    """Labels of every frame of the take, camera frame, metres, (N, J, 3) float64."""
    frames: range
    """Frames of the sequence: a part of range(N)."""
    frame_offset: int = 0
    """Frame n is number n + frame_offset in the video file."""
    kept: np.ndarray | None = None
    """Frames that have a label and a picture, ascending; None: all. The others' labels are NaN. A frame
    is a moment of the take here too, not a number in the video."""
    gaps: bool = False
    """Whether the frames outside `kept` lack a joint. They are then left out at any frame step."""
    file: str = ""
    """Name of the take in the subject's files, `Directions 1`; empty if they have none."""
    joints_image_px: np.ndarray | None = None
    """2D labels of the data set, distorted full-image pixels, (N, J, 2); they check the 3D labels."""
    joint_set: JointSet = H36M
    """What the J labels are, in their order."""


class DataSet(Protocol):
    """The interface that every reader of a data set has."""

    def takes(self, subject: str, action: str) -> list[str]:
        """Names of the takes that exist, sorted."""
        ...

    def recordings(self, sequence: Work) -> list[Recording]:
        """Labels, cameras and video paths of one sequence, ordered by take, then camera.

        Raises:
            DataError: a file or a camera is missing or damaged. The message gives the cure.
            UnitError: labels that cannot be in the unit that the format prescribes.
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
