"""Protocols as data: each is complete and names its sources; what does not exist is refused."""

import pytest

from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import ConfigError
from jointreg.evaluation.presets import METRICS, OWN, PRESETS, plain, preset, with_root
from jointreg.evaluation.score_text import TITLES
from jointreg.skeleton import H36M_14, H36M_17, SMPL_24


@pytest.mark.parametrize("name", PRESETS)
def test_every_protocol_is_complete(name):
    protocol = preset(name)
    assert len(protocol.counted_rows) == len(set(protocol.counted)) and len(protocol.root_rows)
    assert set(protocol.metrics) <= set(TITLES)
    assert ("acceleration" in protocol.metrics) == (protocol.frame_rate > 0)
    assert all((protocol.name, protocol.about, protocol.regressor, protocol.frames))
    assert ".py" in protocol.source and "(20" in protocol.source


def test_the_choices_of_the_field():
    assert preset("3dpw").counted == H36M_14 and preset("3dpw").root == ("pelvis",)
    for name in ("emdb", "rich"):
        protocol = preset(name)
        assert protocol.counted == SMPL_24 and protocol.regressor == OWN
        assert protocol.root == ("left_hip", "right_hip")


@pytest.mark.parametrize("name", JOINT_SETS)
def test_every_joint_set_of_the_field_makes_a_protocol(name):
    protocol = plain(name)
    assert protocol.metrics == METRICS and sorted(protocol.counted) == sorted(JOINT_SETS[name].joints)
    assert len(protocol.root) in (1, 2)


def test_numbers_of_joints_are_human36ms():
    assert plain().counted == plain("17").counted == H36M_17
    assert plain("14").counted == H36M_14 and plain("14").root == ("pelvis",)


@pytest.mark.parametrize(
    ("joints", "root", "message"),
    [
        ("lsp_14", "pelvis", "have no joint pelvis"),
        ("17", "tail", "have no joint tail"),
        ("17", "", "have no joint"),
        ("lsp_14", "nose", "have no joint nose"),
    ],
)
def test_a_root_that_the_joints_lack_is_refused(joints, root, message):
    with pytest.raises(ConfigError, match=message):
        with_root(plain(joints), root)


def test_a_table_of_joints_without_a_root_is_refused(tmp_path):
    table = tmp_path / "hands.tsv"
    table.write_text("set\tjoint\tmirror\tplace\troot\nhands\tnose\tnose\tface\t-\n")
    with pytest.raises(ConfigError, match="has no root"):
        plain(str(table))


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match="protocol '4dpw' is not known"):
        preset("4dpw")
    with pytest.raises(ConfigError, match="neither known nor a file"):
        plain("15")


def test_the_page_lists_every_protocol(root):
    page = (root / "docs/score_3dpw.md").read_text(encoding="utf-8")
    for name in PRESETS:
        assert f"| `{name}` |" in page, name
