import json

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.graph import Graph, Layer, Node, Tensor, Weight
from tfcompress.measurement import count_weights, profile, summary

KERNEL = np.array([[0.0, 2.0, 0.0], [1.0, 2.0, 0.0]], np.float32)


def residual(module, batch_size=None):
    """A convolutional network with a bypass, whose first kernel is half zeros."""
    layers = module.layers
    inputs = module.Input((6, 6, 2), batch_size=batch_size, name="image")
    x = layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    y = layers.Conv2D(4, 1, use_bias=False, name="pointwise")(y)
    x = layers.Add(name="sum")([x, y])
    x = layers.GlobalAveragePooling2D(name="average")(x)
    model = module.Model(inputs, layers.Dense(3, name="scores")(x), name="residual")
    kernel, bias = model.get_layer("first").get_weights()
    kernel[..., ::2] = 0.0
    # So far from 0 that none is rounded to it.
    kernel[..., 1::2] = np.linspace(0.5, 1.0, 36).reshape(3, 3, 2, 2)
    model.get_layer("first").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def profiled(either_keras):
    return profile(residual(either_keras))


def rows_of(result):
    return {layer.name: layer for layer in result.layers}


def test_weights_and_products(profiled):
    rows = rows_of(profiled)
    first, depthwise = rows["first"], rows["depthwise"]
    assert (first.parameters, first.kernel_parameters) == (72 + 4, 72)
    assert (first.zeros, first.sparsity) == (36, 0.5)
    assert first.multiply_adds == 36 * 72
    assert first.effective_multiply_adds == 36 * 36
    assert depthwise.multiply_adds == depthwise.effective_multiply_adds == 36 * 36
    assert profiled.parameters == 76 + 40 + 16 + 15
    assert profiled.kernel_parameters == 72 + 36 + 16 + 12
    assert profiled.zeros == 36
    assert profiled.sparsity == pytest.approx(36 / 136)
    assert profiled.multiply_adds == 36 * (72 + 36 + 16) + 12
    assert profiled.effective_multiply_adds == 36 * (36 + 36 + 16) + 12


def test_activations_by_hand(profiled):
    """Maps of 6x6 of 4 channels take 576 bytes; that of the bypass waits."""
    alive = {name: row.alive_bytes for name, row in rows_of(profiled).items()}
    image, feature = 6 * 6 * 2 * 4, 6 * 6 * 4 * 4
    assert alive == {
        "first": image + feature,
        "depthwise": 2 * feature,
        "pointwise": 3 * feature,
        "sum": 3 * feature,
        "average": feature + 16,
        "scores": 16 + 12,
    }
    assert profiled.activation_peak == 3 * feature
    assert rows_of(profiled)["first"].activation_bytes == feature


def test_energy_by_hand(profiled):
    """Dense reads 16 bytes, writes 12, and multiplies by 12 of 15 weights."""
    energy = rows_of(profiled)["scores"].energy
    assert energy.arithmetic == pytest.approx(12 * (3.7 + 0.9) * 1e-6)
    assert energy.weights == pytest.approx(15 * 4 * 1300 / 8 * 1e-6)
    assert energy.activations == pytest.approx((16 + 12) * 100 / 8 * 1e-6)
    total = sum(layer.energy.total for layer in profiled.layers)
    assert profiled.energy.total == pytest.approx(total)


def dense(module, kernel, **arguments):
    inputs = module.Input((kernel.shape[0],), **arguments)
    layer = module.layers.Dense(kernel.shape[1], name="dense")
    model = module.Model(inputs, layer(inputs))
    layer.set_weights([kernel, np.ones(kernel.shape[1], np.float32)])
    return model


def test_values_by_hand(either_keras):
    """Three zeros, two twos and a one."""
    result = profile(dense(either_keras, KERNEL))
    expected = -(1 / 2) * np.log2(1 / 2) - (1 / 3) * np.log2(1 / 3)
    expected -= (1 / 6) * np.log2(1 / 6)
    assert (result.zeros, result.unique_values) == (3, 3)
    assert result.entropy_bits == pytest.approx(expected)
    assert result.effective_multiply_adds == 3


def test_values_of_several_kernels(either_keras):
    """The most values of one kernel, and the mean entropy, by size."""
    model = residual(either_keras)
    result = profile(model)
    kernels = [w.numpy() for w in model.weights if w.numpy().ndim > 1]
    bits = [
        scipy.stats.entropy(np.unique(one, return_counts=True)[1], base=2)
        for one in kernels
    ]
    assert result.unique_values == max(np.unique(one).size for one in kernels)
    sizes = [one.size for one in kernels]
    assert result.entropy_bits == pytest.approx(np.average(bits, weights=sizes))


