"""The metrics on answers known by hand, against plain loops, and what they refuse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from jointreg import metrics
from jointreg.errors import DataError, ShapeError, UnitError
from jointreg.geometry.procrustes import fit_similarity
from jointreg.skeleton import H36M_14, H36M_17, rows


@pytest.fixture
def poses() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    target = generator.normal(size=(30, 17, 3)) * 0.3 + [0.2, 0.1, 4.5]
    return target + 0.05 * generator.normal(size=target.shape), target


def test_mpjpe_equals_a_plain_loop(poses: tuple[np.ndarray, np.ndarray]) -> None:
    predicted, target = poses
    joints = rows(H36M_14)
    found = metrics.mpjpe(predicted, target, root=0, joints=joints)
    for n in range(len(target)):
        errors = []
        for name in H36M_14:
            j = H36M_17.index(name)
            a, b = predicted[n, j] - predicted[n, 0], target[n, j] - target[n, 0]
            errors.append(np.sqrt(((a - b) ** 2).sum()))
        assert found[n] == pytest.approx(np.mean(errors), rel=1e-12)


def test_root_is_a_row_of_all_joints_and_need_not_count() -> None:
    target = np.zeros((1, 17, 3))
    predicted = target.copy()
    predicted[0, 0, 0] = 0.1  # Only the root is wrong: every other joint then is off by 0.1.
    assert metrics.mpjpe(predicted, target)[0] == pytest.approx(0.1 * 16 / 17)
    assert metrics.mpjpe(predicted, target, joints=rows(H36M_14))[0] == pytest.approx(0.1)
    assert metrics.mpjpe(predicted, target, root=1)[0] == pytest.approx(0.1 / 17)


def test_mpjpe_ignores_translation_and_nothing_else(poses: tuple[np.ndarray, np.ndarray]) -> None:
    predicted, target = poses
    moved = metrics.mpjpe(predicted + np.array([3.0, -2.0, 1.0]), target)
    np.testing.assert_allclose(moved, metrics.mpjpe(predicted, target), atol=1e-12)
    assert metrics.mpjpe(1.1 * target, target).min() > 0.01
    assert metrics.joint_errors(predicted + np.array([1.0, 0, 0]), target, root=None).min() > 0.7


def test_pa_mpjpe_equals_scipys_procrustes_on_the_selected_joints(
    poses: tuple[np.ndarray, np.ndarray],
) -> None:
    predicted, target = poses
    joints = rows(H36M_14)
    found = metrics.pa_mpjpe(predicted, target, joints)
    for n in range(len(target)):
        # scipy scales both to unit size; undo it on the target's side. Noise this small never reflects.
        a, b, _ = procrustes(target[n, joints], predicted[n, joints])
        size = np.linalg.norm(target[n, joints] - target[n, joints].mean(0))
        assert found[n] == pytest.approx(np.linalg.norm(a - b, axis=1).mean() * size, rel=1e-9)


def test_pa_mpjpe_ignores_similarities_but_not_mirroring(
    poses: tuple[np.ndarray, np.ndarray],
) -> None:
    predicted, target = poses
    turn = Rotation.random(len(target), rng=np.random.default_rng(0)).as_matrix()
    moved = 0.8 * np.einsum("nab,njb->nja", turn, predicted) + 1.0
    np.testing.assert_allclose(
        metrics.pa_mpjpe(moved, target), metrics.pa_mpjpe(predicted, target), atol=1e-12
    )
    assert metrics.pa_mpjpe(target * [-1, 1, 1], target).min() > 0.05


def test_joints_left_out_do_not_steer_the_alignment(poses: tuple[np.ndarray, np.ndarray]) -> None:
    predicted, target = poses
    joints = rows(H36M_14)
    spoiled = predicted.copy()
    spoiled[:, H36M_17.index("nose")] += 0.5
    clean, dirty = (metrics.aligned_joint_errors(p, target, joints) for p in (predicted, spoiled))
    np.testing.assert_array_equal(clean[:, joints], dirty[:, joints])
    assert (dirty[:, H36M_17.index("nose")] > 0.3).all()


def test_pck_and_auc_on_errors_known_by_hand() -> None:
    errors = np.array([[0.0, 0.149, 0.150, 0.300], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(metrics.pck(errors), [0.5, 1.0])
    # Thresholds 0, 5, ..., 150 mm: 0 is under 30 of them, 149 mm under the last one only.
    np.testing.assert_allclose(metrics.auc(errors), [(30 + 1) / 31 / 4, 30 / 31])


def test_auc_is_the_mean_of_the_curve(poses: tuple[np.ndarray, np.ndarray]) -> None:
    errors = metrics.joint_errors(*poses)
    expected = [np.mean([(e < 0.005 * k).mean() for k in range(31)]) for e in errors]
    np.testing.assert_allclose(metrics.auc(errors), expected, atol=1e-3)


def test_centred_vertex_error_takes_out_the_position() -> None:
    target = np.random.default_rng(1).normal(size=(4, 500, 3))
    moved = target + np.array([0.3, 0.4, 0.0])
    assert metrics.vertex_error(moved, target) == pytest.approx(0.5)
    assert metrics.vertex_error(moved, target, centred=True) == pytest.approx(0, abs=1e-12)


def test_millimetres_are_refused_on_either_side(poses: tuple[np.ndarray, np.ndarray]) -> None:
    predicted, target = poses
    with pytest.raises(UnitError, match="predicted reaches"):
        metrics.mpjpe(predicted * 1000, target)
    with pytest.raises(UnitError, match="target"):
        metrics.pa_mpjpe(predicted, target * 1000)


@pytest.mark.parametrize("factor", [1000, 1e12, 1e300])
def test_one_frame_of_millimetres_is_named(poses: tuple[np.ndarray, np.ndarray], factor: float) -> None:
    predicted, target = poses
    predicted = predicted.copy()
    predicted[4] *= factor
    for measure in (metrics.mpjpe, metrics.pa_mpjpe, metrics.vertex_error):
        with pytest.raises((UnitError, DataError), match=r"predicted .*at frame 4"):
            measure(predicted, target)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("value", [1e30, np.nan, np.inf, 900.0])
def test_one_vertex_far_from_its_mesh_is_refused(
    generator: np.random.Generator, value: float, kind: type
) -> None:
    """Vertex 77 is none of those whose reach is measured."""
    target = generator.normal(size=(3, 500, 3)).astype(kind)
    predicted = target.copy()
    predicted[1, 77, 2] = value
    with pytest.raises(DataError, match="a vertex of frame 1"):
        metrics.vertex_error(predicted, target)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda points: points + 1j, "complex"),
        (lambda points: np.ma.masked_less(points, 0), "masked"),
        (lambda points: points.astype(str), "<U"),
        (lambda points: torch.tensor(points, requires_grad=True), "detach"),
        (lambda points: [[1.0], [1.0, 2.0]], "no array"),
    ],
)
def test_what_is_no_real_array_is_refused(
    poses: tuple[np.ndarray, np.ndarray], spoil: Callable[[np.ndarray], Any], words: str
) -> None:
    predicted, target = poses
    for measure in (metrics.mpjpe, metrics.pa_mpjpe, metrics.vertex_error, fit_similarity):
        with pytest.raises((ShapeError, DataError), match=f"{words}"):
            measure(spoil(predicted), target)
        with pytest.raises((ShapeError, DataError), match=f"{words}"):
            measure(predicted, spoil(target))


def test_a_mask_is_no_list_of_rows(poses: tuple[np.ndarray, np.ndarray]) -> None:
    """Read as integers it would be rows 0 and 1."""
    with pytest.raises(DataError, match="joint rows is bool"):
        metrics.mpjpe(*poses, joints=np.arange(17) < 14)
    with pytest.raises(ShapeError, match="expected integers"):
        metrics.mpjpe(*poses, root=0.5)


@pytest.mark.parametrize(
    ("errors", "threshold", "words"),
    [
        ([[0.1, np.nan]], 0.15, "not finite at frame 0"),
        ([[0.1, -0.1]], 0.15, "go down to -0.1"),
        (np.zeros((3, 0)), 0.15, r"shape \(3, 0\)"),
        ([0.1, 0.2], 0.15, r"shape \(2,\)"),
        ([[0.1]], np.nan, "threshold is nan"),
        ([[0.1]], -0.15, "threshold is -0."),
    ],
)
def test_shares_of_what_are_no_errors_are_refused(errors: Any, threshold: float, words: str) -> None:
    for share in (metrics.pck, metrics.auc):
        with pytest.raises((ShapeError, DataError), match=words):
            share(errors, threshold)


def test_an_auc_needs_two_steps() -> None:
    for steps in (0, 1, 2.5):
        with pytest.raises(DataError, match="steps is"):
            metrics.auc(np.zeros((1, 3)), steps=steps)


def test_nan_is_refused_by_frame_and_joint(poses: tuple[np.ndarray, np.ndarray]) -> None:
    predicted, target = poses
    target = target.copy()
    target[12, 5, 2] = np.nan
    with pytest.raises(DataError, match="target is not finite at frame 12, joint 5"):
        metrics.mpjpe(predicted, target)
    with pytest.raises(DataError):
        metrics.pa_mpjpe(target, predicted)


@pytest.mark.parametrize("shape", [(30, 14, 3), (30, 17, 2), (29, 17, 3), (17, 3)])
def test_shapes_are_refused(poses: tuple[np.ndarray, np.ndarray], shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"expected \(N, J, 3\)"):
        metrics.mpjpe(np.zeros(shape), poses[1])


@pytest.mark.parametrize("joints", [[17], [-1], []])
def test_rows_that_do_not_exist_are_refused(
    poses: tuple[np.ndarray, np.ndarray], joints: list[int]
) -> None:
    with pytest.raises(ShapeError, match=r"0\.\.16"):
        metrics.mpjpe(*poses, joints=joints)


def test_no_frames_give_no_errors() -> None:
    assert metrics.mpjpe(np.zeros((0, 17, 3)), np.zeros((0, 17, 3))).shape == (0,)
    assert metrics.pa_mpjpe(np.zeros((0, 17, 3)), np.zeros((0, 17, 3))).shape == (0,)


def test_the_root_may_be_the_middle_of_several_joints():
    """The same errors as from a joint that lies in their middle."""
    generator = np.random.default_rng(4)
    predicted, target = generator.normal(size=(2, 5, 7, 3))
    middle = [
        np.concatenate([points, points[:, [1, 4]].mean(axis=1, keepdims=True)], axis=1)
        for points in (predicted, target)
    ]
    expected = metrics.joint_errors(*middle, root=7)[:, :7]
    assert np.abs(metrics.joint_errors(predicted, target, root=[1, 4]) - expected).max() < 1e-12
    assert np.array_equal(
        metrics.joint_errors(predicted, target, root=3),
        metrics.joint_errors(predicted, target, root=[3]),
    )
    with pytest.raises(ShapeError, match="do not all exist"):
        metrics.joint_errors(predicted, target, root=[1, 7])


def test_acceleration_of_a_planted_motion():
    """A joint that falls by 9.81 m/s2 at 25 Hz beside one at rest; drift and offset do not count."""
    seconds = np.arange(10)[:, None] / 25
    target = np.zeros((10, 3, 3))
    predicted = np.zeros((10, 3, 3))
    predicted[:, 1] = [1, 0, 0] * seconds + [0, 9.81 / 2, 0] * seconds**2
    predicted[:, 2] = [0, 0, 2] * seconds + 1
    errors = metrics.acceleration_errors(predicted, target) * 25**2
    assert errors.shape == (8, 3)
    assert np.abs(errors - [0, 9.81, 0]).max() < 1e-9
    moved = predicted + np.sin(40 * seconds)[:, None]
    assert np.abs(metrics.acceleration_errors(moved, target) * 25**2 - errors).max() < 1e-9
    assert np.abs(metrics.acceleration_errors(moved, target, root=None)).max() > 0.1
    assert metrics.acceleration_errors(target[:2], target[:2]).shape == (0, 3)
