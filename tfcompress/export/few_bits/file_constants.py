"""The numbers that a file holds."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_DTYPES: dict[int, Any] = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
}
_PACKED_BITS = {schema.TensorType.INT2: 2, schema.TensorType.INT4: 4}


def read_constant(file: Any, tensor: Any) -> np.ndarray:
    """Returns the numbers of a constant.

    Args:
        file: The file, a `ModelT`.
        tensor: One of its tensors, of float32, int8, int32 or int64.

    Returns:
        An array of the tensor's shape.
    """
    data = np.asarray(file.buffers[tensor.buffer].data, np.uint8)
    return data.view(_DTYPES[tensor.type]).reshape(tensor.shape)


def write_constant(file: Any, tensor: Any, values: np.ndarray) -> None:
    """Gives a tensor other numbers, which tensors of the same buffer do not get.

    Args:
        file: The file, a `ModelT`.
        tensor: One of its tensors. Its type is what the numbers are stored in.
        values: The numbers; int8 where the type is int2 or int4.
    """
    data = np.ascontiguousarray(values).view(np.uint8).ravel()
    bits = _PACKED_BITS.get(tensor.type)
    if bits is not None:
        data = _pack(data, bits)
    if np.array_equal(data, np.asarray(file.buffers[tensor.buffer].data)):
        return
    tensors = [tensor for subgraph in file.subgraphs for tensor in subgraph.tensors]
    if sum(other.buffer == tensor.buffer for other in tensors) > 1:
        file.buffers.append(schema.BufferT())
        tensor.buffer = len(file.buffers) - 1
    file.buffers[tensor.buffer].data = data


def _pack(numbers: np.ndarray, bits: int) -> np.ndarray:
    """Puts the low bits of bytes together, the first into the lowest of a byte."""
    each = 8 // bits
    rows = np.pad(numbers, (0, -len(numbers) % each)).reshape(-1, each)
    places = (rows & (2**bits - 1)) << (bits * np.arange(each, dtype=np.uint8))
    packed: np.ndarray = np.bitwise_or.reduce(places, axis=1).astype(np.uint8)
    return packed
