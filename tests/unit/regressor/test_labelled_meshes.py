"""Files of posed vertices and labels: each form, missing labels, refusals by cause."""

import numpy as np
import pytest

from jointreg.errors import DataError, UnitError
from jointreg.regressor.labelled_meshes import LabelledMeshes, Labels, read_labels

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


def test_files_are_read_in_their_order(tmp_path, generator):
    meshes = generator.normal(size=(150, 20, 3)).astype(np.float32) * 0.4
    np.save(tmp_path / "a.npy", meshes[:100])
    np.savez(tmp_path / "b.npz", vertices=meshes[100:149])
    np.save(tmp_path / "c.npy", meshes[149])
    labels = Labels(np.arange(150.0)[:, None, None] / 200 * np.ones((150, 1, 3)), None)
    frames = LabelledMeshes([tmp_path / name for name in ("a.npy", "b.npz", "c.npy")], labels)
    for _ in range(2):
        parts = list(frames)
        assert np.array_equal(np.concatenate([part[0] for part in parts]), meshes)
        assert np.array_equal(np.concatenate([part[1] for part in parts]), labels.joints)
    assert set(frames.digests()) == {"a.npy", "b.npz", "c.npy"}


def test_the_last_frames_of_a_csv_may_have_no_label(tmp_path, joints, generator):
    np.save(tmp_path / "a.npy", generator.normal(size=(8, 20, 3)) * 0.4)
    notes = []
    frames = LabelledMeshes([tmp_path / "a.npy"], Labels(joints, None, sparse=True), notes.append)
    labels = np.concatenate([part[1] for part in frames])
    assert np.array_equal(labels[:5], joints, equal_nan=True) and np.isnan(labels[5:]).all()
    assert len(notes) == 1 and "3 of 8 frames have no label, the first is frame 5" in notes[0]
    with pytest.raises(DataError, match="8 meshes and labels of 5 frames"):
        LabelledMeshes([tmp_path / "a.npy"], Labels(joints, None))


def test_files_of_one_name_keep_their_digests(tmp_path, generator):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "walk.npy", generator.normal(size=(4, 20, 3)) * 0.4)
    files = [tmp_path / folder / "walk.npy" for folder in ("a", "b")]
    digests = LabelledMeshes(files, Labels(np.zeros((8, 3, 3)), None)).digests()
    assert len(set(digests.values())) == 2


def test_refusals_of_meshes(tmp_path, generator):
    meshes = generator.normal(size=(8, 20, 3)) * 0.4

    def refused(kind, cause, *arrays, frames=8):
        files = []
        for k, array in enumerate(arrays):
            np.save(tmp_path / f"{k}.npy", array)
            files.append(tmp_path / f"{k}.npy")
        with pytest.raises(kind, match=cause):
            list(LabelledMeshes(files, Labels(np.zeros((frames, 3, 3)), None)))

    refused(UnitError, "divide millimetres by 1000", 1000 * meshes)
    refused(UnitError, "centimetres by 100", 100 * meshes)
    refused(DataError, "8 meshes and labels of 9 frames", meshes, frames=9)
    refused(DataError, "have 19 and 20 vertices, expected one mesh", meshes[:4], meshes[4:, :19])
    one = meshes.copy()
    one[5] *= 1000
    refused(UnitError, "vertices of frame 5 extend over", one)
    refused(DataError, "the label of joint 0 lies .* from the middle of mesh 0", meshes + 3)
    refused(DataError, "NaN or infinite", np.where(meshes > 0.5, np.nan, meshes))
    refused(DataError, r"expected floats \(frames, V, 3\)", meshes[..., :2])
    with pytest.raises(DataError, match="does not exist"):
        LabelledMeshes([tmp_path / "none.npy"], Labels(np.zeros((8, 3, 3)), None))


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
    refused("line 2: ", "a.csv", head + "first,neck,0,0,0\n")
    refused("has no rows", "a.csv", head)
    refused("is an empty file", "a.csv", "")
    refused("columns other than frame,joint,x,y,z", "a.csv", "joint,x,y,z\n")
    refused("line 2: 4 cells, expected 5", "a.csv", head + "0,neck,0,0\n")
    refused("line 2: 6 cells, expected 5", "a.csv", head + "0,neck,0,0,0,0\n")
    refused("line 3: frame 1000000000000 ", "a.csv", head + "0,a,0,0,0\n1000000000000,a,0,0,0\n")
    refused("field larger than field limit", "a.csv", head + f'0,"{"a" * 200_000}",0,0,0\n')
    refused("is no plain npz", "a.npz", "PK")
    refused("labels of <U", "a.npz", {"joints": joints.astype(str)})
    refused("labels of complex128", "a.npz", {"joints": joints * 1j})
    refused("expected 6 different names", "a.npz", {"joints": joints, "joint_names": "neck"})
    refused("has no label of joint b in any frame", "a.csv", head + "0,a,0,0,0\n0,b,,,\n")
    refused("expected one of joints, joints_cam, labels", "a.npz", {"points": joints})
    refused("expected 6 different names", "a.npz", {"joints": joints, "joint_names": ["a"] * 6})
    refused(r"expected \(frames, joints, 3\)", "a.npz", {"joints": joints[0]})
    refused("divide millimetres", "a.npz", {"joints": 1000 * joints}, UnitError)
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
