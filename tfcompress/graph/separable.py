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


_AXES = {"SeparableConv1D": 1, "SeparableConv2D": 2}


def split_separable_convolutions(graph: Graph) -> Graph:
    """Returns a graph in which each SeparableConv1D and SeparableConv2D is two layers.

    A depthwise convolution without bias, called `<layer>_depthwise`, is followed by a
    convolution of 1 by 1, which keeps the layer's name, bias and activation. Causal
    padding is done by a ZeroPadding1D, called `<layer>_padding`, before them.

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
        if layer.kind not in _AXES:
            continue
        axes = _AXES[layer.kind]
        name = free_name(graph, f"{layer.name}_depthwise")
        depthwise = Layer(
            name,
            f"DepthwiseConv{axes}D",
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
            f"Conv{axes}D",
            {
                **_taken(layer, _POINTWISE),
                **_renamed(layer, "pointwise", "kernel"),
                "kernel_size": (1,) * axes,
            },
            (Weight("kernel", layer.weight("pointwise_kernel")), *biases),
            layer.trainable,
        )
        if depthwise.config["padding"] == "causal":
            padding = _causal_padding(graph, layer)
            config = {**depthwise.config, "padding": "valid"}
            depthwise = dataclasses.replace(depthwise, config=config)
            graph = _insert_before_calls(graph, layer, padding)
            graph = with_layers(graph, [padding])
        graph = _insert_before_calls(graph, layer, depthwise)
        graph = with_layers(graph, [depthwise, pointwise])
    return graph


def _causal_padding(graph: Graph, layer: Layer) -> Layer:
    """Returns the layer that puts zeros before the first step."""
    size, dilation = (
        value if isinstance(value, int) else value[0]
        for value in (layer.config["kernel_size"], layer.config["dilation_rate"])
    )
    config = {
        "padding": ((size - 1) * dilation, 0),
        "dtype": layer.config.get("dtype", "float32"),
    }
    return Layer(free_name(graph, f"{layer.name}_padding"), "ZeroPadding1D", config)


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
