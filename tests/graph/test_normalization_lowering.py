import numpy as np
import pytest

from tests.graph.lowering import kinds, lowered_graph, randomize
from tfcompress import keras_compat
from tfcompress.graph import (
    fold_batch_normalization,
    lower_normalizations,
    split_separable_convolutions,
)


def lowered_and_folded(graph):
    return fold_batch_normalization(lower_normalizations(graph))


def sequential(module, shape, *layers):
    return randomize(module.Sequential([module.Input(shape), *layers]))


@pytest.mark.parametrize(
    ("shape", "reshapes"),
    [((6, 5, 3), 0), ((None, None, 3), 0), ((7,), 2), ((6, 3), 2), ((None, 3), 2)],
)
def test_lone_batch_normalization(either_keras, shape, reshapes):
    layers = either_keras.layers
    lone = layers.BatchNormalization(name="lone")
    model = sequential(either_keras, shape, layers.ReLU(), lone)
    graph, difference = lowered_graph(model, lower_normalizations)
    assert difference < 1e-5
    assert kinds(graph).count("DepthwiseConv2D") == 1
    assert kinds(graph).count("Reshape") == reshapes
    depthwise = graph.layers["lone_depthwise"]
    assert not depthwise.trainable
    np.testing.assert_array_equal(
        depthwise.weight("kernel"), np.ones((1, 1, shape[-1], 1))
    )
    assert graph.layers["lone"].weights
    folded, difference = lowered_graph(model, lowered_and_folded)
    assert difference < 1e-5
    assert "BatchNormalization" not in kinds(folded)


def test_volumes(either_keras):
    layers = either_keras.layers
    model = sequential(
        either_keras, (3, 4, 5, 2), layers.ReLU(), layers.BatchNormalization()
    )
    graph, difference = lowered_graph(model, lowered_and_folded)
    assert difference < 1e-5
    image = ["Reshape", "DepthwiseConv2D", "Reshape"]
    assert kinds(graph) == ["InputLayer", "ReLU", *image]


def test_batch_normalization_that_folds_stays(either_keras):
    layers = either_keras.layers
    model = sequential(
        either_keras, (6, 6, 2), layers.Conv2D(3, 3), layers.BatchNormalization()
    )
    graph = keras_compat.read(model)
    assert lower_normalizations(graph) == graph


def test_batch_normalization_behind_an_activation_or_a_fork(either_keras):
    layers = either_keras.layers
    inputs = either_keras.Input((6, 6, 2))
    x = layers.Conv2D(3, 3, activation="relu")(inputs)
    x = layers.BatchNormalization(name="behind")(x)
    y = layers.Conv2D(3, 1)(x)
    z = layers.BatchNormalization(name="fork")(y)
    model = randomize(either_keras.Model(inputs, layers.Add()([y, z])))
    graph, difference = lowered_graph(model, lower_normalizations)
    assert difference < 1e-5
    assert {"behind_depthwise", "fork_depthwise"} <= set(graph.layers)
    assert lower_normalizations(graph) == graph


@pytest.mark.parametrize("shape", [(6, 6, 3), (3,)])
def test_shared_batch_normalization(either_keras, shape):
    layers = either_keras.layers
    inputs = either_keras.Input(shape)
    shared = layers.BatchNormalization(name="shared")
    first = shared(layers.ReLU()(inputs))
    second = shared(layers.ReLU(negative_slope=0.5)(inputs))
    model = randomize(either_keras.Model(inputs, [first, second]))
    graph, difference = lowered_graph(model, lower_normalizations)
    assert difference < 1e-5
    assert len(graph.calls("shared_depthwise")) == 2
    folded, difference = lowered_graph(model, lowered_and_folded)
    assert difference < 1e-5
    assert "BatchNormalization" not in kinds(folded)
    assert kinds(folded).count("DepthwiseConv2D") == 1


@pytest.mark.parametrize("shape", [(4, 4, 3), (3,), (6, 3), (None, 3)])
@pytest.mark.parametrize(
    ("scale", "offset"),
    [(2 / 255, -1.0), (0.5, 0.0), ([0.5, 2.0, 3.0], np.array([1.0, -2.0, 3.0]))],
    ids=["scalar", "scale", "channels"],
)
def test_rescaling(either_keras, shape, scale, offset):
    layers = either_keras.layers
    model = sequential(
        either_keras, shape, layers.Rescaling(scale, offset, name="scaled")
    )
    graph, difference = lowered_graph(model, lower_normalizations)
    assert difference < 1e-5
    layer = graph.layers["scaled"]
    assert layer.kind == "DepthwiseConv2D"
    assert not layer.trainable
    expected = np.broadcast_to(np.asarray(scale, np.float32), 3)
    np.testing.assert_array_equal(layer.weight("kernel").ravel(), expected)
    expected = np.broadcast_to(np.asarray(offset, np.float32), 3)
    np.testing.assert_array_equal(layer.weight("bias"), expected)


