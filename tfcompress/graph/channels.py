"""Finds the channels of a model that must be removed together."""

from collections.abc import Iterable, Mapping

import numpy as np

from tfcompress.errors import ArgumentError
from tfcompress.graph.channel_group import ChannelGroup, ChannelSlice
from tfcompress.graph.channel_labels import FIXED
from tfcompress.graph.channel_layers import LAYER_RULES
from tfcompress.graph.channel_normalization import NORMALIZATION_RULES
from tfcompress.graph.channel_operations import OPERATION_RULES
from tfcompress.graph.channel_shapes import SHAPE_RULES
from tfcompress.graph.channel_trace import ChannelTrace
from tfcompress.graph.graph import Graph, Tensor
from tfcompress.names import nearest

_RULES = {**LAYER_RULES, **NORMALIZATION_RULES, **OPERATION_RULES, **SHAPE_RULES}


def find_groups(
    graph: Graph, *, ignored: Iterable[str] = ()
) -> tuple[ChannelGroup, ...]:
    """Finds the groups of channels of a model.

    Channels are made by convolutions, Dense, Embedding, recurrent layers and attention
    (its heads, and their width), handed on by normalization, activations, pooling and
    changes of shape, and joined by additions and the like. Channels of a group lie on
    the same weights and tensors, each at its own places. Where an operation is not
    known, or a channel reaches an input or output of the model, its group is frozen.

    Args:
        graph: A graph without models inside it: see `flatten_models`.
        ignored: Names of layers whose outputs must keep all their channels.

    Returns:
        Every group, frozen ones too, in the order in which the model makes them.

    Raises:
        ArgumentError: If there is a model inside the graph, or no layer of a name.

    References:
        - [Fang et al., 2023](https://arxiv.org/abs/2301.12900), whose groups these are.

    Example:
    ```python
    import keras
    from tfcompress.graph import find_groups
    from tfcompress.keras_compat import read

    layers = [keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)]
    graph = read(keras.Sequential([keras.Input((4,)), *layers]))
    for group in find_groups(graph):
        print(group)
    ```
    """
    return groups_of(trace_channels(graph), ignored)


def trace_channels(graph: Graph) -> ChannelTrace:
    """Returns the channels of all tensors and weights of a flat graph.

    Raises:
        ArgumentError: If there is a model inside the graph.
    """
    nested = [name for name, layer in graph.layers.items() if layer.graph is not None]
    if nested:
        raise ArgumentError(
            "Channels are followed in a graph without models inside it; use "
            f"`flatten_models` first. Received: graph {graph.name!r} with {nested}"
        )
    return ChannelTrace(graph, _RULES)


def groups_of(trace: ChannelTrace, ignored: Iterable[str]) -> tuple[ChannelGroup, ...]:
    """Returns the groups that a trace found."""
    _freeze_ignored(trace, ignored)
    numbers = trace.numbers
    slots = {key: numbers.roots(slot.ids) for key, slot in trace.slots.items()}
    means = {name: numbers.roots(ids) for name, ids in trace.statistics.items()}
    groups = []
    taken: dict[str, int] = {}
    for roots, keys, copies in _alike(trace, slots):
        slices = tuple(
            ChannelSlice(*key, trace.slots[key].role, _positions(slots[key], roots))
            for key in keys
        )
        statistics = [name for name, ids in means.items() if np.isin(ids, roots).any()]
        name = numbers.name(roots[0])
        taken[name] = taken.get(name, 0) + 1
        groups.append(
            ChannelGroup(
                name if taken[name] == 1 else f"{name}:{taken[name]}",
                len(roots),
                slices,
                numbers.reason(roots),
                tuple(statistics),
                copies,
                tuple(roots),
            )
        )
    return tuple(groups)


def _alike(
    trace: ChannelTrace, slots: Mapping[tuple[str, str, int], np.ndarray]
) -> list[tuple[list[int], list[tuple[str, str, int]], int]]:
    """Returns channels that lie on the same tensors and weights, with the latter.

    The number is that of the places which each has on a tensor, at the least.

    So whatever is removed, something stays of each tensor and each weight as long as
    something stays of each group.
    """
    numbers = trace.numbers
    placed = [*slots.values()]
    for labels in trace.labels.values():
        if labels.ids is not None and labels.movable:
            placed.append(numbers.roots(labels.ids))
    places: dict[int, list[int]] = {}
    for root in np.unique(numbers.every_root()).tolist():
        places[root] = []
    copies: dict[int, int] = {}
    for place, found in enumerate(placed):
        there, counts = np.unique(found[found != FIXED], return_counts=True)
        for root, count in zip(there.tolist(), counts.tolist(), strict=True):
            places[root].append(place)
            if place >= len(slots):
                copies[root] = min(count, copies.get(root, count))
    groups: dict[tuple[int, ...], list[int]] = {}
    for root, taken in places.items():
        groups.setdefault(tuple(taken), []).append(root)
    keys = list(slots)
    return [
        (
            roots,
            [keys[place] for place in taken if place < len(keys)],
            min(copies.get(root, 1) for root in roots),
        )
        for taken, roots in groups.items()
    ]


def _positions(found: np.ndarray, roots: list[int]) -> np.ndarray:
    """Returns which of the roots, which are in order, stands at each position."""
    places = np.searchsorted(roots, found).clip(max=len(roots) - 1)
    return np.where(np.asarray(roots)[places] == found, places, -1)


def _freeze_ignored(trace: ChannelTrace, ignored: Iterable[str]) -> None:
    graph = trace.graph
    for name in ignored:
        if name not in graph.layers:
            raise ArgumentError(
                f"{graph.name!r} has no layer of this name; the nearest are "
                f"{nearest(name, graph.layers)}. "
                f"Received: ignored={name!r}"
            )
        for (layer, _, _), slot in trace.slots.items():
            if layer == name and slot.role != "consumer":
                trace.numbers.freeze(slot.ids, f"{name!r} is ignored")
        for (layer, _), ids in trace.made.items():
            if layer == name:
                trace.numbers.freeze(ids, f"{name!r} is ignored")
        for node in graph.calls(name):
            for index in range(len(node.outputs)):
                labels = trace.labels_of(Tensor(node.name, index))
                trace.numbers.freeze(labels.ids, f"{name!r} is ignored")
