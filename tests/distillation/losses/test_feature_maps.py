import numpy as np
import pytest
import tensorflow as tf

from tests.distillation.numerical import normal
from tfcompress.distillation.losses import feature_maps


def pooled(x, size):
    """Adaptive pooling of a one-dimensional array, window by window."""
    windows = [
        x[int(np.floor(i * len(x) / size)) : int(np.ceil((i + 1) * len(x) / size))]
        for i in range(size)
    ]
    return np.array([window.mean(0) for window in windows])


@pytest.mark.parametrize(
    ("length", "size"), [(8, 4), (7, 3), (5, 5), (3, 7), (1, 4), (9, 1)]
)
def test_pooling_equals_windows(length, size):
    x = normal(2, length, 3)
    value = feature_maps.adaptive_average_pool(tf.constant(x), [size])
    np.testing.assert_allclose(value, [pooled(row, size) for row in x], rtol=1e-12)


def test_pooling_by_hand():
    x = tf.reshape(tf.range(16.0), (1, 4, 4, 1))
    value = feature_maps.adaptive_average_pool(x, [2, 1])
    # Rows 0 and 1 hold 0 to 7, rows 2 and 3 hold 8 to 15.
    np.testing.assert_allclose(value[0, :, :, 0], [[3.5], [11.5]])


def test_pooling_of_volumes_goes_axis_by_axis():
    x = normal(2, 4, 5, 6, 3)
    value = feature_maps.adaptive_average_pool(tf.constant(x), [2, 3, 4])
    expected = x
    for axis, size in enumerate([2, 3, 4], start=1):
        moved = np.moveaxis(expected, axis, 0)
        expected = np.moveaxis(pooled(moved, size), 0, axis)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_pooling_with_sizes_that_are_not_known():
    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3))] * 2)
    def run(first, second):
        return feature_maps.pool_to_smaller(first, second)

    first, second = normal(2, 8, 4, 3), normal(2, 4, 6, 3, seed=1)
    eager = feature_maps.pool_to_smaller(tf.constant(first), tf.constant(second))
    traced = run(np.float32(first), np.float32(second))
    for ours, expected in zip(traced, eager, strict=True):
        assert ours.shape == (2, 4, 4, 3)
        np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_known_sizes_stay_known():
    @tf.function(input_signature=[tf.TensorSpec((None, 8, None, 3))])
    def run(x):
        value = feature_maps.adaptive_average_pool(x, [4, 2])
        assert value.shape.as_list() == [None, 4, 2, 3]
        return value

    assert run(tf.ones((2, 8, 6, 3))).shape == (2, 4, 2, 3)


def test_flattening_of_an_empty_batch():
    empty = tf.zeros((0, 2, 3, 4))
    assert feature_maps.flatten_positions(empty).shape == (0, 6, 4)
    assert feature_maps.flatten_samples(empty).shape == (0, 24)
    assert feature_maps.mean_or_zero(empty) == 0


def test_flattening_with_sizes_that_are_not_known():
    @tf.function(input_signature=[tf.TensorSpec((None, None, 3, 4))])
    def run(x):
        return feature_maps.flatten_positions(x), feature_maps.flatten_samples(x)

    x = np.arange(48.0, dtype=np.float32).reshape(2, 2, 3, 4)
    positions, samples = run(x)
    np.testing.assert_array_equal(positions, x.reshape(2, 6, 4))
    np.testing.assert_array_equal(samples, x.reshape(2, 24))


def test_mean_of_sample():
    x = normal(3, 2, 4)
    value = feature_maps.mean_of_sample(tf.constant(x))
    np.testing.assert_allclose(value, x.mean((1, 2)))
    np.testing.assert_array_equal(feature_maps.mean_of_sample(tf.ones(3)), [1, 1, 1])
