"""Bias correction, against means worked out by hand and in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfcompress as tfc
from tests.models import build_classifier
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.quantization import correct_bias
from tfcompress.quantization.kernel_grid import output_axes, round_kernel


def round_kernels(model, bits):
    """Returns a flat model whose kernels are on the grid of these bits."""
    graph = tfc.keras_compat.read(model)
    layers = [
        layer.with_weights(
            {
                "kernel": round_kernel(
                    layer.weight("kernel"),
                    bits,
                    output_axes(layer.kind, layer.weight("kernel").ndim),
                )
            }
        )
        for layer in graph.layers.values()
        if any(weight.path == "kernel" for weight in layer.weights)
    ]
    graph = tfc.graph.rewiring.with_layers(graph, layers)
    return tfc.keras_compat.build(graph, keras=tfc.keras_compat.origin_of(model))


def outputs_of(model, name, x):
    return tfc.keras_compat.tap(model, [name])(x)[1][0].numpy()


def test_two_dense_layers_by_hand(either_keras):
    layers = either_keras.layers
    model = either_keras.Sequential(
        [
            layers.Input((2,)),
            layers.Dense(1, activation="relu", name="a"),
            layers.Dense(1, use_bias=False, name="b"),
        ]
    )
    # At 2 bits the values are -max, 0 and max: 0.4 becomes 0, 0.6 becomes 1.
    model.set_weights([np.array([[1.0], [0.4]]), np.array([0.5]), np.array([[2.0]])])
    x = np.array([[1.0, 1.0], [2.0, 4.0]], np.float32)
    corrected = correct_bias(model, x, bits=2)
    # First layer: the outputs lose 0.4 and 1.6, 1.0 in the mean.
    bias = corrected.get_layer("a").get_weights()[1]
    np.testing.assert_allclose(bias, [1.5], rtol=1e-6)
    # Second layer: nothing is rounded, and what goes in has the right mean again.
    kernel, bias = corrected.get_layer("b").get_weights()
    np.testing.assert_allclose(kernel, [[2.0]])
    np.testing.assert_allclose(bias, [0.0], atol=1e-6)
    np.testing.assert_allclose(corrected.get_layer("a").get_weights()[0][1], [0.4])


def test_means_of_every_layer_are_those_of_the_float_model(trained, digits):
    x = digits[0][0][:100]
    before = [np.array(value) for value in trained.get_weights()]
    corrected = correct_bias(trained, x, bits=3)
    for old, new in zip(before, trained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    names = ("conv1", "conv2", "logits")
    folded = tfc.keras_compat.build(
        tfc.graph.fold_batch_normalization(tfc.keras_compat.read(trained)),
        keras=tfc.keras_compat.origin_of(trained),
    )
    for name in names:
        models = round_kernels(corrected, 3), round_kernels(folded, 3)
        fixed, plain = (outputs_of(model, name, x) for model in models)
        axes = tuple(range(fixed.ndim - 1))
        exact = outputs_of(folded, name, x).mean(axis=axes)
        scale = abs(exact).max()
        np.testing.assert_allclose(fixed.mean(axis=axes), exact, atol=1e-4 * scale)
        assert abs(plain.mean(axis=axes) - exact).max() > 1e-2 * scale
    assert [layer.name for layer in corrected.layers] == [
        layer.name for layer in folded.layers
    ]


def test_rounded_model_is_closer_to_the_float_model(trained, digits):
    x = digits[1][0]
    corrected = correct_bias(trained, digits[0][0], bits=3)
    plain = tfc.quantization.equalize(trained, data=None)
    exact = trained.predict(x, verbose=0)
    errors = [
        np.square(round_kernels(model, 3).predict(x, verbose=0) - exact).mean()
        for model in (corrected, plain)
    ]
    assert errors[0] < errors[1]


def test_forms_of_data_agree(digits):
    keras.utils.set_random_seed(0)
    model = build_classifier(keras)
    x, y = digits[0][0][:48], digits[0][1][:48]
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(20)
    biases = [
        correct_bias(model, data, bits=4).get_layer("logits").get_weights()[1]
        for data in (x, (x, y), dataset, lambda: iter([x[:5], x[5:]]))
    ]
    for other in biases[1:]:
        np.testing.assert_allclose(other, biases[0], rtol=1e-4, atol=1e-6)


def test_only_the_layers_that_are_named(digits):
    keras.utils.set_random_seed(0)
    model = build_classifier(keras)
    model.get_layer("conv2").trainable = False
    corrected = correct_bias(model, digits[0][0][:8], bits=2, layers=["conv*"])
    assert np.any(corrected.get_layer("conv1").get_weights()[1])
    assert np.any(corrected.get_layer("conv2").get_weights()[1])
    assert not np.any(corrected.get_layer("logits").get_weights()[1])
    assert not corrected.get_layer("conv2").trainable
    assert corrected.get_layer("conv1").trainable


def test_shared_nested_separable_transposed_and_several_inputs(either_keras):
    layers = either_keras.layers
    shared = layers.Conv2D(3, 3, padding="same", use_bias=False, name="shared")
    inner_input = either_keras.Input((6, 6, 3))
    inner = either_keras.Model(
        inner_input,
        layers.SeparableConv2D(3, 3, activation="tanh", name="sep")(inner_input),
        name="inner",
    )
    inputs = [either_keras.Input((6, 6, 3)), either_keras.Input((6, 6, 3))]
    both = [inner(layers.ReLU()(shared(tensor))) for tensor in inputs]
    x = layers.Conv2DTranspose(4, 2, strides=2, name="up")(layers.Add()(both))
    model = either_keras.Model(inputs, layers.DepthwiseConv2D(3, name="depth")(x))
    random = np.random.default_rng(0)
    data = [random.uniform(size=(7, 6, 6, 3)).astype(np.float32) for _ in range(2)]
    corrected = correct_bias(model, data, bits=2)
    exact = model.predict(data, verbose=0).mean(axis=(0, 1, 2))
    rounded = round_kernels(corrected, 2).predict(data, verbose=0)
    np.testing.assert_allclose(rounded.mean(axis=(0, 1, 2)), exact, atol=1e-5)

    # The shared layer: its mean over both calls.
    kernel = np.asarray(model.get_layer("shared").get_weights()[0])
    error = round_kernel(kernel, 2, (3,)) - kernel
    moved = [tf.nn.conv2d(x, error, 1, "SAME").numpy() for x in data]
    bias = corrected.get_layer("shared").get_weights()[1]
    np.testing.assert_allclose(bias, -np.mean(moved, axis=(0, 1, 2, 3)), atol=1e-5)


def test_mixed_precision(digits):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, dtype="mixed_float16"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    corrected = correct_bias(model, digits[0][0][:16], bits=2)
    assert corrected.layers[0].compute_dtype == "float16"
    assert np.any(corrected.layers[0].get_weights()[1])


def test_bad_input(digits):
    model = build_classifier(keras)
    x = digits[0][0][:8]
    bad = x.copy()
    bad[3, 0, 0, 0] = np.inf
    with pytest.raises(DataError, match="finite numbers"):
        correct_bias(model, bad)
    with pytest.raises(DataError, match="must fit the inputs"):
        correct_bias(model, x[:, :4])
    with pytest.raises(DataError, match="empty"):
        correct_bias(model, x[:0])
    with pytest.raises(DataError, match="Expected"):
        correct_bias(model, None)
    for bits in (1, 9, 4.0, True):
        with pytest.raises(ArgumentError, match="bits must be"):
            correct_bias(model, x, bits=bits)
    with pytest.raises(ArgumentError, match=r"nearest are \['conv1'"):
        correct_bias(model, x, layers=["conv_1"])
    with pytest.raises(ArgumentError, match="list of names"):
        correct_bias(model, x, layers="conv1")
    with pytest.raises(ArgumentError, match="samples=1.5"):
        correct_bias(model, x, samples=1.5)
    flat = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    with pytest.raises(ModelError, match="no convolution or Dense"):
        correct_bias(flat, x)
