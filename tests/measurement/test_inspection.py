import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_quantizer import quantizer, recipe
from rich.console import Console

from tests.measurement.conftest import BIAS, KERNEL, convert, dense
from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.measurement import count_weights, inspect, size, summary


def small_network():
    layers = keras.layers
    inputs = keras.Input((8, 8, 4), batch_size=1, name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="conv")(inputs)
    x = layers.Flatten(name="flat")(layers.MaxPooling2D(name="pool")(x))
    return keras.Model(inputs, layers.Dense(16, name="scores")(x), name="small")


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return small_network()


@pytest.fixture(scope="module")
def files(tmp_path_factory, network):
    """The network as files of several ways to store weights."""
    folder = tmp_path_factory.mktemp("inspected")
    data = np.random.default_rng(0).random((4, 8, 8, 4)).astype(np.float32)
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    contents = {
        "float32": convert(network),
        "float16": converter.convert(),
        "int8": convert(network, samples=data, stored=tf.int8),
    }
    paths = {name: folder / f"{name}.tflite" for name in [*contents, "int4", "blocks"]}
    for name, content in contents.items():
        paths[name].write_bytes(content)
    recipes = {
        "int4": recipe.dynamic_wi4_afp32(),
        "blocks": recipe.dynamic_wi4b32_afp32(),
    }
    for name, chosen in recipes.items():
        tool = quantizer.Quantizer(str(paths["float32"]))
        tool.load_quantization_recipe(chosen)
        content = tool.quantize().quantized_model
        paths[name].write_bytes(bytes(content))
    return paths


def find(inspection, kind):
    (row,) = [layer for layer in inspection.layers if layer.kind == kind]
    return row


def test_dense_layer_by_hand(dense_files):
    (row,) = inspect(dense_files["fixed"]).layers
    assert row.name.startswith("d")
    assert row.kind == "FULLY_CONNECTED"
    assert row.shape == (1, 3)
    assert (row.dtype, row.bits, row.granularity) == ("float32", 32, None)
    assert (row.parameters, row.kernel_parameters) == (9, 6)
    assert row.zeros == np.count_nonzero(KERNEL == 0) == 1
    assert row.bytes == KERNEL.nbytes + BIAS.nbytes
    assert row.multiply_adds == 6
    assert row.sparsity == 1 / 6
    assert not row.sparse


def test_free_batch_is_open(dense_files):
    inspection = inspect(dense_files["free"])
    assert [tensor.shape for tensor in inspection.inputs] == [(None, 2)]
    assert [tensor.shape for tensor in inspection.outputs] == [(None, 3)]
    assert inspection.layers[0].shape[-1] == 3


# Dtype, bits and granularity of CONV_2D and FULLY_CONNECTED.
STORED = {
    "float32": [("float32", 32, None), ("float32", 32, None)],
    "float16": [("float16", 16, None), ("float16", 16, None)],
    "int8": [("int8", 8, "per channel"), ("int8", 8, "per channel")],
    "int4": [("int4", 4, "per channel"), ("int4", 4, "per channel")],
    "blocks": [("float32", 32, None), ("int4", 4, "per group")],
}


@pytest.mark.parametrize("name", STORED)
def test_how_weights_are_stored(files, name):
    inspection = inspect(files[name])
    rows = [find(inspection, kind) for kind in ("CONV_2D", "FULLY_CONNECTED")]
    assert [(row.dtype, row.bits, row.granularity) for row in rows] == STORED[name]
    assert [row.kernel_parameters for row in rows] == [3 * 3 * 4 * 8, 128 * 16]
    assert [row.multiply_adds for row in rows] == [8 * 8 * 3 * 3 * 4 * 8, 128 * 16]
    assert rows[0].name.startswith("conv")
    assert rows[1].name.startswith("scores")


@pytest.mark.parametrize("name", STORED)
def test_totals_are_those_of_other_measurements(files, network, name):
    inspection = inspect(files[name])
    weights = count_weights(files[name])
    assert inspection.parameters == weights.parameters
    assert inspection.kernel_parameters == weights.kernel_parameters
    assert inspection.zeros == weights.zeros
    assert inspection.sparsity == weights.sparsity
    assert inspection.bytes == size(files[name]).bytes
    assert inspection.multiply_adds == summary(network).multiply_adds
    assert inspection.weight_bytes < inspection.bytes


def test_bytes_count_scales_and_positions(files, tmp_path):
    convolution = find(inspect(files["int8"]), "CONV_2D")
    # A byte a weight, four a bias; for each channel of both a scale and a zero point.
    assert convolution.bytes == 288 + 4 * 8 + 2 * 8 * (4 + 8)
    # Half a byte a weight, and a float bias if the converter left one.
    kernel = 288 // 2 + 8 * (4 + 8)
    assert find(inspect(files["int4"]), "CONV_2D").bytes - kernel in (0, 8 * 4)


def test_sparse_encoding_is_marked(tmp_path):
    inputs = keras.Input((32,), batch_size=1)
    model = keras.Model(inputs, keras.layers.Dense(16, use_bias=False)(inputs))
    kernel = np.zeros((32, 16), np.float32)
    kernel[3, ::2] = 1.0
    model.set_weights([kernel])
    path = tmp_path / "sparse.tflite"
    sparse = tf.lite.Optimize.EXPERIMENTAL_SPARSITY
    path.write_bytes(convert(model, optimizations=[sparse]))
    (row,) = inspect(path).layers
    assert row.sparse
    assert (row.parameters, row.zeros) == (512, 512 - 8)
    # Eight numbers and, at the least, a byte for the place of each.
    assert 8 * 4 + 8 <= row.bytes < 512
    assert "float32 sparse" in str(inspect(path))


