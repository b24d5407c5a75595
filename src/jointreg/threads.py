"""One thread for libraries that would start one a core: jobs run side by side and share the cores."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """One OpenCV thread inside, the number of before afterwards; also a decorator of functions."""
    import cv2

    with _one_thread(cv2.getNumThreads, cv2.setNumThreads):
        yield


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """One torch thread inside, the number of before afterwards; also a decorator of functions.

    Sums then have the same order, and the same bits, on every machine.
    """
    import torch

    with _one_thread(torch.get_num_threads, torch.set_num_threads):
        yield


@contextmanager
def _one_thread(count: Callable[[], int], set_count: Callable[[int], None]) -> Iterator[None]:
    before = count()
    set_count(1)
    try:
        yield
    finally:
        set_count(before)
