"""What public functions accept as arrays, and what they name where they refuse."""

import math

import numpy as np
import pytest
import torch

from jointreg.arrays import indices, on_grid, real_array, require_finite, texts
from jointreg.errors import DataError, ShapeError


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ([[1.0, 2.0], [3.0]], ShapeError, "points is no array of numbers(.|\\n)*rows of one length"),
        (torch.zeros(2, requires_grad=True), ShapeError, r"detach\(\)\.cpu\(\)"),
        (["a", "b"], ShapeError, "points is <U1"),
        ([None, 1.0], ShapeError, "points is object"),
        (np.array(["2020-01-01"], "datetime64[D]"), ShapeError, "points is datetime64"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), DataError, "points is a masked array"),
        (np.ones(3) + 1j, DataError, "points is complex128"),
        (np.ones(3, bool), DataError, "points is bool"),
    ],
)
def test_what_would_lose_a_part_is_refused(value, error, words):
    with pytest.raises(error, match=words):
        real_array(value, "points")


def test_real_numbers_come_back_uncopied_and_of_their_type():
    for kind in (np.float32, np.float64, np.int16, np.uint8):
        array = np.ones((2, 3), kind)
        assert real_array(array, "points") is array
    assert real_array(torch.ones(2, 3), "points").dtype == np.float32
    assert real_array([[1, 2], [3, 4]], "points").shape == (2, 2)


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "is not finite"), (np.inf, "is not finite"), (-1e200, "is -1e\\+200")]
)
def test_the_first_frame_that_is_not_finite_is_named(value, words):
    points = np.zeros((9, 17, 3))
    require_finite(points, "target")
    points[4, 5, 2] = points[7] = value
    with pytest.raises(DataError, match=f"target {words} at frame 4, joint 5"):
        require_finite(points, "target")
    with pytest.raises(DataError, match=f"betas {words} at frame 4\\n"):
        require_finite(points[:, 5, 2:], "betas")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([True, False, True], "bool"),
        ([0.5], "expected integers"),
        ([1.0, 2.0], "expected integers"),
        ([3], r"\[3\] do not all exist, expected some of 0\.\.2"),
        ([-1], "do not all exist"),
        ([], r"some of 0\.\.2"),
        (1, r"shape \(\)"),
    ],
)
def test_indices_are_integers_that_exist(value, words):
    with pytest.raises((ShapeError, DataError), match=words):
        indices(value, 3, "rows")
    assert indices((2, 0), 3, "rows").tolist() == [2, 0]
    assert indices(np.array([1], np.uint8), 3, "rows").dtype == np.intp


@pytest.mark.parametrize("values", [["é", "neck"], np.array(["é".encode(), b"neck"])])
def test_names_are_text_of_letters_or_of_bytes(values):
    assert texts(values).tolist() == ["é", "neck"]
    assert texts(np.array([b"\xe9"])).tolist() == ["\ufffd"]


def test_sums_of_numbers_on_a_grid_are_exact_in_any_order():
    generator = np.random.default_rng(0)
    raw = generator.normal(0, 0.5, (2, 3000))
    one, two = on_grid(raw, 2.0**-17)
    assert np.abs(raw - (one, two)).max() <= 2.0**-18
    exact = math.fsum(one * two)
    for _ in range(20):
        order = generator.permutation(3000)
        assert one[order] @ two[order] == exact
    assert len({raw[0, order] @ raw[1, order] for order in (np.arange(3000), order)}) == 2
