import keras
import numpy as np
import pytest
from keras import layers

from tfcompress.graph import flatten_models, fold_constant_channels
from tfcompress.graph.activation_values import ACTIVATION_VALUES
from tfcompress.keras_compat import build, read
from tfcompress.keras_compat.activations import activation


def randomized(model):
    generator = np.random.default_rng(0)
    for variable in model.weights:
        values = generator.normal(size=variable.shape) * 0.5
        positive = "variance" in variable.name
        variable.assign(np.abs(values) + 0.5 if positive else values)
    return model


def clear(model, name, channels):
    """Makes the kernel of some channels zero, which leaves their biases."""
    kernel, *rest = model.get_layer(name).get_weights()
    kernel[..., channels] = 0
    model.get_layer(name).set_weights([kernel, *rest])


def folded(model):
    x = np.random.default_rng(1).normal(size=(3, *model.input_shape[1:]))
    result = build(fold_constant_channels(read(model)), keras="keras")
    expected = np.asarray(model(x))
    np.testing.assert_allclose(np.asarray(result(x)), expected, rtol=1e-4, atol=1e-5)
    return result


def rows(model, name):
    """Whether each row that takes a channel in is zero."""
    kernel = model.get_layer(name).get_weights()[0]
    return (kernel == 0).all(axis=(*range(kernel.ndim - 2), -1)).tolist()


def test_constant_worked_out_by_hand():
    x = keras.Input((2,))
    y = layers.Dense(3, activation="relu", name="a")(x)
    model = keras.Model(x, layers.Dense(1, name="out")(y))
    model.get_layer("a").set_weights(
        [np.array([[1.0, 0, 0], [1, 0, 0]]), np.array([0.0, 2, -1])]
    )
    model.get_layer("out").set_weights(
        [np.array([[1.0], [10], [100]]), np.array([0.5])]
    )
    kernel, bias = folded(model).get_layer("out").get_weights()
    # Channel 1 is always 2, channel 2 always relu(-1) = 0.
    assert kernel.tolist() == [[1], [0], [0]]
    assert bias.tolist() == [20.5]


def test_normalization_pooling_and_joins_hand_constants_on():
    x = keras.Input((6, 6, 2))
    a = layers.Conv2D(4, 3, use_bias=False, name="a")(x)
    a = layers.BatchNormalization(name="norm")(a)
    a = layers.Activation("swish")(a)
    b = layers.Conv2D(4, 1, activation="tanh", name="b")(a)
    y = layers.Concatenate()([layers.Add()([a, b]), b])
    y = layers.MaxPooling2D(2)(y)
    y = layers.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise")(y)
    y = layers.Conv2D(3, 1, use_bias=False, name="c")(y)
    model = randomized(keras.Model(x, layers.GlobalAveragePooling2D()(y)))
    clear(model, "a", [1, 3])
    clear(model, "b", [3])
    result = folded(model)
    assert rows(result, "b") == [False, True, False, True]
    # Of the sum only 3 is constant, of `b` itself too: as places 3 and 7 of 8, twice.
    constant = [place in (6, 7, 14, 15) for place in range(16)]
    assert rows(result, "c") == constant
    assert result.get_layer("c").use_bias


def test_scale_of_zero_makes_a_constant():
    x = keras.Input((4, 2))
    y = layers.Conv1D(3, 1, name="a")(x)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.Flatten()(layers.ReLU()(y))
    model = randomized(keras.Model(x, layers.Dense(2, name="out")(y)))
    gamma, *rest = model.get_layer("norm").get_weights()
    model.get_layer("norm").set_weights([gamma * [1, 0, 1], *rest])
    kernel = folded(model).get_layer("out").get_weights()[0]
    assert (kernel == 0).all(axis=1).tolist() == [False, True, False] * 4


def test_padding_and_shared_layers_are_left_alone():
    x = keras.Input((4, 4, 2))
    y = layers.Conv2D(2, 1, name="a")(x)
    y = layers.Conv2D(2, 3, padding="same", name="padded")(y)
    shared = layers.Conv2D(2, 1, name="shared")
    model = randomized(keras.Model(x, shared(shared(y))))
    clear(model, "a", [0])
    clear(model, "padded", [1])
    result = folded(model)
    assert rows(result, "padded") == rows(result, "shared") == [False, False]
    kernel, bias = model.get_layer("a").get_weights()
    model.get_layer("a").set_weights([kernel, bias * [0, 1]])
    # Zero beside zeros is a constant.
    assert rows(folded(model), "padded") == [True, False]


def test_multiplying_by_zero_makes_zero():
    x = keras.Input((3,))
    a = layers.Dense(2, name="a")(x)
    gate = layers.Dense(2, activation="relu", name="gate")(x)
    y = layers.Multiply()([a, gate])
    model = randomized(keras.Model(x, layers.Dense(2, name="out")(y)))
    clear(model, "gate", [1])
    kernel, bias = model.get_layer("gate").get_weights()
    model.get_layer("gate").set_weights([kernel, np.array([bias[0], -1.0])])
    kernel = folded(model).get_layer("out").get_weights()[0]
    assert (kernel == 0).all(axis=1).tolist() == [False, True]


def test_network_without_constants_stays_as_it_is():
    network = keras.applications.MobileNetV2((32, 32, 3), weights=None, classes=3)
    graph = flatten_models(read(network))
    same = fold_constant_channels(graph)
    assert all(same.layers[name] is layer for name, layer in graph.layers.items())


@pytest.mark.parametrize("name", ACTIVATION_VALUES)
def test_activations_are_those_of_keras(name):
    x = np.linspace(-8, 8, 33).astype("float32")
    expected = np.asarray(keras.activations.get(activation(name, "keras"))(x))
    np.testing.assert_allclose(ACTIVATION_VALUES[name](x), expected, atol=1e-5)
