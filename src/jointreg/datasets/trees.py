"""The files of a data set behind one small interface, without the libraries that read them."""

from pathlib import Path
from typing import Protocol

from jointreg import config
from jointreg.config.sequences import Work
from jointreg.datasets.human36m.layouts import human36m_layout
from jointreg.datasets.human36m.tree import FetchTree, OfficialTree
from jointreg.datasets.multiview_tree import MultiviewTree


class Tree(Protocol):
    """What the workflow asks of a data set while it plans."""

    def units(self, sequence: Work) -> list[tuple[str, str]]:
        """Pairs of take and camera that are read."""
        ...

    def files(self, sequence: Work, take: str, camera: str) -> list[Path]:
        """Files and folders that a take seen by one camera is read from, whether or not they exist.

        Raises:
            JointregError: the data set has no such take or camera. The message gives the cure.
        """
        ...


def open_tree(settings: config.Dataset) -> Tree:
    """The files of the data set that `settings` describes.

    Raises:
        DataError: its folder or calibration is missing.
    """
    if settings.kind != "human36m":
        return MultiviewTree(settings)
    is_fetched = human36m_layout(settings.root) == "h36m_fetch"
    return FetchTree(settings) if is_fetched else OfficialTree(settings)
