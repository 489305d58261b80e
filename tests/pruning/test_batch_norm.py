import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfcompress as tfc
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.pruning.batch_norm import Moments, merge_moments

recalibrate = tfc.pruning.recalibrate_batch_norm
EPSILON = 1e-3


def build(module):
    """Dense, norm, dropout, and a nested model of Dense and a frozen norm."""
    layers = module.layers
    inputs = module.Input((4,))
    x = layers.BatchNormalization(name="norm1")(layers.Dense(5, name="dense1")(inputs))
    x = layers.Dropout(0.5)(layers.ReLU()(x))
    inner = module.Input((5,))
    y = layers.Dense(3, name="dense2")(inner)
    y = layers.BatchNormalization(name="norm2", trainable=False)(y)
    x = module.Model(inner, y, name="inner")(x)
    return module.Model(inputs, layers.Dense(2)(x))


def weights_of(layer):
    return [np.asarray(value) for value in layer.get_weights()]


def statistics_of(layer):
    return np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(3, 2, (10, 4)).astype(np.float32)


def test_moments_of_two_sets_are_those_of_both_together():
    numbers = np.array([[1.0, 5], [2, -1], [9, 0], [4, 4], [7, 7]])
    parts = [Moments(len(p), p.mean(0), p.var(0)) for p in (numbers[:2], numbers[2:])]
    size, mean, variance = merge_moments(*parts)
    assert size == 5
    np.testing.assert_allclose(mean, [4.6, 3.0])
    np.testing.assert_allclose(variance, numbers.var(0))


@pytest.mark.parametrize("batch_size", [4, 10])
def test_statistics_are_those_of_all_data(either_keras, x, batch_size):
    model = build(either_keras)
    before = [np.array(value) for value in model.get_weights()]
    new = recalibrate(model, x, batch_size=batch_size)
    assert isinstance(new, either_keras.Model)
    assert [w.shape for w in new.get_weights()] == [w.shape for w in before]

    kernel, bias = weights_of(model.get_layer("dense1"))
    hidden = x @ kernel + bias
    mean, variance = statistics_of(new.get_layer("norm1"))
    np.testing.assert_allclose(mean, hidden.mean(0), atol=1e-5)
    np.testing.assert_allclose(variance, hidden.var(0), atol=1e-4)

    # What reaches the second one is normalized by the statistics of each batch.
    kernel, bias = weights_of(model.get_layer("inner").get_layer("dense2"))
    parts = np.split(hidden, range(batch_size, 10, batch_size))
    parts = [(p - p.mean(0)) / np.sqrt(p.var(0) + EPSILON) for p in parts]
    second = np.concatenate([np.maximum(p, 0) @ kernel + bias for p in parts])
    norm = new.get_layer("inner").get_layer("norm2")
    mean, variance = statistics_of(norm)
    np.testing.assert_allclose(mean, second.mean(0), atol=1e-5)
    np.testing.assert_allclose(variance, second.var(0), atol=1e-4)
    assert not norm.trainable

    for old, same in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, same)


