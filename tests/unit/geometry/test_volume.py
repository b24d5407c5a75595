"""Volumes of boxes, and their sign."""

import numpy as np

from jointreg.geometry.volume import volume


def test_volumes_of_boxes():
    box = np.array([[x, y, z] for x in (0, 2) for y in (0, 3) for z in (0, 5)], float)
    faces = np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
                      [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]])  # fmt: skip
    boxes = np.stack([box, 2 * box, box + np.array([7, -9, 4]), box * [-1, 1, 1]])
    np.testing.assert_allclose(volume(boxes, faces), [30, 240, 30, -30])
