"""The wrappers of arrays give what the functions of a sample give, bit by bit."""

import numpy as np
import pytest
from project import ROOT

from jointreg.config import Optimize, read_yaml
from jointreg.errors import ShapeError
from jointreg.refine import Sample, Views, energy_weights, refine, refine_sample
from jointreg.refine.energies import balance_energies

SETTINGS = Optimize(
    **read_yaml(ROOT / "config" / "config.yaml")["optimize"]
    | {"iterations": 4, "adversarial": 0.0, "multiview": True}
)


@pytest.fixture(scope="module")
def arrays(body, make_bodies):
    """Two views of one moment: bodies without betas, labels of bodies with them, a square for a mask."""
    rotations, betas, translation = make_bodies(np.random.default_rng(3), 2)
    joints = body.joint_regressor[:17] @ body.vertices(rotations, betas, translation)
    intrinsics = np.tile([[430.0, 0, 111.5], [0, 430, 111.5], [0, 0, 1]], (2, 1, 1))
    intrinsics[:, :2, 2] -= 430 * translation[:, :2] / translation[:, 2:]
    masks = np.zeros((2, 224, 224), np.uint8)
    masks[:, 60:200, 80:140] = 255
    return {"rotations": rotations, "betas": np.zeros_like(betas)}, joints, masks, intrinsics


def test_arrays_and_a_sample_are_refined_alike(body, arrays):
    scores = np.array([1.0, 0.0])
    views = Views(np.zeros(2, int), np.tile(np.eye(3), (2, 1, 1)), np.zeros((2, 3)))
    regressor, sample = body.joint_regressor[:17], Sample(*arrays, scores, views)
    weights = energy_weights(body, *arrays, regressor, scores=scores)
    assert weights == balance_energies(body, sample, regressor)
    assert weights != energy_weights(body, *arrays, regressor)
    options = {"settings": SETTINGS, "weights": weights}
    one = refine(body, *arrays, regressor, scores=scores, views=views, **options)
    two = refine_sample(body, sample, regressor, **options)
    for name in ("rotations", "betas", "translation", "energies"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert not one.energies[1, :, 1].any(), "a score of 0 leaves the silhouette out"


def test_an_unknown_option_and_missing_views_are_refused(body, arrays):
    weights = energy_weights(body, *arrays, body.joint_regressor[:17])
    with pytest.raises(TypeError, match="weight"):
        refine(body, *arrays, body.joint_regressor[:17], settings=SETTINGS, weight=weights)
    with pytest.raises(ShapeError, match="moments and cameras"):
        refine(body, *arrays, body.joint_regressor[:17], settings=SETTINGS, weights=weights)
