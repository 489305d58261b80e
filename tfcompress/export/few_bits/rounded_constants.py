"""Stores float kernels that lie on a grid of whole numbers as these numbers."""

import collections
from collections.abc import Collection
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.export.few_bits.file_constants import read_constant, write_constant
from tfcompress.export.layer_operations import kernel_of
from tfcompress.export.operator_codes import find_code

# Rounded kernels are off their grid by the last bits of float32.
_TOLERANCE = 1e-6
# What another tensor and another operation take in a file, about.
_OVERHEAD = 256
_SCALE_AND_ZERO_POINT = 12
_DEQUANTIZE = schema.BuiltinOperator.DEQUANTIZE
# The versions that take int8 with a scale for each output, and int4.
_DEQUANTIZE_VERSIONS = {schema.TensorType.INT8: 5, schema.TensorType.INT4: 6}
_MOST_IN_INT4 = 7


def store_rounded_weights(content: bytes, bits: Collection[int]) -> bytes:
    """Stores float32 kernels that were rounded while they were trained in few bits.

    The kernels of recurrent layers, whose steps a file computes in float, are on a grid
    of 8 bits or fewer all the same. Each becomes int8, of 4 bits or fewer int4, with a
    `DEQUANTIZE` behind it, which LiteRT runs once: the numbers are the same, in a
    quarter of the bytes or an eighth. In int4 a loop takes some 1.5 times as long.

    Args:
        content: The bytes of a `.tflite` file. It is not changed.
        bits: To how many bits kernels were rounded, such as `{8}`.

    Returns:
        The bytes of the file, the same ones where no kernel lies on a grid.

    Example:
    ```python
    from tfcompress.export.few_bits.rounded_constants import store_rounded_weights

    content = store_rounded_weights(open("loop.tflite", "rb").read(), bits={8})
    ```
    """
    steps = sorted({2 ** (number - 1) - 1 for number in bits if number <= 8})
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    uses = collections.Counter(
        tensor.buffer for subgraph in file.subgraphs for tensor in subgraph.tensors
    )
    stored = 0
    for subgraph in file.subgraphs:
        for index in _float_kernels(file, subgraph):
            tensor = subgraph.tensors[index]
            values = read_constant(file, tensor)
            found = _find_scales(values, steps)
            if uses[tensor.buffer] > 1 or found is None:
                continue
            numbers, scales = found
            if 3 * values.size > _OVERHEAD + _SCALE_AND_ZERO_POINT * scales.size:
                _store(file, subgraph, index, numbers, scales)
                stored += 1
    if not stored:
        return content
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def _float_kernels(file: Any, subgraph: Any) -> list[int]:
    """Lists the constants of float32 that operations multiply with."""
    kernels = [
        kernel_of(file, subgraph, operator) for operator in subgraph.operators or []
    ]
    return [
        index
        for index in dict.fromkeys(kernels)
        if index is not None
        and subgraph.tensors[index].type == schema.TensorType.FLOAT32
        and subgraph.tensors[index].sparsity is None
    ]


def _find_scales(
    values: np.ndarray, steps: list[int]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Finds the whole numbers that a kernel was rounded to.

    The greatest number of each output, which the first axis counts, or else of the
    whole kernel, is at the end of the grid.

    Returns:
        int8 numbers of the same shape, and the scale of each output, or one of all.
    """
    for axes in (tuple(range(1, values.ndim)), None):
        greatest = np.abs(values).max(axis=axes, keepdims=True).astype(np.float64)
        greatest = np.where(greatest == 0, 1.0, greatest)
        for most in steps:
            numbers = np.rint(values * (most / greatest))
            error = np.abs(numbers * (greatest / most) - values)
            if np.all(error <= _TOLERANCE * greatest):
                return numbers.astype(np.int8), (greatest / most).ravel()
    return None


def _store(
    file: Any, subgraph: Any, index: int, numbers: np.ndarray, scales: np.ndarray
) -> None:
    """Puts whole numbers into a file, and has the kernel made from them."""
    kernel = subgraph.tensors[index]
    stored = schema.TensorT()
    stored.name = kernel.name + b"/rounded"
    stored.shape = kernel.shape
    narrow = np.abs(numbers).max() <= _MOST_IN_INT4
    stored.type = schema.TensorType.INT4 if narrow else schema.TensorType.INT8
    stored.buffer = kernel.buffer
    stored.quantization = schema.QuantizationParametersT()
    stored.quantization.scale = scales.astype(np.float32)
    stored.quantization.zeroPoint = np.zeros(scales.size, np.int64)
    subgraph.tensors.append(stored)
    kernel.buffer = 0
    write_constant(file, stored, numbers)
    operator = schema.OperatorT()
    operator.opcodeIndex = find_code(
        file, _DEQUANTIZE, _DEQUANTIZE_VERSIONS[stored.type]
    )
    operator.inputs = np.array([len(subgraph.tensors) - 1], np.int32)
    operator.outputs = np.array([index], np.int32)
    operator.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    operator.builtinOptions = schema.DequantizeOptionsT()
    subgraph.operators.insert(0, operator)
