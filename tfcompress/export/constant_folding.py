"""Works out what a file would work out anew from constants in each run."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.export.census import operation_kind
from tfcompress.export.file_constants import read_constant
from tfcompress.export.layer_operations import is_constant

_INT8 = np.iinfo(np.int8)


def fold_constants(content: bytes) -> bytes:
    """Returns a file without operations that only split or quantize constants.

    The first step of an unrolled GRU splits its bias, for its state is zero. The
    converter leaves that to the device, and in float.

    Args:
        content: The bytes of a `.tflite` file. It is not changed.

    Returns:
        The bytes of a file that computes the same.

    Example:
    ```python
    from tfcompress.export.constant_folding import fold_constants

    content = fold_constants(open("int8.tflite", "rb").read())
    ```
    """
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    for subgraph in file.subgraphs:
        returned = {int(index) for index in subgraph.outputs}
        kept = []
        for operator in subgraph.operators:
            fold = _FOLDS.get(operation_kind(file, operator))
            outputs = [int(index) for index in operator.outputs]
            values = None
            if fold is not None and not returned & set(outputs):
                values = _evaluate(file, subgraph, operator, fold)
            if values is None:
                kept.append(operator)
                continue
            for index, value in zip(outputs, values, strict=True):
                _store(file, subgraph.tensors[index], value)
        subgraph.operators = kept
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def _evaluate(
    file: Any, subgraph: Any, operator: Any, fold: Callable[..., Any]
) -> Sequence[np.ndarray] | None:
    inputs = [subgraph.tensors[index] for index in operator.inputs]
    if not all(is_constant(file, tensor) for tensor in inputs):
        return None
    values = [read_constant(file, tensor) for tensor in inputs]
    outputs = [subgraph.tensors[index] for index in operator.outputs]
    found: Sequence[np.ndarray] | None = fold(values, outputs)
    return found


def _split(values: list[np.ndarray], outputs: list[Any]) -> list[np.ndarray]:
    axis, whole = values
    return np.split(whole, len(outputs), axis=int(axis.item()))


def _split_at(values: list[np.ndarray], outputs: list[Any]) -> list[np.ndarray]:
    whole, sizes, axis = values
    return np.split(whole, np.cumsum(sizes)[:-1], axis=int(axis.item()))


def _quantize(values: list[np.ndarray], outputs: list[Any]) -> list[np.ndarray] | None:
    (real,), (output,) = values, outputs
    scales = output.quantization.scale
    if output.type != schema.TensorType.INT8 or len(scales) != 1:
        return None
    if real.dtype != np.float32:
        return None
    steps = real / np.float32(scales[0])
    # LiteRT rounds halves away from zero.
    whole = np.trunc(steps + np.copysign(0.5, steps))
    whole = whole + output.quantization.zeroPoint[0]
    return [whole.clip(_INT8.min, _INT8.max).astype(np.int8)]


_FOLDS: dict[str, Callable[[list[np.ndarray], list[Any]], Any]] = {
    "QUANTIZE": _quantize,
    "SPLIT": _split,
    "SPLIT_V": _split_at,
}


def _store(file: Any, tensor: Any, values: np.ndarray) -> None:
    buffer = schema.BufferT()
    buffer.data = np.ascontiguousarray(values).view(np.uint8).ravel()
    file.buffers.append(buffer)
    tensor.buffer = len(file.buffers) - 1
