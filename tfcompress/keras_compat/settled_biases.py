"""Biases at the whole numbers that a file holds them in."""

from typing import Any

import numpy as np

from tfcompress.keras_compat.activation_range import ActivationRange
from tfcompress.keras_compat.prunable_weights import prunable_weights
from tfcompress.keras_compat.quantized_graph import rounded_layers
from tfcompress.keras_compat.rounded_layer import RoundedLayer
from tfcompress.keras_compat.steady_batch_normalization import (
    SteadyBatchNormalization,
)

_WITH_BIAS = (
    "Conv1D",
    "Conv2D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
)


def settle_biases(model: Any) -> None:
    """Moves biases to the nearest whole number of their steps in the file.

    A file holds a bias in 32 bits, in steps of the scale of the input times that of the
    kernel. What it is rounded by is far less than a step of the output, but enough to
    turn one value in some thousands to the next step, where a model and its file then
    part. Where a batch normalization is folded into the layer, its offset counts.

    Args:
        model: A quantization-aware model whose ranges are known, or a model around it.
            Its biases, or offsets of batch normalizations, are changed.
    """
    for layer in rounded_layers(model):
        scale = _scale_of_input(layer)
        if scale is not None and type(layer.layer).__name__ in _WITH_BIAS:
            _settle(layer, scale * _scales_of_kernel(layer))


def _settle(layer: RoundedLayer, steps: np.ndarray) -> None:
    """Settles the bias of a layer, or of the normalization behind it."""
    normalization = _normalization_behind(layer)
    bias = layer.layer.bias
    before = np.zeros(steps.size) if bias is None else _numbers(bias)
    factor = np.ones(steps.size)
    if normalization is not None:
        deviation = np.sqrt(
            _numbers(normalization.moving_variance) + normalization.epsilon
        )
        gamma, beta = normalization.gamma, normalization.beta
        factor = (1.0 if gamma is None else _numbers(gamma)) / deviation
        before = before - _numbers(normalization.moving_mean)
        if beta is not None:
            offset = np.zeros(steps.size)
            np.divide(_numbers(beta), factor, out=offset, where=factor != 0)
            before = before + offset
    counts = (steps > 0) & (factor != 0)
    steps = np.where(counts, steps, 1.0)
    change = np.where(counts, np.round(before / steps) * steps - before, 0.0)
    if bias is not None:
        bias.assign(_numbers(bias) + change)
    elif normalization is not None and normalization.beta is not None:
        beta = normalization.beta
        beta.assign(_numbers(beta) + change * factor)
    elif normalization is not None:
        mean = normalization.moving_mean
        mean.assign(_numbers(mean) - change)


def _scales_of_kernel(layer: RoundedLayer) -> np.ndarray:
    """Returns the scale that a file has for each output of a layer."""
    (kernel,) = prunable_weights(layer.layer)
    ((_, rounded),) = layer.rounded_kernels()
    rounding = layer.roundings[0]
    others = tuple(set(range(rounded.ndim)) - set(kernel.outputs))
    greatest = np.abs(rounded).max(axis=others).astype(np.float64).reshape(-1)
    if not rounding.axes and rounding.bits == 8 and layer.clustered:
        # The file has one scale for all outputs, as `clustered_steps` says.
        greatest = np.full_like(greatest, greatest.max())
    # With another scale for all outputs the file finds its own for each.
    bits = rounding.bits if rounding.axes else 8
    return greatest / (2 ** (bits - 1) - 1)


def _scale_of_input(layer: RoundedLayer) -> float | None:
    """Returns the step of a layer's input, or None if it has none, or several."""
    found = [_range_before(node) for node in layer._inbound_nodes]
    first = found[0]
    if first is None or any(one is not first for one in found) or first.bits > 8:
        return None
    low, high = first.range
    return (high - low) / (2**first.bits - 1) if first.is_known else None


def _range_before(node: Any) -> ActivationRange | None:
    """Returns the range of what a call takes, which other layers may hand on."""
    while True:
        real = [t for t in node.keras_inputs if t.dtype.is_floating]
        if not real:
            return None
        history = real[0]._keras_history
        if isinstance(history.layer, ActivationRange):
            return history.layer
        node = history.layer._inbound_nodes[history.node_index]


def _normalization_behind(layer: RoundedLayer) -> SteadyBatchNormalization | None:
    """Returns the batch normalization that is folded into a layer."""
    behind = [node.layer for node in layer._outbound_nodes]
    if len(behind) == 1 and isinstance(behind[0], SteadyBatchNormalization):
        return behind[0]
    return None


def _numbers(variable: Any) -> np.ndarray:
    return variable.numpy().astype(np.float64)
