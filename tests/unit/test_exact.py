import numpy as np

from jointreg.exact import exp, log, product


def test_a_product_is_added_column_after_column():
    generator = np.random.default_rng(1)
    left, right = generator.normal(size=(4, 9)), generator.normal(size=(9, 5))
    left[generator.random(left.shape) < 0.5] = 0
    expected = np.zeros((4, 5))
    for column, row in zip(left.T, right, strict=True):
        expected += column[:, None] * row
    np.testing.assert_array_equal(product(left, right), expected)
    single = product(left.astype(np.float32), right.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=1e-6)
    assert product(left[:0], right).shape == (0, 5)


def test_exponential_and_logarithm_are_those_of_the_library_to_a_last_digit():
    generator = np.random.default_rng(2)
    powers = np.concatenate(
        [generator.normal(0, 3, 10_000), generator.uniform(-700, 700, 10_000), [0.0]]
    )
    np.testing.assert_allclose(exp(powers), np.exp(powers), rtol=3e-16)
    numbers = np.exp(powers).reshape(-1, 3)
    np.testing.assert_allclose(log(numbers), np.log(numbers), rtol=3e-16, atol=3e-16)
    assert exp(np.zeros(1)) == 1 and log(np.ones(1)) == 0
    assert np.isnan(exp(np.array([np.nan])))
    assert (exp(np.array([-1e9, 1e9])) == exp(np.array([-700.0, 700.0]))).all()
