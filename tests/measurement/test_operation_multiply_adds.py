import keras
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tests.measurement.conftest import convert
from tfcompress import keras_compat
from tfcompress.measurement import count_operation_multiply_adds, summary


def count(content):
    """Multiply-adds of each operation that has any: pairs of kind and number."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    counts = [
        (
            flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex),
            count_operation_multiply_adds(model, subgraph, operator),
        )
        for subgraph in model.subgraphs
        for operator in subgraph.operators
    ]
    return [pair for pair in counts if pair[1]]


def sequential(*layers, shape, batch_size=1):
    return keras.Sequential([keras.Input(shape, batch_size=batch_size), *layers])


layers = keras.layers
BY_HAND = {
    "dense": (layers.Dense(3), (5,), ("FULLY_CONNECTED", 5 * 3)),
    "dense_on_rows": (layers.Dense(3), (7, 5), ("FULLY_CONNECTED", 7 * 5 * 3)),
    # 4x3 outputs of 6 channels, each from a 3x3 window of 2 channels.
    "convolution": (
        layers.Conv2D(6, 3),
        (6, 5, 2),
        ("CONV_2D", 4 * 3 * 6 * 3 * 3 * 2),
    ),
    "strided": (
        layers.Conv2D(6, 3, strides=2, padding="same"),
        (6, 5, 2),
        ("CONV_2D", 3 * 3 * 6 * 3 * 3 * 2),
    ),
    # Each of 6 channels sees the 2 channels of its group alone.
    "grouped": (
        layers.Conv2D(6, 3, groups=2, padding="same"),
        (6, 5, 4),
        ("CONV_2D", 6 * 5 * 6 * 3 * 3 * 2),
    ),
    "depthwise": (
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        (6, 5, 4),
        ("DEPTHWISE_CONV_2D", 4 * 3 * 8 * 3 * 3),
    ),
    # Each of 5x4 inputs of 3 channels goes to a 3x3 window of 2 channels.
    "transposed": (
        layers.Conv2DTranspose(2, 3, strides=2, padding="same"),
        (5, 4, 3),
        ("TRANSPOSE_CONV", 5 * 4 * 3 * 3 * 3 * 2),
    ),
    "volume": (
        layers.Conv3D(4, 2),
        (3, 4, 5, 2),
        ("CONV_3D", 2 * 3 * 4 * 4 * 2 * 2 * 2 * 2),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    layer, shape, expected = BY_HAND[name]
    model = sequential(layer, shape=shape)
    assert count(convert(model)) == [expected]
    assert summary(model).multiply_adds == expected[1]


@pytest.mark.parametrize("batch_size", [None, 1, 4])
def test_counts_one_sample_of_any_batch(batch_size):
    model = sequential(layers.Dense(3), shape=(5,), batch_size=batch_size)
    assert count(convert(model)) == [("FULLY_CONNECTED", 15)]


def test_small_mobilenet_counts_as_its_summary():
    inputs = x = keras.Input((16, 16, 3), batch_size=1)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    for width, strides in ((8, 1), (12, 2), (12, 1)):
        block = x
        x = layers.Conv2D(24, 1, use_bias=False)(x)
        x = layers.ReLU(6)(layers.BatchNormalization()(x))
        x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
        x = layers.ReLU(6)(layers.BatchNormalization()(x))
        x = layers.BatchNormalization()(layers.Conv2D(width, 1, use_bias=False)(x))
        x = layers.Add()([block, x]) if block.shape == x.shape else x
    outputs = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    counts = count(convert(model))
    assert len(counts) == 1 + 3 * 3 + 1
    assert sum(number for _, number in counts) == summary(model).multiply_adds


def test_attention_counts_as_its_summary():
    inputs = keras.Input((6, 8), batch_size=1)
    attended = layers.MultiHeadAttention(2, 4)(inputs, inputs)
    model = keras.Model(inputs, attended)
    counts = count(convert(model))
    # Scores and sums over values: 6 rows by 6 rows, 2 heads of 4.
    assert [number for kind, number in counts if kind == "BATCH_MATMUL"] == [288, 288]
    assert sum(number for _, number in counts) == summary(model).multiply_adds


def test_fused_lstm_counts_all_steps():
    tf_keras = keras_compat.tf_keras()
    inputs = tf_keras.Input((7, 3), batch_size=1)
    model = tf_keras.Model(inputs, tf_keras.layers.LSTM(5)(inputs))
    expected = 7 * (4 * 3 * 5 + 4 * 5 * 5)
    assert count(convert(model)) == [("UNIDIRECTIONAL_SEQUENCE_LSTM", expected)]
    assert summary(model).multiply_adds == expected


def test_loop_counts_one_step():
    model = sequential(layers.GRU(5), shape=(7, 3))
    assert sum(number for _, number in count(convert(model))) == (3 + 5) * 15
    assert summary(model).multiply_adds == 7 * (3 + 5) * 15


def test_looking_up_counts_nothing():
    model = sequential(layers.Embedding(20, 4), layers.Flatten(), shape=(6,))
    assert count(convert(model)) == []


def test_matrix_product_with_a_transposed_side():
    @tf.function(input_signature=[tf.TensorSpec((1, 4, 6)), tf.TensorSpec((1, 4, 5))])
    def product(a, b):
        return tf.matmul(a, b, transpose_a=True)

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [product.get_concrete_function()]
    )
    counts = count(converter.convert())
    assert counts == [("BATCH_MATMUL", 6 * 5 * 4)]


def written(kind, shapes, output, options=None):
    """A file of one operation, with operands of these shapes; None leaves one out."""
    tensors, places = [], []
    for shape in [*shapes, output]:
        places.append(-1 if shape is None else len(tensors))
        if shape is not None:
            tensors.append(schema.TensorT(shape=list(shape), name=b"t"))
    code = schema.OperatorCodeT(builtinCode=getattr(schema.BuiltinOperator, kind))
    operator = schema.OperatorT(inputs=places[:-1], outputs=places[-1:])
    operator.builtinOptions = options
    graph = schema.SubGraphT(tensors=tensors, inputs=[places[0]], operators=[operator])
    return schema.ModelT(operatorCodes=[code], subgraphs=[graph])


def count_written(*arguments):
    model = written(*arguments)
    graph = model.subgraphs[0]
    return count_operation_multiply_adds(model, graph, graph.operators[0])


def test_operations_that_the_converter_seldom_writes():
    # Two samples, three steps of four numbers, five units, as one sample.
    steps, kernel, own, bias = (2, 3, 4), (5, 4), (5, 5), (5,)
    result = (2, 3, 5)
    assert (
        count_written("UNIDIRECTIONAL_SEQUENCE_RNN", [steps, kernel, own, bias], result)
        == 3 * 45
    )
    assert count_written("RNN", [(2, 4), kernel, own, bias], (2, 5)) == 45
    both = [steps, kernel, own, bias, (2, 5), kernel, own, bias, (2, 5)]
    assert count_written("BIDIRECTIONAL_SEQUENCE_RNN", both, result) == 3 * 90
    # Coupled input and forget gates: one of four kernels of each kind is left out.
    gates = [None, *[kernel] * 3, None, *[own] * 3, *[None] * 3, *[bias] * 4]
    lstm = [steps, *gates, (6, 5)]
    assert count_written("UNIDIRECTIONAL_SEQUENCE_LSTM", lstm, (2, 3, 6)) == 3 * (
        3 * 20 + 3 * 25 + 30
    )
    assert count_written("LSTM", [(2, 4), *gates], (2, 5)) == 3 * 20 + 3 * 25
    basic = schema.LSTMOptionsT(kernelType=schema.LSTMKernelType.BASIC)
    small = [(2, 4), (2, 5), (20, 9), (20,), (2, 5)]
    assert count_written("LSTM", small, (2, 5), basic) == 180
    # Ten filters over four numbers, then over a memory of six steps.
    assert count_written("SVDF", [(2, 4), (10, 4), (10, 6)], (2, 10)) == 100
    # A kernel (2, 2, 2, out 3, in 4) at each of 3x4x5 inputs.
    volume = [(5,), (2, 2, 2, 3, 4), (1, 3, 4, 5, 4)]
    model = written("CONV_3D_TRANSPOSE", volume, (1, 4, 5, 6, 3))
    model.subgraphs[0].inputs = [2]
    graph = model.subgraphs[0]
    counted = count_operation_multiply_adds(model, graph, graph.operators[0])
    assert counted == 3 * 4 * 5 * 2 * 2 * 2 * 3 * 4
