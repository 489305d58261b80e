"""Changing which tensor goes where, the ground of every pass."""

import dataclasses
import heapq
from collections.abc import Iterable, Mapping
from typing import Any

from tfcompress.graph.graph import Graph, Layer, Node, Tensor, map_tensors, tensors


def rewire(graph: Graph, replacements: Mapping[Tensor, Tensor]) -> Graph:
    """Returns a graph in which tensors are taken from elsewhere.

    Args:
        graph: The graph. It is not changed.
        replacements: What to take instead, for each tensor that is no longer wanted.
            Chains are followed to their end.
    """

    def final(tensor: Tensor) -> Tensor:
        while tensor in replacements:
            tensor = replacements[tensor]
        return tensor

    nodes = tuple(
        dataclasses.replace(
            node,
            arguments=map_tensors(final, node.arguments),
            keywords=map_tensors(final, dict(node.keywords)),
        )
        for node in graph.nodes
    )
    return dataclasses.replace(
        graph, nodes=nodes, outputs=map_tensors(final, graph.outputs)
    )


def without_unused(graph: Graph) -> Graph:
    """Returns a graph without nodes that no output needs, and layers nobody calls.

    The inputs of the model stay, used or not.
    """
    needed = {tensor.node for tensor in tensors([graph.inputs, graph.outputs])}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed |= {tensor.node for tensor in node.inputs()}
    nodes = tuple(node for node in graph.nodes if node.name in needed)
    called = {node.layer for node in nodes}
    layers = {name: item for name, item in graph.layers.items() if name in called}
    return dataclasses.replace(graph, nodes=nodes, layers=layers)


def with_layers(graph: Graph, layers: Iterable[Layer]) -> Graph:
    """Returns a graph in which layers of the same names are replaced, or added."""
    merged = {**graph.layers, **{layer.name: layer for layer in layers}}
    return dataclasses.replace(graph, layers=merged)


def in_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Returns nodes such that each stands after those it takes tensors from.

    Of those that may come next, the one that stood first does.
    """
    waiting = {node.name: node for node in nodes}
    places = {name: place for place, name in enumerate(waiting)}
    missing = {
        name: {tensor.node for tensor in node.inputs()} & waiting.keys()
        for name, node in waiting.items()
    }
    takers: dict[str, list[str]] = {name: [] for name in waiting}
    for name, sources in missing.items():
        for source in sources:
            takers[source].append(name)
    ready = [(places[name], name) for name, sources in missing.items() if not sources]
    heapq.heapify(ready)
    done = []
    while ready:
        _, name = heapq.heappop(ready)
        done.append(waiting[name])
        for taker in takers[name]:
            missing[taker].discard(name)
            if not missing[taker]:
                heapq.heappush(ready, (places[taker], taker))
    assert len(done) == len(waiting), "The graph has a cycle."
    return tuple(done)


def free_name(graph: Graph, wanted: str) -> str:
    """Returns the wanted name, with a number behind it if it is taken."""
    taken = set(graph.layers) | {node.name for node in graph.nodes}
    name, number = wanted, 1
    while name in taken:
        name = f"{wanted}_{number}"
        number += 1
    return name


def leaves(structure: Any) -> list[Tensor]:
    """Returns the tensors of a structure in the order in which Keras flattens it.

    That is the order of `tensors`, except that dicts are in the order of their keys.
    """
    if isinstance(structure, Mapping):
        return [leaf for key in sorted(structure) for leaf in leaves(structure[key])]
    if isinstance(structure, list | tuple):
        return [leaf for item in structure for leaf in leaves(item)]
    return [structure] if isinstance(structure, Tensor) else []
