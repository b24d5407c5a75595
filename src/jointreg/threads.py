"""Threads of libraries that would start one a core: jobs run side by side and share the cores."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """One OpenCV thread inside, the number of before afterwards; also a decorator of functions."""
    import cv2

    with _threads(cv2.getNumThreads, cv2.setNumThreads, 1):
        yield


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """So many torch threads inside, the number of before afterwards; also a decorator of functions."""
    import torch

    with _threads(torch.get_num_threads, torch.set_num_threads, count):
        yield


def one_torch_thread() -> AbstractContextManager[None]:
    """One torch thread inside: sums then have the same order, and the same bits, on every machine."""
    return torch_threads(1)


@contextmanager
def _threads(count: Callable[[], int], set_count: Callable[[int], None], wanted: int) -> Iterator[None]:
    before = count()
    set_count(wanted)
    try:
        yield
    finally:
        set_count(before)
