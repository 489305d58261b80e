import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_compat.comparison import largest_difference, weight_bytes
from tfcompress import keras_compat

ops = keras.ops


def arithmetic(x):
    return 2 * x - x / 3 + (1 - x) ** 2


def slices(x):
    return x[:, ::2, 1:][..., None, :2]


def splits(x):
    first, second = ops.split(x, 2, axis=-1)
    return [first, ops.concatenate([second, first], axis=1)]


def shapes(x):
    x = ops.transpose(ops.reshape(x, (-1, 2, 2, 6)), (0, 3, 1, 2))
    return ops.pad(
        ops.squeeze(ops.expand_dims(x, 1), 1), [[0, 0], [0, 0], [1, 1], [0, 0]]
    )


def products(x):
    square = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
    return ops.einsum("bij,bjk->bik", square, x)


def choices(x):
    return ops.where(x > 0, ops.softmax(x), ops.clip(x, -0.5, 0.0))


def reductions(x):
    return [ops.mean(x, axis=(1, 2), keepdims=True), ops.max(x, axis=-1), ops.std(x)]


def activations(x):
    y = ops.hard_silu(x) + ops.relu6(x) * ops.sigmoid(x)
    return ops.gelu(y, approximate=False) + ops.leaky_relu(x, 0.3)


def constants(x):
    table = np.arange(6, dtype="float32")
    return x + table + ops.take(table, ops.cast(ops.abs(x), "int32") % 5)


def stacked(x):
    return ops.stack([x, ops.tile(x[:, :1], (1, 4, 1))], axis=1)


def images(x):
    return ops.image.resize(x[..., None], (8, 8), interpolation="bilinear")


KERAS_FUNCTIONS = [
    arithmetic,
    slices,
    splits,
    shapes,
    products,
    choices,
    reductions,
    activations,
    constants,
    stacked,
    images,
]


@pytest.mark.parametrize("function", KERAS_FUNCTIONS, ids=lambda f: f.__name__)
def test_keras_operations_cross_and_come_back(function):
    inputs = keras.Input((4, 6))
    model = keras.Model(inputs, function(keras.layers.Dense(6)(inputs)))
    twin = keras_compat.to_tf_keras(model)
    again = keras_compat.to_keras(twin)
    copy = keras_compat.to_keras(model)
    x = np.random.default_rng(1).normal(size=(3, 4, 6)).astype("float32")
    for other in (twin, again, copy):
        assert largest_difference(model, other, x) < 1e-5
        assert weight_bytes(model) == weight_bytes(other)
    names = [operation.name for operation in model.operations]
    assert sorted(operation.name for operation in copy.operations) == sorted(names)
    assert set(names[1:]) <= {layer.name for layer in twin.layers}


def tensorflow_arithmetic(x):
    return tf.nn.relu6(2 * x - x / 3) + tf.square(1 - x)


def tensorflow_slices(x):
    return x[:, ::2, 1:][..., tf.newaxis, :2]


def tensorflow_shapes(x):
    return tf.concat([tf.transpose(tf.reshape(x, (-1, 6, 4)), (0, 2, 1)), x], axis=1)


def tensorflow_products(x):
    return tf.matmul(x, x, transpose_b=True) @ x


def tensorflow_choices(x):
    return tf.where(x > 0, x, tf.reduce_mean(x, axis=1, keepdims=True))


def tensorflow_splits(x):
    first, second = tf.split(x, 2, axis=-1)
    return [first, tf.einsum("bij,bkj->bik", first, second)]


TENSORFLOW_FUNCTIONS = [
    tensorflow_arithmetic,
    tensorflow_slices,
    tensorflow_shapes,
    tensorflow_products,
    tensorflow_choices,
    tensorflow_splits,
]


@pytest.mark.parametrize("function", TENSORFLOW_FUNCTIONS, ids=lambda f: f.__name__)
def test_tensorflow_functions_cross_and_come_back(function):
    inputs = tf_keras.Input((4, 6))
    model = tf_keras.Model(inputs, function(tf_keras.layers.Dense(6)(inputs)))
    twin = keras_compat.to_keras(model)
    again = keras_compat.to_tf_keras(twin)
    copy = keras_compat.to_tf_keras(model)
    x = np.random.default_rng(1).normal(size=(3, 4, 6)).astype("float32")
    for other in (twin, again, copy):
        assert largest_difference(model, other, x) < 1e-5
        assert weight_bytes(model) == weight_bytes(other)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert [type(layer).__name__ for layer in copy.layers] == kinds
    assert [type(layer).__name__ for layer in again.layers] == kinds


def test_sum_of_two_tensors_becomes_a_stock_layer():
    first, second = keras.Input((4,)), keras.Input((4,))
    twin = keras_compat.to_tf_keras(keras.Model([first, second], first + second))
    assert isinstance(twin.layers[-1], tf_keras.layers.Add)


def test_masks_stop_at_operations_as_they_do_in_keras_3():
    tokens = keras.Input((6,), dtype="int32")
    x = keras.layers.Embedding(5, 4, mask_zero=True)(tokens)
    y = keras.layers.LSTM(4, return_sequences=True)(x)
    model = keras.Model(tokens, keras.layers.GRU(3)(x + y))
    x = np.array([[1, 2, 0, 0, 3, 0], [0, 0, 0, 1, 1, 1]])
    assert largest_difference(model, keras_compat.to_tf_keras(model), x) < 1e-6


def test_models_with_operations_save_and_load(tmp_path):
    inputs = keras.Input((4, 6))
    x = keras.layers.Dense(6, activation="hard_silu")(inputs)
    model = keras.Model(inputs, x[:, 1:] * 2 + np.ones(6, "float32"))
    twin = keras_compat.to_tf_keras(model)
    twin.save(tmp_path / "twin.keras")
    loaded = tf_keras.models.load_model(tmp_path / "twin.keras")
    assert largest_difference(model, loaded) < 1e-6
    legacy = tf_keras.Input((4,))
    old = tf_keras.Model(legacy, tf_keras.activations.hard_sigmoid(tf.nn.elu(legacy)))
    new = keras_compat.to_keras(old)
    new.save(tmp_path / "new.keras")
    assert (
        largest_difference(old, keras.models.load_model(tmp_path / "new.keras")) < 1e-6
    )
