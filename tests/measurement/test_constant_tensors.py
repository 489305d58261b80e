import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfcompress.export.layer_operations import kernel_of
from tfcompress.measurement.files.constant_tensors import (
    REWRITES,
    find_unpacked,
    is_constant,
)


def file_of(count, operators, held):
    """A file of so many tensors, with operations from places to places."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.buffers, graph.tensors, graph.operators = [schema.BufferT()], [], []
    model.operatorCodes = []
    for number in range(count):
        tensor, buffer = schema.TensorT(), schema.BufferT()
        buffer.data = np.ones(4, np.uint8) if number in held else None
        tensor.buffer = len(model.buffers)
        model.buffers.append(buffer)
        graph.tensors.append(tensor)
    for kind, inputs, outputs in operators:
        operator, code = schema.OperatorT(), schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        operator.opcodeIndex = len(model.operatorCodes)
        operator.inputs, operator.outputs = inputs, outputs
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    model.subgraphs = [graph]
    return model, graph


def test_numbers_behind_the_tables_are_constants_too():
    model, graph = file_of(3, [], {0})
    model.buffers[2].offset, model.buffers[2].size = 3_000_000_000, 4
    assert [is_constant(model, each) for each in graph.tensors] == [True, True, False]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [({}, {1: 0, 2: 0}), ({"kinds": REWRITES}, {1: 0, 2: 0, 3: 0})],
)
def test_what_is_made_of_a_constant_alone(kinds, expected):
    operators = [
        ("DENSIFY", [0], [1]),
        ("DEQUANTIZE", [1], [2]),
        ("RESHAPE", [2], [3]),
        ("DEQUANTIZE", [4], [5]),  # of what goes in
    ]
    assert find_unpacked(*file_of(6, operators, {0}), **kinds) == expected


@pytest.mark.parametrize(
    ("kind", "inputs", "held", "kernel"),
    [
        ("FULLY_CONNECTED", [0, 1, 2], {1, 2}, 1),
        ("FULLY_CONNECTED", [0, 1, 2], {2}, None),
        ("BATCH_MATMUL", [0, 1], {0}, 0),
        ("BATCH_MATMUL", [0, 1], {1}, 1),
        ("GATHER", [0, 1], {0}, 0),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", [0, 1, 2], {1, 2}, None),
        ("ADD", [0, 1], {1}, None),
    ],
)
def test_the_kernel_of_an_operation(kind, inputs, held, kernel):
    model, graph = file_of(4, [(kind, inputs, [3])], held)
    assert kernel_of(model, graph, graph.operators[0]) == kernel
