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
    labels = Labels(np.arange(150.0)[:, None, None] * np.ones((150, 1, 3)), None)
    frames = LabelledMeshes([tmp_path / name for name in ("a.npy", "b.npz", "c.npy")], labels)
    for _ in range(2):
        parts = list(frames)
        assert np.array_equal(np.concatenate([part[0] for part in parts]), meshes)
        assert np.array_equal(np.concatenate([part[1] for part in parts]), labels.joints)
    assert set(frames.digests()) == {"a.npy", "b.npz", "c.npy"}


def test_refusals_of_meshes(tmp_path, generator):
    meshes = generator.normal(size=(8, 20, 3)) * 0.4

    def refused(kind, cause, *arrays, frames=8):
        files = []
        for k, array in enumerate(arrays):
            np.save(tmp_path / f"{k}.npy", array)
            files.append(tmp_path / f"{k}.npy")
        with pytest.raises(kind, match=cause):
            LabelledMeshes(files, Labels(np.zeros((frames, 3, 3)), None))

    refused(UnitError, "divide millimetres by 1000", 1000 * meshes)
    refused(UnitError, "centimetres by 100", 100 * meshes)
    refused(DataError, "8 meshes and labels of 9 frames", meshes, frames=9)
    refused(DataError, "have 19 and 20 vertices, expected one mesh", meshes[:4], meshes[4:, :19])
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
    refused("has columns", "a.csv", "joint,x,y,z\n")
    refused("is an empty file", "a.csv", "")
    refused("has no label of joint b in any frame", "a.csv", head + "0,a,0,0,0\n0,b,,,\n")
    refused("expected one of joints, joints_cam, labels", "a.npz", {"points": joints})
    refused("expected 6 different names", "a.npz", {"joints": joints, "joint_names": ["a"] * 6})
    refused(r"expected \(frames, joints, 3\)", "a.npz", {"joints": joints[0]})
    refused("divide millimetres", "a.npz", {"joints": 1000 * joints}, UnitError)
    (tmp_path / "b.csv").write_bytes(f"{head}0,körper,0,0,0\n".encode("latin1"))
    with pytest.raises(DataError, match="not text in UTF-8"):
        read_labels(tmp_path / "b.csv")
