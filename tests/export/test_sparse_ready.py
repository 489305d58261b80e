import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.export.sparse_networks import build_mobile, prune_pointwise
from tests.models import tf_keras_is_slow
from tfcompress.errors import ModelError


def broken(readiness):
    return [(failure.rule, failure.layer) for failure in readiness.failures]


def test_ready(tmp_path):
    model = build_mobile(keras)
    prune_pointwise(model, 0.8)
    readiness = tfc.export.sparse_ready(model)
    assert readiness.ready
    assert readiness.model is model
    kernels = [
        layer.get_weights()[0]
        for layer in model.layers
        if layer.name.startswith(("pointwise", "last"))
    ]
    zeros = sum((kernel == 0).sum() for kernel in kernels)
    assert readiness.sparsity == zeros / sum(kernel.size for kernel in kernels)
    assert str(readiness).startswith("Ready for XNNPACK's sparse kernels: ")


@tf_keras_is_slow
def test_same_padding_is_rewritten_but_for_the_stem(either_keras):
    model = build_mobile(either_keras, padding="same")
    prune_pointwise(model, 0.8)
    readiness = tfc.export.sparse_ready(model)
    assert broken(readiness) == [
        ("stem", "stem"),
        ("depthwise", "depthwise0"),
        ("depthwise", "depthwise2"),
    ]
    assert [failure.layer for failure in readiness.remaining] == ["stem"]
    even = readiness.model
    assert type(even).__module__.split(".")[0] == either_keras.__name__
    assert tuple(even.get_layer("depthwise0").kernel_size) == (5, 5)
    x = np.random.default_rng(0).random((3, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(even(x)), np.asarray(model(x)), atol=1e-5)
    assert broken(tfc.export.sparse_ready(even)) == [("stem", "stem")]
    text = str(readiness)
    assert "3 failures, 1 to do" in text
    assert "layer 'stem': its padding is 'same'" in text


def test_odd_sizes_are_said():
    model = build_mobile(keras, padding="same", size=33)
    prune_pointwise(model, 0.8)
    readiness = tfc.export.sparse_ready(model)
    assert [failure.layer for failure in readiness.failures] == [
        "stem",
        "depthwise0",
        "depthwise2",
    ]
    assert "33x33" in readiness.failures[0].problem
    assert readiness.model is model


def test_zeros():
    model = build_mobile(keras)
    prune_pointwise(model, 0.5)
    readiness = tfc.export.sparse_ready(model)
    assert broken(readiness) == [("zeros", "")]
    assert "50.0% of the weights" in readiness.failures[0].problem


@tf_keras_is_slow
def test_a_rewritten_model_becomes_ready(either_keras, tmp_path):
    """Stem even already, depthwise not; nested, so that it is flattened."""
    layers = either_keras.layers
    body = either_keras.Sequential(
        [
            either_keras.Input((16, 16, 8)),
            layers.DepthwiseConv2D(3, strides=2, padding="same", name="strided"),
            layers.ReLU(),
            layers.Conv2D(32, 1, name="pointwise"),
        ],
        name="body",
    )
    prune_pointwise(body, 0.9)
    inputs = either_keras.Input((32, 32, 3))
    x = layers.ZeroPadding2D(1)(inputs)
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="stem")(x)
    x = layers.GlobalAveragePooling2D()(body(x))
    model = either_keras.Model(inputs, layers.Dense(5)(x))
    readiness = tfc.export.sparse_ready(model)
    assert broken(readiness) == [("depthwise", "strided")]
    assert not readiness.ready
    assert not readiness.remaining
    artifact = tfc.export.to_tflite(
        readiness.model, tmp_path / "m.tflite", target="cpu_float32", sparse=True
    )
    assert tfc.export.sparse_ready(readiness.model).ready
    x = np.random.default_rng(0).random((2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(artifact.predict(x), np.asarray(model(x)), atol=1e-5)


def pooled(module):
    return lambda x: module.layers.MaxPooling2D(name="inner")(x)


def full(module):
    return lambda x: module.layers.Conv2D(16, 3, padding="same", name="inner")(x)


@pytest.mark.parametrize(
    ("inside", "head", "expected"),
    [
        (pooled, "dense", ("operation", "inner")),
        (full, "dense", ("convolution", "inner")),
        (None, "convolution", ("head", "head_convolution")),
        (None, "map", ("pooling", "")),
    ],
)
def test_other_rules(inside, head, expected):
    inside = inside and inside(keras)
    model = build_mobile(keras, inside=inside, head=head)
    prune_pointwise(model, 0.9)
    readiness = tfc.export.sparse_ready(model)
    assert broken(readiness) == [expected]
    assert not readiness.failures[0].rewritten


def test_outputs_inside():
    model = build_mobile(keras)
    prune_pointwise(model, 0.9)
    middle = next(
        layer for layer in model.layers if layer.name.startswith("add")
    ).output
    model = keras.Model(model.inputs[0], [model.outputs[0], middle])
    assert [failure.rule for failure in tfc.export.sparse_ready(model).failures] == [
        "branch"
    ]


def test_a_network_without_convolutions():
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    assert broken(tfc.export.sparse_ready(model)) == [("convolution", "")]


def test_the_model_is_not_changed():
    model = build_mobile(keras, padding="same")
    before = [weight.copy() for weight in model.get_weights()]
    names = [layer.name for layer in model.layers]
    tfc.export.sparse_ready(model)
    assert names == [layer.name for layer in model.layers]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_models_that_cannot_be_checked():
    with pytest.raises(ModelError, match="build"):
        tfc.export.sparse_ready(keras.Sequential([keras.layers.Dense(1)]))


def test_open_sizes():
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="stem")(inputs)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 1)(x))
    readiness = tfc.export.sparse_ready(keras.Model(inputs, layers.Dense(2)(x)))
    assert ("stem", "stem") in broken(readiness)
    assert "no fixed size" in readiness.failures[0].problem
