import numpy as np
import pytest
import scipy.stats

from tfcompress.measurement.cost.distribution import Distribution, distribution, join


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.0, 1.0, 2.0], Distribution(4, 3, 1.5)),
        ([5, 5, 5], Distribution(3, 1, 0.0)),
        ([-0.0, 0.0], Distribution(2, 1, 0.0)),
        ([], Distribution(0, 0, 0.0)),
        (np.arange(256).reshape(16, 16), Distribution(256, 256, 8.0)),
    ],
)
def test_by_hand(values, expected):
    assert distribution(np.array(values)) == expected


def test_as_scipy_has_it():
    values = np.random.default_rng(0).binomial(20, 0.3, 5000)
    expected = scipy.stats.entropy(np.bincount(values), base=2)
    assert distribution(values).entropy_bits == pytest.approx(expected)


def test_numbers_that_are_left_out_have_one_value():
    """As if two zeros stood in the array."""
    assert distribution(np.array([1.0, 2.0]), left_out=2) == Distribution(4, 3, 1.5)


def test_tensors_together():
    parts = [Distribution(4, 3, 1.5), Distribution(12, 2, 0.5)]
    assert join(parts) == Distribution(16, 3, (4 * 1.5 + 12 * 0.5) / 16)
    assert join([]) == Distribution(0, 0, 0.0)
