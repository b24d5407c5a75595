"""Rotations against SciPy, and round trips."""

import numpy as np
from scipy.spatial.transform import Rotation

from jointreg.geometry import rotations


def test_axis_angle_agrees_with_scipy_from_zero_to_pi(generator):
    direction = generator.normal(size=(50, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    angle = np.concatenate([[0, 1e-9, 1e-5, np.pi - 1e-6, np.pi], generator.uniform(0, np.pi, 45)])
    vectors = direction * angle[:, None]
    ours = rotations.from_axis_angle(vectors)
    assert np.abs(ours - Rotation.from_rotvec(vectors).as_matrix()).max() < 1e-12
    back = rotations.from_axis_angle(rotations.to_axis_angle(ours))
    assert np.abs(back - ours).max() < 1e-7


def test_6d_is_interleaved_and_survives_scaling(generator):
    matrix = Rotation.random(20, random_state=1).as_matrix()
    six = rotations.to_6d(matrix)
    assert np.array_equal(six[:, [0, 2, 4]], matrix[:, :, 0])
    stretched = six.reshape(-1, 3, 2) * [2.0, 0.5]
    stretched[..., 1] += 0.3 * stretched[..., 0]
    assert np.abs(rotations.from_6d(stretched.reshape(-1, 6)) - matrix).max() < 1e-12


def test_angle_between_is_the_angle_that_was_turned():
    angles = np.array([0.0, 1e-7, 0.5, np.pi - 1e-7, np.pi])
    turned = rotations.from_axis_angle(angles[:, None] * [0.6, 0.0, 0.8])
    assert np.abs(rotations.angle_between(np.eye(3)[None], turned) - angles).max() < 1e-12


def test_determinants_are_those_of_the_textbook(generator):
    matrices = generator.normal(size=(50, 4, 3, 3))
    assert np.allclose(rotations.determinants(matrices), np.linalg.det(matrices), rtol=1e-9, atol=1e-12)


def test_what_is_no_rotation_has_an_error(generator):
    proper = rotations.from_axis_angle(generator.normal(size=(50, 3)))
    assert rotations.rotation_errors(proper).max() < 1e-12
    assert rotations.rotation_errors(proper * [1, 1, -1]).min() > 0.5, "a mirrored one"
    for row in range(3):
        for column in range(3):
            other = proper.copy()
            other[:, row, column] += 0.01
            assert rotations.rotation_errors(other).max() > 1e-3
    proper[3, 2, 0] = np.nan
    assert np.flatnonzero(np.isnan(rotations.rotation_errors(proper))).tolist() == [3]
