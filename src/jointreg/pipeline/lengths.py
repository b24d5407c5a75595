"""How many frames recordings have, for what a run asks of time, memory and disk space."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from jointreg.config.sequences import Work
from jointreg.config.settings import Config
from jointreg.datasets.multiview_tree import MultiviewTree
from jointreg.errors import JointregError
from jointreg.files.npy import read_header

MEAN_RECORDING = 2513
"""Mean number of frames of a Human3.6M recording: assumed in estimates of disk space."""
LONGEST_RECORDING = 6500
"""Number of frames of a long recording of Human3.6M: assumed in requests for time and memory."""
_UNREADABLE = (JointregError, OSError, KeyError, ValueError, IndexError, zipfile.BadZipFile)


def recording_frames(config: Config, work: Sequence[Work]) -> dict[str, int]:
    """Frames of the recordings whose end the sequence table leaves open, by take, where that is known.

    Labels tell it by the head of their file, and where the workflow makes them, a video by its header.
    Human3.6M's files are not asked: its recordings are alike. Files that cannot be read are left out;
    the job that needs them says why.

    Args:
        config: the configuration.
        work: the table of sequences.
    """
    rows = [row for row in work if row.last_frame < 0]
    if config.dataset.source == "synthetic":
        return {take: config.synthesize.frames for row in rows for take in row.takes}
    if not rows or config.dataset.kind == "human36m":
        return {}
    try:
        tree = MultiviewTree(config.dataset)
    except _UNREADABLE:
        return {}
    known: dict[str, int] = {}
    for row in rows:
        for take in row.takes:
            try:
                if config.dataset.source == "landmarks":
                    known[take] = _of_video(tree.videos_of(take, row.cameras[:1])[row.cameras[0]])
                else:
                    known[take] = _of_labels(tree.labels(take))
            except _UNREADABLE:
                continue
    return known


def frames_of(row: Work, step: int, known: Mapping[str, int], otherwise: int) -> int:
    """Number of frames that a sequence uses, in all takes and cameras.

    Args:
        row: the sequence.
        step: use every `step`-th frame.
        known: frames of recordings by take, of `recording_frames`.
        otherwise: frames to assume for a recording whose end is neither known nor in the table.
    """
    ends = (
        known.get(take, otherwise) if row.last_frame < 0 else row.last_frame + 1 for take in row.takes
    )
    return sum(max(1, -(-(end - row.first_frame) // step)) for end in ends) * len(row.cameras)


def _of_labels(path: Path) -> int:
    """Labelled moments of a recording, by the head of the array."""
    with zipfile.ZipFile(path) as archive, archive.open("joints_world.npy") as stream:
        return read_header(stream).shape[0]


def _of_video(path: Path) -> int:
    from jointreg.datasets.video import frames_by_header  # av is slow to load, and few runs need it

    return frames_by_header(path)
