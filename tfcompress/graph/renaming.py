"""Gives layers other names."""

import dataclasses
from collections.abc import Mapping

from tfcompress.graph.graph import Graph, Tensor, map_tensors


def rename_layers(graph: Graph, names: Mapping[str, str]) -> Graph:
    """Returns a graph in which layers, and with them their calls, have other names.

    Args:
        graph: A graph; layers of models inside it keep their names: see
            `flatten_models`.
        names: The new name of each layer, by its old one. Layers not in it keep
            theirs.

    Example:
    ```python
    import keras
    from tfcompress.graph import rename_layers
    from tfcompress.keras_compat import read

    dense = keras.layers.Dense(2, name="dense_7")
    graph = read(keras.Sequential([keras.Input((4,)), dense]))
    assert "scores" in rename_layers(graph, {"dense_7": "scores"}).layers
    ```
    """
    layers = {
        names.get(name, name): dataclasses.replace(layer, name=names.get(name, name))
        for name, layer in graph.layers.items()
    }
    calls = {
        node.name: names.get(node.layer, node.layer)
        + node.name.removeprefix(node.layer)
        for node in graph.nodes
    }

    def renamed(tensor: Tensor) -> Tensor:
        return Tensor(calls[tensor.node], tensor.index)

    nodes = tuple(
        dataclasses.replace(
            node,
            name=calls[node.name],
            layer=names.get(node.layer, node.layer),
            arguments=map_tensors(renamed, node.arguments),
            keywords=map_tensors(renamed, dict(node.keywords)),
        )
        for node in graph.nodes
    )
    return dataclasses.replace(
        graph,
        layers=layers,
        nodes=nodes,
        inputs=map_tensors(renamed, graph.inputs),
        outputs=map_tensors(renamed, graph.outputs),
    )
