"""Bytes of the weights of a quantization-aware model, packed."""

import math
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.graph import Layer
from tfcompress.keras_compat.quantized_graph import (
    RANGE,
    read_rounded,
    rounded_layers,
)
from tfcompress.quantization import formats
from tfcompress.quantization.storage_result import LayerStorage, Storage, StoredKernel

_FLOAT32 = 4
_SCALE = 4
# The fewest bits in which a file holds the kernels of a kind of layer, and of which
# multiples the number of inputs must be.
_NARROW = {
    "Dense": ((2, 4), (4, 1)),
    **dict.fromkeys(
        ("Bidirectional", "Conv1D", "Conv2D", "GRU", "LSTM", "SimpleRNN"), ((4, 1),)
    ),
}


def storage(model: Any) -> Storage:
    """Counts the bytes of the weights of a quantization-aware model.

    Kernels are packed as the whole numbers that they were trained as, in as few bits:
    of any number of bits from 2 to 8, and in formats for which TFLite has no kernels.
    What a TFLite file does not hold so is called "storage only": an application that
    stores or sends such kernels unpacks them before it computes with them.

    A file holds linear kernels of 4 bits or fewer in 4 where the layer is Dense, a
    recurrent layer or a plain convolution; those of 2 bits in 2 where it is Dense, or a
    convolution of 1 by 1, of a multiple of four inputs; and all other kernels in 8,
    with a scale for each output.

    Args:
        model: What `QuantizationAwareTraining.apply` returned, trained or not. It is
            not changed.

    Returns:
        A `Storage`, which holds the packed kernels too.

    Raises:
        ModelError: If the model is not quantization-aware.

    Example:
    ```python
    aware = tfc.quantization.QuantizationAwareTraining(4, weight_format="logarithmic")
    small = aware.apply(model)
    print(tfc.quantization.storage(small))
    ```
    """
    keras_compat.check_model(model)
    rounded = {layer.name: layer for layer in rounded_layers(model)}
    if not rounded:
        raise ModelError(
            "storage takes the model that QuantizationAwareTraining.apply returned. "
            f"Received: model {model.name!r}, which is not quantization-aware"
        )
    graph = read_rounded(model)
    rows = [
        _row(layer, rounded.get(layer.name))
        for layer in graph.layers.values()
        if layer.weights and layer.kind != RANGE
    ]
    return Storage(tuple(rows))


def _row(layer: Layer, wrapper: Any) -> LayerStorage:
    name = layer.name.removesuffix("_unrounded")
    total = sum(weight.value.nbytes for weight in layer.weights)
    if wrapper is None:
        return LayerStorage(name, "float32", (), total, total, total, "TFLite")
    roundings = list(wrapper.roundings.values())
    kernels = tuple(
        _store(rounding, kernel)
        for rounding, kernel in zip(roundings, wrapper.unrounded_kernels(), strict=True)
    )
    rest = total - sum(_FLOAT32 * math.prod(kernel.shape) for kernel in kernels)
    first = roundings[0]
    bits = _bits_in_file(layer.kind, first, kernels[0].shape)
    in_file = sum(_bytes_in_file(kernel, bits) for kernel in kernels)
    same = first.format == "linear" and bits == first.bits
    return LayerStorage(
        name,
        f"{first.format.replace('_', '-')}, {first.bits} bits",
        kernels,
        rest + sum(kernel.size_in_bytes for kernel in kernels),
        total,
        rest + in_file,
        "TFLite" if same else "storage only",
    )


def _store(rounding: Any, kernel: Any) -> StoredKernel:
    parameters = rounding.parameters(kernel)
    integers = formats.quantize(kernel, parameters).integers.numpy()
    packed = formats.pack_bits(integers, rounding.bits)
    scales = math.prod(integers.shape[axis] for axis in rounding.axes)
    return StoredKernel(packed, parameters, tuple(integers.shape), scales)


def _bits_in_file(kind: str, rounding: Any, shape: tuple[int, ...]) -> int:
    """Returns how many bits a weight takes in a file."""
    if rounding.format != "linear":
        return 8
    if kind == "Conv2D" and set(shape[:-2]) == {1}:
        kind = "Dense"
    return next(
        (
            bits
            for bits, multiple in _NARROW.get(kind, ())
            if rounding.bits <= bits and shape[-2] % multiple == 0
        ),
        8,
    )


def _bytes_in_file(kernel: StoredKernel, bits: int) -> int:
    return math.ceil(math.prod(kernel.shape) * bits / 8) + _SCALE * kernel.scales
