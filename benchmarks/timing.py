"""How the benchmarks take time."""

import time
from collections.abc import Callable

import numpy as np


def median_ms(function: Callable[[], object], repeats: int) -> float:
    """Median CPU time of one call, milliseconds, after one call to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1e3 * float(np.median(times))
