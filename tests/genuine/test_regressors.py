"""Public regressor files on SMPL's own template: read right, or refused by what they are. Run by hand.

JOINTREG_GENUINE names a folder with the files, under the repositories' names, as in `FILES`. The body is
made of the public template and skeleton, with skinning weights of the nearest joint, which place only
nose and head top; JOINTREG_SMPL names an official model to use instead. A file that is not there is
skipped, with the place to fetch it from. None may be redistributed with this project.

    JOINTREG_GENUINE=~/genuine python -m pytest -rs tests/genuine
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from jointreg.body import convert_body, load_body
from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import DataError
from jointreg.exchange.placement import LANDINGS_M, expected_joints
from jointreg.regressor import load_regressor
from jointreg.skeleton import H36M_14, H36M_17, SMPL_PARENTS, rows

TEMPLATE = "qianlim/CAPE/data/template_mesh.obj"
SKELETON = "zju3dv/GVHMR/hmr4d/utils/body_model/smpl_neutral_J_regressor.pt"
STANDARD = "MVIG-SJTU/AlphaPose/model_files/J_regressor_h36m.npy"
RELEASED = "ubc-vision/joint-regressor-refinement/models/retrained_J_Regressor.pt"
LSP_14 = "zju3dv/GVHMR/hmr4d/utils/body_model/smpl_3dpw14_J_regressor_sparse.pt"
SENGUPTA = "akashsengupta1997/HierarchicalProbabilistic3DHuman/model_files"
RIGHT_FIRST = "right leg comes first"

READ = {
    STANDARD: "",
    "nkolot/GraphCMR/data/J_regressor_h36m.npy": "",
    f"{SENGUPTA}/J_regressor_h36m.npy": "",
    "hongsukchoi/Pose2Mesh_RELEASE/data/Human36M/J_regressor_h36m_correct.npy": RIGHT_FIRST,
    "mks0601/I2L-MeshNet_RELEASE/data/Human36M/J_regressor_h36m_correct.npy": RIGHT_FIRST,
    RELEASED: "45 negative entries",
    "shubham-goel/4D-Humans/data/SMPL_to_J19.pkl": "",
}
"""File -> a part of the one note on it; empty for none."""

REFUSED = {
    SKELETON: "SMPL's own skeleton of 24 joints",
    LSP_14: "the 14 joints of LSP and 3DPW",
    "zju3dv/GVHMR/hmr4d/utils/body_model/smpl_coco17_J_regressor.pt": "COCO's 17 joints",
    "hongsukchoi/Pose2Mesh_RELEASE/data/COCO/J_regressor_coco.npy": "COCO's 17 joints",
    "mks0601/I2L-MeshNet_RELEASE/data/MSCOCO/J_regressor_coco_hip_smpl.npy": "COCO's 17 joints",
    "nkolot/GraphCMR/data/J_regressor_extra.npy": "the 14 joints of GraphCMR",
    f"{SENGUPTA}/J_regressor_extra.npy": "the 9 joints of SPIN",
    f"{SENGUPTA}/cocoplus_regressor.npy": "cocoplus",
    "zju3dv/EasyMocap/data/smplx/J_regressor_body25.npy": "OpenPose's 25 joints",
    "bharat-b7/MultiGarmentNetwork/assets/J_regressor.pkl": "OpenPose's 25 joints",
    "IDEA-Research/OSX/data/Human36M/J_regressor_h36m_smplx.npy": "is for 10475 vertices",
}
"""File -> what its error names it."""


def fetched(name):
    """A file of the folder; skips with the place to fetch it from."""
    folder = os.environ.get("JOINTREG_GENUINE")
    if not folder:
        pytest.skip("JOINTREG_GENUINE names no folder of public files")
    path = Path(folder, name)
    if not path.is_file():
        pytest.skip(f"not in {folder}: fetch it from https://github.com/{'/'.join(name.split('/')[:2])}")
    return path


@pytest.fixture(scope="module")
def smpl(tmp_path_factory):
    """SMPL's neutral body, official or made of its public parts."""
    if os.environ.get("JOINTREG_SMPL"):
        return os.environ["JOINTREG_SMPL"]
    lines = [line.split() for line in fetched(TEMPLATE).read_text().splitlines() if line]
    template = np.array([[float(x) for x in line[1:4]] for line in lines if line[0] == "v"])
    faces = np.array([[int(x.split("/")[0]) - 1 for x in line[1:]] for line in lines if line[0] == "f"])
    skeleton = torch.load(fetched(SKELETON), weights_only=True).double().numpy()
    away = np.linalg.norm(template[:, None] - skeleton @ template, axis=2)
    path = tmp_path_factory.mktemp("smpl") / "smpl.npz"
    np.savez(
        path,
        v_template=template,
        shapedirs=0.03 * np.repeat(template[:, :, None], 10, axis=2),
        posedirs=np.zeros((len(template), 3, 207)),
        weights=np.eye(24)[away.argmin(axis=1)],
        J_regressor=skeleton,
        f=faces.astype(np.uint32),
        kintree_table=np.stack([np.array(SMPL_PARENTS) % 2**32, np.arange(24)]),
    )
    return path


