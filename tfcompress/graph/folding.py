"""Folds batch normalization into the layer before it."""

import dataclasses

import numpy as np

from tfcompress.graph.graph import Graph, Layer, Node, Tensor, Weight
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
    folded where that layer is a convolution or a Dense without activation, called
    once, with nothing else taking its output.

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
    for node in graph.nodes:
        before = _foldable(graph, node)
        if before is not None:
            layer = _folded(graph.layer_of(before), graph.layer_of(node))
            graph = rewire(graph, {Tensor(node.name): Tensor(before.name)})
            graph = with_layers(graph, [layer])
    return without_unused(graph)


def _foldable(graph: Graph, node: Node) -> Node | None:
    """Returns the node that a batch normalization can be folded into."""
    normalization = graph.layer_of(node)
    if normalization.kind != "BatchNormalization" or len(node.inputs()) != 1:
        return None
    before = graph.node(node.inputs()[0].node)
    layer = graph.layer_of(before)
    calls = len(graph.calls(layer)) + len(graph.calls(normalization))
    alone = len(graph.consumers(before)) == 1 and not graph.is_output(before)
    if layer.kind not in _KERNELS or calls != 2 or not alone:
        return None
    if layer.config.get("activation", "linear") not in ("linear", None):
        return None
    last = layer.config.get("data_format") != "channels_first"
    rank = len(before.outputs[0].shape) if before.outputs else None
    on_last = normalization.config.get("axis", -1) in (-1, rank and rank - 1)
    return before if last and on_last else None


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
