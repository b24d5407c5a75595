"""Intervals cover planted truths as often as they say, and are Student's where his formula holds."""

import numpy as np
import pytest
from scipy import stats

from jointreg.evaluation.intervals import ENOUGH_CLUSTERS, FEWEST_CLUSTERS, interval, mean_with_interval

REPETITIONS = 4000

# Mean 0, deviation 1; skewness 0, 0, 1.4, 2, 2.9.
DIFFERENCES = {
    "normal": lambda draw, size: draw.normal(size=size),
    "heavy_tails": lambda draw, size: draw.standard_t(5, size=size) / np.sqrt(5 / 3),
    "gamma": lambda draw, size: (draw.gamma(2, size=size) - 2) / np.sqrt(2),
    "exponential": lambda draw, size: draw.exponential(size=size) - 1,
    "log_normal": lambda draw, size: (
        (np.exp(0.7 * draw.normal(size=size)) - np.exp(0.245))
        / np.sqrt((np.exp(0.49) - 1) * np.exp(0.49))
    ),
}
SIZES = {
    "equal": lambda draw, count: np.full(count, 100.0),
    "as_in_human36m": lambda draw, count: draw.uniform(1000, 6000, count),
    "very_unequal": lambda draw, count: np.exp(0.5 * draw.normal(size=count)),
}


def planted(count, difference, sizes, seed):
    """Weights, subjects, the truth, and one row of cluster means a repetition."""
    draw = np.random.default_rng(seed)
    subjects = np.where(np.arange(count) % 5 < 2, "S9", "S11")
    frames = SIZES[sizes](draw, count)
    weights = frames / frames.sum()
    effect = np.where(subjects == "S9", -3.0, 0.5)  # mm; what differs between subjects is no noise
    values = effect + 1.5 * DIFFERENCES[difference](draw, (REPETITIONS, count))
    return weights, subjects, float(weights @ effect), values


def coverage(count, difference, sizes, seed=0):
    weights, subjects, truth, values = planted(count, difference, sizes, seed)
    low, high = interval(values, weights, subjects)
    one = mean_with_interval(values[-1], weights, subjects)
    assert (one.low, one.high) == pytest.approx((low[-1], high[-1]))
    return np.mean((low < truth) & (truth < high))


@pytest.mark.parametrize("difference", DIFFERENCES)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("count", [ENOUGH_CLUSTERS, 60])
def test_with_enough_clusters_95_percent_is_93_to_97(count, difference, sizes):
    assert 0.93 <= coverage(count, difference, sizes) <= 0.97


@pytest.mark.parametrize("difference", ["normal", "gamma"])
def test_with_few_clusters_it_still_covers_about_as_often(difference):
    assert 0.93 < coverage(FEWEST_CLUSTERS + 2, difference, "as_in_human36m") < 0.98


def test_what_differs_between_fixed_subjects_widens_nothing():
    draw = np.random.default_rng(3)
    values, weights = draw.normal(size=40), np.full(40, 1 / 40)
    subjects = np.repeat(["S9", "S11"], 20)
    near = mean_with_interval(values, weights, subjects)
    far = mean_with_interval(values + 50 * (subjects == "S9"), weights, subjects)
    assert far.mean == pytest.approx(near.mean + 25)
    assert far.high - far.low == pytest.approx(near.high - near.low)


@pytest.mark.parametrize("count", [FEWEST_CLUSTERS, 31])
def test_equal_clusters_of_one_subject_without_skewness_have_students_interval(count):
    half = np.random.default_rng(count).normal(size=count // 2)
    values = 2 + np.concatenate([half, -half, [0.0] * (count % 2)])
    change = mean_with_interval(values, np.full(count, 1 / count))
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (change.low, change.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_two_subjects_of_equal_clusters_have_the_pooled_degrees_of_freedom():
    half = np.random.default_rng(8).normal(size=8)
    values = np.concatenate([half, -half, 7 + half, 7 - half])
    change = mean_with_interval(values, np.full(32, 1 / 32), np.repeat([0, 1], 16))
    error = np.sqrt((values[:16].var(ddof=1) + values[16:].var(ddof=1)) / 2 / 32)
    assert change.high - change.mean == pytest.approx(stats.t.ppf(0.975, 30) * error, rel=1e-9)


def test_the_longer_side_is_that_of_the_tail():
    values = np.random.default_rng(2).exponential(size=40)
    change = mean_with_interval(values, np.full(40, 1 / 40))
    assert change.high - change.mean > 1.1 * (change.mean - change.low)
    mirrored = mean_with_interval(-values, np.full(40, 1 / 40))
    assert (mirrored.low, mirrored.high) == pytest.approx((-change.high, -change.low))


def test_no_interval_without_enough_clusters():
    for count, subjects in ((7, None), (9, ["S9"] * 8 + ["S11"])):
        change = mean_with_interval(np.arange(float(count)), np.full(count, 1 / count), subjects)
        assert change.mean == pytest.approx((count - 1) / 2)
        assert np.isnan([change.low, change.high]).all()
        assert change.clusters == count
    assert np.isfinite(mean_with_interval(np.arange(8.0), np.full(8, 1 / 8)).low)


def test_no_difference_anywhere_is_an_interval_of_no_width():
    for same in (0.25, 0.0):
        change = mean_with_interval(np.full(9, same), np.full(9, 1 / 9))
        assert change[:3] == pytest.approx((same,) * 3)


def test_the_mean_of_no_clusters_is_no_number():
    assert np.isnan(mean_with_interval(np.empty(0), np.empty(0)).mean)
