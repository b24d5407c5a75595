"""The silhouette alone finds where a body stands: orientation and translation by gradient descent."""

import numpy as np
import pytest
import torch

from jointreg.body.skinning import Skinner, SparseRegressor, from_6d, observe
from jointreg.evaluation.agreement import mask_iou
from jointreg.geometry.camera import project_pinhole
from jointreg.geometry.rotations import to_6d
from jointreg.refine.adam import Adam
from jointreg.silhouette import Topology, coverage, silhouette_l2

COUNT = 16


@pytest.fixture(scope="module")
def scene(body, make_bodies):
    rotations, betas, translation = make_bodies(np.random.default_rng(8), COUNT)
    intrinsics = np.tile([[260.0, 0, 111.5], [0, 260, 111.5], [0, 0, 1]], (COUNT, 1, 1))
    centre = body.vertices(rotations, betas, translation).mean(axis=1)
    intrinsics[:, :2, 2] -= 260 * centre[:, :2] / centre[:, 2:]
    topology = Topology(body.faces)
    points = project_pinhole(body.vertices(rotations, betas, translation), intrinsics)
    masks = (coverage(torch.from_numpy(points), topology, 224).numpy() * 255).round().astype(np.uint8)
    return body, topology, rotations, betas, translation, intrinsics, masks


def fit(scene, offset_px, blurs, iterations=150):
    """IoU before and after moving all bodies `offset_px` in random directions and fitting them back."""
    body, topology, rotations, betas, translation, intrinsics, masks = scene
    angle = np.random.default_rng(5).uniform(0, 2 * np.pi, COUNT)
    moved = translation.copy()
    sideways = offset_px * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    moved[:, :2] += sideways * translation[:, 2:] / 260
    moved[:, 2] = np.log(moved[:, 2])
    turn = torch.from_numpy(to_6d(rotations[:, 0])).double().requires_grad_(True)
    place = torch.from_numpy(moved).double().requires_grad_(True)
    rest, shape = (torch.from_numpy(value).double() for value in (rotations[:, 1:], betas))
    skinner, regressor = Skinner(body), SparseRegressor(np.eye(1, body.n_vertices))
    optimiser = Adam([turn, place], 1e-2)
    history = []
    for iteration in range(iterations + 1):
        whole = torch.cat([from_6d(turn)[:, None], rest], dim=1)
        at = torch.cat([place[:, :2], place[:, 2:].exp()], dim=1)
        _, points = observe(skinner.vertices(whole, shape, at), regressor, intrinsics)
        if iteration in (0, iterations):
            history.append(mask_iou(coverage(points, topology, 224).detach().numpy(), masks))
        stages = [*blurs, 0.0]
        blur = stages[min(iteration * len(stages) // iterations, len(stages) - 1)]
        silhouette_l2(points, topology, masks, blur_px=blur).sum().backward()
        optimiser.step()
    return history


def test_from_15_px_the_plain_residual_finds_the_body(scene):
    before, after = fit(scene, 15, [])
    assert before.mean() < 0.6
    assert after.mean() > 0.99


def test_from_40_px_coarse_to_fine_finds_the_body(scene):
    before, after = fit(scene, 40, [12.0, 4.0])
    assert before.mean() < 0.3
    assert after.mean() > 0.95