@pytest.fixture(scope="module")
def template(smpl):
    return load_body(smpl)


@pytest.mark.parametrize("name", READ)
def test_files_of_human36m_are_read(template, name):
    notes = []
    weights = load_regressor(fetched(name), template, note=notes.append).weights
    assert [READ[name] in note for note in notes] == [True] * bool(READ[name])
    if name != RELEASED:
        standard = load_regressor(fetched(STANDARD), template).weights
        differs = [H36M_17.index("head_top")] if name.endswith("J19.pkl") else []
        assert np.abs(np.delete(weights - standard, differs, axis=0)).max() < 1e-6


@pytest.mark.parametrize("name", REFUSED)
def test_files_of_other_joints_are_refused_by_name(template, name):
    with pytest.raises(DataError, match=REFUSED[name]):
        load_regressor(fetched(name), template, note=len)


@pytest.mark.parametrize("name", [*READ, *REFUSED])
def test_no_file_of_smpl_fits_the_open_body(body, name):
    with pytest.raises(DataError):
        load_regressor(fetched(name), body, note=len)


@pytest.mark.parametrize("name", [STANDARD, RELEASED])
def test_on_the_open_body_a_public_file_is_named(body, name):
    with pytest.raises(
        DataError, match=f"is the public matrix {Path(name).stem}(.|\\n)*--body SMPL_NEU"
    ):
        load_regressor(fetched(name), body, note=len)


def test_the_table_of_limits_quotes_these_files(template):
    places = expected_joints(template)
    joints = [
        load_regressor(fetched(f), template).weights @ template.template for f in (STANDARD, RELEASED)
    ]
    away = np.max([np.linalg.norm(one - places, axis=1) for one in joints], axis=0)
    for joint, (genuine, _) in LANDINGS_M.items():
        farthest = max(a for name, a in zip(H36M_17, away, strict=True) if name.endswith(joint))
        assert genuine == pytest.approx(
            farthest, abs=0.001 if joint not in ("nose", "head_top") else 0.02
        )


def test_the_ruler_of_3dpw_is_14_rows_of_the_standard_regressor(template):
    sparse = torch.load(fetched(LSP_14), weights_only=True).to_dense().numpy()
    standard = load_regressor(fetched(STANDARD), template).weights
    assert np.abs(sparse - standard[rows(list(H36M_14))]).max() < 1e-7


def test_the_body_is_converted_with_the_field_s_regressor(tmp_path, smpl):
    body = convert_body(smpl, tmp_path / "body.npz")
    load_regressor(fetched(STANDARD), body)
    assert load_body(tmp_path / "body.npz").topology_hash == body.topology_hash


@pytest.mark.parametrize("name", [name for name in READ if name != RELEASED and "J19" not in name])
def test_public_rows_are_named_without_a_body(template, name):
    notes = []
    weights = load_regressor(fetched(name), note=notes.append).weights
    assert "names of the known matrix" in notes[0]
    assert np.array_equal(weights, load_regressor(fetched(name), template, note=len).weights)


def test_public_rows_of_other_joints_are_refused_without_a_body():
    name = "hongsukchoi/Pose2Mesh_RELEASE/data/COCO/J_regressor_coco.npy"
    with pytest.raises(DataError, match=r"other joints than Human3.6M's: nose(.|\n)*with --joints"):
        load_regressor(fetched(name), note=len)


def test_the_order_of_a_public_matrix_is_not_overruled():
    """Without a body nothing else shows that the wrong leg is taken for the first."""
    name = "hongsukchoi/Pose2Mesh_RELEASE/data/Human36M/J_regressor_h36m_correct.npy"
    with pytest.raises(DataError, match="is a public matrix, whose rows are pelvis, right_hip"):
        load_regressor(fetched(name), joints=JOINT_SETS["h36m_17"], note=len)
    read = load_regressor(fetched(name), joints=JOINT_SETS["h36m_17_right_first"], note=len)
    assert np.array_equal(read.weights, load_regressor(fetched(name), note=len).weights)
