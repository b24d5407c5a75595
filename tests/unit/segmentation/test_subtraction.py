"""Coverage of a person by one picture and the empty room."""

import numpy as np

from jointreg.segmentation.subtraction import person_coverage, room_of


def test_what_differs_away_from_the_person_changes_no_mask(generator):
    """Parts without contact to the limbs widen the window, so OpenCV's running sums begin elsewhere."""
    rows, columns = np.mgrid[:220, :180]
    inside = ((rows - 110) / 60) ** 2 + ((columns - 90) / 25) ** 2 < 1
    empty = generator.integers(60, 120, (220, 180, 3), dtype=np.uint8)
    picture = np.where(inside[..., None], np.uint8(220), empty)
    core = (abs(columns - 90) < 5) & (abs(rows - 110) < 50)
    reach = np.ones(inside.shape, bool)

    def covered(picture):
        room = room_of(empty, np.zeros(empty.shape, np.float32))
        return person_coverage(
            picture, room, core=core, reach=reach, pixels_per_metre=200.0, threshold=3.0
        )

    alpha, share = covered(picture)
    assert np.array_equal(alpha > 0.5, inside) and share == 1
    littered = picture.copy()
    for row, column in ((2, 2), (2, 170), (210, 2), (210, 170)):
        littered[row : row + 6, column : column + 6] = 250
    other, share_too = covered(littered)
    assert np.abs(other - alpha).max() < 1e-14 and share_too == share
    assert np.array_equal(np.round(other * 255), np.round(alpha * 255))