def set_zeros(model, name, share):
    """Sets the first weights of one kernel to zero."""
    values = []
    for variable in model.weights:
        value = variable.numpy()
        if name in (getattr(variable, "path", None) or variable.name):
            flat = value.reshape(-1)
            flat[: round(share * flat.size)] = 0.0
        values.append(value)
    model.set_weights(values)


@pytest.mark.parametrize(
    ("build", "name", "whole", "saved"),
    [
        # 5 positions: 3 taps of 4 channels, then 4 to 6 channels.
        (
            lambda layers: layers.SeparableConv1D(6, 3, padding="same"),
            "pointwise_kernel",
            5 * (3 * 4 + 4 * 6),
            5 * 12,
        ),
        (
            lambda layers: layers.SeparableConv1D(6, 3, padding="same"),
            "depthwise_kernel",
            5 * (3 * 4 + 4 * 6),
            5 * 6,
        ),
        # 5 steps of three gates of 2 units, which see 4 inputs and 2 units.
        (
            lambda layers: layers.GRU(2),
            "recurrent_kernel",
            5 * 3 * 2 * (4 + 2),
            5 * 6,
        ),
        (
            lambda layers: layers.Bidirectional(layers.LSTM(2)),
            "forward",
            2 * 5 * 4 * 2 * (4 + 2),
            5 * (16 + 8),
        ),
        (
            lambda layers: layers.EinsumDense("abc,cd->abd", (5, 6)),
            "kernel",
            5 * 4 * 6,
            5 * 12,
        ),
        (
            lambda layers: layers.TimeDistributed(layers.Dense(6)),
            "kernel",
            5 * 4 * 6,
            5 * 12,
        ),
    ],
)
def test_products_that_zeros_save(either_keras, build, name, whole, saved):
    inputs = either_keras.Input((5, 4))
    model = either_keras.Model(inputs, build(either_keras.layers)(inputs))
    (row,) = profile(model).layers
    assert (row.multiply_adds, row.effective_multiply_adds) == (whole, whole)
    set_zeros(model, name, 0.5)
    (row,) = profile(model).layers
    assert (row.multiply_adds, row.effective_multiply_adds) == (whole, whole - saved)


def test_zeros_of_attention_save_no_products_of_tensors(either_keras):
    """Half the values' kernel: 7 positions of 4 to 2 heads of 3."""
    query, value = either_keras.Input((5, 4)), either_keras.Input((7, 4))
    attention = either_keras.layers.MultiHeadAttention(2, 3, name="attention")
    model = either_keras.Model([query, value], attention(query, value))
    set_zeros(model, "value/kernel", 0.5)
    row = rows_of(profile(model))["attention"]
    assert row.multiply_adds - row.effective_multiply_adds == 7 * 12


def test_shared_layers_and_models_inside(either_keras):
    layers = either_keras.layers
    inner = either_keras.Sequential(
        [either_keras.Input((4,)), layers.Dense(4, name="inner")]
    )
    inputs = either_keras.Input((4,))
    model = either_keras.Model(inputs, inner(inner(inputs)))
    result = profile(model)
    assert result.parameters == 20
    assert result.multiply_adds == 2 * 16
    assert result.energy.weights == pytest.approx(80 * 1300 / 8 * 1e-6)
    set_zeros(model, "kernel", 0.5)
    assert profile(model).effective_multiply_adds == 2 * 8


def test_figures_are_those_of_a_summary(either_keras):
    model = residual(either_keras)
    result, counted = profile(model), summary(model)
    assert result.parameters == counted.parameters
    assert result.multiply_adds == counted.multiply_adds
    assert result.sparsity == counted.sparsity


def test_several_inputs_wait_for_their_turn(either_keras):
    """The second input is there from the start, 40 bytes of it."""
    first, second = either_keras.Input((4,)), either_keras.Input((10,))
    x = either_keras.layers.Dense(6, name="dense")(first)
    x = either_keras.layers.Concatenate(name="both")([x, second])
    rows = rows_of(profile(either_keras.Model([first, second], x)))
    assert rows["dense"].alive_bytes == 4 * (4 + 6 + 10)
    assert rows["both"].alive_bytes == 4 * (6 + 10 + 16)


def test_a_graph_without_shapes():
    graph = Graph(
        name="plain",
        layers={
            "x": Layer("x", "InputLayer", {"batch_shape": (None, 2)}),
            "dense": Layer(
                "dense",
                "Dense",
                {"units": 3, "use_bias": False},
                (Weight("kernel", KERNEL),),
            ),
        },
        nodes=(Node("x", "x"), Node("dense", "dense", (Tensor("x"),))),
        inputs=Tensor("x"),
        outputs=Tensor("dense"),
    )
    for result in (profile(graph), profile(keras_compat.read(dense(keras, KERNEL)))):
        assert (result.multiply_adds, result.effective_multiply_adds) == (6, 3)
        assert result.activation_peak == 4 * (2 + 3)


