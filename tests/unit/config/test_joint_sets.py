"""Joint sets as tables."""

import numpy as np
import pytest

from jointreg.config.joint_sets import COLUMNS, CURES, JOINT_SETS, TITLES, joint_set
from jointreg.errors import ConfigError
from jointreg.skeleton import H36M_14, H36M_17, H36M_17_RIGHT_FIRST, LIMB, SMPL_24

HEAD = "\t".join(COLUMNS)


def test_the_sets_agree_with_the_orders_of_the_skeleton():
    orders = {
        "h36m_17": H36M_17,
        "h36m_17_right_first": H36M_17_RIGHT_FIRST,
        "lsp_14": H36M_14,
        "smpl_24": SMPL_24,
    }
    assert {name: JOINT_SETS[name].joints for name in orders} == orders
    assert JOINT_SETS["h36m_17"].limbs == tuple(LIMB)


def test_every_set_has_a_title_and_sides_that_mirror():
    assert set(TITLES) == set(JOINT_SETS) and set(CURES) <= set(TITLES)
    for one in JOINT_SETS.values():
        assert one.title == TITLES[one.name]
        for row, other in enumerate(one.mirror):
            swapped = one.joints[row].replace("left", "@").replace("right", "left").replace("@", "right")
            assert one.joints[other] == swapped and one.mirror[other] == row


def test_the_root_is_the_pelvis_or_the_middle_of_the_hips(generator):
    joints = generator.normal(size=(3, 17, 3))
    assert np.array_equal(JOINT_SETS["h36m_17"].root(joints), joints[:, 0])
    hips = (joints[:, 11] + joints[:, 12]) / 2
    assert np.allclose(JOINT_SETS["coco_17"].root(joints), hips)


def test_a_table_of_ones_own(tmp_path):
    path = tmp_path / "hands.tsv"
    rows = ["palm_l\tpalm_r\tleft_hand\tyes", "palm_r\tpalm_l\tright_hand\tyes", "chin\tchin\tface\t-"]
    path.write_text("\n".join([HEAD, *(f"hands\t{row}" for row in rows)]))
    own = joint_set(str(path))
    assert own.joints == ("palm_l", "palm_r", "chin") and own.mirror == (1, 0, 2)
    assert own.roots == (0, 1) and own.title == "the 3 joints of hands"
    assert [SMPL_24[limb] for limb in own.limbs] == ["left_hand", "right_hand", "head"]


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        (["a\ta\tpelvis\t-"], "has no root"),
        (["a\ta\tpelvis\tyes", "a\ta\tneck\t-"], "'a' twice"),
        (["a\tb\tpelvis\tyes", "b\tb\tneck\t-"], "the mirror of a is 'b', whose mirror is not a"),
        (["a\tz\tpelvis\tyes"], "the mirror of a is 'z'"),
        (
            ["left_hip\tright_hip\tright_hip\tyes", "right_hip\tleft_hip\tleft_hip\tyes"],
            "the place of left_hip is right_hip, on the right",
        ),
        (["a\tb\tleft_hip\tyes", "b\ta\tleft_hip\tyes"], "expected right_hip"),
        (["a\ta\tbelly\tyes"], "place is 'belly'"),
        (["a\ta\tpelvis\tmaybe"], "root is 'maybe'"),
        ([], "has no rows"),
    ],
)
def test_a_table_that_is_refused(tmp_path, rows, cause):
    path = tmp_path / "own.tsv"
    path.write_text("\n".join([HEAD, *(f"own\t{row}" for row in rows)]))
    with pytest.raises(ConfigError, match=cause):
        joint_set(str(path))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"'coco' is neither known nor a file(.|\n)*coco_17"):
        joint_set("coco")
