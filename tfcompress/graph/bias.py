"""The bias of a layer, whether it has one or not."""

import dataclasses

import numpy as np

from tfcompress.graph.graph import Layer, Weight
from tfcompress.graph.grouped_kernel import read_grouped


def read_bias(layer: Layer) -> np.ndarray:
    """Returns the bias of a layer, of zeros where it has none.

    Args:
        layer: A layer of one of the kinds in `grouped_kernel.GROUPED_KERNELS`.

    Returns:
        An array of shape `(outputs,)`, in float64.
    """
    for weight in layer.weights:
        if weight.path == "bias":
            return weight.value.astype(np.float64)
    _, _, groups, outputs = read_grouped(layer).shape
    return np.zeros(groups * outputs)


def write_bias(layer: Layer, bias: np.ndarray) -> Layer:
    """Returns a layer with this bias, which it gets if it has none.

    Args:
        layer: The layer.
        bias: An array of shape `(outputs,)`.
    """
    kept = tuple(weight for weight in layer.weights if weight.path != "bias")
    added = Weight("bias", bias.astype(layer.weight("kernel").dtype))
    config = {**layer.config, "use_bias": True}
    return dataclasses.replace(layer, config=config, weights=(*kept, added))
