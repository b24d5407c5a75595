"""Posed vertices and their labels, in order; refusals by cause."""

import numpy as np
import pytest
import torch

from jointreg.errors import DataError, UnitError
from jointreg.regressor.label_files import Labels, read_labels
from jointreg.regressor.labelled_meshes import LabelledMeshes


@pytest.fixture
def joints(generator):
    values = generator.normal(size=(5, 6, 3)) * 0.4
    values[2, 1] = np.nan
    return values


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


def test_half_precision_is_noted_once_a_file(tmp_path, generator):
    meshes = torch.tensor(generator.normal(size=(20, 20, 3)) * 0.4, dtype=torch.float32)
    np.save(tmp_path / "half.npy", meshes.half().numpy())
    torch.save(meshes.bfloat16(), tmp_path / "b.pt")
    np.save(tmp_path / "whole.npy", meshes.numpy())
    notes = []
    files = [tmp_path / name for name in ("half.npy", "b.pt", "whole.npy")]
    frames = LabelledMeshes(files, Labels(np.full((60, 1, 3), 0.1), None), notes.append)
    next(iter(frames))
    assert len(list(frames)) and len(list(frames))
    assert [note.split(": vertices in half precision")[0] for note in notes] == list(map(str, files[:2]))


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

    refused(UnitError, r"give metres: millimetres times 0\.001$", 1000 * meshes)
    refused(UnitError, r"centimetres times 0\.01", 100 * meshes)
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


def test_rows_that_both_files_name_belong_together(tmp_path, generator):
    """Label n belongs to mesh n: other frames in the rows would fit, and give a wrong regressor."""
    meshes, order = generator.normal(0, 0.3, (9, 400, 3)), np.array([3, 1, 2, 0, 4, 5, 8, 7, 6])
    joints = meshes[:, :6].copy()

    def read(vertices, **labels):
        np.savez(tmp_path / "v.npz", vertices=meshes, **vertices)
        np.savez(tmp_path / "l.npz", joints=joints, **labels)
        found = read_labels(tmp_path / "l.npz")
        return LabelledMeshes([tmp_path / "v.npz"], found)

    rising, pictures = np.arange(9) + 5, np.array([f"{k}.jpg" for k in range(9)])
    for same in ({"frame": order}, {"imgname": pictures[order]}):
        assert read(same, **same).frames == 9
    read({"frame": rising})
    read({}, frame_ids=rising)
    read({"imgname": pictures}, frame=rising)  # nothing to compare
    cameras = {"take": np.repeat("1", 9), "camera": np.repeat(["a", "b", "c"], 3)}
    views = cameras | {"frame": np.tile([4, 5, 6], 3)}
    read({}, **views)
    read(views, **views)
    with pytest.raises(DataError, match=r"row 0 is 1 a 4 in .*v\.npz, 1 c 4 in the labels"):
        read(views, **views | {"camera": cameras["camera"][::-1]})
    with pytest.raises(DataError, match="9 rows, but 8 names of them"):
        read({}, frame=rising[1:])
    with pytest.raises(DataError, match=r"row 0 is 3 in .*v\.npz, 5 in the labels"):
        read({"frame": order}, frame_ids=rising)
    with pytest.raises(DataError, match=r"row 0 is 0\.jpg in .*v\.npz, 3\.jpg in the labels"):
        read({"imgname": pictures}, img_path=pictures[order])
    for wrong in (({"frame": order}, {}), ({}, {"frame": order})):
        with pytest.raises(DataError, match=r"frames of .* are not in order, by their own numbers"):
            read(wrong[0], **wrong[1])
    torch.save({"vertices": torch.tensor(meshes), "frame": torch.tensor(order)}, tmp_path / "v.pt")
    with pytest.raises(DataError, match=r"frames of .*v\.pt are not in order"):
        LabelledMeshes([tmp_path / "v.pt"], Labels(joints, None))
