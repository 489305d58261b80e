"""The model that a shrunken one must equal: the original, with its channels at zero."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tfcompress.graph import (
    ChannelGroup,
    Graph,
    Layer,
    Node,
    Tensor,
    Weight,
    find_groups,
)


def removed_channels(graph: Graph, small: Graph) -> dict[ChannelGroup, np.ndarray]:
    """Returns which channels of each group are missing in a smaller graph.

    They are read off a bias or another vector of each group, in which no two numbers
    must be alike.

    Raises:
        ValueError: If a group has no vector, or channels of it are lost in part.
    """
    removed = {}
    for group in find_groups(graph):
        vectors = [
            (part, graph.layers[part.layer].weight(part.path))
            for part in group.slices
            if graph.layers[part.layer].weight(part.path).ndim == 1
        ]
        if not vectors:
            raise ValueError(f"{group.name} has no vector")
        part, before = vectors[0]
        after = small.layers[part.layer].weight(part.path)
        left = {
            c for c, value in zip(part.channels, before, strict=True) if value in after
        }
        gone = np.setdiff1d(np.arange(group.width), sorted(left))
        if len(gone):
            removed[group] = gone
    return removed


def masked_original(
    graph: Graph, removed: Mapping[ChannelGroup, Sequence[int]]
) -> Graph:
    """Returns the graph with channels that count as zero after their activation.

    No weight gets smaller: where a layer takes the channels in, its rows for them are
    zero. Channels that no weight takes in, such as those over which queries and keys
    are multiplied, are zero where they are made. A normalization over channels works on
    the others only, which a multiplication by zeros and ones picks out and puts back.

    Args:
        graph: A graph without models inside it. It is not changed.
        removed: The channels, for groups that `find_groups` found in it.
    """
    places: dict[str, np.ndarray] = {}
    for group, channels in removed.items():
        for part in group.slices:
            gone = np.isin(part.channels, channels)
            if part.role == "consumer" or not group.consumers:
                graph = _with_zeros(graph, part.layer, part.path, part.axis, gone)
            elif part.layer in group.changes_statistics:
                before = places.get(part.layer, np.zeros(len(gone), bool))
                # Gamma and beta have the same places: each counts once.
                places[part.layer] = before | gone
    for name, gone in places.items():
        if gone.any():
            graph = _normalized_without(graph, graph.layers[name], gone)
    return graph


def _with_zeros(
    graph: Graph, name: str, path: str, axis: int, gone: np.ndarray
) -> Graph:
    value = graph.layers[name].weight(path).copy()
    np.moveaxis(value, axis, 0)[gone] = 0
    changed = graph.layers[name].with_weights({path: value})
    return dataclasses.replace(graph, layers={**graph.layers, name: changed})


def _normalized_without(graph: Graph, layer: Layer, gone: np.ndarray) -> Graph:
    """Returns a graph in which a layer normalizes the other channels only."""
    name = layer.name
    picked = np.eye(len(gone), dtype="float32")[:, ~gone]
    kept = {weight.path: weight.value[~gone] for weight in layer.weights}
    added = {
        name: layer.with_weights(kept),
        f"{name}_picked": _multiplication(f"{name}_picked", picked),
        f"{name}_put_back": _multiplication(f"{name}_put_back", picked.T),
    }
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.layer != name:
            nodes.append(node)
            continue
        # The last of the three has the name of the call, so all that took it does.
        before, within = f"{node.name}_picked", f"{node.name}_normalized"
        nodes += [
            Node(before, f"{name}_picked", node.arguments),
            dataclasses.replace(node, name=within, arguments=(Tensor(before),)),
            dataclasses.replace(
                node,
                layer=f"{name}_put_back",
                arguments=(Tensor(within),),
                keywords={},
            ),
        ]
    layers = {**graph.layers, **added}
    return dataclasses.replace(graph, layers=layers, nodes=tuple(nodes))


def _multiplication(name: str, matrix: np.ndarray) -> Layer:
    config = {"units": matrix.shape[1], "use_bias": False}
    return Layer(name, "Dense", config, (Weight("kernel", matrix),))