@pytest.fixture(scope="module")
def files(make_file):
    model = residual(keras, 1)
    images = np.random.default_rng(0).uniform(-1, 1, (8, 6, 6, 2)).astype(np.float32)
    return {
        "float32": make_file(model, "p32"),
        "four": make_file(residual(keras, 4), "p4"),
        "int8": make_file(model, "p8", samples=images, stored=tf.int8),
    }


@pytest.mark.parametrize("name", ["float32", "four", "int8"])
def test_a_file_costs_what_its_model_does(files, name):
    """The map of the first convolution waits for the sum; a number takes `size`."""
    size = 1 if name == "int8" else 4
    result = profile(files[name])
    expected = profile(residual(keras))
    assert result.multiply_adds == expected.multiply_adds
    assert result.kernel_parameters == expected.kernel_parameters
    assert result.activation_peak == 3 * 6 * 6 * 4 * size
    counted = count_weights(files[name])
    assert (result.parameters, result.zeros) == (counted.parameters, counted.zeros)
    first = result.layers[0]
    assert (first.kind, first.zeros) == ("CONV_2D", 36)
    assert first.effective_multiply_adds == 36 * 36
    picojoules = 0.3 if name == "int8" else 4.6
    assert result.energy.arithmetic == pytest.approx(
        result.multiply_adds * picojoules * 1e-6
    )


def test_values_of_a_quantized_kernel_are_those_stored(make_file):
    """In steps of 2 / 127: three times 0, twice 127, and once 64 or 63."""
    model = dense(keras, KERNEL.T.copy(), batch_size=1)
    samples = np.eye(3, dtype=np.float32)
    result = profile(make_file(model, "stored", samples=samples, stored=tf.int8))
    assert (result.zeros, result.unique_values) == (3, 3)
    assert result.entropy_bits == pytest.approx(scipy.stats.entropy([3, 2, 1], base=2))


def test_float16_weights_are_read_as_halves(make_file, tmp_path):
    converter = tf.lite.TFLiteConverter.from_keras_model(residual(keras, 1))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    path = tmp_path / "half.tflite"
    path.write_bytes(converter.convert())
    half, whole = profile(path), profile(make_file(residual(keras, 1), "whole"))
    assert half.energy.weights == pytest.approx(whole.energy.weights / 2)
    assert half.energy.arithmetic == pytest.approx(whole.energy.arithmetic)
    assert "DEQUANTIZE" not in [layer.kind for layer in half.layers]


def test_sparse_encoding_changes_bytes_alone(make_file):
    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(64, 64)).astype(np.float32)
    kernel[generator.uniform(size=kernel.shape) < 0.9] = 0.0
    model = dense(keras, kernel, batch_size=1)
    plain = profile(make_file(model, "plain_kernel"))
    sparse = profile(
        make_file(
            model,
            "sparse_kernel",
            optimizations=[tf.lite.Optimize.EXPERIMENTAL_SPARSITY],
        )
    )
    nonzero = int(np.count_nonzero(kernel))
    for result in (plain, sparse):
        assert result.zeros == kernel.size - nonzero
        assert result.unique_values == nonzero + 1
        assert result.effective_multiply_adds == nonzero
        counts = [kernel.size - nonzero, *[1] * nonzero]
        assert result.entropy_bits == pytest.approx(scipy.stats.entropy(counts, base=2))
    assert sparse.energy.weights < plain.energy.weights


def test_loops_are_alive_while_their_bodies_run(make_file):
    inputs = keras.Input((5, 3), batch_size=1)
    path = make_file(keras.Model(inputs, keras.layers.GRU(4)(inputs)), "gru_alive")
    result = profile(path)
    (loop,) = [layer for layer in result.layers if layer.kind == "WHILE"]
    body = result.layers[result.layers.index(loop) + 1 :]
    assert result.activation_peak == loop.alive_bytes
    assert loop.alive_bytes > max(layer.alive_bytes for layer in body)
    assert "one step" in result.describe()


def test_it_prints_itself(profiled, tmp_path):
    text = str(profiled)
    for part in ("pointwise", "1,728", "26.5%", "Horowitz", "microjoules"):
        assert part in text
    assert "| total |  | 147 | 26.5% |" in profiled.to_markdown()
    values = json.loads(profiled.to_json(tmp_path / "profile.json"))
    assert values["activation_peak"] == 1728
    assert values["layers"][0]["name"] == "first"
    assert json.loads((tmp_path / "profile.json").read_text()) == values


def test_what_is_no_model(tmp_path):
    with pytest.raises(ArgumentError, match=r"Received: builtins\.int"):
        profile(3)
    with pytest.raises(ModelError, match=r"none\.tflite"):
        profile(tmp_path / "none.tflite")
    path = tmp_path / "damaged.tflite"
    path.write_bytes(b"no file of this kind")
    with pytest.raises(ModelError, match=r"damaged\.tflite"):
        profile(path)
