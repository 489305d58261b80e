import flatbuffers
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from ai_edge_litert import schema_py_generated as schema

from tfcompress.measurement import WeightCount, count_weights
from tfcompress.measurement.cost.constants import read_constants


def prune(model, share):
    """Sets this share of each kernel to zero, the smallest weights first."""
    for layer_number, layer in enumerate(model.layers):
        weights = layer.get_weights()
        for number, weight in enumerate(weights):
            if weight.ndim >= 2:
                threshold = np.quantile(np.abs(weight), share)
                weights[number] = np.where(np.abs(weight) < threshold, 0.0, weight)
            else:
                # Equal constants would be stored once.
                weights[number] = layer_number + np.arange(weight.size) / 8 + 1
        layer.set_weights(weights)
    return model


def network(library=keras):
    """Convolution 5*5*2*8 + 8, depthwise 5*5*8 + 8, dense 200*10 + 10."""
    library.utils.set_random_seed(3)
    inputs = library.Input((9, 9, 2), batch_size=1)
    x = library.layers.Conv2D(8, 5, activation="relu")(inputs)
    x = library.layers.DepthwiseConv2D(5, padding="same", activation="relu")(x)
    x = library.layers.Flatten()(x)
    return library.Model(inputs, library.layers.Dense(10)(x))


KERNELS = 5 * 5 * 2 * 8 + 5 * 5 * 8 + 200 * 10
BIASES = 8 + 8 + 10


@pytest.fixture(scope="module")
def images():
    generator = np.random.default_rng(0)
    return generator.uniform(-1, 1, (20, 9, 9, 2)).astype(np.float32)


@pytest.mark.parametrize("library", [keras, tf_keras])
def test_keras_models(library):
    counted = count_weights(prune(network(library), 0.8))
    zeros = int(0.8 * 400) + int(0.8 * 200) + int(0.8 * 2000)
    assert counted == WeightCount(KERNELS + BIASES, KERNELS, zeros)
    assert counted.sparsity == pytest.approx(0.8)


@pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_biases_of_two_axes_are_no_kernels(library):
    inputs = library.Input((5, 4))
    x = library.layers.GRU(3, return_sequences=True)(inputs)
    x = library.layers.MultiHeadAttention(2, 3)(x, x)
    model = library.Model(inputs, x)
    # GRU: 4*9 and 3*9, bias (2, 9). Attention: 3 times 3*2*3 with bias (2, 3), and
    # 2*3*3 with bias (3,).
    counts = count_weights(model)
    assert counts.kernel_parameters == 36 + 27 + 4 * 18
    assert counts.parameters == counts.kernel_parameters + 18 + 3 * 6 + 3
    assert counts.zeros == 0


def test_whole_number_variables_are_no_weights():
    inputs = keras.Input((2,))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(3)(inputs))
    x = keras.layers.BatchNormalization()(x)
    counted = count_weights(keras.Model(inputs, x))
    assert (counted.parameters, counted.kernel_parameters) == (2 * 3 + 3 + 4 * 3, 6)


def test_float_file(make_file):
    counted = count_weights(make_file(prune(network(), 0.8), "float"))
    assert counted.parameters == KERNELS + BIASES
    assert counted.sparsity == pytest.approx(0.8, abs=0.001)


def test_file_without_zeros(make_file):
    counted = count_weights(make_file(prune(network(), 0.0), "whole"))
    assert (counted.parameters, counted.zeros) == (KERNELS + BIASES, 0)


def test_half_precision_file(tmp_path):
    converter = tf.lite.TFLiteConverter.from_keras_model(prune(network(), 0.8))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    path = tmp_path / "half.tflite"
    path.write_bytes(converter.convert())
    counted = count_weights(path)
    assert counted.parameters == KERNELS + BIASES
    assert counted.sparsity == pytest.approx(0.8, abs=0.001)


@pytest.mark.parametrize("stored", [tf.int8, tf.uint8, None])
def test_integer_file(make_file, images, stored):
    model = prune(network(), 0.8)
    path = make_file(model, f"integer{stored}", samples=images, stored=stored)
    counted = count_weights(path)
    assert counted.parameters == KERNELS + BIASES
    # Rounding to 127 steps makes a few more weights zero, and never fewer.
    assert 0.8 - 0.001 <= counted.sparsity < 0.82


