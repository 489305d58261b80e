"""Bias correction: the mean error of rounded weights, taken off the bias."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.graph import Graph, Layer, Tensor, cast_to_float32, split_activations
from tfcompress.graph.bias import read_bias, write_bias
from tfcompress.graph.rewiring import with_layers
from tfcompress.quantization.folded_reading import match_layers, read_folded
from tfcompress.quantization.kernel_grid import check_bits, output_axes, round_kernel
from tfcompress.quantization.layer_outputs import LayerOutputs, read_inputs
from tfcompress.quantization.roundable_layers import find_roundable


def correct_bias(
    model: Any,
    data: Any,
    *,
    bits: int = 8,
    layers: Sequence[str] | None = None,
    samples: int = 256,
) -> Any:
    """Returns a model whose biases make up for the rounding of its weights.

    Rounding the weights of a layer moves the mean of each of its outputs, and such a
    shift goes through the rest of the network. It is measured on data here, layer by
    layer: the mean of what the layer gives when it and all before it are rounded and
    corrected, less that of the float model, is taken off its bias. The weights stay
    as they are, in float: what comes out is the model to be quantized. Nagel et al.,
    "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
    https://arxiv.org/abs/1906.04721, section 4.2 and appendix D.

    Weights are rounded as a file holds them: batch normalization folded, symmetric,
    with a scale for each output channel. Concerned are convolutions of every kind and
    Dense layers, which get a bias where they have none. A layer that is called several
    times is corrected by the mean over all its calls.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed. Models inside it are dissolved into their layers, and separable
            convolutions become two layers.
        data: Inputs like those of the application, in a form that
            `tfcompress.data.batches` accepts; labels in it are not used.
        bits: Bits of the weights in the file, from 2 to 8. Defaults to 8.
        layers: Names of the layers that will be rounded, or patterns of them such as
            `"block1_*"`. The others count as float. Defaults to all.
        samples: How many samples of `data` to use at the most. Defaults to 256.

    Returns:
        A model of the same Keras with weights of its own, not compiled.

    Raises:
        ModelError: If the model is subclassed, not built or not finite, still being
            pruned, or quantization-aware, or has no such layer.
        DataError: If the data is empty, not finite or does not fit the model.
        ArgumentError: If `bits` is not from 2 to 8, `samples` not a whole number of 1
            or more, or a name in `layers` matches nothing.

    Example:
    ```python
    corrected = tfc.quantization.correct_bias(model, x)
    tfc.export.to_tflite(
        corrected, "small.tflite", target="cpu_int8", representative_data=x
    )
    ```
    """
    check_bits(bits)
    graph = read_folded(model)
    rounded = find_roundable(graph)
    chosen = match_layers(layers, rounded, "convolutions and Dense layers")
    inputs = read_inputs(model, data, samples=samples)
    biases = _corrected(graph, chosen, bits, inputs, keras_compat.origin_of(model))
    corrected = [write_bias(graph.layers[name], biases[name]) for name in chosen]
    graph = with_layers(graph, corrected)
    return keras_compat.build(graph, keras=keras_compat.origin_of(model), trusted=True)


def _corrected(
    graph: Graph, names: Sequence[str], bits: int, inputs: Sequence[Any], keras: str
) -> dict[str, np.ndarray]:
    """Returns the corrected bias of each layer."""
    linear = split_activations(cast_to_float32(graph))
    biased = [
        write_bias(linear.layers[name], read_bias(linear.layers[name]))
        for name in names
    ]
    rounded = {layer.name: _rounded(layer, bits) for layer in biased}
    calls = {name: [Tensor(node.name) for node in linear.calls(name)] for name in names}
    tensors = [tensor for found in calls.values() for tensor in found]
    exact = LayerOutputs(linear, tensors, keras)
    coarse = LayerOutputs(with_layers(linear, rounded.values()), tensors, keras)
    biases = {}
    for name, layer in rounded.items():
        error = _mean(coarse, calls[name], inputs) - _mean(exact, calls[name], inputs)
        biases[name] = read_bias(layer) - error
        coarse.write(write_bias(layer, biases[name]))
    return biases


def _rounded(layer: Layer, bits: int) -> Layer:
    kernel = layer.weight("kernel")
    axes = output_axes(layer.kind, kernel.ndim)
    return layer.with_weights({"kernel": round_kernel(kernel, bits, axes)})


def _mean(
    outputs: LayerOutputs, tensors: Sequence[Tensor], inputs: Sequence[Any]
) -> np.ndarray:
    """Returns the mean of each channel over all calls of a layer."""
    total: Any = 0.0
    count = 0
    for tensor in tensors:
        for values in outputs.run(tensor, inputs):
            flat = values.reshape(-1, values.shape[-1])
            total = total + flat.sum(axis=0, dtype=np.float64)
            count += len(flat)
    return total / count
