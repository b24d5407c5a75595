"""The fit does not care how many vertices a mesh has, nor how they are joined."""

import numpy as np
import pytest
from meshes import SMPLX_VERTICES, finer

from jointreg.body import load_body
from jointreg.exchange.placement import expected_joints
from jointreg.regressor import fit, load_regressor, save_regressor
from jointreg.silhouette import Topology
from jointreg.stores import Record

ANNY_VERTICES = 13_718
FRAMES, NOISE_M = 192, 0.002


@pytest.fixture(scope="module", params=[SMPLX_VERTICES, ANNY_VERTICES])
def mesh(request):
    return finer(load_body("open"), request.param)


def test_finer_mesh_is_closed_and_poses_as_the_coarse_one(mesh, body, make_bodies):
    rotations, betas, translation = make_bodies(np.random.default_rng(1), 2)
    fine = mesh.vertices(rotations, betas, translation)
    coarse = body.vertices(rotations, betas, translation)
    assert len(mesh.faces) == 2 * mesh.n_vertices - 4
    Topology(mesh.faces)  # refuses meshes that are open
    assert np.abs(fine[:, : body.n_vertices] - coarse).max() < 1e-6
    added = np.arange(body.n_vertices, mesh.n_vertices)
    ends = np.array([mesh.faces[(mesh.faces == one).any(axis=1)].ravel() for one in added[::500]])
    ends = np.array([np.setdiff1d(row, added) for row in ends])
    # Close to the middle of its face, also where the skin bends.
    away = fine[:, added[::500]] - coarse[:, ends].mean(axis=2)
    assert np.linalg.norm(away, axis=-1).max() < 5e-3


def test_planted_regressor_is_found_on_a_mesh_of_another_size(mesh, make_bodies, open_config, tmp_path):
    """2 mm of noise, 192 frames, some 15 weights a joint: 2 * sqrt(15 / 576) = 0.3 mm."""
    generator = np.random.default_rng(2)
    planted = np.zeros((17, mesh.n_vertices))
    for row, centre in zip(planted, expected_joints(mesh), strict=True):
        near = np.argsort(np.linalg.norm(mesh.template - centre, axis=1))[:60]
        row[generator.choice(near, 6, replace=False)] = generator.dirichlet(np.ones(6))
    used = np.flatnonzero(planted.any(axis=0))
    rotations, betas, translation = make_bodies(generator, FRAMES)
    bodies = {"rotations": rotations, "betas": betas, "translation": translation}
    joints = planted[:, used] @ mesh.vertices(**bodies)[:, used].astype(np.float64)
    joints += generator.normal(0, NOISE_M / np.sqrt(3), joints.shape)
    settings = open_config.fit_regressor_opt.model_copy(update={"candidates_m": 0.15})
    sequence = Record(bodies, {"rows": ""}), Record({"joints_cam": joints}, {"rows": ""})
    fitted = fit(mesh, [sequence], settings)
    unseen = mesh.vertices(*make_bodies(generator, 50))
    away = fitted.apply(unseen) - planted @ unseen
    assert fitted.weights.shape == (17, mesh.n_vertices)
    assert 1e3 * np.linalg.norm(away, axis=2).mean() < 0.4
    assert 1e3 * np.linalg.norm(away - away[:, :1], axis=2)[:, 1:].mean() < 0.5
    save_regressor(fitted, tmp_path / "J.npy")
    assert np.array_equal(load_regressor(tmp_path / "J.npy", mesh).weights, fitted.weights)
