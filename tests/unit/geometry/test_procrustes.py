"""Procrustes against scipy's rotation solver, and the poses where it is not unique."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from jointreg.errors import DataError, ShapeError
from jointreg.geometry.procrustes import align, fit_similarity


def _independent(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """One frame: scipy's rotation between centred points, then the closed-form scale for it."""
    a, b = source - source.mean(0), target - target.mean(0)
    rotation = Rotation.align_vectors(b, a)[0].as_matrix()
    turned = a @ rotation.T
    scale = (turned * b).sum() / (turned**2).sum()
    return scale, rotation, target.mean(0) - scale * rotation @ source.mean(0)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def test_planted_similarity_is_recovered(generator: np.random.Generator) -> None:
    source = generator.normal(size=(50, 14, 3))
    rotation = Rotation.random(50, rng=generator).as_matrix()
    scale = generator.uniform(0.3, 3, 50)
    shift = generator.normal(size=(50, 3))
    target = scale[:, None, None] * np.einsum("nab,npb->npa", rotation, source) + shift[:, None]
    found = fit_similarity(source, target)
    np.testing.assert_allclose(found.scale, scale, rtol=1e-12)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-12)
    np.testing.assert_allclose(found.translation, shift, atol=1e-12)


@pytest.mark.parametrize("noise", [0.05, 0.5, 5.0])
def test_agrees_with_an_independent_solver_frame_by_frame(
    generator: np.random.Generator, noise: float
) -> None:
    source = generator.normal(size=(40, 17, 3)) * [0.3, 0.8, 0.2]
    target = source + noise * generator.normal(size=source.shape) + [0.1, 0.4, 5.0]
    found = fit_similarity(source, target)
    for n in range(len(source)):
        scale, rotation, translation = _independent(source[n], target[n])
        np.testing.assert_allclose(found.rotation[n], rotation, atol=1e-7)
        assert found.scale[n] == pytest.approx(scale, rel=1e-9)
        np.testing.assert_allclose(found.translation[n], translation, atol=1e-6)


def test_no_neighbouring_similarity_is_better(generator: np.random.Generator) -> None:
    source, target = generator.normal(size=(2, 30, 14, 3))
    best = fit_similarity(source, target)

    def residual(scale: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        moved = scale[:, None, None] * np.einsum("nab,npb->npa", rotation, source) + translation[:, None]
        return ((moved - target) ** 2).sum(axis=(1, 2))

    smallest = residual(*best)
    for _ in range(20):
        turn = Rotation.from_rotvec(1e-2 * generator.normal(size=(30, 3))).as_matrix()
        other = residual(
            best.scale * np.exp(1e-2 * generator.normal(size=30)),
            turn @ best.rotation,
            best.translation + 1e-2 * generator.normal(size=(30, 3)),
        )
        assert (other > smallest).all()


def test_a_mirrored_pose_is_not_matched_by_reflection(generator: np.random.Generator) -> None:
    source = generator.normal(size=(100, 14, 3))
    mirrored = source * [-1, 1, 1]
    found = fit_similarity(source, mirrored)
    np.testing.assert_allclose(np.linalg.det(found.rotation), 1.0, atol=1e-12)
    assert np.linalg.norm(align(source, mirrored) - mirrored, axis=-1).mean(axis=1).min() > 0.05


@pytest.mark.parametrize("rank", [1, 2])
def test_points_on_a_line_or_plane_are_matched_by_a_proper_rotation(
    generator: np.random.Generator, rank: int
) -> None:
    flat = generator.normal(size=(20, 14, rank)) @ generator.normal(size=(20, rank, 3))
    rotation = Rotation.random(20, rng=generator).as_matrix()
    target = 1.7 * np.einsum("nab,npb->npa", rotation, flat) + 3.0
    found = fit_similarity(flat, target)
    np.testing.assert_allclose(np.linalg.det(found.rotation), 1.0, atol=1e-9)
    np.testing.assert_allclose(found.apply(flat), target, atol=1e-9)


def test_a_single_point_is_moved_onto_the_mean(generator: np.random.Generator) -> None:
    source = np.ones((3, 14, 3)) * [0.1, 0.7, 4.2]
    target = generator.normal(size=(3, 14, 3))
    found = fit_similarity(source, target)
    np.testing.assert_array_equal(found.rotation, np.broadcast_to(np.eye(3), (3, 3, 3)))
    np.testing.assert_array_equal(found.scale, 1.0)
    np.testing.assert_allclose(found.apply(source)[:, 0], target.mean(axis=1), atol=1e-12)
    collapsed = fit_similarity(target, source)
    np.testing.assert_allclose(collapsed.apply(target), source, atol=1e-12)


def test_frames_do_not_influence_each_other(generator: np.random.Generator) -> None:
    source, target = generator.normal(size=(2, 9, 14, 3))
    together = align(source, target)
    alone = np.concatenate([align(source[n : n + 1], target[n : n + 1]) for n in range(9)])
    np.testing.assert_allclose(together, alone, atol=1e-13)


def test_shapes_are_checked() -> None:
    with pytest.raises(ShapeError, match=r"\(4, 14, 3\) and \(4, 17, 3\)"):
        fit_similarity(np.zeros((4, 14, 3)), np.zeros((4, 17, 3)))
    with pytest.raises(ShapeError):
        fit_similarity(np.zeros((14, 3)), np.zeros((14, 3)))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_a_frame_that_is_not_finite_is_named(generator: np.random.Generator, value: float) -> None:
    source, target = generator.normal(size=(2, 9, 14, 3))
    source[6, 3, 1] = value
    with pytest.raises(DataError, match=r"source is .*at frame 6, joint 3"):
        fit_similarity(source, target)
    with pytest.raises(DataError, match=r"target is .*at frame 6, joint 3"):
        align(target, source)
