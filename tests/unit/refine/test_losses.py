import json
import math
from dataclasses import fields

import numpy as np
import pytest
import torch

from jointreg.config import Optimize
from jointreg.errors import DataError
from jointreg.figures.curves import TERM_TITLES
from jointreg.geometry.camera import project_pinhole
from jointreg.refine.losses import (
    REFERENCE_CODE,
    TERMS,
    UNDECIDED_ENERGY,
    UNDECIDED_LOSS,
    EnergyWeights,
    adversarial_energy,
    balanced_weights,
    discriminator_loss,
    joint_energy,
    keypoint_energy,
    only,
)
from jointreg.stores import ENERGIES

GOOD = {"joint": 1.0, "silhouette": 1.0, "adversarial": 1.0, "keypoints": 1.0}


def test_joint_energy_is_absolute_and_summed():
    target = torch.tensor(np.random.default_rng(0).normal(size=(3, 17, 3)))
    moved = target + torch.tensor([0.03, 0.0, 0.04])
    np.testing.assert_allclose(joint_energy(moved, target), 17 * 0.05**2)


def test_root_relative_joint_energy_does_not_see_a_shift():
    generator = np.random.default_rng(1)
    target, joints = (torch.tensor(generator.normal(size=(3, 17, 3))) for _ in range(2))
    apart = (joints - joints[:, :1] - target + target[:, :1]).square().sum((1, 2))
    np.testing.assert_allclose(joint_energy(joints, target, root=0), apart)
    np.testing.assert_allclose(joint_energy(joints + 0.3, target, root=0), apart)


def test_keypoint_energy_is_that_of_the_pinhole():
    generator = np.random.default_rng(2)
    joints = generator.normal([0, 0, 4], 0.3, (3, 17, 3))
    intrinsics = np.tile([[500.0, 2, 110], [0, 490, 111], [0, 0, 1]], (3, 1, 1))
    target = generator.uniform(0, 224, (3, 17, 2))
    expected = ((project_pinhole(joints, intrinsics) - target) ** 2).sum((1, 2))
    found = keypoint_energy(*(torch.tensor(value) for value in (joints, intrinsics, target)))
    np.testing.assert_allclose(found, expected)


def test_reference_code_takes_means_where_the_paper_has_sums():
    """Its losses are 1e4 MSE(joints), 100 MSE(pixels), 0.01 MSE(px), 10 for each discriminator."""
    generator = torch.Generator().manual_seed(0)
    one, two = torch.rand((2, 1, 17, 3), generator=generator)
    mse = torch.nn.functional.mse_loss
    torch.testing.assert_close(REFERENCE_CODE.joint * joint_energy(one, two)[0], 1e4 * mse(one, two))
    outputs = torch.rand((1, 26), generator=generator)
    heads = 10 * mse(outputs[:, :25], torch.ones(1, 25)) + 10 * mse(outputs[:, 25:], torch.ones(1, 1))
    halves = adversarial_energy(outputs, halves=True)[0]
    torch.testing.assert_close(REFERENCE_CODE.adversarial * halves, heads)
    assert REFERENCE_CODE.silhouette * 224 * 224 == pytest.approx(100)
    assert REFERENCE_CODE.keypoints * 34 == pytest.approx(0.01)


def test_joint_energy_keeps_frames_apart():
    target = torch.zeros(4, 2, 3)
    joints = target.clone()
    joints[2, 1, 0] = 2.0
    np.testing.assert_array_equal(joint_energy(joints, target), [0, 0, 4, 0])


def test_adversarial_energy_refers_to_an_undecided_discriminator():
    assert adversarial_energy(torch.full((1, 26), 0.5)).item() == UNDECIDED_ENERGY
    outputs = torch.tensor([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(adversarial_energy(outputs), [0, 1, 0.5])


def test_discriminator_loss_is_least_at_the_right_answers():
    right, wrong, half = torch.ones(5, 26), torch.zeros(3, 26), torch.full((4, 26), 0.5)
    assert discriminator_loss(right, wrong) == 0
    assert discriminator_loss(wrong, right) == 2
    assert discriminator_loss(half, half) == UNDECIDED_LOSS


def test_weights_bring_every_energy_to_one():
    weights = balanced_weights(0.08, 2500.0, 40.0)
    assert weights.joint * 0.08 == pytest.approx(1)
    assert weights.silhouette * 2500 == pytest.approx(1)
    assert weights.adversarial * UNDECIDED_ENERGY == 1
    assert weights.keypoints * 40 == pytest.approx(1)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_weights_of_useless_energies_are_refused(bad):
    with pytest.raises(DataError, match="mean joint energy"):
        balanced_weights(bad, 1.0, 1.0)
    with pytest.raises(DataError, match="mean silhouette energy"):
        balanced_weights(1.0, bad, 1.0)


def test_settings_stores_and_figures_have_every_term():
    assert ENERGIES.arrays["energies"].dims[-1] == len(TERMS)
    assert [title.split(",")[0] for title in TERM_TITLES] == list(TERMS)
    assert set(TERMS) <= set(Optimize.model_fields)
    assert tuple(field.name for field in fields(EnergyWeights)) == TERMS
    assert only("silhouette", 3.0) == tuple(3.0 * (term == "silhouette") for term in TERMS)


def test_weights_survive_json():
    weights = EnergyWeights(12.3456789012345, 1 / 3, 4.0, 0.1)
    assert EnergyWeights.from_dict(json.loads(json.dumps(weights.as_dict()))) == weights


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"joint": 1.0, "silhouette": 1.0}, "expected .*adversarial"),
        (GOOD | {"prior": 1.0}, "prior"),
        (GOOD | {"joint": 0.0}, "'joint' is 0.0"),
        (GOOD | {"silhouette": "a"}, "'silhouette' is 'a'"),
    ],
)
def test_damaged_weights_are_refused(values, words):
    with pytest.raises(DataError, match=words):
        EnergyWeights.from_dict(values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is an empty file"),
        ("{", "is not a file of energy weights"),
        ("[1]", "holds a list"),
        ('{"joint": 1}', "energy weights have keys"),
        (json.dumps(dict.fromkeys(TERMS, True)), "'joint' is True, expected a positive number"),
        (json.dumps(dict.fromkeys(TERMS, 10**400)), "'joint' is 1000"),
        (json.dumps(dict.fromkeys(TERMS, float("nan"))), "'joint' is nan"),
    ],
)
def test_a_damaged_file_of_weights_names_the_job_to_run(tmp_path, text, words):
    path = tmp_path / "weights.json"
    path.write_text(text)
    with pytest.raises(
        DataError, match=rf"weights\.json.*{words}(.|\n)*next: +snakemake -f .*weights\.json"
    ):
        EnergyWeights.read(path)
    path.write_text(json.dumps(REFERENCE_CODE.as_dict()))
    assert EnergyWeights.read(path) == REFERENCE_CODE
