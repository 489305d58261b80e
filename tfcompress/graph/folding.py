"""Folds batch normalization into the layer before it."""

import dataclasses

import numpy as np

from tfcompress.graph.graph import Graph, Layer, Tensor, Weight
from tfcompress.graph.rewiring import rewire, with_layers, without_unused

# Kernel of each layer, and the axes of it that count the outputs.
_KERNELS = {
    "Conv1D": ("kernel", (-1,)),
    "Conv2D": ("kernel", (-1,)),
    "Conv3D": ("kernel", (-1,)),
    "Conv1DTranspose": ("kernel", (-2,)),
    "Conv2DTranspose": ("kernel", (-2,)),
    "Conv3DTranspose": ("kernel", (-2,)),
    "Dense": ("kernel", (-1,)),
    "DepthwiseConv1D": ("kernel", (-2, -1)),
    "DepthwiseConv2D": ("kernel", (-2, -1)),
    "SeparableConv1D": ("pointwise_kernel", (-1,)),
    "SeparableConv2D": ("pointwise_kernel", (-1,)),
}


def fold_batch_normalization(graph: Graph) -> Graph:
    """Returns a graph that computes the same at inference with fewer layers.

    At inference batch normalization is `gamma * (x - mean) / sqrt(variance + epsilon)
    + beta`, which a linear layer before it can do with its own kernel and bias. It is
    folded where that layer is a convolution or a Dense without activation, of which
    nothing else takes an output. Two layers that are always called one behind the
    other, however often, are folded too.

    Args:
        graph: A graph; models inside it are left as they are: see `flatten_models`.

    Example:
    ```python
    import keras
    from tfcompress.graph import fold_batch_normalization
    from tfcompress.keras_compat import build, read

    layers = [keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    small = build(fold_batch_normalization(read(model)), keras="keras")
    ```
    """
    while True:
        found = [
            (normalization, layer)
            for normalization in graph.layers.values()
            if (layer := foldable_layer(graph, normalization)) is not None
        ]
        if not found:
            return without_unused(graph)
        replaced = {
            Tensor(call.name): call.inputs()[0]
            for normalization, _ in found
            for call in graph.calls(normalization)
        }
        graph = without_unused(rewire(graph, replaced))
        graph = with_layers(
            graph, [_folded(layer, normalization) for normalization, layer in found]
        )


def foldable_layer(graph: Graph, normalization: Layer) -> Layer | None:
    """Returns the layer that a batch normalization can be folded into, or None.

    Args:
        graph: A graph.
        normalization: One of its layers, of any kind.
    """
    if normalization.kind != "BatchNormalization":
        return None
    calls = graph.calls(normalization)
    if any(len(call.inputs()) != 1 for call in calls):
        return None
    before = {call.inputs()[0].node for call in calls}
    layers = {graph.node(name).layer for name in before}
    if len(before) != len(calls) or len(layers) != 1:
        return None
    layer = graph.layers[layers.pop()]
    if layer.kind not in _KERNELS or len(graph.calls(layer)) != len(calls):
        return None
    if layer.config.get("activation", "linear") not in ("linear", None):
        return None
    if any(len(graph.consumers(name)) > 1 or graph.is_output(name) for name in before):
        return None
    axis = normalization.config.get("axis", -1)
    for call in calls:
        source = call.inputs()[0]
        outputs = graph.node(source.node).outputs or call.outputs
        rank = len(outputs[0].shape) if outputs else None
        first = layer.config.get("data_format") == "channels_first"
        channels = (1, rank and 1 - rank) if first else (-1, rank and rank - 1)
        if axis not in channels:
            return None
    return layer


def _folded(layer: Layer, normalization: Layer) -> Layer:
    """Returns a layer whose kernel and bias do the normalization as well."""
    values = {weight.path: weight.value for weight in normalization.weights}
    mean = values["moving_mean"].astype(np.float64)
    epsilon = normalization.config.get("epsilon", 1e-3)
    scale = 1.0 / np.sqrt(values["moving_variance"].astype(np.float64) + epsilon)
    scale = scale * values.get("gamma", 1.0)
    path, axes = _KERNELS[layer.kind]
    kernel = layer.weight(path)
    shape = [1] * kernel.ndim
    for axis in axes:
        shape[axis] = kernel.shape[axis]
    had_bias = layer.config.get("use_bias", True)
    bias = layer.weight("bias") if had_bias else np.zeros(scale.shape)
    bias = (bias - mean) * scale + values.get("beta", 0.0)
    changed = {path: (kernel * scale.reshape(shape)).astype(kernel.dtype)}
    weights = [w for w in layer.with_weights(changed).weights if w.path != "bias"]
    weights.append(Weight("bias", bias.astype(kernel.dtype)))
    config = {**layer.config, "use_bias": True}
    return dataclasses.replace(layer, config=config, weights=tuple(weights))
