"""Puts other layers in the place of single calls, the ground of every lowering."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfcompress.graph.graph import (
    Graph,
    Layer,
    Node,
    Tensor,
    TensorSpec,
    map_tensors,
)
from tfcompress.graph.rewiring import without_unused


@dataclasses.dataclass(frozen=True)
class Chain:
    """The calls that take the place of one call.

    Attributes:
        node: The call that is replaced.
        number: How many calls of the same layer stand before it.
        owners: Names in use, with the layer that each belongs to.
        layers: The layers that were called, by their names.
        nodes: The calls.
    """

    node: Node
    number: int
    owners: dict[str, str]
    layers: dict[str, Layer] = dataclasses.field(default_factory=dict)
    nodes: list[Node] = dataclasses.field(default_factory=list)

    def part(self, part: str) -> str:
        """Returns the name of a layer that does a part of what the replaced one did.

        Each call of the replaced layer gets the same name for the same part, so that
        the parts of a shared layer are shared.
        """
        wanted = name = f"{self.node.layer}_{part}"
        again = 0
        while self.owners.setdefault(name, self.node.layer) != self.node.layer:
            again += 1
            name = f"{wanted}_{again}"
        return name

    def call(
        self,
        layer: Layer,
        arguments: Sequence[Any],
        spec: TensorSpec | None,
        keywords: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Adds the call of a layer.

        Args:
            layer: The layer, of the name of the replaced one, whose call then keeps
                its name, or of a name that `part` returned.
            arguments: Positional arguments.
            spec: What the call returns, or None where that is not known.
            keywords: Keyword arguments. Defaults to none.

        Returns:
            The output of the call.
        """
        name = f"{layer.name}:{self.number}" if self.number else layer.name
        if layer.name == self.node.layer:
            name = self.node.name
        self.layers[layer.name] = layer
        outputs = () if spec is None else (spec,)
        self.nodes.append(
            Node(name, layer.name, tuple(arguments), keywords or {}, outputs)
        )
        return Tensor(name)


def substitute(
    graph: Graph, replacement: Callable[[Node, Chain], Tensor | None]
) -> Graph:
    """Returns a graph in which chains of calls stand in the place of single calls.

    Args:
        graph: The graph. It is not changed.
        replacement: Adds calls to a chain and returns the tensor that takes the place
            of the node's only output, or returns None where the node stays.
    """
    owners = dict.fromkeys([*graph.layers, *(node.name for node in graph.nodes)], "")
    layers = dict(graph.layers)
    nodes: list[Node] = []
    replaced: dict[Tensor, Tensor] = {}
    numbers: dict[str, int] = {}
    for node in graph.nodes:
        chain = Chain(node, numbers.get(node.layer, 0), owners)
        numbers[node.layer] = chain.number + 1
        result = replacement(node, chain)
        calls = [node] if result is None else chain.nodes
        nodes += _taking(calls, replaced)
        layers.update(chain.layers)
        if result is not None and result != Tensor(node.name):
            replaced[Tensor(node.name)] = result
    outputs = map_tensors(lambda tensor: replaced.get(tensor, tensor), graph.outputs)
    return without_unused(
        dataclasses.replace(graph, layers=layers, nodes=tuple(nodes), outputs=outputs)
    )


def _taking(calls: Sequence[Node], replaced: Mapping[Tensor, Tensor]) -> list[Node]:
    """Returns calls that take what is replaced, but for what they make themselves."""
    made = {call.name for call in calls}

    def taken(tensor: Tensor) -> Tensor:
        return tensor if tensor.node in made else replaced.get(tensor, tensor)

    return [
        dataclasses.replace(
            call,
            arguments=map_tensors(taken, call.arguments),
            keywords=map_tensors(taken, dict(call.keywords)),
        )
        for call in calls
    ]


def spec_of(graph: Graph, tensor: Tensor) -> TensorSpec | None:
    """Returns shape and dtype of a tensor, or None where they are not known."""
    outputs = graph.node(tensor.node).outputs
    return outputs[tensor.index] if tensor.index < len(outputs) else None
