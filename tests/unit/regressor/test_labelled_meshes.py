"""Posed vertices and their labels, in order; refusals by cause."""

import numpy as np
import pytest

from jointreg.errors import DataError, UnitError
from jointreg.regressor.label_files import Labels
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