def test_inputs_outputs_and_operations(dense_files, files):
    inspection = inspect(dense_files["int8"])
    (given,), (gotten,) = inspection.inputs, inspection.outputs
    assert given.name == "x"
    assert given.dtype == gotten.dtype == np.int8
    assert given.scale > 0.0
    assert -128 <= given.zero_point <= 127
    assert inspection.signatures[0].name == "serving_default"
    assert inspection.operations == {"FULLY_CONNECTED int8": 1}
    assert inspect(files["int8"]).operations["CONV_2D int8"] == 1
    assert inspection.metadata["min_runtime_version"]


def test_loops_are_counted_for_one_step(make_file):
    model = keras.Sequential([keras.Input((7, 3), batch_size=1), keras.layers.GRU(5)])
    inspection = inspect(make_file(model, "gru"))
    assert inspection.multiply_adds == (3 + 5) * 15
    assert any("one step" in note for note in inspection.notes)
    weights = count_weights(make_file(model, "gru"))
    assert inspection.parameters == weights.parameters


def test_table_of_both_widths(files):
    inspection = inspect(files["int8"])
    text = str(inspection)
    for word in ("granularity", "bits", "per channel", "CONV_2D", "zeros", "total"):
        assert word in text
    for width in (80, 130):
        console = Console(width=width, color_system=None)
        with console.capture() as capture:
            console.print(inspection)
        lines = capture.get().splitlines()
        assert max(map(len, lines)) <= width
        assert any("per channel" in line for line in lines)
        assert any("18,432" in line for line in lines)


def test_markdown_and_json(files, tmp_path):
    inspection = inspect(files["float16"])
    lines = inspection.to_markdown().splitlines()
    assert lines[0].startswith("| layer | kind | shape | dtype | bits | granularity")
    values = json.loads(inspection.to_json(tmp_path / "found.json"))
    assert values == json.loads((tmp_path / "found.json").read_text())
    assert values["layers"][0]["dtype"] == "float16"
    assert values["parameters"] == inspection.parameters
    assert values["multiply_adds"] == inspection.multiply_adds


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_keras_model(either_keras, tmp_path, suffix):
    layers = either_keras.layers
    inputs = either_keras.Input((6, 6, 2), name="image")
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    outputs = layers.Dense(3, name="scores")(layers.Flatten(name="flat")(x))
    model = either_keras.Model(inputs, outputs, name="small")
    kernel, bias = model.get_layer("scores").get_weights()
    kernel[::4] = 0.0
    model.get_layer("scores").set_weights([kernel, bias])
    path = tmp_path / f"model{suffix}"
    model.save(path)
    before = path.read_bytes()
    inspection = inspect(path)
    assert path.read_bytes() == before
    assert [layer.name for layer in inspection.layers] == [
        *("conv", "norm", "flat", "scores")
    ]
    convolution, norm, _, scores = inspection.layers
    assert convolution.shape == (None, 4, 4, 4)
    assert convolution.multiply_adds == 4 * 4 * 3 * 3 * 2 * 4
    assert (convolution.dtype, convolution.bits) == ("float32", 32)
    assert (norm.parameters, norm.zeros, norm.kernel_parameters) == (16, 0, 0)
    assert (scores.parameters, scores.zeros) == (64 * 3 + 3, 16 * 3)
    assert scores.bytes == 4 * scores.parameters
    assert inspection.parameters == model.count_params()
    assert [tensor.name for tensor in inspection.inputs] == ["image"]
    assert str(inspection)


def test_quantized_by_keras(tmp_path):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    model.quantize("int8")
    model.save(tmp_path / "int8.keras")
    (row,) = inspect(tmp_path / "int8.keras").layers
    assert (row.dtype, row.bits, row.granularity) == ("int8", 8, "per channel")


def test_model_being_quantized(tmp_path):
    from tfcompress.quantization import QuantizationAwareTraining

    path = tmp_path / "aware.keras"
    QuantizationAwareTraining().apply(dense()).save(path)
    row = find(inspect(path), "RoundedLayer(Dense)")
    assert (row.bits, row.granularity) == (8, "per channel")


def test_files_of_tflite_need_no_tensorflow(dense_files):
    code = (
        "import sys; from tfcompress.measurement import inspect\n"
        "str(inspect(sys.argv[1]))\n"
        "assert not {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(dense_files["int8"])],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_kind_is_told_by_content_where_the_name_does_not(tmp_path, dense_files):
    path = tmp_path / "model.bin"
    path.write_bytes(dense_files["fixed"].read_bytes())
    assert len(inspect(path).layers) == 1
    path.write_text("no model")
    with pytest.raises(ModelError, match="none of them"):
        inspect(path)
    with pytest.raises(ModelError, match="No such file"):
        inspect(tmp_path / "none.bin")


def test_several_inputs_and_outputs(make_file):
    tf_keras = keras_compat.tf_keras()
    first, second = (tf_keras.Input((3,), batch_size=1, name=name) for name in "ab")
    outputs = [
        tf_keras.layers.Dense(2, name="p")(first),
        tf_keras.layers.Dense(4, name="q")(second),
    ]
    inspection = inspect(make_file(tf_keras.Model([first, second], outputs), "two"))
    assert sorted(tensor.name for tensor in inspection.inputs) == ["a", "b"]
    assert sorted(tensor.shape for tensor in inspection.outputs) == [(1, 2), (1, 4)]
