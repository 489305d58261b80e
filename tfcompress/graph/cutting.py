"""Takes a part of a model."""

import dataclasses
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.graph.graph import (
    Graph,
    Layer,
    Node,
    Tensor,
    map_tensors,
    tensors,
)
from tfcompress.graph.rewiring import free_name, rewire, without_unused


def cut(graph: Graph, inputs: Any, outputs: Any, *, name: str | None = None) -> Graph:
    """Returns the part of a graph between two places.

    Args:
        graph: The graph. It is not changed.
        inputs: Where the part begins: a `Tensor`, or a list or dict of them.
        outputs: What the part returns, in the same forms.
        name: Name of the part. By default the name of the graph with `_part` behind.

    Raises:
        ArgumentError: If a tensor is not in the graph, or the outputs need another
            input of the model than those given.

    Example:
    ```python
    import keras
    from tfcompress.graph import Tensor, cut
    from tfcompress.keras_compat import build, read

    layers = [keras.layers.Dense(3, name="first"), keras.layers.Dense(2, name="last")]
    graph = read(keras.Sequential([keras.Input((4,)), *layers]))
    part = build(cut(graph, Tensor("first"), Tensor("last")), keras="keras")
    ```
    """
    known = {node.name: node for node in graph.nodes}
    for tensor in tensors([inputs, outputs]):
        if tensor.node not in known:
            raise ArgumentError(
                f"{graph.name!r} has the nodes {sorted(known)}. Received: {tensor}"
            )
    made = {
        tensor: _input(graph, known[tensor.node], tensor) for tensor in tensors(inputs)
    }
    starts = {tensor: Tensor(layer.name) for tensor, layer in made.items()}
    rest = tuple(n for n in graph.nodes if Tensor(n.name) not in starts)
    part = dataclasses.replace(
        graph,
        name=name or f"{graph.name}_part",
        layers={**graph.layers, **{layer.name: layer for layer in made.values()}},
        nodes=rest,
        outputs=outputs,
        kind="Functional",
    )
    part = rewire(part, {t: s for t, s in starts.items() if t != s})
    nodes = tuple(
        Node(layer.name, layer.name, outputs=_spec(known[tensor.node], tensor))
        for tensor, layer in made.items()
    )
    part = dataclasses.replace(
        part,
        nodes=nodes + part.nodes,
        inputs=map_tensors(starts.__getitem__, inputs),
    )
    part = without_unused(part)
    others = [
        node.name
        for node in part.nodes
        if part.layer_of(node).kind == "InputLayer" and node not in nodes
    ]
    if others:
        raise ArgumentError(
            f"The outputs need the inputs {others} as well; add them to inputs, or "
            f"begin elsewhere. Received: inputs={list(map(str, starts))}"
        )
    return part


def _input(graph: Graph, node: Node, tensor: Tensor) -> Layer:
    layer = graph.layer_of(node)
    if layer.kind == "InputLayer":
        return layer
    if not node.outputs:
        raise ArgumentError(
            "A part can begin only where shape and dtype are known. Received: "
            f"{tensor}, whose node has none"
        )
    spec = node.outputs[tensor.index]
    config = {"batch_shape": spec.shape, "dtype": spec.dtype}
    suffix = f"_{tensor.index}" if tensor.index else ""
    name = free_name(graph, f"{node.name.replace(':', '_')}{suffix}_input")
    return Layer(name, "InputLayer", config)


def _spec(node: Node, tensor: Tensor) -> tuple[Any, ...]:
    return node.outputs[tensor.index : tensor.index + 1]
