"""Keeps the state of TFLite's own LSTM apart from what other operations start with."""

import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.measurement.files.operation_name import operation_name

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
# Places of the hidden state and of the cell's among the inputs of the operation.
_STATES = (18, 19)


def separate_states(content: bytes) -> bytes:
    """Returns a file in which no other operation reads the state of an LSTM.

    The converter stores zeros of one shape once. Where a GRU behind an LSTM has as many
    units, both start with the same zeros, into which the LSTM writes its last state.

    Args:
        content: The bytes of a `.tflite` file. It is not changed.

    Returns:
        The bytes of a file whose other operations have zeros of their own.

    Example:
    ```python
    from tfcompress.export.conversion.separate_states import separate_states

    content = separate_states(open("float32.tflite", "rb").read())
    ```
    """
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    changed = False
    for subgraph in file.subgraphs:
        operators = subgraph.operators or []
        kinds = [operation_name(file, operator) for operator in operators]
        states = {
            int(operator.inputs[place])
            for kind, operator in zip(kinds, operators, strict=True)
            if kind == _LSTM
            for place in _STATES
            if _is_float(subgraph.tensors[int(operator.inputs[place])])
        }
        zeros: dict[int, int] = {}
        for kind, operator in zip(kinds, operators, strict=True):
            for place, index in enumerate(map(int, operator.inputs)):
                if index not in states or (kind == _LSTM and place in _STATES):
                    continue
                if index not in zeros:
                    tensor = copy.copy(subgraph.tensors[index])
                    tensor.isVariable = False
                    buffer = schema.BufferT()
                    count = int(np.prod(tensor.shape))
                    buffer.data = np.zeros(count, np.float32).view(np.uint8)
                    file.buffers.append(buffer)
                    tensor.buffer = len(file.buffers) - 1
                    subgraph.tensors.append(tensor)
                    zeros[index] = len(subgraph.tensors) - 1
                operator.inputs[place] = zeros[index]
                changed = True
    if not changed:
        return content
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def _is_float(tensor: Any) -> bool:
    return bool(tensor.type == schema.TensorType.FLOAT32)
