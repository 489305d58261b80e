"""The int8 kernels of a file that can be stored in other whole numbers."""

import collections
import dataclasses
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfcompress.export.few_bits.file_constants import read_constant, write_constant
from tfcompress.export.layer_operations import kernel_of
from tfcompress.measurement.files.constant_tensors import is_constant
from tfcompress.measurement.files.operation_name import operation_name

_BIAS_OPERANDS = {
    "CONV_2D": 2,
    "DEPTHWISE_CONV_2D": 2,
    "FULLY_CONNECTED": 2,
    "TRANSPOSE_CONV": 3,
    "BATCH_MATMUL": None,
}


@dataclasses.dataclass
class FileKernel:
    """A constant that operations multiply with, and nothing else takes.

    Attributes:
        file: The file, a `ModelT`.
        subgraph: Where the kernel is.
        index: The number of its tensor.
        operators: The operations that multiply with it.
        biases: The numbers of the tensors that they add then.
    """

    file: Any
    subgraph: Any
    index: int
    operators: list[Any] = dataclasses.field(default_factory=list)
    biases: set[int] = dataclasses.field(default_factory=set)

    @property
    def tensor(self) -> Any:
        """The tensor itself."""
        return self.subgraph.tensors[self.index]

    @property
    def scales(self) -> int:
        """How many scales it has."""
        return number_of_scales(self.tensor)

    @property
    def channels(self) -> np.ndarray:
        """Its numbers, of shape `(scales, weights of one scale)`."""
        values = read_constant(self.file, self.tensor)
        if self.scales == 1:
            return values.reshape(1, -1)
        axis = self.tensor.quantization.quantizedDimension
        return np.moveaxis(values, axis, 0).reshape(self.scales, -1)

    def store(self, channels: np.ndarray, growth: np.ndarray) -> None:
        """Stores other whole numbers, in other steps, which the biases count in too.

        The type of the tensor is to be set before.

        Args:
            channels: The numbers, of the shape of `channels`.
            growth: By what the scale of each channel grows.
        """
        shape = list(self.tensor.shape)
        if self.scales == 1:
            values = channels.reshape(shape)
        else:
            axis = self.tensor.quantization.quantizedDimension
            moved = [shape[axis], *shape[:axis], *shape[axis + 1 :]]
            values = np.moveaxis(channels.reshape(moved), 0, axis)
        write_constant(self.file, self.tensor, values)
        _grow(self.tensor, growth)
        for index in self.biases:
            bias = self.subgraph.tensors[index]
            counts = read_constant(self.file, bias)
            counted = np.rint(counts / growth).astype(counts.dtype)
            write_constant(self.file, bias, counted)
            _grow(bias, growth)


def find_kernels(file: Any) -> list[FileKernel]:
    """Lists the int8 kernels that can change without anything else noticing.

    Args:
        file: A file, a `ModelT`.
    """
    return [kernel for graph in file.subgraphs for kernel in _kernels(file, graph)]


def number_of_scales(tensor: Any) -> int:
    """Returns how many scales a symmetric tensor has; 0 for any other."""
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None:
        return 0
    asymmetric = np.any(np.asarray(quantization.zeroPoint, np.int64))
    return 0 if asymmetric else len(quantization.scale)


def _kernels(file: Any, subgraph: Any) -> list[FileKernel]:
    kernels: dict[int, FileKernel] = {}
    uses = collections.Counter(int(index) for index in subgraph.outputs)
    for operator in subgraph.operators or []:
        uses.update(int(index) for index in operator.inputs)
        index = kernel_of(file, subgraph, operator)
        kind = operation_name(file, operator)
        if index is None or kind not in _BIAS_OPERANDS:
            continue
        kernel = kernels.setdefault(index, FileKernel(file, subgraph, index))
        kernel.operators.append(operator)
        place = _BIAS_OPERANDS[kind]
        if place is not None and len(operator.inputs) > place:
            kernel.biases.update({int(operator.inputs[place])} - {-1})
    return [
        kernel
        for kernel in kernels.values()
        if uses[kernel.index] == len(kernel.operators)
        and sum(uses[bias] for bias in kernel.biases) <= len(kernel.operators)
        and _is_plain(kernel)
    ]


def _is_plain(kernel: FileKernel) -> bool:
    """Returns whether kernel and biases are whole numbers with as many scales."""
    tensor = kernel.tensor
    biases = [kernel.subgraph.tensors[index] for index in kernel.biases]
    if tensor.type != schema.TensorType.INT8 or tensor.sparsity is not None:
        return False
    whole = (schema.TensorType.INT32, schema.TensorType.INT64)
    return kernel.scales > 0 and all(
        bias.type in whole
        and number_of_scales(bias) == kernel.scales
        and is_constant(kernel.file, bias)
        for bias in biases
    )


def _grow(tensor: Any, factors: np.ndarray) -> None:
    quantization = tensor.quantization
    scales = np.asarray(quantization.scale, np.float64) * factors
    quantization.scale = scales.astype(np.float32)
    quantization.min = quantization.max = None
