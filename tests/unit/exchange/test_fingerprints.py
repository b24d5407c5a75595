"""Fingerprints of rows: what they ignore, what they tell apart, how well they estimate."""

import numpy as np
import pytest

from jointreg.exchange.fingerprints import HALF_TOLERANCE, SLOTS, Table, fingerprint


def sparse_row(generator, entries, vertices=6890):
    row = np.zeros(vertices)
    row[generator.choice(vertices, entries, replace=False)] = generator.dirichlet(np.full(entries, 5.0))
    return row


@pytest.mark.parametrize("entries", [1, 2, 7, 60, 400])
def test_scale_and_precision_do_not_matter(generator, entries):
    row = sparse_row(generator, entries)
    others = [sparse_row(generator, entries) for _ in range(20)]
    table = Table([fingerprint(one) for one in [*others, row]])
    for same in (row * 37.5, row.astype(np.float32), -0.1 * (row == 0) + row):
        assert table.same(fingerprint(same)) == 20
    assert table.same(fingerprint(row.astype(np.float16)), HALF_TOLERANCE) == 20


def test_same_vertices_with_other_weights_are_not_the_same_row(generator):
    row = sparse_row(generator, 7)
    other = row * generator.uniform(0.98, 1.02, row.shape)
    table = Table([fingerprint(row)])
    assert table.same(fingerprint(other)) is None
    assert table.common(fingerprint(other)) == [1.0]


def test_the_same_numbers_on_other_vertices_are_not_the_same_row(generator):
    row = sparse_row(generator, 7)
    table = Table([fingerprint(row)])
    shifted = fingerprint(np.roll(row, 1))
    assert table.same(shifted, HALF_TOLERANCE) is None
    assert table.common(shifted)[0] < 0.2


def test_meshes_of_other_sizes_have_nothing_in_common(generator):
    row = sparse_row(generator, 7)
    table = Table([fingerprint(row)])
    longer = fingerprint(np.append(row, np.zeros(100)))
    assert table.common(longer) == [0.0] and table.same(longer) is None


@pytest.mark.parametrize(("first", "second", "both"), [(30, 30, 20), (8, 4, 4), (200, 100, 50)])
def test_the_part_in_common_is_estimated_without_bias(generator, first, second, both):
    """Planted overlaps; the mean of many estimates has a known standard deviation."""
    expected = both / (first + second - both)
    estimates = []
    for _ in range(60):
        vertices = generator.choice(6890, first + second - both, replace=False)
        one, other = np.zeros(6890), np.zeros(6890)
        one[vertices[:first]] = 1
        other[vertices[first - both :]] = 1
        estimates += Table([fingerprint(one)]).common(fingerprint(other)).tolist()
    deviation = np.sqrt(expected * (1 - expected) / SLOTS)
    assert np.mean(estimates) == pytest.approx(expected, abs=4 * deviation / np.sqrt(60))
    assert np.std(estimates) < 1.5 * deviation


@pytest.mark.parametrize("row", [np.zeros(50), -np.ones(50), np.full(50, np.inf), np.full(50, np.nan)])
def test_a_row_without_a_positive_finite_sum_has_none(row):
    assert fingerprint(row) is None


def test_a_fingerprint_is_the_same_on_every_machine():
    """The committed tables depend on these numbers."""
    one = fingerprint(np.array([0, 0.25, 0, 0.75]))
    assert (one.vertices, one.entries, one.effective) == (4, 2, pytest.approx(1.6))
    assert one.checksum == pytest.approx(CHECKSUM, abs=1e-12)
    assert one.sketch.hex() == SKETCH


CHECKSUM = 0.7444726944945464
SKETCH = "758a78d6813c9fa0f6ba6f5966d754a4767d84501f99a333607cd13ae0d1bfc7"
