import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcompress.quantization.formats import (
    linear_parameters,
    quantize,
    round_nearest,
    round_stochastic,
)


def test_ties_go_away_from_zero():
    x = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]
    assert list(round_nearest(x)) == [-3, -2, -1, 1, 2, 3]


def test_the_number_just_below_a_half_goes_down():
    # In float32, this number plus a half is 1.
    x = np.nextafter(np.float32(0.5), np.float32(0))
    assert float(round_nearest(x)) == 0


@settings(max_examples=100, deadline=None)
@given(st.floats(-(2.0**20), 2.0**20, width=32))
def test_nearest_is_at_most_half_away(value):
    rounded = float(round_nearest(np.float32(value)))
    assert rounded == int(rounded)
    assert abs(rounded - value) <= 0.5


@pytest.mark.parametrize("value", [2.25, -2.25, 0.9, -0.1, 3.0])
def test_mean_of_stochastic_rounding_is_the_number(value):
    rounded = round_stochastic(tf.fill([40_000], value), seed=3).numpy()
    assert set(np.unique(rounded)) <= {np.floor(value), np.ceil(value)}
    # The standard error of the mean of 40000 is 0.0025 at most.
    assert rounded.mean() == pytest.approx(value, abs=0.01)


def test_seed_decides():
    x = tf.fill([1000], 0.5)
    first = round_stochastic(x, seed=1)
    np.testing.assert_array_equal(first, round_stochastic(x, seed=1))
    assert (first != round_stochastic(x, seed=2)).numpy().any()
    assert (first != round_stochastic(x, seed=(1, 5))).numpy().any()


def test_seed_of_a_step_in_a_graph():
    @tf.function
    def step(number):
        return round_stochastic(tf.fill([100], 0.5), seed=tf.stack([7, number]))

    one, two = step(tf.constant(1)), step(tf.constant(2))
    assert (one != two).numpy().any()


def test_quantizing_by_chance():
    parameters = linear_parameters(-127.0, 127.0, symmetric=True)
    x = np.full(20_000, 10.3, np.float32)
    quantized = quantize(
        x, parameters, rounding=lambda steps: round_stochastic(steps, seed=0)
    )
    assert set(quantized.integers.numpy()) == {10, 11}
    assert np.mean(quantized.dequantize()) == pytest.approx(10.3, abs=0.02)
