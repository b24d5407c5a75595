"""Fitting a body to labelled joints: planted bodies come back."""

import numpy as np
import pytest

from jointreg.body import load_body
from jointreg.config import Estimate
from jointreg.errors import DataError, ShapeError, UnitError
from jointreg.geometry import rotations as so3
from jointreg.predictions import keypoint_fit, keypoint_model
from jointreg.skeleton import H36M_17, H36M_AS_SMPL, SMPL_24, rows

SETTINGS = Estimate(predictions="", keypoints_iterations=20, keypoints_prior=1e-4)
LIMBS = rows(
    [
        f"{s}_{n}"
        for s in ("left", "right")
        for n in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    ]
)


@pytest.fixture(scope="module")
def body():
    return load_body("open")


def planted(count, seed, bend=2.2):
    """Bodies of one person in any heading (lying and upside down too), limbs bent up to `bend` rad."""
    rng = np.random.default_rng(seed)
    pose = np.zeros((count, 24, 3))
    joint = SMPL_24.index
    for name in ("spine1", "spine2", "spine3", "neck"):
        pose[:, joint(name)] = rng.normal(0, 0.15, (count, 3))
    for side, sign in (("left", -1), ("right", 1)):
        pose[:, joint(f"{side}_hip")] = rng.uniform([-1.9, -0.4, -0.5], [0.4, 0.4, 0.5], (count, 3))
        pose[:, joint(f"{side}_knee"), 0] = rng.uniform(0, bend, count)
        pose[:, joint(f"{side}_shoulder")] = rng.uniform([-0.7, -0.6, -0.3], [0.7, 1.2, 1.4], (count, 3))
        pose[:, joint(f"{side}_shoulder"), 1:] *= sign
        pose[:, joint(f"{side}_elbow"), 1] = sign * rng.uniform(0, bend, count)
    heading = rng.normal(size=(count, 3))
    heading *= rng.uniform(0, 3.1, (count, 1)) / np.linalg.norm(heading, axis=1, keepdims=True)
    pose[:, 0] = heading
    betas = np.repeat(rng.uniform(-1.5, 1.5, (1, 10)), count, axis=0)
    return so3.from_axis_angle(pose), betas, rng.normal([0, 0, 4], 1, (count, 3))


def skeleton_labels(body, rotations, betas, translation):
    """The skeleton's own joints as labels: nose and head top both lie on the head joint."""
    names = [H36M_AS_SMPL[name] for name in H36M_17]
    return body.joints(rotations, betas, translation)[:, rows(names, SMPL_24)]


@pytest.mark.parametrize("seed", [0, 1])
def test_limbs_of_planted_bodies_come_back_within_a_centimetre(body, seed):
    labels = skeleton_labels(body, *planted(60, seed))
    fit = keypoint_fit.fit_keypoints(body, labels, SETTINGS)
    error = np.linalg.norm(skeleton_labels(body, *fit) - labels, axis=-1)[:, LIMBS]
    assert error.max() < 0.010
    assert error.mean() < 0.004


def test_whole_mesh_comes_back_when_the_head_points_are_the_models(body):
    truth = planted(60, 2)
    fit = keypoint_fit.fit_keypoints(body, keypoint_fit.model_points(body, *truth), SETTINGS)
    distance = np.linalg.norm(body.vertices(*fit) - body.vertices(*truth), axis=-1)
    assert distance.mean() < 0.010


def test_one_shape_a_sequence_and_rotations_are_proper(body):
    fit = keypoint_fit.fit_keypoints(body, skeleton_labels(body, *planted(7, 3)), SETTINGS)
    assert fit.rotations.shape == (7, 24, 3, 3) and fit.rotations.dtype == np.float32
    assert np.all(fit.betas == fit.betas[0])
    np.testing.assert_allclose(np.linalg.det(fit.rotations), 1, atol=1e-5)


