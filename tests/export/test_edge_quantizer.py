import subprocess
import sys

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress.export.conversion.named_conversion import convert_named
from tfcompress.export.conversion.signature import read_signature
from tfcompress.export.layer_operations import list_layer_operations
from tfcompress.export.quantizer.edge_quantizer import quantize_file
from tfcompress.export.quantizer.integer_limits import fit_ranges
from tfcompress.export.quantizer.number_format import NumberFormat
from tfcompress.export.quantizer.ranges import read_ranges
from tfcompress.measurement import LiteRTModel

INT8 = NumberFormat("int8", "int8")
DYNAMIC = NumberFormat("int8", "dynamic")


def build_network(keras_module):
    """A shared layer, names that begin alike, a model inside, two layers at the end."""
    layers = keras_module.layers
    shared = layers.Conv2D(4, 3, name="conv", padding="same")
    inner = keras_module.Sequential(
        [keras_module.Input((8, 8, 4)), layers.Conv2D(4, 3, name="conv_1")],
        name="inner",
    )
    image = keras_module.Input((8, 8, 4), name="image")
    x = inner(shared(shared(image)))
    x = layers.DepthwiseConv2D(3, name="conv_10")(x)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.Dense(3, name="head")(layers.Flatten(name="flat")(x))
    outputs = layers.ReLU(name="last")(x)
    return keras_module.Model(image, outputs, name="network")


@pytest.fixture(scope="module", params=[keras, tf_keras], ids=["keras", "tf_keras"])
def network(request):
    request.param.utils.set_random_seed(0)
    return build_network(request.param)


@pytest.fixture(scope="module")
def content(network):
    return convert_named(network, read_signature(network, 1))


@pytest.fixture(scope="module")
def samples():
    generator = np.random.default_rng(0)
    return {"image": generator.random((20, 8, 8, 4)).astype(np.float32)}


def with_kernels(content):
    return {
        operation.layers[0]: operation
        for operation in list_layer_operations(content)
        if operation.weights is not None
    }


def run(content, samples, folder):
    path = folder / "file.tflite"
    path.write_bytes(content)
    return LiteRTModel(path).predict(samples)


def test_each_operation_has_the_name_of_its_layer(content):
    owners = [
        operation.layers[0]
        for operation in list_layer_operations(content)
        if operation.weights is not None
    ]
    assert owners == ["conv", "conv", "conv_1", "conv_10", "head"]


def test_named_file_does_what_the_model_does(network, content, samples, tmp_path):
    expected = np.asarray(network(samples["image"], training=False))
    np.testing.assert_allclose(run(content, samples, tmp_path), expected, atol=1e-5)


def test_a_layer_alone_has_its_own_format(content):
    quantized = quantize_file(
        content, DYNAMIC, layers={"conv_1": NumberFormat("float32", "float32")}
    )
    stored = {
        name: operation.weights for name, operation in with_kernels(quantized).items()
    }
    assert stored == {
        "conv": "int8",
        "conv_1": "float32",
        "conv_10": "int8",
        "head": "int8",
    }


def test_depthwise_convolutions_compute_in_float_where_ranges_are_not_known(content):
    operations = with_kernels(quantize_file(content, DYNAMIC))
    assert operations["conv"].activations == "dynamic int8"
    assert operations["conv_10"].activations == "float32"


def test_ranges_are_the_least_and_largest_numbers(network, content, samples):
    ranges = read_ranges(content, samples)
    low, high = ranges["serving_default_image:0"]
    assert low == samples["image"].min()
    assert high == samples["image"].max()
    outputs = np.asarray(network(samples["image"], training=False))
    name = next(name for name in ranges if name.startswith("network/head/output"))
    np.testing.assert_allclose(ranges[name], (outputs.min(), outputs.max()), atol=1e-5)


def test_mixed_formats_in_a_full_integer_file(content, samples, tmp_path):
    quantized = quantize_file(
        content,
        INT8,
        layers={
            "conv_1": NumberFormat("int4", "int8"),
            "head": NumberFormat("float32", "float32"),
        },
        ranges=read_ranges(content, samples),
        float_inputs_and_outputs=False,
    )
    operations = with_kernels(quantized)
    assert (operations["conv"].weights, operations["conv"].activations) == (
        "int8",
        "int8",
    )
    assert operations["conv_1"].weights == "int4"
    assert operations["head"].activations == "float32"
    error = run(quantized, samples, tmp_path) - run(content, samples, tmp_path)
    assert np.abs(error).max() < 0.3


@pytest.mark.parametrize("activations", ["int8", "int16"])
def test_a_bias_fits_where_a_channel_has_no_weights(activations, samples, tmp_path):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 4), name="image")
    x = keras.layers.Conv2D(3, 3, name="conv")(image)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    kernel, _ = model.get_layer("conv").get_weights()
    kernel[..., 1] = 0.0
    model.get_layer("conv").set_weights([kernel, np.array([0.1, 2.0, -0.1])])
    content = convert_named(model, read_signature(model, 1))
    quantized = quantize_file(
        content,
        NumberFormat("int8", activations),
        ranges=read_ranges(content, samples),
    )
    np.testing.assert_allclose(run(quantized, samples, tmp_path)[:, 1], 2.0, atol=0.02)


def test_a_layer_that_gives_zeros_alone(samples, tmp_path):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 4), name="image")
    x = keras.layers.Flatten()(image)
    dead = keras.layers.Dense(5, activation="relu", name="dead")
    model = keras.Model(image, keras.layers.Dense(2, name="head")(dead(x)))
    dead.set_weights([dead.get_weights()[0], np.full(5, -50.0)])
    head = model.get_layer("head")
    head.set_weights([head.get_weights()[0], np.array([1.0, -2.0])])
    content = convert_named(model, read_signature(model, 1))
    quantized = quantize_file(content, INT8, ranges=read_ranges(content, samples))
    outputs = run(quantized, samples, tmp_path)
    np.testing.assert_allclose(outputs, np.tile([1.0, -2.0], (20, 1)), atol=0.02)


def test_ranges_that_are_wide_enough_stay(content, samples):
    ranges = read_ranges(content, samples)
    fitted, kernels = fit_ranges(content, ranges, "int8")
    assert kernels == {}
    assert {
        name: (min(low, 0), max(high, 0)) for name, (low, high) in ranges.items()
    } == (fitted)


def test_nothing_is_printed(content, samples, capfd):
    ranges = read_ranges(content, samples)
    quantize_file(content, INT8, ranges=ranges)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "%|" not in captured.err


def test_import_is_lazy():
    code = (
        "import sys, tfcompress.quantization\n"
        "import tfcompress.export.quantizer.edge_quantizer\n"
        "assert not any(name.startswith('ai_edge_quantizer') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
