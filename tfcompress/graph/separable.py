"""Splits separable convolutions into the two convolutions that they are."""

import dataclasses

from tfcompress.graph.graph import Graph, Layer, Node, Tensor, Weight
from tfcompress.graph.rewiring import free_name, in_order, with_layers

_DEPTHWISE = (
    "data_format",
    "depth_multiplier",
    "dilation_rate",
    "dtype",
    "kernel_size",
    "padding",
    "strides",
)
_POINTWISE = (
    "activation",
    "activity_regularizer",
    "bias_constraint",
    "bias_initializer",
    "bias_regularizer",
    "data_format",
    "dtype",
    "filters",
    "use_bias",
)


def split_separable_convolutions(graph: Graph) -> Graph:
    """Returns a graph in which each SeparableConv2D is two layers.

    A DepthwiseConv2D without bias, called `<layer>_depthwise`, is followed by a Conv2D
    of 1 by 1, which keeps the layer's name, bias and activation.

    Args:
        graph: A graph; models inside it are left as they are.

    Example:
    ```python
    import keras
    from tfcompress.graph import split_separable_convolutions
    from tfcompress.keras_compat import build, read

    layers = [keras.Input((8, 8, 2)), keras.layers.SeparableConv2D(4, 3)]
    split = split_separable_convolutions(read(keras.Sequential(layers)))
    model = build(split, keras="keras")
    ```
    """
    for layer in list(graph.layers.values()):
        if layer.kind != "SeparableConv2D":
            continue
        name = free_name(graph, f"{layer.name}_depthwise")
        depthwise = Layer(
            name,
            "DepthwiseConv2D",
            {
                **_taken(layer, _DEPTHWISE),
                **_renamed(layer, "depthwise", "depthwise"),
                "use_bias": False,
            },
            (Weight("kernel", layer.weight("depthwise_kernel")),),
            layer.trainable,
        )
        biases = tuple(weight for weight in layer.weights if weight.path == "bias")
        pointwise = Layer(
            layer.name,
            "Conv2D",
            {
                **_taken(layer, _POINTWISE),
                **_renamed(layer, "pointwise", "kernel"),
                "kernel_size": (1, 1),
            },
            (Weight("kernel", layer.weight("pointwise_kernel")), *biases),
            layer.trainable,
        )
        graph = _insert_before_calls(graph, layer, depthwise)
        graph = with_layers(graph, [depthwise, pointwise])
    return graph


def _taken(layer: Layer, keys: tuple[str, ...]) -> dict[str, object]:
    return {key: layer.config[key] for key in keys if key in layer.config}


def _renamed(layer: Layer, old: str, new: str) -> dict[str, object]:
    parts = ("constraint", "initializer", "regularizer")
    return {
        f"{new}_{part}": layer.config[f"{old}_{part}"]
        for part in parts
        if f"{old}_{part}" in layer.config
    }


def _insert_before_calls(graph: Graph, layer: Layer, added: Layer) -> Graph:
    for number, call in enumerate(graph.calls(layer)):
        name = f"{added.name}:{number}" if number else added.name
        node = Node(name, added.name, call.arguments, call.keywords)
        changed = dataclasses.replace(call, arguments=(Tensor(name),), keywords={})
        others = [other for other in graph.nodes if other.name != call.name]
        nodes = in_order([*others, node, changed])
        graph = dataclasses.replace(graph, nodes=nodes)
    return graph
