import copy

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.export.census import count_operations, list_operations
from tfcompress.export.conversion.integer_splits import split_whole_numbers
from tfcompress.export.conversion.named_conversion import convert_named
from tfcompress.export.conversion.signature import read_signature
from tfcompress.export.operator_codes import find_code
from tfcompress.export.quantizer.edge_quantizer import quantize_file
from tfcompress.export.quantizer.number_format import NumberFormat
from tfcompress.export.quantizer.ranges import read_ranges
from tfcompress.measurement import LiteRTModel
from tfcompress.measurement.files.operation_name import operation_name


@pytest.fixture(scope="module")
def whole():
    """A full-integer file with a split, and its samples."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,), name="x")
    first, second = keras.ops.split(keras.layers.Dense(8)(inputs), 2, axis=-1)
    model = keras.Model(inputs, keras.layers.Dense(3)(first * second))
    x = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    content = convert_named(model, read_signature(model, 1))
    quantized = quantize_file(
        content,
        NumberFormat("int8", "int8"),
        ranges=read_ranges(content, {"x": x}),
        float_inputs_and_outputs=False,
    )
    return quantized, x


def split_in_float(content):
    """Writes DEQUANTIZE before the split of a file, and QUANTIZE behind its parts."""
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = file.subgraphs[0]

    def in_float(index):
        tensor = copy.copy(graph.tensors[index])
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
        tensor.name = tensor.name + b"_float"
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    def cast(kind, source, result):
        operator = schema.OperatorT()
        operator.opcodeIndex = find_code(file, kind, 1)
        operator.inputs, operator.outputs = [source], [result]
        return operator

    kinds = [operation_name(file, operator) for operator in graph.operators]
    place = kinds.index("SPLIT")
    split = graph.operators[place]
    source, parts = int(split.inputs[1]), [int(index) for index in split.outputs]
    split.inputs = [int(split.inputs[0]), in_float(source)]
    split.outputs = [in_float(part) for part in parts]
    before = cast(schema.BuiltinOperator.DEQUANTIZE, source, split.inputs[1])
    behind = [
        cast(schema.BuiltinOperator.QUANTIZE, real, part)
        for real, part in zip(split.outputs, parts, strict=True)
    ]
    graph.operators[place : place + 1] = [before, split, *behind]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def run(content, x, path):
    path.write_bytes(content)
    return LiteRTModel(path).predict(x)


def test_a_split_between_whole_numbers_is_whole(whole, tmp_path):
    content, x = whole
    through_float = split_in_float(content)
    before = count_operations(list_operations(through_float))
    assert before["SPLIT float32"] == before["DEQUANTIZE float32"] == 1
    rewritten = split_whole_numbers(through_float)
    after = count_operations(list_operations(rewritten))
    assert after["SPLIT int8"] == 1
    assert not any("float32" in operation for operation in after)
    np.testing.assert_array_equal(
        run(rewritten, x, tmp_path / "a.tflite"),
        run(through_float, x, tmp_path / "b.tflite"),
    )


def test_files_without_such_splits_stay_as_they_are(whole, tmp_path):
    content, x = whole
    rewritten = split_whole_numbers(content)
    assert list_operations(rewritten) == list_operations(content)
    np.testing.assert_array_equal(
        run(rewritten, x, tmp_path / "a.tflite"), run(content, x, tmp_path / "b.tflite")
    )
