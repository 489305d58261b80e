"""Puts the layers of nested models into the model that holds them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfcompress.graph.graph import Graph, Layer, Node, Tensor, map_tensors
from tfcompress.graph.rewiring import leaves


def flatten_models(graph: Graph) -> Graph:
    """Returns a graph that computes the same without models inside the model.

    Layers keep their names where they can. A name that is taken gets the name of its
    model before it. A model that is called twice becomes two calls of each of its
    layers, which stay shared.

    Args:
        graph: A graph, with models nested to any depth. It is not changed.

    Example:
    ```python
    import keras
    from tfcompress.graph import flatten_models
    from tfcompress.keras_compat import build, read

    backbone = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model = keras.Sequential([keras.Input((4,)), backbone, keras.layers.Dense(2)])
    flat = build(flatten_models(read(model)), keras="keras")
    ```
    """
    if all(layer.graph is None for layer in graph.layers.values()):
        return graph
    flattening = _Flattening()
    values = flattening.inline(graph, {}, prefix="")
    return dataclasses.replace(
        graph,
        layers=flattening.layers,
        nodes=tuple(flattening.nodes),
        inputs=map_tensors(values.__getitem__, graph.inputs),
        outputs=map_tensors(values.__getitem__, graph.outputs),
    )


class _Flattening:
    """Collects the nodes of a model and of those inside it."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.nodes: list[Node] = []
        self.names: dict[int, str] = {}

    def inline(
        self, graph: Graph, values: dict[Tensor, Tensor], prefix: str
    ) -> dict[Tensor, Tensor]:
        """Adds the nodes of a graph, whose inputs may be given in `values`."""
        for node in graph.nodes:
            layer = graph.layers[node.layer]
            if Tensor(node.name) in values and layer.kind == "InputLayer":
                continue
            arguments = map_tensors(values.__getitem__, node.arguments)
            if layer.graph is not None:
                inner = layer.graph
                given = _given(inner, arguments[0])
                results = self.inline(inner, given, f"{prefix}{layer.name}_")
                for index, tensor in enumerate(leaves(inner.outputs)):
                    values[Tensor(node.name, index)] = results[tensor]
                continue
            keywords = map_tensors(values.__getitem__, dict(node.keywords))
            added = self._add(layer, node, arguments, keywords, prefix)
            for index in range(max(1, len(node.outputs))):
                values[Tensor(node.name, index)] = Tensor(added, index)
        return values

    def _add(
        self,
        layer: Layer,
        node: Node,
        arguments: tuple[Any, ...],
        keywords: Mapping[str, Any],
        prefix: str,
    ) -> str:
        if id(layer) not in self.names:
            name = layer.name if layer.name not in self.layers else prefix + layer.name
            while name in self.layers:
                name += "_1"
            self.names[id(layer)] = name
            self.layers[name] = dataclasses.replace(layer, name=name)
        name = self.names[id(layer)]
        again = sum(other.layer == name for other in self.nodes)
        called = f"{name}:{again}" if again else name
        self.nodes.append(Node(called, name, arguments, keywords, node.outputs))
        return called


def _given(graph: Graph, argument: Any) -> dict[Tensor, Tensor]:
    """Pairs the inputs of a nested model with what it is called on."""
    inputs = leaves(graph.inputs)
    if isinstance(argument, Mapping) and not isinstance(graph.inputs, Mapping):
        return {tensor: argument[tensor.node] for tensor in inputs}
    return dict(zip(inputs, leaves(argument), strict=True))
