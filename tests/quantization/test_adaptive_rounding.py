"""Learned rounding, against nearest rounding, brute force and the file."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import tfcompress as tfc
from tests.models import build_classifier, tf_keras_is_slow
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.quantization import adapt_rounding
from tfcompress.quantization.kernel_grid import grid_scale, output_axes, round_kernel
from tfcompress.quantization.rounding_optimization import (
    LayerSamples,
    inverse_rectified_sigmoid,
    learn_rounding,
    rectified_sigmoid,
)


def kernels_of(model):
    """Returns kind and kernel of each layer that has one."""
    return {
        layer.name: (layer.kind, layer.weight("kernel"))
        for layer in tfc.graph.graph.distinct_layers(tfc.keras_compat.read(model))
        if any(weight.path == "kernel" for weight in layer.weights)
    }


def round_kernels(model, bits):
    """Returns a flat model, normalization folded, with kernels rounded to nearest."""
    graph = tfc.graph.fold_batch_normalization(tfc.keras_compat.read(model))
    rounded = [
        layer.with_weights(
            {"kernel": nearest(layer.kind, layer.weight("kernel"), bits)}
        )
        for layer in graph.layers.values()
        if any(weight.path == "kernel" for weight in layer.weights)
    ]
    graph = tfc.graph.rewiring.with_layers(graph, rounded)
    return tfc.keras_compat.build(graph, keras=tfc.keras_compat.origin_of(model))


def nearest(kind, kernel, bits):
    return round_kernel(kernel, bits, output_axes(kind, kernel.ndim))


def check_on_grid(model, bits, names=None):
    for name, (kind, kernel) in kernels_of(model).items():
        if names is None or name in names:
            np.testing.assert_array_equal(nearest(kind, kernel, bits), kernel)


def test_rectified_sigmoid_reaches_both_ends():
    x = np.array([-5.0, -1.0, 0.0, 5.0])
    shares = rectified_sigmoid(tf.constant(x)).numpy()
    sigmoid = 1 / (1 + np.exp(1.0))
    np.testing.assert_allclose(shares, [0.0, 1.2 * sigmoid - 0.1, 0.5, 1.0])
    start = np.array([0.0, 0.3, 0.99])
    back = rectified_sigmoid(tf.constant(inverse_rectified_sigmoid(start))).numpy()
    np.testing.assert_allclose(back, start, atol=1e-9)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_nearly_as_good_as_trying_every_rounding(activation):
    random = np.random.default_rng(0)
    # Inputs that go together, so that errors of weights add up or cancel.
    common, own = random.normal(size=(500, 1)), random.normal(size=(500, 9))
    rows = np.maximum(common + 0.3 * own, 0.0)
    matrix, bias = random.normal(size=(9, 8)), 0.2 * random.normal(size=8)
    targets = rows @ matrix
    samples = LayerSamples(
        rows[:, np.newaxis], targets[:, np.newaxis], bias[np.newaxis], activation
    )
    learned = learn_rounding(matrix[np.newaxis], samples, bits=3, steps=1000, seed=0)

    def errors(values, output):
        made, wanted = rows @ values + bias[output], targets[:, output] + bias[output]
        if activation == "relu":
            made, wanted = np.maximum(made, 0.0), np.maximum(wanted, 0.0)
        return np.square(made - wanted[:, np.newaxis]).mean(axis=0)

    ups = np.array(list(itertools.product([0, 1], repeat=9))).T
    best, found, plain = np.zeros(8), np.zeros(8), np.zeros(8)
    for output in range(8):
        column = matrix[:, output, np.newaxis]
        scale = abs(column).max() / 3
        every = np.clip(np.floor(column / scale) + ups, -3, 3) * scale
        best[output] = errors(every, output).min()
        found[output] = errors(learned[0, :, [output]].T, output)[0]
        plain[output] = errors(np.rint(column / scale) * scale, output)[0]
    assert (found <= plain * (1 + 1e-6)).all()
    assert found.sum() - best.sum() < 0.1 * (plain.sum() - best.sum())


def test_largest_weight_stays_and_all_move_less_than_a_step():
    random = np.random.default_rng(1)
    matrix = random.normal(size=(3, 20, 4)).astype(np.float32)
    matrix[0, :, 0] = 0.0
    rows = random.normal(1.0, 1.0, size=(100, 3, 20))
    targets = np.einsum("ngk,gko->ngo", rows, matrix)
    samples = LayerSamples(rows, targets, np.zeros((3, 4)), "linear")
    learned = learn_rounding(matrix, samples, bits=4, steps=100, seed=0)
    scale = grid_scale(matrix, 4, (0, 2))
    assert (abs(learned - matrix) < scale * (1 + 1e-6)).all()
    np.testing.assert_allclose(grid_scale(learned, 4, (0, 2)), scale, rtol=1e-6)
    assert not learned[0, :, 0].any()


@pytest.fixture(scope="module")
def four_bits(trained, digits):
    """The trained model with learned rounding to 4 bits."""
    return adapt_rounding(trained, digits[0], bits=4, steps=500)


@tf_keras_is_slow
def test_outputs_come_closer_than_with_nearest_rounding(
    trained, four_bits, either_keras, digits
):
    assert isinstance(four_bits, either_keras.Model)
    x = digits[1][0]
    exact = trained.predict(x, verbose=0)
    plain = round_kernels(trained, 4)
    errors = [
        np.square(model.predict(x, verbose=0) - exact).mean()
        for model in (four_bits, plain)
    ]
    assert errors[0] < 0.5 * errors[1]
    check_on_grid(four_bits, 4)
    names = [layer.name for layer in plain.layers]
    assert [layer.name for layer in four_bits.layers] == names


def test_accuracy_at_two_bits(trained, digits):
    before = [np.array(value) for value in trained.get_weights()]
    learned = adapt_rounding(trained, digits[0], bits=2, steps=500)
    for old, new in zip(before, trained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    x, y = digits[1]
    accuracies = [
        float((model.predict(x, verbose=0).argmax(axis=-1) == y).mean())
        for model in (trained, learned, round_kernels(trained, 2))
    ]
    assert accuracies[1] > accuracies[0] - 0.1
    assert accuracies[1] > accuracies[2] + 0.1
    check_on_grid(learned, 2)


def test_the_file_holds_these_weights(digits, tmp_path):
    keras.utils.set_random_seed(0)
    model = build_classifier(keras)
    x = digits[0][0][:64]
    learned = adapt_rounding(model, x, steps=100)
    path = tmp_path / "model.tflite"
    tfc.export.to_tflite(learned, path, target="cpu_int8", representative_data=x)
    interpreter = Interpreter(str(path), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    found = {}
    for detail in interpreter.get_tensor_details():
        scales = detail["quantization_parameters"]["scales"]
        if detail["dtype"] == np.int8 and len(detail["shape"]) in (2, 4):
            values = interpreter.get_tensor(detail["index"]).astype(np.float32)
            found[values.shape] = values, scales
    for _, kernel in kernels_of(learned).values():
        outputs_first = np.moveaxis(kernel, -1, 0)
        values, scales = found[outputs_first.shape]
        shape = (-1, *[1] * (kernel.ndim - 1))
        step = abs(outputs_first).reshape(len(kernel.T), -1).max(axis=1) / 127
        expected = np.rint(outputs_first / step.reshape(shape))
        np.testing.assert_allclose(scales, step, rtol=1e-5)
        np.testing.assert_array_equal(values, expected)


def test_every_kind_shared_and_nested(either_keras):
    layers = either_keras.layers
    shared = layers.Conv2D(4, 3, padding="same", use_bias=False, name="shared")
    inner_input = either_keras.Input((6, 6, 4))
    x = layers.SeparableConv2D(4, 3, activation="tanh", name="sep")(inner_input)
    inner = either_keras.Model(inner_input, x, name="inner")
    inputs = {name: either_keras.Input((6, 6, 4), name=name) for name in "ab"}
    both = [inner(layers.ReLU(6.0)(shared(tensor))) for tensor in inputs.values()]
    x = layers.Conv2DTranspose(4, 2, name="up")(layers.Add()(both))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth")(x)
    x = layers.Reshape((9, 8))(x)
    x = layers.DepthwiseConv1D(2, name="steps")(x)
    x = layers.Conv1D(8, 3, groups=2, padding="causal", name="causal")(x)
    x = layers.Dense(3, activation="softmax", name="each")(x)
    model = either_keras.Model(inputs, x)
    model.get_layer("depth").trainable = False
    random = np.random.default_rng(0)
    data = {
        name: random.uniform(size=(40, 6, 6, 4)).astype(np.float32) for name in "ab"
    }
    learned = adapt_rounding(model, data, bits=3, steps=60)
    rounded = {"shared", "sep_depthwise", "sep", "depth", "steps", "causal", "each"}
    check_on_grid(learned, 3, rounded)
    kernels = kernels_of(learned)
    assert set(kernels) == {*rounded, "up"}
    np.testing.assert_array_equal(kernels["up"][1], kernels_of(model)["up"][1])
    assert not learned.get_layer("depth").trainable
    assert learned.get_layer("causal").trainable


def test_the_same_seed_gives_the_same_weights(digits):
    keras.utils.set_random_seed(0)
    model = build_classifier(keras)
    x, y = digits[0][0][:32], digits[0][1][:32]
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    first, second = (
        adapt_rounding(model, data, bits=3, steps=20, seed=7) for data in (x, dataset)
    )
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_the_layers_that_are_named(digits):
    keras.utils.set_random_seed(0)
    model = build_classifier(keras)
    learned = adapt_rounding(
        model, digits[0][0][:32], bits=3, steps=20, layers=["conv2"]
    )
    check_on_grid(learned, 3, ["conv2"])
    before, after = kernels_of(model), kernels_of(learned)
    np.testing.assert_array_equal(after["logits"][1], before["logits"][1])


def test_bad_input(digits):
    model = build_classifier(keras)
    x = digits[0][0][:8]
    bad = x.copy()
    bad[3, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="finite numbers"):
        adapt_rounding(model, bad)
    with pytest.raises(DataError, match="must fit the inputs"):
        adapt_rounding(model, x[:, :4])
    with pytest.raises(DataError, match="empty"):
        adapt_rounding(model, x[:0])
    with pytest.raises(ArgumentError, match="bits must be"):
        adapt_rounding(model, x, bits=16)
    for steps in (0, -1, 1.5, True):
        with pytest.raises(ArgumentError, match="steps must be"):
            adapt_rounding(model, x, steps=steps)
    with pytest.raises(ArgumentError, match="seed must be"):
        adapt_rounding(model, x, seed=None)
    with pytest.raises(ArgumentError, match="nearest are"):
        adapt_rounding(model, x, layers=["logit"])
    up = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2DTranspose(2, 2)])
    with pytest.raises(ModelError, match="rounding can be learned"):
        adapt_rounding(up, x)
