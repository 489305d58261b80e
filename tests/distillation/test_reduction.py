import numpy as np
import pytest
import tensorflow as tf

from tfcompress.distillation.reduction import (
    mean_weight,
    weighted_mean,
    weights_of_outputs,
)
from tfcompress.errors import ArgumentError

VALUES = np.arange(6.0).reshape(2, 3)


def test_without_weights_it_is_the_mean():
    assert float(weighted_mean(VALUES)) == 2.5
    assert float(weighted_mean(tf.constant(7.0), [1.0, 2.0])) == 7.0
    assert weighted_mean(tf.constant([1.0], tf.float16)).dtype == tf.float32


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_weights_of_samples(shape):
    weight = np.reshape([2.0, 0.5], shape)
    # (0 + 1 + 2) * 2 + (3 + 4 + 5) / 2, of six values.
    assert float(weighted_mean(VALUES, weight)) == pytest.approx(12 / 6)
    assert float(weighted_mean([3.0, 8.0], weight)) == pytest.approx((6 + 4) / 2)


def test_weights_of_positions():
    weight = [[1.0, 0.0, 0.0], [0.0, 0.0, 3.0]]
    assert float(weighted_mean(VALUES, weight)) == pytest.approx(15 / 6)
    # A loss a sample has no positions: the weights of a sample are averaged.
    assert float(weighted_mean([6.0, 2.0], weight)) == pytest.approx((2 + 2) / 2)


def test_masked_positions_are_not_counted():
    mask = [[True, False, False], [True, True, False]]
    assert float(weighted_mean(VALUES, mask=mask)) == pytest.approx((0 + 3 + 4) / 3)
    half = [1.0, 0.5]
    assert float(weighted_mean(VALUES, half, mask)) == pytest.approx(3.5 / 3)
    assert float(weighted_mean(VALUES, mask=np.zeros((2, 3), bool))) == 0
    assert float(weighted_mean([1.0, 3.0], mask=mask)) == 2.0


def test_weights_of_outputs():
    one, two = np.ones(3), np.zeros(3)
    assert weights_of_outputs(None, ["a", "b"]) == [None, None]
    assert weights_of_outputs(one, ["a", "b"]) == [one, one]
    assert weights_of_outputs([one, None], ["a", "b"]) == [one, None]
    assert weights_of_outputs({"b": two}, ["a", "b"]) == [None, two]
    with pytest.raises(ArgumentError, match=r"outputs \['a', 'b'\].*for \['c'\]"):
        weights_of_outputs({"c": two}, ["a", "b"])
    with pytest.raises(ArgumentError, match="Received: 1 arrays"):
        weights_of_outputs([one], ["a", "b"])


def test_mean_weight():
    assert mean_weight([None, None]) is None
    first, second = [1.0, 3.0], [[0.0, 4.0], [1.0, 1.0]]
    np.testing.assert_allclose(mean_weight([first, second]), [1.5, 2.0])
    # An output without weights counts 1.
    np.testing.assert_allclose(mean_weight([first, None]), [1.0, 2.0])
