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
def arrays(sample):
    """The sample's arrays, without scores."""
    return sample.bodies, sample.joints_cam, sample.masks, sample.intrinsics


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
