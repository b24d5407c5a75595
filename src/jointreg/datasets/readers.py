"""Data sets behind one small interface: list the takes, read one sequence as recordings.

`open_dataset(settings)` returns the reader for `settings.kind`. Every reader returns metres, pixels
and the camera frame, whatever its files contain.
"""

from jointreg import config
from jointreg.datasets.human36m.fetch import Human36MFetch
from jointreg.datasets.human36m.files import Human36M
from jointreg.datasets.human36m.layouts import human36m_layout
from jointreg.datasets.multiview import Multiview
from jointreg.datasets.recording import DataSet


def open_dataset(settings: config.Dataset) -> DataSet:
    """Reader for the data set that `settings` describes.

    Raises:
        DataError: its folder or calibration is missing.
    """
    if settings.kind == "human36m":
        reader = Human36M(settings)
        if human36m_layout(settings.root) == "h36m_fetch":
            reader = Human36MFetch(settings)
        return reader
    return Multiview(settings)
