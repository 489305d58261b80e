"""A model is trained on its logits, and gives probabilities again in the end."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfcompress.keras_compat import build, output_activations, read
from tfcompress.pipeline.fitting.logits import put_on, take_off, with_layers_at_the_end

X = np.random.default_rng(0).normal(size=(4, 3, 6)).astype("float32")


def ends(library):
    layers = library.layers
    yield "inside", [layers.Dense(3, "softmax")]
    yield "layer", [layers.Dense(3), layers.Softmax()]
    yield "activation", [layers.Dense(3), layers.Activation("sigmoid")]
    yield "behind it", [layers.Dense(3, "softmax"), layers.Dropout(0.5)]
    yield "steps", [layers.TimeDistributed(layers.Dense(3, "softmax"))]
    nested = library.Sequential([library.Input((3, 6)), layers.Dense(3, "softmax")])
    yield "nested", [nested]


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
@pytest.mark.parametrize("number", range(6))
def test_outputs_are_logits_and_probabilities_again(name, number):
    library = {"keras": keras, "tf_keras": tf_keras}[name]
    _, last = list(ends(library))[number]
    model = library.Sequential([library.Input((3, 6)), *last])
    before = model(X).numpy()

    graph, endings = take_off(read(model), [True])
    logits = build(graph, keras=name)
    again = build(put_on(read(logits), endings), keras=name)

    assert output_activations(logits) == (None,)
    values = logits(X).numpy()
    if "sigmoid" in output_activations(model):
        expected = 1 / (1 + np.exp(-values))
    else:
        powers = np.exp(values)
        expected = powers / powers.sum(-1, keepdims=True)
    np.testing.assert_allclose(expected, before, atol=1e-6)
    np.testing.assert_array_equal(again(X).numpy(), before)
    assert output_activations(again) == output_activations(model)


def test_outputs_that_are_not_wanted_stay():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])

    graph, endings = take_off(read(model), [False])

    assert not endings
    assert output_activations(build(graph, keras="keras")) == ("sigmoid",)


@pytest.mark.parametrize(
    ("library", "function"),
    [
        (keras, keras.ops.softmax),
        (keras, keras.activations.sigmoid),
        (tf_keras, tf.sigmoid),
        (tf_keras, tf_keras.activations.softmax),
    ],
)
def test_functions_at_the_end_become_layers(library, function):
    inputs = library.Input((6,))
    model = library.Model(inputs, function(library.layers.Dense(3)(inputs)))

    graph = with_layers_at_the_end(read(model))
    again = build(graph, keras=library.__name__)

    assert graph.layer_of(graph.outputs.node).kind == "Activation"
    assert output_activations(again) == output_activations(model) != (None,)
    x = X[:, 0]
    np.testing.assert_allclose(again(x), np.asarray(model(x)), atol=1e-6)
