"""Joints of other shapes are refused with the step that leads to the shape that is wanted."""

import numpy as np
import pytest

from jointreg.datasets.named_joints import require_joints
from jointreg.errors import DataError


@pytest.mark.parametrize(
    "change",
    [
        lambda joints: joints.reshape(-1, 51),
        lambda joints: joints.transpose(0, 2, 1),
        lambda joints: np.concatenate([joints, joints[..., :1]], axis=2),
        lambda joints: joints[0],
    ],
)
def test_the_cure_of_a_shape_is_a_line_that_works(generator, change):
    wanted = generator.normal(size=(5, 17, 3))
    joints = change(wanted)
    with pytest.raises(DataError, match=r"expected \(N, 17, 3\)") as error:
        require_joints(joints, "file", 17)
    cured = eval("joints" + str(error.value).partition(": joints")[2], {"joints": joints, "None": None})
    require_joints(cured, "file", 17)
    assert np.array_equal(cured, wanted[: len(cured)])


@pytest.mark.parametrize(
    ("shape", "count", "cure"),
    [
        ((5, 17, 2), 17, "positions in the picture"),
        ((0, 17, 3), 17, "no frame"),
        ((5, 14, 3), 17, r"--joints \(lsp_14, .*`--joints 14` counts 14 of the 17"),
        ((5, 16, 3), 17, r"--joints \(mpii_16\), or give all 17$"),
        ((5, 17, 3), 14, "add joint_names, by which the 14 are chosen"),
    ],
)
def test_other_shapes_have_a_cure_of_their_own(shape, count, cure):
    with pytest.raises(DataError, match=cure):
        require_joints(np.zeros(shape), "file", count)
