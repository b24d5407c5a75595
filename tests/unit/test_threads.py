"""One thread inside, the number of before afterwards: also after an error, also as a decorator."""

import cv2
import pytest
import torch

from jointreg.threads import one_opencv_thread, one_torch_thread


@pytest.mark.parametrize(
    ("one_thread", "count", "set_count"),
    [
        (one_opencv_thread, cv2.getNumThreads, cv2.setNumThreads),
        (one_torch_thread, torch.get_num_threads, torch.set_num_threads),
    ],
)
def test_one_thread_inside_and_the_number_of_before_afterwards(one_thread, count, set_count):
    before = count()
    try:
        set_count(2)
        with one_thread():
            assert count() == 1
        assert count() == 2
        with pytest.raises(ZeroDivisionError), one_thread():
            1 / 0  # noqa: B018
        assert count() == 2
        decorated = one_thread()(count)
        assert (decorated(), decorated(), count()) == (1, 1, 2)
    finally:
        set_count(before)
