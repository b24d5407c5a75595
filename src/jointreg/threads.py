"""One thread for libraries that would start one a core: jobs run side by side and share the cores."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """One OpenCV thread inside, the number of before afterwards; also a decorator of functions."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """One torch thread inside, the number of before afterwards.

    Sums then have the same order, and the same bits, on every machine.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
