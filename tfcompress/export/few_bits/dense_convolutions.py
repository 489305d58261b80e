"""Writes 1x1 convolutions of a file as fully connected operations."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.export.layer_operations import kernel_of
from tfcompress.export.operator_codes import find_code
from tfcompress.measurement.files.operation_name import operation_name

_DENSE = schema.BuiltinOperator.FULLY_CONNECTED
_VERSION_THAT_KEEPS_AXES = 5


def densify_convolutions(content: bytes) -> bytes:
    """Returns a file in which 1x1 convolutions are fully connected operations.

    A convolution with a 1x1 kernel and without strides multiplies each pixel with the
    same matrix, which is what `FULLY_CONNECTED` does that keeps the axes of its input.
    LiteRT has fast int4 kernels for the latter alone.

    Args:
        content: The bytes of a `.tflite` file. It is not changed.

    Returns:
        The bytes of a file that computes the same.

    Example:
    ```python
    from tfcompress.export.few_bits.dense_convolutions import densify_convolutions

    content = densify_convolutions(open("float32.tflite", "rb").read())
    ```
    """
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    for subgraph in file.subgraphs:
        operators = subgraph.operators or []
        eligible = [op for op in operators if _is_dense(file, subgraph, op)]
        kernels = {int(op.inputs[1]) for op in eligible}
        for operator in operators:
            if not any(operator is other for other in eligible):
                kernels -= {int(index) for index in operator.inputs}
        for operator in eligible:
            if int(operator.inputs[1]) in kernels:
                _rewrite(file, operator)
        for index in kernels:
            shape = subgraph.tensors[index].shape
            subgraph.tensors[index].shape = np.array([shape[0], shape[3]], np.int32)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def _is_dense(file: Any, subgraph: Any, operator: Any) -> bool:
    if operation_name(file, operator) != "CONV_2D":
        return False
    kernel = kernel_of(file, subgraph, operator)
    if kernel is None:
        return False
    _, height, width, channels = (int(size) for size in subgraph.tensors[kernel].shape)
    taken = int(subgraph.tensors[operator.inputs[0]].shape[-1])
    options = operator.builtinOptions
    strides = (options.strideH, options.strideW)
    return (height, width) == strides == (1, 1) and channels == taken


def _rewrite(file: Any, operator: Any) -> None:
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = operator.builtinOptions.fusedActivationFunction
    options.keepNumDims = True
    operator.builtinOptions = options
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.opcodeIndex = find_code(file, _DENSE, _VERSION_THAT_KEEPS_AXES)
