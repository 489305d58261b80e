"""Changes to single nodes of a graph."""

import dataclasses

from tfcompress.errors import ArgumentError
from tfcompress.graph.graph import Graph, Tensor, map_tensors


def remove_node(graph: Graph, name: str) -> Graph:
    """Returns a graph without a node; who took its output takes its input instead.

    Args:
        graph: It is not changed.
        name: A node with one tensor among its arguments and one output of the same
            shape.

    Returns:
        The new graph. The layer is gone too, unless another node calls it.

    Raises:
        ArgumentError: If the node takes no tensor or several.

    Example:
    ```python
    smaller = remove_node(graph, "dropout")
    ```
    """
    node = graph.node(name)
    sources = node.inputs()
    if len(sources) != 1:
        raise ArgumentError(
            "Only a node with one input can be removed. "
            f"Received: node {name!r} with {len(sources)} inputs"
        )

    def bypass(tensor: Tensor) -> Tensor:
        return sources[0] if tensor.node == name else tensor

    kept = tuple(
        dataclasses.replace(
            other,
            arguments=map_tensors(bypass, other.arguments),
            keywords=map_tensors(bypass, other.keywords),
        )
        for other in graph.nodes
        if other.name != name
    )
    called = {other.layer for other in kept}
    return dataclasses.replace(
        graph,
        nodes=kept,
        layers={key: layer for key, layer in graph.layers.items() if key in called},
        outputs=map_tensors(bypass, graph.outputs),
    )