def test_sparse_encoding_counts_in_full(make_file):
    model = prune(network(), 0.8)
    plain = make_file(model, "plain")
    path = make_file(
        model, "sparse", optimizations=[tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    )
    assert path.stat().st_size < 0.7 * plain.stat().st_size
    assert count_weights(path) == count_weights(plain)


def test_weights_in_the_body_of_a_loop(make_file):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5, 3), batch_size=1)
    cell = keras.layers.LSTM(4)(inputs)
    path = make_file(keras.Model(inputs, keras.layers.Dense(2)(cell)), "lstm")
    counted = count_weights(path)
    # Four gates of 3 + 4 inputs, and the dense layer, whose bias of zeros is dropped.
    assert counted.kernel_parameters == 4 * 4 * (3 + 4) + 4 * 2
    assert counted.parameters == counted.kernel_parameters + 16
    assert counted.zeros == 0


def test_fused_recurrent_layer(make_file):
    tf_keras.utils.set_random_seed(0)
    inputs = tf_keras.Input((5, 3), batch_size=1)
    path = make_file(tf_keras.Model(inputs, tf_keras.layers.LSTM(4)(inputs)), "fused")
    assert count_weights(path).kernel_parameters == 4 * 4 * (3 + 4)


def test_table_of_an_embedding(make_file):
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    inputs = keras.Input((2,), batch_size=1, dtype="int32")
    model = keras.Model(inputs, keras.layers.Embedding(4, 3)(inputs))
    model.set_weights([table])
    assert count_weights(make_file(model, "table")) == WeightCount(12, 12, 1)


def test_constants_have_names(make_file):
    sizes = sorted(
        (constant.size, constant.kernel)
        for constant in read_constants(make_file(prune(network(), 0.0), "names"))
        if constant.name
    )
    biases = [(8, False), (8, False), (10, False)]
    assert sizes == [*biases, (200, True), (400, True), (2000, True)]


def hand_built(path, kind, data, shape, zero_points, axis=0):
    """A file of one fully connected operation with these weights."""
    quantization = schema.QuantizationParametersT()
    quantization.scale = np.full(len(zero_points), 0.1, np.float32)
    quantization.zeroPoint = np.array(zero_points, np.int64)
    quantization.quantizedDimension = axis

    def tensor(name, kind, shape, buffer):
        result = schema.TensorT()
        result.name, result.type = name, kind
        result.shape, result.buffer = np.array(shape, np.int32), buffer
        return result

    floats = schema.TensorType.FLOAT32
    weights = tensor("w", kind, shape, 1)
    weights.quantization = quantization
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("x", floats, (1, shape[1]), 0),
        weights,
        tensor("y", floats, (1, shape[0]), 0),
    ]
    graph.inputs, graph.outputs = np.array([0], np.int32), np.array([2], np.int32)
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs = np.array([0, 1, -1], np.int32)
    operator.outputs = np.array([2], np.int32)
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators = [operator]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = (
        schema.BuiltinOperator.FULLY_CONNECTED
    )
    code.version = 1
    empty, filled = schema.BufferT(), schema.BufferT()
    filled.data = np.frombuffer(bytes(data), np.uint8)
    model = schema.ModelT()
    model.version, model.operatorCodes = 3, [code]
    model.subgraphs, model.buffers = [graph], [empty, filled]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def test_zero_is_where_the_zero_point_is(tmp_path):
    data = np.array([[5, 0, 5], [7, 7, 0]], np.uint8).tobytes()
    kind = schema.TensorType.UINT8
    whole = hand_built(tmp_path / "whole.tflite", kind, data, (2, 3), [5])
    assert count_weights(whole) == WeightCount(6, 6, 2)
    by_row = hand_built(tmp_path / "row.tflite", kind, data, (2, 3), [5, 7])
    assert count_weights(by_row) == WeightCount(6, 6, 4)
    by_column = hand_built(tmp_path / "c.tflite", kind, data, (2, 3), [7, 0, 0], axis=1)
    assert count_weights(by_column) == WeightCount(6, 6, 3)


def test_two_weights_in_a_byte(tmp_path):
    # Low half first: 0x21 is 1, 2; 0xF0 is 0, -1; the last half is padding.
    data = bytes([0x21, 0xF0, 0x08])
    kind = schema.TensorType.INT4
    path = hand_built(tmp_path / "four.tflite", kind, data, (1, 5), [0])
    assert count_weights(path) == WeightCount(5, 5, 1)
    path = hand_built(tmp_path / "minus.tflite", kind, data, (1, 5), [-8])
    assert count_weights(path) == WeightCount(5, 5, 1)
    path = hand_built(tmp_path / "one.tflite", kind, data, (1, 5), [1])
    assert count_weights(path) == WeightCount(5, 5, 1)
