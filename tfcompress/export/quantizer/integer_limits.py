"""Ranges with which the whole numbers inside LiteRT's integer kernels do not overflow.

A kernel multiplies steps of its input with steps of its weights, and adds a bias in
the same steps, an int32. Where a channel has no weights but zeros, as pruning leaves
them, or the input is always zero, these steps come out so small that the bias does not
fit and is cut off without a word. And where the output is always zero, one of these
steps would be more than the 256 steps of the output that XNNPACK allows, and the file
does not load.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfcompress.export.layer_operations import kernel_of
from tfcompress.measurement.files.constant_tensors import is_constant
from tfcompress.measurement.files.operation_name import operation_name

_AXES = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
_INPUT_STEPS = {"int8": 255, "int16": 65534}
_WEIGHT_STEPS = 127
_BIAS_STEPS = 2.0**30
_OUTPUT_STEPS = 200


@dataclasses.dataclass(frozen=True)
class _Product:
    """An operation that multiplies with a kernel, by the names of its tensors."""

    data: str
    kernel: str
    output: str
    weights: np.ndarray
    bias: np.ndarray | None
    axis: int


def fit_ranges(
    content: bytes, ranges: Mapping[str, tuple[float, float]], activations: str
) -> tuple[dict[str, tuple[float, float]], dict[str, np.ndarray]]:
    """Widens ranges that are too narrow for LiteRT's integer kernels.

    What the layers gave on the samples keeps its precision; only steps that are tiny
    beside the bias, or belong to layers that gave nothing but zeros, become wider.

    Args:
        content: The bytes of a float `.tflite` file.
        ranges: The least and the largest value by tensor, as `read_ranges` returns it.
        activations: `"int8"` or `"int16"`.

    Returns:
        The ranges of activations by tensor, all of them with zero inside; and for each
        kernel that is not all right as it is, the largest absolute value that each of
        its channels shall be able to hold, with the axes of the kernel.
    """
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    wide = {
        name: (min(low, 0.0), max(high, 0.0)) for name, (low, high) in ranges.items()
    }
    kernels: dict[str, np.ndarray] = {}
    for product in _products(file):
        if product.data not in wide or product.output not in wide:
            continue
        low, high = wide[product.data]
        largest = _largest(product.weights, product.axis)
        needed = largest
        if product.bias is not None and high > low:
            steps = (high - low) / _INPUT_STEPS[activations] / _WEIGHT_STEPS
            least = np.abs(product.bias) / _BIAS_STEPS / steps
            needed = np.maximum(largest, least.reshape(largest.shape))
        if np.any(needed > largest) or product.kernel in kernels:
            before = kernels.get(product.kernel, needed)
            kernels[product.kernel] = np.maximum(before, needed)
        step = (high - low) * float(needed.max()) / _WEIGHT_STEPS
        start, end = wide[product.output]
        wide[product.output] = start, max(end, start + step / _OUTPUT_STEPS)
    return wide, kernels


def _products(file: Any) -> Iterator[_Product]:
    for subgraph in file.subgraphs:
        tensors = subgraph.tensors
        for operator in subgraph.operators or []:
            kind = operation_name(file, operator)
            kernel = kernel_of(file, subgraph, operator)
            if kind not in _AXES or kernel is None:
                continue
            bias = int(operator.inputs[2]) if len(operator.inputs) > 2 else -1
            held = bias >= 0 and is_constant(file, tensors[bias])
            yield _Product(
                data=tensors[operator.inputs[0]].name.decode(),
                kernel=tensors[kernel].name.decode(),
                output=tensors[operator.outputs[0]].name.decode(),
                weights=_values(file, tensors[kernel]),
                bias=_values(file, tensors[bias]) if held else None,
                axis=_AXES[kind],
            )


def _values(file: Any, tensor: Any) -> np.ndarray:
    data = np.asarray(file.buffers[tensor.buffer].data, np.uint8)
    return data.view(np.float32).reshape(tensor.shape)


def _largest(weights: np.ndarray, axis: int) -> np.ndarray:
    others = tuple(index for index in range(weights.ndim) if index != axis)
    return np.abs(weights).max(axis=others, keepdims=True)
