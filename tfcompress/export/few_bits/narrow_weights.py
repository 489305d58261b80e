"""Stores kernels that were trained with fewer than 8 bits as what they are."""

import collections
import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.export.few_bits.file_constants import read_constant, write_constant
from tfcompress.export.few_bits.weight_grid import find_steps, growth, on_steps
from tfcompress.export.layer_operations import kernel_of
from tfcompress.export.operator_codes import find_code
from tfcompress.measurement.files.constant_tensors import is_constant
from tfcompress.measurement.files.operation_name import operation_name

_BIAS_OPERANDS = {
    "CONV_2D": 2,
    "DEPTHWISE_CONV_2D": 2,
    "FULLY_CONNECTED": 2,
    "TRANSPOSE_CONV": 3,
    "BATCH_MATMUL": None,
}


@dataclasses.dataclass(frozen=True)
class _Storage:
    """A type of whole numbers that kernels can be stored in.

    Attributes:
        type: Its number in the schema of TFLite.
        bits: How many bits it has.
        versions: The operations that take such kernels, with the version of each. Empty
            for all operations, as they are.
        multiple: What the number of inputs must be a multiple of.
    """

    type: int
    bits: int
    versions: Mapping[str, int] = dataclasses.field(default_factory=dict)
    multiple: int = 1

    @property
    def most(self) -> int:
        """The largest number, with its negative one as the least."""
        return int(2 ** (self.bits - 1) - 1)


# Depthwise kernels are few bytes, and would take some five times as long in int4.
_STORAGES = (
    _Storage(schema.TensorType.INT2, 2, {"FULLY_CONNECTED": 14}, multiple=4),
    _Storage(schema.TensorType.INT4, 4, {"CONV_2D": 7, "FULLY_CONNECTED": 10}),
    _Storage(schema.TensorType.INT8, 8),
)


def narrow_weights(content: bytes, bits: Collection[int]) -> bytes:
    """Stores int8 kernels that lie on a coarser grid with the steps of that grid.

    A kernel that was rounded to 2 bits while the model was trained becomes int2, one of
    3 or 4 bits int4, where LiteRT has kernels for it beside int8 data: Dense layers,
    and convolutions in int4. Any other kernel of fewer than 8 bits stays int8, but what
    the numbers stand for are then exactly the steps that were trained, and not the
    nearest of 127. Biases are counted in the new steps.

    Args:
        content: The bytes of a full-integer `.tflite` file. It is not changed.
        bits: To how many bits kernels were rounded, such as `{4}`; 8 and more do not
            matter. It keeps tiny kernels of 8 bits, which can lie on a coarse grid by
            chance, as they are.

    Returns:
        The bytes of the file, the same ones where no kernel lies on a coarser grid.

    Example:
    ```python
    from tfcompress.export.few_bits.narrow_weights import narrow_weights

    content = narrow_weights(open("int8.tflite", "rb").read(), bits={4})
    ```
    """
    most = max((2 ** (number - 1) - 1 for number in bits if number < 8), default=0)
    if not most:
        return content
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    narrowed = [
        _narrow(file, subgraph, kernel, most)
        for subgraph in file.subgraphs
        for kernel in _kernels(file, subgraph)
    ]
    if not any(narrowed):
        return content
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


@dataclasses.dataclass
class _Kernel:
    """A constant that operations multiply with, and nothing else takes."""

    index: int
    operators: list[Any] = dataclasses.field(default_factory=list)
    biases: set[int] = dataclasses.field(default_factory=set)


def _kernels(file: Any, subgraph: Any) -> list[_Kernel]:
    """Lists the int8 kernels that can change without anything else noticing."""
    kernels: dict[int, _Kernel] = {}
    uses = collections.Counter(int(index) for index in subgraph.outputs)
    for operator in subgraph.operators or []:
        uses.update(int(index) for index in operator.inputs)
        index = kernel_of(file, subgraph, operator)
        kind = operation_name(file, operator)
        if index is None or kind not in _BIAS_OPERANDS:
            continue
        kernel = kernels.setdefault(index, _Kernel(index))
        kernel.operators.append(operator)
        place = _BIAS_OPERANDS[kind]
        if place is not None and len(operator.inputs) > place:
            kernel.biases.update({int(operator.inputs[place])} - {-1})
    return [
        kernel
        for kernel in kernels.values()
        if uses[kernel.index] == len(kernel.operators)
        and sum(uses[bias] for bias in kernel.biases) <= len(kernel.operators)
        and _is_plain(file, subgraph, kernel)
    ]


def _is_plain(file: Any, subgraph: Any, kernel: _Kernel) -> bool:
    """Returns whether kernel and biases are whole numbers with as many scales."""
    tensor = subgraph.tensors[kernel.index]
    biases = [subgraph.tensors[index] for index in kernel.biases]
    if tensor.type != schema.TensorType.INT8 or tensor.sparsity is not None:
        return False
    whole = (schema.TensorType.INT32, schema.TensorType.INT64)
    return _scales(tensor) > 0 and all(
        bias.type in whole
        and _scales(bias) == _scales(tensor)
        and is_constant(file, bias)
        for bias in biases
    )


def _scales(tensor: Any) -> int:
    """Returns how many scales a symmetric tensor has; 0 for any other."""
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None:
        return 0
    asymmetric = np.any(np.asarray(quantization.zeroPoint, np.int64))
    return 0 if asymmetric else len(quantization.scale)


def _narrow(file: Any, subgraph: Any, kernel: _Kernel, most: int) -> bool:
    """Stores one kernel with the steps that it has; returns whether it has fewer."""
    tensor = subgraph.tensors[kernel.index]
    values = read_constant(file, tensor)
    axis = tensor.quantization.quantizedDimension
    moved = values[None] if _scales(tensor) == 1 else np.moveaxis(values, axis, 0)
    channels = moved.reshape(len(moved), -1)
    steps = find_steps(channels, most)
    if steps is None:
        return False
    storage = next(
        storage
        for storage in _STORAGES
        if steps.max() <= storage.most and _fits(storage, file, subgraph, kernel)
    )
    narrowed = on_steps(channels, steps, storage.most).reshape(moved.shape)
    narrowed = narrowed[0] if _scales(tensor) == 1 else np.moveaxis(narrowed, 0, axis)
    tensor.type = storage.type
    write_constant(file, tensor, narrowed)
    factors = growth(steps, storage.most)
    _grow(tensor, factors)
    for index in kernel.biases:
        bias = subgraph.tensors[index]
        counts = read_constant(file, bias)
        write_constant(file, bias, np.rint(counts / factors).astype(counts.dtype))
        _grow(bias, factors)
    for operator in kernel.operators if storage.versions else ():
        kind = operation_name(file, operator)
        code = getattr(schema.BuiltinOperator, kind)
        operator.opcodeIndex = find_code(file, code, storage.versions[kind])
    return True


def _fits(storage: _Storage, file: Any, subgraph: Any, kernel: _Kernel) -> bool:
    """Returns whether LiteRT can multiply with a kernel that is stored so."""
    if not storage.versions:
        return True
    if subgraph.tensors[kernel.index].shape[-1] % storage.multiple:
        return False
    return all(
        operation_name(file, operator) in storage.versions
        and subgraph.tensors[operator.inputs[0]].type == schema.TensorType.INT8
        for operator in kernel.operators
    )


def _grow(tensor: Any, factors: np.ndarray) -> None:
    quantization = tensor.quantization
    scales = np.asarray(quantization.scale, np.float64) * factors
    quantization.scale = scales.astype(np.float32)
    quantization.min = quantization.max = None
