import math

import numpy as np

from jointreg.grid import on_grid


def test_sums_of_numbers_on_a_grid_are_exact_in_any_order():
    generator = np.random.default_rng(0)
    raw = generator.normal(0, 0.5, (2, 3000))
    one, two = on_grid(raw, 2.0**-17)
    assert np.abs(raw - (one, two)).max() <= 2.0**-18
    exact = math.fsum(one * two)
    for _ in range(20):
        order = generator.permutation(3000)
        assert one[order] @ two[order] == exact
    assert len({raw[0, order] @ raw[1, order] for order in (np.arange(3000), order)}) == 2