def test_noisy_labels_leave_knees_and_elbows_unbroken_and_forearms_untwisted(body):
    rng = np.random.default_rng(4)
    labels = skeleton_labels(body, *planted(60, 4, bend=0.3)) + rng.normal(0, 0.02, (60, 17, 3))
    fit = keypoint_fit.fit_keypoints(
        body, labels, Estimate(**SETTINGS.model_dump() | {"keypoints_prior": 1e-3})
    )
    angle = so3.to_axis_angle(fit.rotations.astype(float))
    joint = SMPL_24.index
    wrong_way = np.stack(
        [
            -angle[:, joint("left_knee"), 0],
            -angle[:, joint("right_knee"), 0],
            angle[:, joint("left_elbow"), 1],
            -angle[:, joint("right_elbow"), 1],
        ]
    )
    assert np.degrees(wrong_way.max()) < 5
    assert np.degrees(np.abs(angle[:, [joint("left_elbow"), joint("right_elbow")], 0]).max()) < 10
    unlabelled = rows(keypoint_model.FIXED, SMPL_24)
    assert np.all(angle[:, unlabelled] == 0)


def test_derivatives_agree_with_central_differences(body):
    rng = np.random.default_rng(5)
    model, width = keypoint_model.FitModel(body), 6 + 3 * len(keypoint_model.POSED)
    root = so3.from_axis_angle(rng.normal(size=(2, 3)))
    pose = rng.normal(0, 0.5, (2, len(keypoint_model.POSED), 3))
    translation, betas = rng.normal(size=(2, 3)), rng.normal(size=10)
    unknowns = keypoint_fit._Unknowns(root, pose, translation, betas)
    labels = rng.normal(size=(2, 17, 3))

    def residual(step, shape):
        turned = so3.from_axis_angle(step[:, 3:6]) @ root
        moved = pose + step[:, 6:].reshape(pose.shape)
        moved = keypoint_fit._Unknowns(turned, moved, translation + step[:, :3], betas + shape)
        return keypoint_fit._linearise(model, labels, moved)[2]

    by_pose, by_shape, _ = keypoint_fit._linearise(model, labels, unknowns)
    zero, small = np.zeros((2, width)), 1e-6
    for k in range(width):
        step = zero.copy()
        step[:, k] = small
        numeric = (residual(step, 0) - residual(-step, 0)) / (2 * small)
        np.testing.assert_allclose(by_pose[:, :, k], numeric, atol=1e-8)
    for k in range(10):
        step = small * np.eye(10)[k]
        numeric = (residual(zero, step) - residual(zero, -step)) / (2 * small)
        np.testing.assert_allclose(by_shape[:, :, k], numeric, atol=1e-8)


def test_the_result_moves_with_the_labels(body):
    """Turning and moving the world turns and moves the body, and changes nothing else."""
    labels = skeleton_labels(body, *planted(8, 6))
    turn, shift = so3.from_axis_angle(np.array([0.5, -2.0, 1.0])), np.array([0.3, -1.0, 2.0])
    settings = Estimate(**SETTINGS.model_dump() | {"keypoints_iterations": 80})
    first = keypoint_fit.fit_keypoints(body, labels, settings)
    second = keypoint_fit.fit_keypoints(body, labels @ turn.T + shift, settings)
    np.testing.assert_allclose(second.rotations[:, 0], turn @ first.rotations[:, 0], atol=1e-3)
    np.testing.assert_allclose(second.rotations[:, 1:], first.rotations[:, 1:], atol=1e-3)
    np.testing.assert_allclose(second.betas, first.betas, atol=1e-2)


def test_same_labels_give_the_same_bits(body):
    labels = skeleton_labels(body, *planted(20, 7))
    first, second = (keypoint_fit.fit_keypoints(body, labels, SETTINGS) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_bad_labels_are_named(body):
    labels = skeleton_labels(body, *planted(3, 8))
    with pytest.raises(UnitError, match="metres"):
        keypoint_fit.fit_keypoints(body, labels * 1000, SETTINGS)
    with pytest.raises(ShapeError, match="17"):
        keypoint_fit.fit_keypoints(body, labels[:, :14], SETTINGS)
    labels[1, H36M_17.index("left_knee")] = np.nan
    with pytest.raises(DataError, match="frame 1, left_knee"):
        keypoint_fit.fit_keypoints(body, labels, SETTINGS)