def test_images_and_a_norm_that_is_called_twice(either_keras):
    layers = either_keras.layers
    first, second = either_keras.Input((6, 6, 2)), either_keras.Input((6, 6, 2))
    norm = layers.BatchNormalization(name="norm")
    outputs = layers.Add()([norm(first), norm(second)])
    model = either_keras.Model([first, second], outputs)
    random = np.random.default_rng(1)
    a, b = random.normal(1, 2, (2, 7, 6, 6, 2)).astype(np.float32)
    both = np.concatenate([a, b + 4])
    new = recalibrate(model, lambda: [([a[:5], b[:5] + 4],), ([a[5:], b[5:] + 4],)])
    mean, variance = statistics_of(new.get_layer("norm"))
    np.testing.assert_allclose(mean, both.mean((0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(variance, both.var((0, 1, 2)), rtol=1e-5)


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_inputs_by_name_in_any_order(either_keras, names):
    layers = either_keras.layers
    inputs = [either_keras.Input((n + 2,), name=name) for n, name in enumerate("ba")]
    x = layers.BatchNormalization(name="norm")(layers.Concatenate()(inputs))
    random = np.random.default_rng(3)
    data = {"b": random.normal(size=(5, 2)), "a": random.normal(size=(5, 3))}
    new = recalibrate(
        either_keras.Model(inputs, x), {name: data[name] for name in names}
    )
    mean, _ = statistics_of(new.get_layer("norm"))
    expected = np.concatenate([data["b"].mean(0), data["a"].mean(0)])
    np.testing.assert_allclose(mean, expected, atol=1e-6)


def test_channels_of_the_first_axis(either_keras):
    layers = either_keras.layers
    inputs = either_keras.Input((3, 5))
    model = either_keras.Model(inputs, layers.BatchNormalization(axis=1)(inputs))
    x = np.random.default_rng(2).normal(size=(8, 3, 5)).astype(np.float32)
    new = recalibrate(model, tf.data.Dataset.from_tensor_slices(x).batch(3))
    mean, variance = statistics_of(new.layers[1])
    np.testing.assert_allclose(mean, x.mean((0, 2)), atol=1e-6)
    np.testing.assert_allclose(variance, x.var((0, 2)), atol=1e-5)


def test_steps_limit_an_endless_data_set(either_keras, x):
    model = build(either_keras)
    endless = tf.data.Dataset.from_tensor_slices(x).repeat().batch(5)
    new = recalibrate(model, endless, steps=1)
    kernel, bias = weights_of(model.get_layer("dense1"))
    mean, _ = statistics_of(new.get_layer("norm1"))
    np.testing.assert_allclose(mean, (x[:5] @ kernel + bias).mean(0), atol=1e-5)


def test_restores_a_model_whose_statistics_are_lost(trained, digits):
    (x, y), _ = digits
    lost = tfc.keras_compat.to_origin(trained, like=trained)
    for name in ("norm1", "norm2"):
        norm = lost.get_layer(name)
        norm.moving_mean.assign(np.full(8, 3.0))
        norm.moving_variance.assign(np.full(8, 50.0))

    def accuracy(model):
        return float((np.asarray(model(x)).argmax(-1) == y).mean())

    assert accuracy(lost) < 0.7
    assert accuracy(recalibrate(lost, (x, y))) > 0.9


def test_mixed_precision(x):
    layers = keras.layers
    inputs = keras.Input((4,))
    norm = layers.BatchNormalization(dtype="mixed_float16", name="norm")
    new = recalibrate(keras.Model(inputs, norm(inputs)), x)
    mean, variance = statistics_of(new.get_layer("norm"))
    np.testing.assert_allclose(mean, x.mean(0), atol=1e-5)
    np.testing.assert_allclose(variance, x.var(0), atol=1e-4)
    assert new.get_layer("norm").compute_dtype == "float16"


# Bad input.


def test_model_without_batch_normalization(x):
    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(2)])
    with pytest.raises(ModelError, match="no BatchNormalization"):
        recalibrate(model, x)


def test_model_that_is_being_pruned(trained, digits):
    model = tfc.pruning.MagnitudePruning(0.5).apply(trained)
    with pytest.raises(ModelError, match="finalize"):
        recalibrate(model, digits[0])


@pytest.mark.parametrize("name", ["steps", "batch_size"])
@pytest.mark.parametrize("value", [0, -2, "4", 1.5, True])
def test_numbers_out_of_range(x, name, value):
    with pytest.raises(ArgumentError, match=f"Received: {name}="):
        recalibrate(build(keras), x, **{name: value})


def test_data_of_another_shape(either_keras, x):
    model = build(either_keras)
    with pytest.raises(DataError, match=r"\(None, 4\).*Received: .*\(10, 3\)"):
        recalibrate(model, x[:, :3])
    with pytest.raises(DataError, match=r"Received: x of shapes \[\(10, 4\), \(10,"):
        recalibrate(model, [x, x])


def test_one_value_of_each_channel_has_no_variance(either_keras, x):
    with pytest.raises(DataError, match=r"Received: 1 value.*'norm1'"):
        recalibrate(build(either_keras), x[:1])


def test_data_that_is_empty_or_not_finite(x):
    model = build(keras)
    with pytest.raises(DataError, match="empty"):
        recalibrate(model, x[:0])
    with pytest.raises(DataError, match="finite"):
        recalibrate(model, np.full((4, 4), np.nan, np.float32))
