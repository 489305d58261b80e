"""Gives the state of TFLite's own LSTM scales that its kernels can compute with."""

import copy
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.export.operator_codes import find_code
from tfcompress.measurement.files.operation_name import operation_name

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
# Places of the hidden state and of the cell's among the inputs of the operation, and of
# the hidden state among what it computes on the way.
_HIDDEN = 18
_CELL = 19
_COMPUTED = 4
# The version of QUANTIZE from which on it takes int8.
_QUANTIZE_VERSION = 2
# The kernels know tanh of cells of 16 bits with no fewer than 0 bits before the point.
_LEAST_CELL_SCALE = 2.0**-15


def mend_lstm_scales(content: bytes) -> bytes:
    """Returns a file whose LSTM operations of whole numbers have scales that agree.

    The converter writes two things that LiteRT computes wrong numbers with. Cells that
    stay within one half get a scale of less than 2^-15; they get 2^-15 here. And the
    hidden state, of one scale by the kernels, gets several where a layer behind, such
    as that of the other direction, asks for another one. Here it has the scale that was
    learned for it, and a QUANTIZE operation behind gives what the others asked for.

    Args:
        content: The bytes of a `.tflite` file. It is not changed.

    Returns:
        The bytes of a file whose LSTM operations compute what was learned.

    Example:
    ```python
    from tfcompress.export.conversion.lstm_scales import mend_lstm_scales

    content = mend_lstm_scales(open("int8.tflite", "rb").read())
    ```
    """
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    for subgraph in file.subgraphs:
        operators = []
        for operator in subgraph.operators or []:
            operators.append(operator)
            if operation_name(file, operator) == _LSTM and _is_whole(
                subgraph, operator
            ):
                _raise_cell_scale(subgraph.tensors[int(operator.inputs[_CELL])])
                operators += _unite_hidden_scales(file, subgraph, operator)
        subgraph.operators = operators
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def _is_whole(subgraph: Any, operator: Any) -> bool:
    cell = subgraph.tensors[int(operator.inputs[_CELL])]
    return bool(cell.type == schema.TensorType.INT16)


def _raise_cell_scale(cell: Any) -> None:
    scales = cell.quantization.scale
    cell.quantization.scale = [max(float(scale), _LEAST_CELL_SCALE) for scale in scales]


def _unite_hidden_scales(file: Any, subgraph: Any, operator: Any) -> list[Any]:
    """Gives the hidden state one scale, and returns what must stand behind."""
    tensors = subgraph.tensors
    learned = tensors[int(operator.intermediates[_COMPUTED])].quantization
    hidden = tensors[int(operator.inputs[_HIDDEN])]
    hidden.quantization = copy.copy(learned)
    given = int(operator.outputs[0])
    if _numbers(tensors[given].quantization) == _numbers(learned):
        return []
    output = copy.copy(tensors[given])
    output.name = tensors[given].name + b"_hidden"
    output.quantization = copy.copy(learned)
    tensors.append(output)
    operator.outputs = [len(tensors) - 1]
    rescaling = schema.OperatorT()
    rescaling.opcodeIndex = find_code(
        file, schema.BuiltinOperator.QUANTIZE, _QUANTIZE_VERSION
    )
    rescaling.inputs = [len(tensors) - 1]
    rescaling.outputs = [given]
    return [rescaling]


def _numbers(quantization: Any) -> tuple[list[float], list[int]]:
    return list(quantization.scale), list(quantization.zeroPoint)