@pytest.mark.parametrize("shape", [(4, 4, 3), (3,), (6, 3)])
@pytest.mark.parametrize("given", ["adapted", "channels", "scalar", "inverted"])
def test_normalization(either_keras, shape, given):
    layers = either_keras.layers
    channels = {"mean": [1.0, 2.0, -3.0], "variance": [4.0, 0.0, 9.0]}
    settings = {
        "adapted": {},
        "channels": channels,
        "scalar": {"axis": None, "mean": 5.0, "variance": 4.0},
        "inverted": {**channels, "invert": True},
    }[given]
    layer = layers.Normalization(name="standard", **settings)
    if given == "adapted":
        generator = np.random.default_rng(2)
        layer.adapt(generator.normal(2.0, 3.0, (20, *shape)).astype(np.float32))
    model = either_keras.Sequential([either_keras.Input(shape), layer])
    graph, difference = lowered_graph(model, lower_normalizations)
    assert difference < 1e-5
    assert graph.layers["standard"].kind == "DepthwiseConv2D"
    if given == "inverted":
        kernel = graph.layers["standard"].weight("kernel").ravel()
        np.testing.assert_allclose(kernel, [2.0, 1e-7, 3.0])


def test_what_stays(either_keras):
    layers = either_keras.layers
    inputs = either_keras.Input((4, 5, 3))
    other_axis = layers.BatchNormalization(axis=1)(inputs)
    rows = layers.Rescaling(np.ones((5, 1)))(inputs)
    shared = layers.Rescaling(2.0, name="shared")
    narrow = layers.Conv2D(2, 1)(inputs)
    outputs = [other_axis, rows, shared(inputs), shared(narrow)]
    graph = keras_compat.read(either_keras.Model(inputs, outputs))
    assert lower_normalizations(graph) == graph
    pixels = either_keras.Input((4, 4, 3), dtype="uint8")
    graph = keras_compat.read(either_keras.Model(pixels, layers.Rescaling(2.0)(pixels)))
    assert lower_normalizations(graph) == graph
    open_sized = either_keras.Input((None, None, None, 3))
    x = layers.BatchNormalization()(open_sized)
    graph = keras_compat.read(either_keras.Model(open_sized, x))
    assert lower_normalizations(graph) == graph


def test_masks_are_handed_on(either_keras):
    layers = either_keras.layers
    tokens = either_keras.Input((5,))
    x = layers.Embedding(9, 4, mask_zero=True)(tokens)
    x = layers.BatchNormalization()(x)
    model = either_keras.Model(tokens, layers.LSTM(3)(x))
    graph = keras_compat.read(model)
    assert lower_normalizations(graph) == graph
    y = layers.BatchNormalization(name="after")(model.output)
    graph = lower_normalizations(keras_compat.read(either_keras.Model(tokens, y)))
    assert "after_depthwise" in graph.layers


CONVOLUTIONS = {
    "Conv1D": ((9, 4), {"filters": 6, "kernel_size": 3, "groups": 2}),
    "Conv2D": ((9, 9, 4), {"filters": 6, "kernel_size": 3, "groups": 2}),
    "Conv3D": ((5, 5, 5, 2), {"filters": 3, "kernel_size": 2}),
    "Conv1DTranspose": ((9, 4), {"filters": 3, "kernel_size": 3, "strides": 2}),
    "Conv2DTranspose": ((5, 5, 4), {"filters": 3, "kernel_size": 3, "strides": 2}),
    "Conv3DTranspose": ((3, 3, 3, 2), {"filters": 3, "kernel_size": 2}),
    "DepthwiseConv1D": ((9, 4), {"kernel_size": 3, "depth_multiplier": 2}),
    "DepthwiseConv2D": ((9, 9, 4), {"kernel_size": 3, "depth_multiplier": 2}),
    "SeparableConv1D": ((9, 4), {"filters": 5, "kernel_size": 3}),
    "SeparableConv2D": ((9, 9, 4), {"filters": 5, "kernel_size": 3}),
    "Dense": ((9, 7, 4), {"units": 5}),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("use_bias", [True, False])
def test_folding(either_keras, kind, use_bias):
    shape, settings = CONVOLUTIONS[kind]
    layers = either_keras.layers
    linear = getattr(layers, kind)(**settings, use_bias=use_bias)
    model = sequential(
        either_keras,
        shape,
        linear,
        layers.BatchNormalization(axis=len(shape)),
        layers.BatchNormalization(center=False, scale=False),
    )

    def passes(graph):
        return fold_batch_normalization(split_separable_convolutions(graph))

    graph, difference = lowered_graph(model, passes)
    assert difference < 1e-5
    assert "BatchNormalization" not in kinds(graph)


def test_folding_of_shared_layers(either_keras):
    layers = either_keras.layers
    block = [layers.Conv2D(3, 3, use_bias=False), layers.BatchNormalization()]
    inner = either_keras.Sequential([either_keras.Input((6, 6, 2)), *block])
    inputs = either_keras.Input((6, 6, 2))
    doubled = layers.Rescaling(2.0)(inputs)
    model = either_keras.Model(inputs, layers.Add()([inner(inputs), inner(doubled)]))
    graph, difference = lowered_graph(randomize(model), fold_batch_normalization)
    assert difference < 1e-5
    assert "BatchNormalization" not in kinds(graph)
