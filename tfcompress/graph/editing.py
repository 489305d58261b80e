"""Replaces, inserts and removes single layers."""

import dataclasses

from tfcompress.errors import ArgumentError
from tfcompress.graph.graph import Graph, Layer, Node, Tensor
from tfcompress.graph.rewiring import (
    free_name,
    in_order,
    rewire,
    with_layers,
    without_unused,
)


def replace_layer(graph: Graph, name: str, layer: Layer) -> Graph:
    """Returns a graph in which another layer does the work of one.

    Args:
        graph: The graph. It is not changed.
        name: Name of the layer to be replaced, in all its calls.
        layer: What takes its place. It keeps its own name.

    Raises:
        ArgumentError: If there is no such layer, or the new name is taken.

    Example:
    ```python
    import keras
    from tfcompress.graph import Layer, replace_layer
    from tfcompress.keras_compat import build, read

    model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU(name="relu")])
    softplus = Layer("softplus", "Activation", {"activation": "softplus"})
    smooth = build(replace_layer(read(model), "relu", softplus), keras="keras")
    ```
    """
    _check_layer(graph, name)
    if layer.name != name and layer.name in graph.layers:
        raise ArgumentError(
            f"The new layer must have a name that is free, or that of the old layer. "
            f"Received: layer.name={layer.name!r}"
        )
    layers = {
        layer.name if key == name else key: layer if key == name else value
        for key, value in graph.layers.items()
    }
    renamed, replacements = [], {}
    for node in graph.nodes:
        if node.layer != name:
            renamed.append(node)
            continue
        called = layer.name + node.name.removeprefix(name)
        renamed.append(dataclasses.replace(node, name=called, layer=layer.name))
        for index in range(max(1, len(node.outputs))):
            if called != node.name:
                replacements[Tensor(node.name, index)] = Tensor(called, index)
    graph = dataclasses.replace(graph, layers=layers, nodes=tuple(renamed))
    return rewire(graph, replacements)


def insert_after(graph: Graph, tensor: Tensor, layer: Layer) -> Graph:
    """Returns a graph in which a tensor passes through one layer more.

    Args:
        graph: The graph. It is not changed.
        tensor: What the layer is called on. All that took it takes the output of the
            layer instead.
        layer: A layer of one input and one output. A name that is taken gets a number.

    Raises:
        ArgumentError: If there is no such tensor.

    Example:
    ```python
    import keras
    from tfcompress.graph import Layer, Tensor, insert_after
    from tfcompress.keras_compat import build, read

    dense = keras.layers.Dense(2, name="scores")
    graph = read(keras.Sequential([keras.Input((4,)), dense]))
    model = build(
        insert_after(graph, Tensor("scores"), Layer("shares", "Softmax")), keras="keras"
    )
    ```
    """
    source = _check_node(graph, tensor.node)
    name = free_name(graph, layer.name)
    specs = source.outputs[tensor.index : tensor.index + 1]
    graph = rewire(graph, {tensor: Tensor(name)})
    node = Node(name, name, (tensor,), outputs=specs)
    graph = with_layers(graph, [dataclasses.replace(layer, name=name)])
    return dataclasses.replace(graph, nodes=in_order([*graph.nodes, node]))


def remove_node(graph: Graph, name: str) -> Graph:
    """Returns a graph without one call, whose input takes the place of its output.

    Args:
        graph: The graph. It is not changed.
        name: Name of a node with one input and one output.

    Raises:
        ArgumentError: If there is no such node, or it has several inputs or outputs.

    Example:
    ```python
    import keras
    from tfcompress.graph import remove_node
    from tfcompress.keras_compat import build, read

    layers = [keras.layers.Dense(2), keras.layers.Softmax(name="shares")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    logits = build(remove_node(read(model), "shares"), keras="keras")
    ```
    """
    node = _check_node(graph, name)
    if len(node.inputs()) != 1 or len(node.outputs) > 1:
        raise ArgumentError(
            "Only a node with one input and one output can be removed. Received: node "
            f"{name!r} with {len(node.inputs())} inputs and {len(node.outputs)} outputs"
        )
    return without_unused(rewire(graph, {Tensor(name): node.inputs()[0]}))


def _check_layer(graph: Graph, name: str) -> None:
    if name not in graph.layers:
        raise ArgumentError(
            f"{graph.name!r} has the layers {sorted(graph.layers)}. Received: "
            f"name={name!r}"
        )


def _check_node(graph: Graph, name: str) -> Node:
    for node in graph.nodes:
        if node.name == name:
            return node
    raise ArgumentError(
        f"{graph.name!r} has the nodes {[node.name for node in graph.nodes]}. "
        f"Received: {name!r}"
    )
