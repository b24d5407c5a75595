"""Files of labels: each form, missing labels, refusals by cause."""

import numpy as np
import pytest

from jointreg.config.joint_sets import joint_set
from jointreg.errors import DataError, UnitError
from jointreg.regressor.label_files import read_labels

NAMES = ("nose", "left_hip", "right_hip", "left_knee", "right_knee", "neck")


@pytest.fixture
def joints(generator):
    values = generator.normal(size=(5, 6, 3)) * 0.4
    values[2, 1] = np.nan
    return values


def test_every_form_of_labels_is_the_same(tmp_path, joints):
    np.save(tmp_path / "a.npy", joints)
    np.savez(tmp_path / "b.npz", joints=joints, joint_names=NAMES)
    lines = ["frame,joint,x,y,z"]
    for frame, row in enumerate(joints):
        for name, place in zip(NAMES, row, strict=True):
            if np.isfinite(place).all():
                lines.append(f"{frame},{name}," + ",".join(repr(float(x)) for x in place))
    (tmp_path / "c.csv").write_text("\n".join(lines))
    for file, names in (("a.npy", None), ("b.npz", NAMES), ("c.csv", NAMES)):
        labels = read_labels(tmp_path / file)
        assert labels.names == names and np.array_equal(labels.joints, joints, equal_nan=True)


def test_the_origin_is_a_missing_label_or_the_root(tmp_path, joints):
    """Zeros in some frames are missing labels; a root lies there in every frame that has it."""
    lost = joints.copy()
    lost[3, 4] = lost[4, 4] = lost[4, 5] = 0
    np.savez(tmp_path / "a.npz", joints=lost, joint_names=NAMES)
    words = r"right_knee of row 3 is at \(0, 0, 0\), as missing joints .*2 of 5 rows, 2 joints"
    with pytest.raises(DataError, match=words):
        read_labels(tmp_path / "a.npz")
    relative = joints - joints[:, 1:2]
    np.save(tmp_path / "b.npy", relative)
    assert np.array_equal(read_labels(tmp_path / "b.npy").joints, relative, equal_nan=True)


def test_names_as_bytes_are_names(tmp_path, joints):
    np.savez(tmp_path / "a.npz", joints=joints, joint_names=np.array(NAMES, "S"))
    assert read_labels(tmp_path / "a.npz").names == NAMES


def test_refusals_of_labels(tmp_path, joints):
    def refused(cause, name, content, kind=DataError):
        if isinstance(content, str):
            (tmp_path / name).write_text(content)
        else:
            np.savez(tmp_path / name, **content)
        with pytest.raises(kind, match=cause):
            read_labels(tmp_path / name)

    head = "frame,joint,x,y,z\n"
    refused("neck stands in frame 0 twice", "a.csv", head + "0,neck,0,0,0\n0,neck,1,1,1\n")
    for frame in ("first", "0.0", "1_0", "٣"):
        refused(f"line 2: frame '{frame}', expected a whole", "a.csv", f"{head}{frame},neck,0,0,0\n")
    refused("has no rows", "a.csv", head)
    refused("is an empty file", "a.csv", "")
    for name in ("Neck", " neck", "neck "):
        refused("differ in spaces or capitals", "a.csv", f"{head}0,neck,0,0,0\n1,{name},1,1,1\n")
    refused("columns are joint,x,y,z, expected frame,joint,x,y,z", "a.csv", "joint,x,y,z\n")
    refused("line 2: 4 cells, expected 5", "a.csv", head + "0,neck,0,0\n")
    refused("line 2: 6 cells, expected 5", "a.csv", head + "0,neck,0,0,0,0\n")
    refused("line 3: frame 1000000000000 ", "a.csv", head + "0,a,0,0,0\n1000000000000,a,0,0,0\n")
    refused("field larger than field limit", "a.csv", head + f'0,"{"a" * 200_000}",0,0,0\n')
    refused("is no plain npz", "a.npz", "PK")
    refused("labels of <U", "a.npz", {"joints": joints.astype(str)})
    refused("labels of complex128", "a.npz", {"joints": joints * 1j})
    refused("expected 6 different names", "a.npz", {"joints": joints, "joint_names": "neck"})
    refused("has no label of b in any frame", "a.csv", head + "0,a,0,0,0\n0,b,,,\n")
    refused("expected one of joints, joints_cam, labels", "a.npz", {"points": joints})
    for names in (["a"] * 6, ["", *NAMES[1:]]):
        refused("expected 6 different names", "a.npz", {"joints": joints, "joint_names": names})
    refused("6 names under the key names", "a.npz", {"joints": joints, "names": NAMES})
    refused("marks 1 of", "a.npz", {"joints": joints, "valid": np.arange(len(joints)) > 0})
    refused(r"expected \(frames, joints, 3\)", "a.npz", {"joints": joints[0]})
    refused("millimetres times 0", "a.npz", {"joints": 1000 * joints}, UnitError)
    (tmp_path / "b.csv").write_bytes(f"{head}0,körper,0,0,0\n".encode("latin1"))
    with pytest.raises(DataError, match="can't decode byte 0x"):
        read_labels(tmp_path / "b.csv")


def test_sizes_that_an_npz_only_declares_are_refused_before_memory_is_taken(tmp_path):
    np.savez_compressed(tmp_path / "labels.npz", joints=np.zeros((10**7, 5, 3)))
    with pytest.raises(DataError, match="declares 1200000128 bytes"):
        read_labels(tmp_path / "labels.npz")


@pytest.mark.parametrize("cell, cause", [("1_0", "plain digits"), ("٣", "plain digits")])
def test_a_csv_has_plain_digits(tmp_path, cell, cause):
    (tmp_path / "labels.csv").write_text(f"frame,joint,x,y,z\n0,nose,{cell},0,0\n", encoding="utf-8")
    with pytest.raises(DataError, match=cause):
        read_labels(tmp_path / "labels.csv")


def test_a_csv_whose_last_frame_would_fill_memory(tmp_path):
    (tmp_path / "labels.csv").write_text("frame,joint,x,y,z\n99999999,nose,0,0,0\n")
    with pytest.raises(DataError, match="1 rows, one of them of frame 99999999"):
        read_labels(tmp_path / "labels.csv")


def test_joints_that_are_not_chosen_may_be_without_a_label(tmp_path, generator):
    """A C3D has more points than the joints that are asked for."""
    names, values = joint_set("lsp_14").joints, generator.uniform(0, 0.9, (4, 16, 3))
    values[:, 3], values[:, 9] = np.nan, 50
    given = np.insert(np.insert(names[::-1], 3, "*12"), 9, "plate")
    np.savez(tmp_path / "a.npz", joints=values, joint_names=given)
    with pytest.raises(DataError, match=r"no label of \*12 in any frame"):
        read_labels(tmp_path / "a.npz")
    labels = read_labels(tmp_path / "a.npz", joint_set("lsp_14"))
    assert labels.names == names
    assert np.array_equal(labels.joints, np.delete(values, [3, 9], axis=1)[:, ::-1])
