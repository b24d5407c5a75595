"""The frame of Human3.6M that a picture's file name stands for, in the three usual naming schemes.

SPIN and mmpose: `S9_Directions 1.60457274_000001.jpg` (blanks may be `_`); h36m-fetch:
`S9/Directions-1/imageSequence/60457274/img_000001.jpg`; by official numbers:
`s_09_act_02_subact_01_ca_04_000001.jpg`. All three count pictures from 1. Frames count from 0.
"""

import re
from typing import NamedTuple

from jointreg.datasets.human36m.metadata import ACTIONS, CAMERAS, OTHER_NAMES

KNOWN = (
    "S9_Directions 1.60457274_000001.jpg",
    "S9/Directions-1/imageSequence/60457274/img_000001.jpg",
    "s_09_act_02_subact_01_ca_04_000001.jpg",
)
"""An example of each, for errors."""

_BY_FILE = re.compile(r"(?:^|.*/)(S\d+)_(\w+?)(?:[ _](\d+))?\.(\d{8})_(\d+)\.\w+$")
_FETCH = re.compile(r"(?:^|.*/)(S\d+)/(\w+)-(\d+)/imageSequence/(\d{8})/img_(\d+)\.\w+$")
_NUMBERS = re.compile(r"(?:^|.*/)s_(\d+)_act_(\d+)_subact_(\d+)_ca_(\d+)_(\d+)\.\w+$")
_OFFICIAL = {other: action for action, other in OTHER_NAMES.items()}
_ACTION_OF = {number: action for action, number in ACTIONS.items()}


class Picture(NamedTuple):
    """The parts of a file name."""

    subject: str
    action: str
    take: str
    """Action and sub-action number; empty where `file` gives both."""
    file: str
    """The subject's own name of the take, `TakingPhoto 1`; empty where action and take are known."""
    camera: str
    frame: int


def picture(name: str) -> Picture | None:
    """The parts of a picture's file name; None for a name in none of the three schemes."""
    if match := _BY_FILE.match(name):
        subject, action, number, camera, frame = match.groups()
        own = action if number is None else f"{action} {number}"
        return Picture(subject, "", "", own, camera, int(frame) - 1)
    if match := _FETCH.match(name):
        subject, action, take, camera, frame = match.groups()
        return Picture(subject, _OFFICIAL.get(action, action), take, "", camera, int(frame) - 1)
    match = _NUMBERS.match(name)
    if match is None or int(match[2]) not in _ACTION_OF or not 1 <= int(match[4]) <= len(CAMERAS):
        return None
    action, camera = _ACTION_OF[int(match[2])], CAMERAS[int(match[4]) - 1]
    return Picture(f"S{int(match[1])}", action, str(int(match[3])), "", camera, int(match[5]) - 1)
