"""Betas pose a body of their own model only: what a file or the table shows, and the cures that work."""

import numpy as np
import pytest

from jointreg.errors import DataError
from jointreg.predictions.shape_space import model_of, require_model, require_shape_space

COUNT = 4
SMPL, SMPLX, OTHER = 6890, 10475, 1000


def values(joints, numbers=3, **others):
    return {"poses": np.zeros((COUNT, joints * numbers)), "betas": np.zeros((COUNT, 10))} | others


@pytest.mark.parametrize("numbers", [3, 6, 9])
@pytest.mark.parametrize(("joints", "model"), [(24, ""), (22, ""), (52, "SMPL-H"), (55, "SMPL-X")])
def test_the_number_of_joints_shows_the_model(joints, model, numbers):
    assert model_of(values(joints, numbers)) == model
    whole = np.zeros((COUNT, joints, 3, 3))
    assert model_of({"rotations": whole}) == model


def test_entries_of_the_face_show_smpl_x():
    parts = {"global_orient": np.zeros((COUNT, 3)), "body_pose": np.zeros((COUNT, 63))}
    assert model_of(parts) == ""
    assert model_of(parts | {"jaw_pose": np.zeros((COUNT, 3))}) == "SMPL-X"
    assert model_of(parts | {"expression": np.zeros((COUNT, 10)), "model": np.array("SMPL")}) == "SMPL"


@pytest.mark.parametrize(
    ("joints", "n_vertices", "named", "fits"),
    [
        (24, SMPL, "", True),
        (24, OTHER, "", True),
        (24, SMPLX, "SMPL", False),
        (24, OTHER, "SMPL", False),
        (52, SMPL, "", True),
        (52, SMPLX, "", False),
        (52, OTHER, "", False),
        (55, SMPLX, "", True),
        (55, SMPL, "", False),
        (55, OTHER, "", False),
        (55, SMPL, "SMPL", True),
        (55, OTHER, "run", True),
        (24, SMPLX, "SMPL-X", True),
    ],
)
def test_betas_pose_a_body_of_their_model_only(joints, n_vertices, named, fits):
    if fits:
        require_shape_space(values(joints), "file", n_vertices, named)
        return
    with pytest.raises(DataError, match=r"file: its betas are of SMPL.*would give another person"):
        require_shape_space(values(joints), "file", n_vertices, named)


def test_each_cure_of_the_refusal_works():
    with pytest.raises(DataError) as error:
        require_shape_space(values(55), "file", SMPL)
    assert "give a body of SMPL-X (--body;" in str(error.value)
    require_shape_space(values(55), "file", SMPLX)
    assert "or into the column `body`" in str(error.value)
    require_shape_space(values(55), "file", SMPL, "run")
    assert "write `run` as an entry `model` into the file" in str(error.value)
    require_shape_space(values(55, model=np.array("run")), "file", SMPL)


def test_meshes_are_of_the_model_that_the_method_names():
    for named, count in (("", 5), ("run", 5), ("SMPL", 6890), ("SMPL-H", 6890), ("SMPL-X", 10475)):
        require_model(np.zeros((1, count, 3)), "a.npz", named)
    with pytest.raises(
        DataError, match=r"meshes of 10475 vertices \(SMPL-X\), its method is of SMPL by"
    ):
        require_model(np.zeros((1, 10475, 3)), "a.npz", "SMPL")


def test_twenty_two_joints_are_of_two_models_and_that_is_said():
    """As GVHMR's parameters are, saved without their tool's form."""
    parts = {"global_orient": np.zeros((COUNT, 3)), "body_pose": np.zeros((COUNT, 63))}
    told = []
    for content in (parts, values(22, 6)):
        require_shape_space(content, "a.npz", SMPL, note=told.append)
        assert "SMPL-H's or SMPL-X's" in told.pop()
    require_shape_space(parts | {"model": np.array("SMPL-H")}, "a.npz", SMPL, note=told.append)
    assert "which has the shape directions of SMPL" in told.pop()
    require_shape_space(values(24, 3), "a.npz", SMPL, note=told.append)
    assert not told
