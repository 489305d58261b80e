"""What passes over graphs leave of a model's outputs: all of them."""

import keras
import numpy as np
import pytest
import tf_keras

from tests.keras_compat import models
from tests.keras_compat.comparison import largest_difference
from tfcompress import graph as graphs
from tfcompress import keras_compat


def convolutional(module):
    """Every layer that batch normalization folds into, and one where it does not."""
    layers = module.layers
    inputs = module.Input((8, 8, 3))
    x = inputs
    for layer in (
        layers.Conv2D(4, 3, use_bias=False, padding="same"),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.SeparableConv2D(5, 3),
        layers.Conv2DTranspose(3, 3, strides=2),
        layers.Conv2D(6, 3, groups=3),
        layers.Conv2D(4, 1, activation="relu"),
    ):
        x = layers.Dropout(0.2)(layers.BatchNormalization()(layer(x)))
        x = layers.ReLU()(x)
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    return module.Model(inputs, layers.BatchNormalization(scale=False)(x))


MODELS = [
    convolutional,
    models.sequential,
    models.nested,
    models.structured,
    models.transformer,
    models.masked,
    models.encoder_decoder,
    models.convolutions_1d,
    models.regularizing,
]
PASSES = [
    graphs.canonical_names,
    graphs.cast_to_float32,
    graphs.drop_training_layers,
    graphs.flatten_models,
    graphs.fold_batch_normalization,
    graphs.fuse_activations,
    graphs.lower_normalizations,
    graphs.split_activations,
    graphs.lower_activations,
    graphs.lower_attention,
]


def perturbed(make, module):
    """A model whose weights, those of batch normalization too, are all random."""
    model = make(module)
    generator = np.random.default_rng(4)
    for weight in model.weights:
        low = 0.5 if "variance" in weight.name else -0.7
        weight.assign(generator.uniform(low, 0.9, weight.shape))
    return model


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_passes_leave_outputs_as_they_are(make):
    model = perturbed(make, keras)
    graph = keras_compat.read(model)
    before = str(graph)
    for change in PASSES:
        changed = keras_compat.build(change(graph), keras="keras")
        assert largest_difference(model, changed) < 1e-5, change.__name__
    assert str(graph) == before
    every = graph
    for change in (graphs.flatten_models, *PASSES):
        every = change(every)
    for name in ("keras", "tf_keras"):
        changed = keras_compat.build(every, keras=name)
        assert largest_difference(model, changed) < 1e-5


def test_passes_work_on_tf_keras_models():
    model = perturbed(convolutional, tf_keras)
    graph = graphs.fold_batch_normalization(keras_compat.read(model))
    changed = keras_compat.build(graph, keras="tf_keras")
    assert largest_difference(model, changed) < 1e-5
    kinds = [type(layer).__name__ for layer in changed.layers]
    assert kinds.count("BatchNormalization") == 1


def test_casting_leaves_a_mixed_model_near_itself():
    model = models.mixed_precision(keras)
    plain = keras_compat.build(
        graphs.cast_to_float32(keras_compat.read(model)), keras="keras"
    )
    assert {layer.compute_dtype for layer in plain.layers} == {"float32"}
    assert largest_difference(model, plain) < 5e-3


def test_taps_and_parts_compute_what_the_model_computes_inside():
    model = perturbed(models.sequential, keras)
    graph = keras_compat.read(model)
    name = model.layers[1].name
    features = keras_compat.build(graphs.tap(graph, [name]), keras="keras")
    tail = keras_compat.build(
        graphs.cut(graph, graphs.Tensor(name), graph.outputs), keras="keras"
    )
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    inner = features(x)[name]
    np.testing.assert_allclose(inner, model.layers[1](model.layers[0](x)), rtol=1e-5)
    np.testing.assert_allclose(tail(inner), model(x), rtol=1e-5, atol=1e-7)
