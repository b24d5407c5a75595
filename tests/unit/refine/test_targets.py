"""What bodies are compared with."""

import numpy as np

from jointreg.refine.targets import robust_weights


def band(edge, width=200):
    """A mask that shows the columns up to `edge`, (1, 4, width)."""
    return np.where(np.arange(width) < edge, 255, 0)[None, None].repeat(4, axis=1).astype(np.uint8)


def test_a_contour_that_is_far_off_pulls_by_a_bounded_amount():
    """A body that ends x pixels beyond the mask's edge costs distance atan(x / distance) a row."""
    weights, distance = robust_weights(band(60), 5.0), 5.0
    assert weights.max() == 1 and weights.dtype == np.float32
    for away in (2, 10, 40, 100):
        cost = (weights * (band(60 + away) != band(60))).sum() / 4
        ratio = away / distance
        steps = 0.5 * (1 - 1 / (1 + ratio**2))  # of the trapezoidal rule, for a sum over pixels
        np.testing.assert_allclose(cost, distance * np.arctan(ratio) + steps, rtol=0.06)


def test_masks_without_an_edge_hardly_count():
    nobody = np.zeros((1, 40, 40), np.uint8)
    assert robust_weights(nobody, 5.0).max() < 0.01
