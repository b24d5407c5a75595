import numpy as np
import pytest

from jointreg.diagnosis.variants import as_text, variant_rows
from jointreg.evaluation.intervals import mean_with_interval


@pytest.fixture(scope="module")
def planted():
    """Twelve clusters of 3-6 frames with their own level; `other` is 2 mm worse, give or take."""
    generator = np.random.default_rng(4)
    clusters = np.repeat(np.arange(12), generator.integers(3, 7, 12))
    level = generator.normal(20, 8, 12)
    shift = generator.normal(2, 0.5, 12)
    full = level[clusters] + generator.normal(0, 1, len(clusters))
    values = {
        ("initial", "vertex_error"): full + 50,
        ("other", "vertex_error"): full + shift[clusters],
        ("full", "vertex_error"): full,
    }
    return values, clusters, shift


def test_planted_differences_come_back_with_students_interval(planted):
    values, clusters, shift = planted
    rows = {row["bodies"]: row for row in variant_rows(values, clusters, {"vertex_error": "mm"})}
    assert list(rows) == ["full", "other", "initial"]
    assert np.isnan(rows["full"]["change_from_full"])
    assert rows["initial"]["change_from_full"] == pytest.approx(50)
    other, counts = rows["other"], np.bincount(clusters)
    assert other["change_from_full"] == pytest.approx(np.average(shift, weights=counts))
    assert other["clusters"] == 12
    equal = np.arange(len(counts)).repeat(4)
    paired = {
        ("full", "vertex_error"): np.zeros(48),
        ("other", "vertex_error"): shift[equal],
    }
    row = variant_rows(paired, equal, {"vertex_error": "mm"})[1]
    _, low, high, _ = mean_with_interval(shift, np.full(12, 1 / 12))
    assert (row["change_low"], row["change_high"]) == pytest.approx((low, high))


def test_bodies_without_any_value_have_no_change(planted):
    values, clusters, _ = planted
    nothing = values | {("other", "vertex_error"): np.full(len(clusters), np.nan)}
    row = variant_rows(nothing, clusters, {"vertex_error": "mm"})[1]
    assert np.isnan([row["value"], row["change_from_full"]]).all() and row["clusters"] == 0


def test_few_clusters_give_no_interval(planted):
    values, clusters, _ = planted
    rows = variant_rows(values, clusters % 7, {"vertex_error": "mm"})
    assert np.isnan([row["change_low"] for row in rows]).all()
    assert np.isfinite(rows[1]["change_from_full"])


def test_frames_without_a_value_do_not_count(planted):
    values, clusters, shift = planted
    holed = {key: np.where(clusters == 3, np.nan, value) for key, value in values.items()}
    row = variant_rows(holed, clusters, {"vertex_error": "mm"})[1]
    counts = np.bincount(clusters) * (np.arange(12) != 3)
    assert row["change_from_full"] == pytest.approx(np.average(shift, weights=counts))
    assert (row["clusters"], row["frames"]) == (11, counts.sum())


def test_text_shows_value_change_and_interval(planted):
    lines = as_text(variant_rows(*planted[:2], {"vertex_error": "mm"})).splitlines()
    assert lines[0] == "bodies   vertex error, mm"
    assert lines[2].startswith("other ") and lines[2].count("+") == 3
