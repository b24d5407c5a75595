"""Arrays under keys that are not read, and that change what the others mean, are refused."""

import numpy as np
import pytest

from jointreg.config.joint_sets import JOINT_SETS
from jointreg.datasets.multiview import read_recording_labels
from jointreg.datasets.unread import require_read
from jointreg.errors import DataError
from jointreg.evaluation.label_files import read_labelled_frames
from jointreg.predictions.bodies import read_predictions
from jointreg.predictions.rows import NAMES
from jointreg.regressor.label_files import read_labels
from jointreg.regressor.mesh_files import open_meshes

N, J = 12, 14
NUMBERS = np.arange(N)[::-1] + 3
PICTURES = [f"seq/image_{k:05d}.jpg" for k in NUMBERS]
LOST = np.ones((N, J), bool)
LOST[2:4, 5] = False
GIVEN = np.ones((N, J), bool)


@pytest.mark.parametrize(
    ("key", "value", "cause"),
    [
        ("valid", LOST, "marks 2 of 168 joints as not valid"),
        ("joints_valid", LOST[..., None].astype(np.float32), "marks 2 of 168 joints"),
        ("confidence", np.where(LOST, 0.9, 0.0), "marks 2 of 168 joints"),
        ("visibility", np.where(LOST, 1, np.nan), "marks 2 of 168 joints"),
        ("scores", np.where(LOST, 0.4, 0.0), "marks 2 of 168 joints"),
        ("invalid", ~LOST, "marks 2 of 168 joints"),
        ("has_smpl", np.arange(N) > 2, "marks 3 of 12 rows as not valid"),
        ("frame_idx", NUMBERS, "names its rows under the key frame_idx.*(.|\\n)*save them as frame"),
        ("frames", NUMBERS.tolist(), "under the key frames"),
        ("image_names", np.array(PICTURES), "names its rows under the key image_names(.|\\n)*imgname"),
        ("filenames", np.array(PICTURES, dtype="S"), "under the key filenames"),
        (
            "keypoint_names",
            np.array(JOINT_SETS["lsp_14"].joints),
            "14 names under the key keypoint_",
        ),
    ],
)
def test_what_changes_the_meaning_is_not_passed_over(key, value, cause):
    with pytest.raises(DataError, match=cause):
        require_read({key: value}, GIVEN, "a.npz", NAMES)


def test_what_changes_nothing_is_passed_over():
    require_read(
        {
            "valid": LOST,  # those labels are NaN
            "confidence": np.full((N, J), 0.01),
            "frame": np.arange(N),
            "frame_idx": NUMBERS,  # the rows have their names
            "mask": np.zeros((N, 5, 5)),
            "frame_rate": np.full(N, 30),
            "img_height": np.full(N, 1080),
            "time": np.arange(N) / 30,
            "joint_names": np.array(JOINT_SETS["lsp_14"].joints),
            "marker_names": np.array(JOINT_SETS["lsp_14"].joints),
            "camera": {"focal": 1},
            "boxes": [np.zeros(4), np.zeros((2, 4))],
            "people": [1, [2, 3]],
            "tracks": [],
        },
        GIVEN & LOST,
        "a.npz",
        NAMES,
    )


def test_every_reader_refuses_them(tmp_path, body, generator):
    """Labels of a fit and of a recording, the truth and the predictions of `evaluate`."""
    body_joints = body.template[generator.choice(body.n_vertices, J)].astype(np.float64)
    joints = body_joints + generator.normal(0, 0.01, (N, J, 3))
    np.savez(tmp_path / "t.npz", joints_cam=joints, valid=LOST)
    np.savez(tmp_path / "l.npz", joints=joints, frame_idx=NUMBERS)
    np.savez(tmp_path / "v.npz", vertices=np.tile(body.template, (N, 1, 1)), frame_idx=NUMBERS)
    lsp = JOINT_SETS["lsp_14"]
    with pytest.raises(DataError, match=r"t\.npz: valid marks 2"):
        read_labelled_frames(tmp_path / "t.npz", lsp, note=str)
    with pytest.raises(DataError, match=r"t\.npz: valid marks 2"):
        read_predictions(tmp_path / "t.npz", None, kind="joints", names=lsp.joints, note=str)
    np.savez(tmp_path / "r.npz", joints_world=joints, valid=LOST)
    with pytest.raises(DataError, match=r"r\.npz: valid marks 2"):
        read_recording_labels(tmp_path / "r.npz", lsp)
    with pytest.raises(DataError, match=r"l\.npz names its rows under the key frame_idx"):
        read_labels(tmp_path / "l.npz")
    with pytest.raises(DataError, match=r"v\.npz names its rows under the key frame_idx"):
        read_predictions(tmp_path / "v.npz", body, kind="vertices", note=str)
    joints[~LOST] = np.nan
    np.savez(tmp_path / "t.npz", joints_cam=joints, valid=LOST)
    assert len(read_labelled_frames(tmp_path / "t.npz", lsp, note=str)["row"]) == N - 2


def test_bodies_of_several_genders_are_not_posed_by_one(tmp_path, body, make_bodies, generator):
    """SPIN's 3dpw_test.npz has m and f: each person's betas are of the body of that gender."""
    rotations, betas, _ = make_bodies(generator, 4)
    told = []

    def read(**more):
        np.savez(tmp_path / "p.npz", rotations=rotations, betas=betas, **more)
        return read_predictions(tmp_path / "p.npz", body, note=told.append)

    for key in ("gender", "genders"):
        with pytest.raises(DataError, match="several genders, each of another body: f, m"):
            read(**{key: np.array(["m", "f", "f", "m"])})
    with pytest.raises(DataError, match="several genders"):
        read(meta={"gender": ["male", "female", "male", "male"]})
    assert not told
    read(gender=np.array(b"female"))
    assert "the gender is 'female'" in told.pop()
    read(gender=np.array(["neutral"] * 4))
    assert not told


def test_one_of_several_arrays_is_not_chosen(tmp_path, body, generator):
    """Joints of the room beside those of the camera, the truth beside a prediction."""
    joints = generator.uniform(0, 0.9, (N, J, 3))
    np.savez(tmp_path / "l.npz", joints=joints, joints_cam=joints + 1)
    with pytest.raises(DataError, match=r"l\.npz has joints and joints_cam, and it is not known which"):
        read_labels(tmp_path / "l.npz")
    np.savez(tmp_path / "v.npz", vertices=body.template[None], pred_vertices=body.template[None])
    with pytest.raises(DataError, match="has vertices and pred_vertices"):
        open_meshes(tmp_path / "v.npz")
    for file, kind, keys in (
        ("v.npz", "vertices", "vertices and pred_v"),
        ("l.npz", "joints", "joints_cam and j"),
    ):
        with pytest.raises(DataError, match=f"has {keys}"):
            read_predictions(tmp_path / file, body, kind=kind, names=JOINT_SETS["lsp_14"].joints)
