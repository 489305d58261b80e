"""Which tensors of a model get a range, and which of them share one."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from tfcompress.graph import Graph, Node, Tensor, attention_obstacle
from tfcompress.graph.folding import foldable_layer
from tfcompress.quantization.roles import AVERAGING, Place, is_fused, place_of

_ENTRY = Place("own")
_MASKED = -1e8


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is rounded where.

    Attributes:
        ranges: For each tensor that is rounded, the name of its range. Tensors with the
            same name share one.
        fixed: The ends of the ranges that never move, by name.
        masked: The ranges of scores of which some are masked.
        averaged: The ranges of what average pooling gives.
        reasons: Layers that compute in float, and why.
    """

    ranges: Mapping[Tensor, str]
    fixed: Mapping[str, tuple[float, float]]
    masked: frozenset[str]
    averaged: frozenset[str]
    reasons: Mapping[str, str]


def plan_ranges(graph: Graph) -> Plan:
    """Says where a model is rounded so that TFLite can compute it in whole numbers.

    Args:
        graph: A flat graph, whose activations are layers of their own.
    """
    places = {node.name: _place(graph, node) for node in graph.nodes}
    shared = _Shared()
    for node in graph.nodes:
        if places[node.name].role in ("same", "blended"):
            taken = [t for t in node.inputs() if _is_real(graph, t)]
            shared.unite([*taken, *_real_outputs(node)])
    members: dict[Tensor, list[Tensor]] = {}
    for node in graph.nodes:
        if places[node.name].role != "same" and not is_fused(graph, node):
            for tensor in _real_outputs(node):
                members.setdefault(shared.first(tensor), []).append(tensor)
    ranges, fixed = {}, {}
    names = set(graph.layers)
    for tensors in members.values():
        name = f"{tensors[0].node.replace(':', '_')}_range"
        while name in names:
            name += "_"
        names.add(name)
        ranges.update(dict.fromkeys(tensors, name))
        first, *others = (places[tensor.node].ends for tensor in tensors)
        if first is not None and all(ends == first for ends in others):
            fixed[name] = first
    reasons = {
        node.layer: str(places[node.name].reason)
        for node in graph.nodes
        if places[node.name].reason
    }
    masked = {
        ranges[tensor]
        for node in graph.nodes
        if _masks(graph, node)
        for tensor in _real_outputs(node)
    }
    averaged = {
        ranges[tensor]
        for node in graph.nodes
        if graph.layer_of(node).kind in AVERAGING
        for tensor in _real_outputs(node)
    }
    return Plan(ranges, fixed, frozenset(masked), frozenset(averaged), reasons)


def _masks(graph: Graph, node: Node) -> bool:
    """Returns whether a call puts about minus infinity in the place of values."""
    numbers = [
        float(np.min(value))
        for value in node.arguments
        if isinstance(value, int | float | np.ndarray | np.number)
    ]
    return graph.layer_of(node).kind == "ops.where" and any(
        number < _MASKED for number in numbers
    )


def _place(graph: Graph, node: Node) -> Place:
    layer = graph.layer_of(node)
    if layer.kind == "InputLayer":
        return _ENTRY
    if foldable_layer(graph, layer) is not None:
        return _ENTRY
    if layer.kind == "MultiHeadAttention":
        reason = attention_obstacle(graph, node) or "it could not be taken apart"
        return Place("float", reason=reason)
    return place_of(layer)


def _real_outputs(node: Node) -> list[Tensor]:
    """Returns the outputs that are real numbers; one where nothing is known of them."""
    if not node.outputs:
        return [Tensor(node.name)]
    return [
        Tensor(node.name, index)
        for index, spec in enumerate(node.outputs)
        if spec.dtype.startswith(("float", "bfloat"))
    ]


def _is_real(graph: Graph, tensor: Tensor) -> bool:
    return tensor in _real_outputs(graph.node(tensor.node))


class _Shared:
    """Tensors in groups of one range."""

    def __init__(self) -> None:
        self.before: dict[Tensor, Tensor] = {}

    def first(self, tensor: Tensor) -> Tensor:
        """Returns the tensor that stands for the group of this one."""
        while tensor in self.before:
            tensor = self.before[tensor]
        return tensor

    def unite(self, tensors: Iterable[Tensor]) -> None:
        """Makes one group of several."""
        groups = list(dict.fromkeys(map(self.first, tensors)))
        for other in groups[1:]:
            self.before[other] = groups[0]
