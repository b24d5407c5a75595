import json
import math

import numpy as np
import pytest
import torch

from jointreg.errors import DataError
from jointreg.losses import (
    UNDECIDED,
    EnergyWeights,
    adversarial_energy,
    balanced_weights,
    discriminator_loss,
    joint_energy,
)


def test_joint_energy_is_absolute_and_summed():
    target = torch.tensor(np.random.default_rng(0).normal(size=(3, 17, 3)))
    moved = target + torch.tensor([0.03, 0.0, 0.04])
    np.testing.assert_allclose(joint_energy(moved, target), 17 * 0.05**2)


def test_joint_energy_keeps_frames_apart():
    target = torch.zeros(4, 2, 3)
    joints = target.clone()
    joints[2, 1, 0] = 2.0
    np.testing.assert_array_equal(joint_energy(joints, target), [0, 0, 4, 0])


def test_adversarial_energy_refers_to_an_undecided_discriminator():
    assert adversarial_energy(torch.full((1, 26), 0.5)).item() == UNDECIDED
    outputs = torch.tensor([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(adversarial_energy(outputs), [0, 1, 0.5])


def test_discriminator_loss_is_least_at_the_right_answers():
    right, wrong, half = torch.ones(5, 26), torch.zeros(3, 26), torch.full((4, 26), 0.5)
    assert discriminator_loss(right, wrong) == 0
    assert discriminator_loss(wrong, right) == 2
    assert discriminator_loss(half, half) == 0.5


def test_weights_bring_every_energy_to_one():
    weights = balanced_weights(0.08, 2500.0)
    assert weights.joint * 0.08 == pytest.approx(1)
    assert weights.silhouette * 2500 == pytest.approx(1)
    assert weights.adversarial * UNDECIDED == 1


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_weights_of_useless_energies_are_refused(bad):
    with pytest.raises(DataError, match="mean joint energy"):
        balanced_weights(bad, 1.0)
    with pytest.raises(DataError, match="mean silhouette energy"):
        balanced_weights(1.0, bad)


def test_weights_survive_json():
    weights = EnergyWeights(12.3456789012345, 1 / 3, 4.0)
    assert EnergyWeights.from_dict(json.loads(json.dumps(weights.as_dict()))) == weights


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"joint": 1.0, "silhouette": 1.0}, "expected .*adversarial"),
        ({"joint": 1.0, "silhouette": 1.0, "adversarial": 1.0, "prior": 1.0}, "prior"),
        ({"joint": 0.0, "silhouette": 1.0, "adversarial": 1.0}, "'joint' is 0.0"),
        ({"joint": 1.0, "silhouette": "a", "adversarial": 1.0}, "'silhouette' is 'a'"),
    ],
)
def test_damaged_weights_are_refused(values, words):
    with pytest.raises(DataError, match=words):
        EnergyWeights.from_dict(values)
