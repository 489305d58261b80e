"""Finds the residual blocks of a model, and removes them."""

import dataclasses
from collections.abc import Iterable, Iterator

from tfcompress.errors import ArgumentError
from tfcompress.graph.graph import Graph, Node, Tensor, tensors
from tfcompress.graph.rewiring import rewire, without_unused

_ADDITIONS = {"Add", "ops.add", "tf.__operators__.add", "tf.math.add", "tf.add"}
_CONCATENATIONS = {"Concatenate", "ops.concatenate", "tf.concat"}
# What `keras.applications` adds with in InceptionResNetV2: the first input and a share
# of the second.
_SCALED_ADDITION = "CustomScaleLayer"


@dataclasses.dataclass(frozen=True)
class Block:
    """What stands between a tensor and the place where it joins the main path again.

    It computes `source + branch`, and without the block `source` alone is left.

    Attributes:
        name: Name of the node that joins the two.
        source: What the branch is computed from.
        branch: What the branch gives; None where no branch was found.
        nodes: Names of the nodes of the branch, in order.
        layers: Names of their layers, in order.
        reason: Why the block cannot be removed, or None if it can.
    """

    name: str
    source: Tensor | None = None
    branch: Tensor | None = None
    nodes: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def frozen(self) -> bool:
        """Whether the block cannot be removed."""
        return self.reason is not None

    def __str__(self) -> str:
        if self.frozen:
            return f"{self.name}: frozen: {self.reason}"
        return f"{self.name}: {self.source} + ({', '.join(self.layers)})"


def find_blocks(graph: Graph) -> tuple[Block, ...]:
    """Finds the residual blocks of a model.

    A block is what stands between a tensor `x` and an addition `x + f(x)`, in either
    order: the convolutions of a residual network, the attention or the dense layers of
    a transformer. It can be removed if nothing but the addition uses what lies within.
    Blocks may hold blocks.

    Args:
        graph: A graph without models inside it: see `flatten_models`.

    Returns:
        A block for each place where two tensors are added, or a tensor is concatenated
        with what was computed from it, in the order of the model, frozen ones too.

    Raises:
        ArgumentError: If there is a model inside the graph.

    References:
        - [He et al., 2016](https://arxiv.org/abs/1512.03385), whose blocks these are.
        - [Veit et al., 2016](https://arxiv.org/abs/1605.06431), who removed them.

    Example:
    ```python
    import keras
    from tfcompress.graph import find_blocks
    from tfcompress.keras_compat import read

    x = keras.Input((4,))
    y = keras.layers.Add(name="sum")([x, keras.layers.Dense(4, name="branch")(x)])
    for block in find_blocks(read(keras.Model(x, keras.layers.Dense(2)(y)))):
        print(block)
    ```
    """
    nested = [name for name, layer in graph.layers.items() if layer.graph is not None]
    if nested:
        raise ArgumentError(
            "Blocks are found in a graph without models inside it; use "
            f"`flatten_models` first. Received: graph {graph.name!r} with {nested}"
        )
    return tuple(_Search(graph).blocks())


def remove_blocks(graph: Graph, names: Iterable[str]) -> Graph:
    """Returns a graph without some residual blocks.

    It computes what the graph computes when the branch of each block gives zeros. What
    stood behind the addition, such as an activation, stays.

    Args:
        graph: A graph without models inside it. It is not changed.
        names: Names of the blocks, as `find_blocks` calls them.

    Raises:
        ArgumentError: If there is no such block, or it cannot be removed.

    Example:
    ```python
    import keras
    from tfcompress.graph import remove_blocks
    from tfcompress.keras_compat import build, read

    x = keras.Input((4,))
    y = keras.layers.Add(name="sum")([x, keras.layers.Dense(4)(x)])
    model = keras.Model(x, keras.layers.Dense(2)(y))
    small = build(remove_blocks(read(model), ["sum"]), keras="keras")
    ```
    """
    found = {block.name: block for block in find_blocks(graph)}
    replacements: dict[Tensor, Tensor] = {}
    for name in names:
        if name not in found or found[name].frozen:
            free = [block.name for block in found.values() if not block.frozen]
            why = f" ({found[name].reason})" if name in found else ""
            raise ArgumentError(
                f"Blocks of {graph.name!r} that can be removed are {free}. Received: "
                f"{name!r}{why}"
            )
        source = found[name].source
        assert source is not None
        replacements[Tensor(name)] = source
    return without_unused(rewire(graph, replacements))


