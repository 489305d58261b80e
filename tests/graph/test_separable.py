import keras
import numpy as np
import pytest
import tf_keras

from tests.graph.lowering import kinds, lowered_graph, randomize
from tfcompress.graph import split_separable_convolutions
from tfcompress.keras_compat import build, read


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"strides": 2, "padding": "same", "use_bias": False},
        {"depth_multiplier": 3, "activation": "relu"},
        {"dilation_rate": 2, "pointwise_regularizer": "l2"},
    ],
)
def test_outputs_are_unchanged(arguments):
    inputs = keras.Input((9, 9, 2))
    layer = keras.layers.SeparableConv2D(4, 3, name="separable", **arguments)
    x = layer(inputs)
    model = keras.Model(inputs, [x, layer(keras.layers.ReLU()(inputs))])
    split = build(split_separable_convolutions(read(model)), keras="keras")
    data = np.random.default_rng(0).normal(size=(3, 9, 9, 2)).astype(np.float32)
    for before, after in zip(model(data), split(data), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-5)
    kinds = [type(layer).__name__ for layer in split.layers]
    assert "SeparableConv2D" not in kinds
    assert kinds.count("DepthwiseConv2D") == 1
    assert split.count_params() == model.count_params()
    assert type(split.get_layer("separable")).__name__ == "Conv2D"


def sequences(module, **arguments):
    inputs = module.Input((9, 2))
    layer = module.layers.SeparableConv1D(4, 3, name="separable", **arguments)
    outputs = [layer(inputs), layer(module.layers.ReLU()(inputs))]
    return randomize(module.Model(inputs, outputs))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"strides": 2, "padding": "same", "use_bias": False},
        {"depth_multiplier": 3, "activation": "relu"},
    ],
)
def test_sequences(either_keras, arguments):
    model = sequences(either_keras, **arguments)
    graph, difference = lowered_graph(model, split_separable_convolutions)
    assert difference < 1e-5
    assert kinds(graph).count("DepthwiseConv1D") == 1
    assert graph.layers["separable"].kind == "Conv1D"
    assert len(graph.calls(graph.layers["separable"])) == 2


@pytest.mark.parametrize("arguments", [{"dilation_rate": 2}, {"strides": 2}])
def test_causal_sequences(arguments):
    model = sequences(tf_keras, padding="causal", **arguments)
    graph, difference = lowered_graph(model, split_separable_convolutions)
    assert difference < 1e-5
    parts = ["ZeroPadding1D", "DepthwiseConv1D", "Conv1D"]
    assert [kind for kind in kinds(graph) if kind in parts] == parts


def test_other_layers_are_left_alone():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    graph = read(model)
    assert split_separable_convolutions(graph) == graph
