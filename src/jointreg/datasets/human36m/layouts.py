"""In which of its two usual layouts a copy of Human3.6M lies on disk. Looks at names of folders only."""

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
    """Layout of a copy of the data set; the official one where a root holds both.

    Raises:
        DataError: neither; the message names what is there instead, and the cure.
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
    """What to do about a root that is near to one of the layouts."""
    if (root / "processed").is_dir():
        return f"set dataset.root to {root / 'processed'}"
    if any(root.glob("*.tgz")) or any(root.glob("*/*.tgz")):
        return "unpack the archives: each subject's Videos and MyPoseFeatures into a folder S1, S5, ..."
    if any(root.glob(f"{SUBJECTS}/*-*/imageSequence")):
        return "annot.h5 is missing beside the pictures: run h36m-fetch's process_all.py again"
    return "docs/human36m.md shows both layouts"