class _Search:
    """Looks for blocks in one graph; sets of nodes are bits of a number."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.places = {node.name: place for place, node in enumerate(graph.nodes)}
        self.layers_of = {node.name: graph.layer_of(node) for node in graph.nodes}
        self.takers: dict[Tensor, list[int]] = {}
        self.consumers: dict[str, set[str]] = {node.name: set() for node in graph.nodes}
        self.before: list[int] = []
        for place, node in enumerate(graph.nodes):
            mask = 1 << place
            for tensor in node.inputs():
                mask |= self.before[self.places[tensor.node]]
                self.takers.setdefault(tensor, []).append(place)
                self.consumers[tensor.node].add(node.name)
            self.before.append(mask)
        self.returned = {tensor.node for tensor in tensors(graph.outputs)}

    def blocks(self) -> Iterator[Block]:
        """Yields the blocks, frozen ones too."""
        for node in self.graph.nodes:
            kind = self.layers_of[node.name].kind
            operands = list(dict.fromkeys(node.inputs()))
            if kind in _CONCATENATIONS:
                if any(self.between(x, y) for x in operands for y in operands):
                    reason = "its branch is concatenated with its source, not added"
                    yield Block(node.name, reason=reason)
            elif kind == _SCALED_ADDITION:
                yield self.block(node, [tuple(operands)])
            elif kind in _ADDITIONS and len(node.inputs()) > 1:
                yield self.block(node, [tuple(operands), tuple(operands[::-1])])

    def block(self, join: Node, orders: list[tuple[Tensor, ...]]) -> Block:
        """Returns the block that ends in an addition."""
        for operands in orders:
            if len(operands) != 2 or len(join.inputs()) != 2:
                return Block(join.name, reason="it does not add two tensors")
            source, branch = operands
            between = self.between(source, branch)
            if between:
                return self.checked(join, source, branch, between)
        reason = "neither of the two that are added is computed from the other"
        return Block(join.name, reason=reason)

    def between(self, source: Tensor, branch: Tensor) -> list[str]:
        """Returns the nodes on the ways from one tensor to another."""
        ways = self.before[self.places[branch.node]]
        found, behind = [], 0
        first = self.places[source.node] + 1
        starts = set(self.takers.get(source, ()))
        for place in range(first, self.places[branch.node] + 1):
            node = self.graph.nodes[place]
            taken = any(behind >> self.places[t.node] & 1 for t in node.inputs())
            if place in starts or taken:
                behind |= 1 << place
                if ways >> place & 1:
                    found.append(node.name)
        return found

    def checked(
        self, join: Node, source: Tensor, branch: Tensor, between: list[str]
    ) -> Block:
        """Returns a block, frozen if it cannot be removed."""
        gone = self.gone(join, source, branch)
        layers = tuple(dict.fromkeys(self.graph.node(name).layer for name in gone))
        block = Block(join.name, source, branch, tuple(gone), layers)
        reason = self.reason(join, block, between)
        return dataclasses.replace(block, reason=reason)

    def gone(self, join: Node, source: Tensor, branch: Tensor) -> list[str]:
        """Returns the nodes that nothing needs when the source is taken instead."""
        found = {join.name}
        ways = self.before[self.places[branch.node]]
        for node in reversed(self.graph.nodes):
            if (
                ways >> self.places[node.name] & 1
                and node.name != source.node
                and node.name not in self.returned
                and self.consumers[node.name] <= found
            ):
                found.add(node.name)
        return [n.name for n in self.graph.nodes if n.name in found - {join.name}]

    def reason(self, join: Node, block: Block, between: list[str]) -> str | None:
        """Returns why a block cannot be removed, or None."""
        assert block.source is not None
        first = self.graph.node(block.source.node).outputs[block.source.index]
        if first != join.outputs[0]:
            return f"its source has the shape {first}, its sum {join.outputs[0]}"
        for name in between:
            if name not in block.nodes:
                return f"{name!r} in its branch is used elsewhere too"
        for name in block.nodes:
            layer = self.layers_of[name]
            if layer.kind == "InputLayer":
                return f"the input {name!r} of the model is used nowhere else"
            calls = self.graph.calls(layer)
            if layer.weights and any(call.name not in block.nodes for call in calls):
                return f"layer {layer.name!r} in its branch is called elsewhere too"
        return None
