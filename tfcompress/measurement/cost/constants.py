"""The weights inside a `.tflite` file."""

import dataclasses
import math
import os
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfcompress.measurement.files.constant_tensors import KERNEL_OPERANDS, REWRITES
from tfcompress.measurement.files.file import read_tflite
from tfcompress.measurement.files.operation_name import operation_name
from tfcompress.measurement.files.structure import parse_tflite, reading

_LOOPS = {"CALL_ONCE", "IF", "WHILE"}

_FLOATS: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT16: np.dtype(np.float16),
    schema.TensorType.BFLOAT16: np.dtype(np.uint16),
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT64: np.dtype(np.float64),
}
_WHOLE: dict[int, np.dtype[Any]] = {
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.UINT8: np.dtype(np.uint8),
    schema.TensorType.INT16: np.dtype(np.int16),
    schema.TensorType.INT32: np.dtype(np.int32),
    schema.TensorType.INT64: np.dtype(np.int64),
}
_PACKED_BITS = {schema.TensorType.INT4: 4, schema.TensorType.INT2: 2}


@dataclasses.dataclass(frozen=True)
class Constant:
    """Weights that belong together: a kernel, a bias, a table.

    Attributes:
        name: Name of the tensor or variable.
        size: Number of weights, zeros included.
        zeros: Weights that stand for exactly zero.
        kernel: Whether it has two axes or more and data is multiplied with it, or
            looked up in it.
        values: What is stored of them, in one axis: real numbers, or the whole numbers
            that stand for them. Sparse encoding leaves the zeros out.
    """

    name: str
    size: int
    zeros: int
    kernel: bool
    values: np.ndarray = dataclasses.field(repr=False, compare=False)


def read_constants(path: str | os.PathLike[str]) -> list[Constant]:
    """Lists the weights of a `.tflite` file, each constant once.

    Args:
        path: The `.tflite` file.

    Returns:
        The constants in the order in which the file holds them; `count_weights` says
        which ones count.

    Raises:
        ModelError: If there is no such file, or if it is damaged.

    Example:
    ```python
    for constant in read_constants("small.tflite"):
        print(constant.name, constant.size, constant.zeros)
    ```
    """
    content = read_tflite(path)
    model = parse_tflite(content, path)
    with reading(path):
        return list(collect_constants(model, content).values())


def collect_constants(model: Any, content: bytes) -> dict[int, Constant]:
    """Finds the weights of a file that has been read.

    Args:
        model: The file, as `parse_tflite` returned it.
        content: The bytes that it was read from.

    Returns:
        The constants by the number of the buffer that holds them.

    Raises:
        ValueError: If the file is damaged; so do IndexError, KeyError and TypeError.
    """
    constants: dict[int, Constant] = {}
    for graph in model.subgraphs:
        operations = [
            (operation_name(model, operator), operator) for operator in graph.operators
        ]
        kernels = _kernel_tensors(operations)
        starts = _used_by(operations, _LOOPS) - _used_by(
            operations, {name for name, _ in operations} - _LOOPS
        )
        for index, tensor in enumerate(graph.tensors):
            data = _data(model.buffers[tensor.buffer], content)
            if data is None or index in starts or not _holds_weights(tensor):
                continue
            constant = _count(tensor, data, index in kernels)
            known = constants.get(tensor.buffer)
            if known is None or (constant.kernel and not known.kernel):
                constants[tensor.buffer] = constant
    return constants


def _used_by(operations: list[tuple[str, Any]], names: set[str]) -> set[int]:
    return {
        int(index)
        for name, operator in operations
        if name in names
        for index in operator.inputs
    }


def _kernel_tensors(operations: list[tuple[str, Any]]) -> set[int]:
    sources = {
        int(operator.outputs[0]): int(operator.inputs[0])
        for name, operator in operations
        if name in REWRITES
    }
    kernels = set()
    for name, operator in operations:
        if name not in KERNEL_OPERANDS:
            continue
        operands = KERNEL_OPERANDS[name]
        for position, index in enumerate(operator.inputs):
            if position == 0 if operands is None else position not in operands:
                continue
            source = int(index)
            while source not in kernels:  # a damaged file may go round in circles
                kernels.add(source)
                source = sources.get(source, source)
    return kernels


def _data(buffer: Any, content: bytes) -> np.ndarray | None:
    if buffer.data is not None and len(buffer.data):
        return np.asarray(buffer.data, np.uint8)
    if buffer.offset > 1:  # beyond 2 GB, buffers stand behind the rest of the file
        return np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
    return None


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)


def _holds_weights(tensor: Any) -> bool:
    if not _shape(tensor):
        return False
    if tensor.type in _FLOATS:
        return True
    scaled = tensor.quantization is not None and (
        tensor.quantization.scale is not None or tensor.quantization.details is not None
    )
    return scaled and (tensor.type in _WHOLE or tensor.type in _PACKED_BITS)


def _count(tensor: Any, data: np.ndarray, used_as_kernel: bool) -> Constant:
    shape = _shape(tensor)
    size = math.prod(shape)
    values = _values(tensor, data)[:size]
    if tensor.sparsity is None:
        points = _zero_points(tensor, len(shape))
        nonzero = int(np.count_nonzero(values.reshape(shape) != points))
    else:
        values = values[values != _one_zero_point(tensor)]
        nonzero = values.size
    return Constant(
        name=(tensor.name or b"").decode("utf-8", "replace"),
        size=size,
        zeros=size - nonzero,
        kernel=used_as_kernel and len(shape) >= 2,
        values=values,
    )


def _values(tensor: Any, data: np.ndarray) -> np.ndarray:
    if tensor.type in _PACKED_BITS:
        bits = _PACKED_BITS[tensor.type]
        shifts = np.arange(0, 8, bits, dtype=np.uint8)
        unsigned = (data[:, np.newaxis] >> shifts) & np.uint8(2**bits - 1)
        signed = unsigned.astype(np.int8).reshape(-1)
        return np.where(signed >= 2 ** (bits - 1), signed - 2**bits, signed)
    if tensor.type == schema.TensorType.BFLOAT16:
        stored = data.view(np.uint16)
        return np.where(stored == 0x8000, np.uint16(0), stored)  # -0.0 is 0.0
    return data.view({**_FLOATS, **_WHOLE}[tensor.type])


def _zero_points(tensor: Any, axes: int) -> np.ndarray:
    quantization = tensor.quantization
    if quantization is None or quantization.zeroPoint is None:
        return np.zeros((), np.int64)
    points = np.asarray(quantization.zeroPoint, np.int64)
    if points.size == 1:
        return points.reshape(())
    shape = [1] * axes
    shape[quantization.quantizedDimension] = points.size
    return points.reshape(shape)


def _one_zero_point(tensor: Any) -> int:
    return int(_zero_points(tensor, 1).reshape(-1)[0])
