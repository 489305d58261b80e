"""Moves activations out of layers and back into them."""

import dataclasses
from collections.abc import Collection

from tfcompress.graph.graph import Graph, Layer, Node, Tensor
from tfcompress.graph.rewiring import rewire, with_layers, without_unused
from tfcompress.graph.substitution import Chain, substitute

_KINDS = {
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "EinsumDense",
    "SeparableConv1D",
    "SeparableConv2D",
}


def split_activations(graph: Graph) -> Graph:
    """Returns a graph whose convolutions and Dense layers have no activation.

    Each activation becomes an `Activation` layer of its own behind the layer, called
    `<layer>_activation`.

    Args:
        graph: A graph; models inside it are left as they are.

    Example:
    ```python
    import keras
    from tfcompress.graph import split_activations
    from tfcompress.keras_compat import build, read

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "relu")])
    split = build(split_activations(read(model)), keras="keras")
    ```
    """

    def replacement(node: Node, chain: Chain) -> Tensor | None:
        layer = graph.layer_of(node)
        activation = layer.config.get("activation", "linear")
        if layer.kind not in _KINDS or activation in ("linear", None):
            return None
        spec = node.outputs[0] if node.outputs else None
        linear = {**layer.config, "activation": "linear"}
        config = {"activation": activation}
        if "dtype" in layer.config:
            config["dtype"] = layer.config["dtype"]
        tensor = chain.call(
            dataclasses.replace(layer, config=linear),
            node.arguments,
            spec,
            node.keywords,
        )
        added = Layer(chain.part("activation"), "Activation", config)
        return chain.call(added, (tensor,), spec)

    return substitute(graph, replacement)


def fuse_activations(graph: Graph, names: Collection[str] | None = None) -> Graph:
    """Returns a graph in which activations are part of the layer before them.

    An `Activation`, or a `ReLU` without settings, is moved into a convolution or a
    Dense without activation, where both are called once and nothing else takes the
    output of the layer.

    Args:
        graph: A graph; models inside it are left as they are.
        names: The activation layers to move; all of them by default.

    Example:
    ```python
    import keras
    from tfcompress.graph import fuse_activations
    from tfcompress.keras_compat import build, read

    layers = [keras.layers.Dense(2), keras.layers.ReLU()]
    model = keras.Sequential([keras.Input((4,)), *layers])
    fused = build(fuse_activations(read(model)), keras="keras")
    ```
    """
    for node in graph.nodes:
        activation = _activation(graph.layer_of(node))
        if activation is None or len(node.inputs()) != 1 or node.keywords:
            continue
        if names is not None and node.layer not in names:
            continue
        before = graph.node(node.inputs()[0].node)
        layer = graph.layer_of(before)
        calls = len(graph.calls(layer)) + len(graph.calls(node.layer))
        alone = len(graph.consumers(before)) == 1 and not graph.is_output(before)
        own = layer.config.get("activation", "linear")
        if layer.kind in _KINDS and own in ("linear", None) and calls == 2 and alone:
            config = {**layer.config, "activation": activation}
            graph = rewire(graph, {Tensor(node.name): Tensor(before.name)})
            graph = with_layers(graph, [dataclasses.replace(layer, config=config)])
    return without_unused(graph)


def _activation(layer: Layer) -> object:
    """Returns the activation that a layer is nothing but, or None."""
    if layer.kind == "Activation":
        return layer.config["activation"]
    plain = {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}
    if layer.kind == "ReLU" and all(
        layer.config.get(key, value) == value for key, value in plain.items()
    ):
        return "relu"
    return None
