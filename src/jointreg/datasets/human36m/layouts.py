"""The layout of a copy of Human3.6M on disk, one of the two usual ones, by the names of its folders."""

from pathlib import Path
from typing import Literal

from jointreg.errors import DataError

Layout = Literal["official", "h36m_fetch"]

SUBJECTS = "S[0-9]*"

_EXPECTED = (
    "the official download unpacked (S1/Videos, S1/MyPoseFeatures), or the folder `processed` of "
    "h36m-fetch (S1/Directions-1/annot.h5)"
)


def human36m_layout(root: str | Path) -> Layout:
    """Layout of a copy of the data set; the official one if the root contains both.

    Raises:
        DataError: the root contains neither. The message lists its content and gives the cure.
    """
    root = Path(root)
    if any(root.glob(f"{SUBJECTS}/Videos")) or any(root.glob(f"{SUBJECTS}/MyPoseFeatures")):
        return "official"
    if next(root.glob(f"{SUBJECTS}/*-*/annot.h5"), None) is not None:
        return "h36m_fetch"
    names = sorted(path.name for path in root.iterdir())[:8]
    raise DataError(
        f"{root}: no copy of Human3.6M in a known layout, expected {_EXPECTED}; found "
        f"{', '.join(names) or 'nothing'}",
        _cure(root),
    )


def _cure(root: Path) -> str:
    """The next step for a root in neither layout, by what it contains."""
    if (root / "processed").is_dir():
        return f"set dataset.root to {root / 'processed'}"
    if any(root.glob("*.tgz")) or any(root.glob("*/*.tgz")):
        return "unpack the archives: each subject's Videos and MyPoseFeatures into a folder S1, S5, ..."
    if any(root.glob(f"{SUBJECTS}/*-*/imageSequence")):
        return "annot.h5 is missing beside the pictures: run h36m-fetch's process_all.py again"
    return "docs/human36m.md shows both layouts"
