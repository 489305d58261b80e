"""An operation cut out of a file gives what it gives inside the file."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_litert.tools import flatbuffer_utils

from tests.measurement.conftest import convert
from tfcompress.measurement.speed.operation_cut import OperationCutter

layers = keras.layers


def convolutional(batch_size=1):
    return keras.Sequential(
        [
            keras.Input((9, 8, 3), batch_size=batch_size),
            layers.Conv2D(5, 3, activation="relu", name="first"),
            layers.DepthwiseConv2D(3, name="depthwise"),
            layers.Conv2DTranspose(4, 3, strides=2, name="transposed"),
            layers.Flatten(),
            layers.Dense(6, activation="softmax", name="scores"),
        ]
    )


def convert_half(model):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def recurrent(module, layer, **arguments):
    inputs = module.Input((5, 3), batch_size=1)
    x = getattr(module.layers, layer)(4, name="recurrent", **arguments)(inputs)
    return module.Model(inputs, module.layers.Dense(2, name="scores")(x))


def attention():
    inputs = keras.Input((6,), batch_size=2, dtype="int32")
    x = layers.Embedding(11, 8)(inputs)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(inputs, layers.LayerNormalization()(x))


IMAGES = np.random.default_rng(0).uniform(-1, 1, (8, 9, 8, 3)).astype(np.float32)
FILES = {
    "float32": lambda: convert(convolutional()),
    "open_batch": lambda: convert(convolutional(None)),
    "float16": lambda: convert_half(convolutional()),
    "int8": lambda: convert(convolutional(), samples=IMAGES, stored=tf.int8),
    "loop": lambda: convert(recurrent(keras, "GRU")),
    "fused": lambda: convert(recurrent(tf_keras, "LSTM")),
    "attention": lambda: convert(attention()),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "fused" else ())
        for name in FILES
    ],
)
def test_each_operation_gives_the_same_alone(name):
    content = FILES[name]()
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    whole = run(content, lambda details: draw(details, seed=1), whole=True)
    cutter = OperationCutter(model)
    graph = model.subgraphs[0]
    needed = {place for operator in graph.operators for place in operator.inputs}
    needed.update(graph.outputs)
    for position in cutter.positions:
        assert cutter.can_cut(position)
        places = cutter.inputs(position)
        shapes = {place: whole.get_tensor(place).shape for place in places}
        cut = cutter.cut(position, shapes)
        given = iter([whole.get_tensor(place) for place in cut.inputs])
        alone = run(cut.content, lambda details, given=given: next(given))
        for place, details in zip(
            graph.operators[position].outputs, alone.get_output_details(), strict=True
        ):
            if place in needed:  # Counters of a loop are not kept.
                np.testing.assert_array_equal(
                    alone.get_tensor(details["index"]), whole.get_tensor(int(place))
                )


def run(content, values, whole=False):
    interpreter = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=whole,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], values(details))
    interpreter.invoke()
    return interpreter


def draw(details, seed):
    numbers = np.random.default_rng(seed).uniform(0, 9, details["shape"])
    return numbers.astype(details["dtype"])


def test_constants_that_a_file_makes_when_it_is_loaded_are_no_operations():
    """A float16 file turns each kernel and bias into float32 first."""
    content = FILES["float16"]()
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    all_kinds = [
        flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        for operator in model.subgraphs[0].operators
    ]
    cutter = OperationCutter(model)
    kinds = [cutter.kind(position) for position in cutter.positions]
    assert "DEQUANTIZE" in all_kinds
    assert kinds == [kind for kind in all_kinds if kind != "DEQUANTIZE"]


def test_a_cut_holds_its_own_constants_alone():
    """Of 4 bytes each, and little besides."""
    content = FILES["float32"]()
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    cutter = OperationCutter(model)
    sizes = {
        cutter.kind(position): len(cutter.cut(position, {}).content)
        for position in cutter.positions
    }
    dense = 11 * 9 * 4 * 6 + 6
    assert 4 * 140 < sizes["CONV_2D"] < 4 * 140 + 1500
    assert 4 * dense < sizes["FULLY_CONNECTED"] < 4 * dense + 1500
