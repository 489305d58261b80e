"""Which tensors of a `.tflite` file hold the outputs of which layers."""

import collections
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tfcompress.graph import Graph
from tfcompress.measurement.files.operation_name import operation_name

_NUMBERS = {
    schema.TensorType.FLOAT32,
    schema.TensorType.INT8,
    schema.TensorType.INT16,
    schema.TensorType.UINT8,
}
_WITH_KERNEL = {
    "CONV_2D",
    "CONV_3D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
}


@dataclasses.dataclass(frozen=True)
class TensorMatch:
    """A tensor of a file that holds what layers give.

    Attributes:
        index: The number of the tensor in its graph.
        operation: The kind of the operation that makes it, such as `"CONV_2D"`.
        layer: The layer that it belongs to: of several that became one operation, that
            with the kernel.
        nodes: The nodes that became this operation, in their order. The tensor holds
            the output of one of them, mostly of the last.
        behind: The nodes behind them in a line, as far as the next kernel. They may be
            part of the operation without being named, as normalizations often are.
    """

    index: int
    operation: str
    layer: str
    nodes: tuple[str, ...]
    behind: tuple[str, ...]


def match_tensors(
    file: Any, subgraph: Any, graph: Graph, outputs: Mapping[int, str]
) -> list[TensorMatch]:
    """Finds the layers of a model in a file that was converted from it.

    The converter names tensors after the layers whose work they are, as in
    `model/relu/Relu;model/conv/Conv2D`. A layer of Keras 3 may stand there with a
    number behind it, so that `conv_1` may be the layer `conv`: names are read both
    ways, and the way that finds more layers is taken. Calls of a shared layer are told
    apart by their order.

    Args:
        file: The file, a `ModelT`.
        subgraph: One of its graphs, a `SubGraphT`.
        graph: The model, without models inside it.
        outputs: For the tensors that the file gives out, the nodes of the model.

    Returns:
        The tensors, in the order in which they are computed. What is made of constants
        alone is left out, and so is what is not named after a layer.
    """
    found = [
        _Matching(graph, numbered).match(file, subgraph, outputs)
        for numbered in (False, True)
    ]
    return max(found, key=lambda matches: len({m.nodes[-1] for m in matches}))


class _Matching:
    """Reads names in one of the two ways."""

    def __init__(self, graph: Graph, numbered: bool) -> None:
        self.graph = graph
        self.numbered = numbered
        self.nodes = {node.name: node for node in graph.nodes}
        self.calls: dict[str, list[str]] = {}
        self.takers: dict[str, list[str]] = {}
        for node in graph.nodes:
            self.calls.setdefault(node.layer, []).append(node.name)
            for tensor in node.inputs():
                self.takers.setdefault(tensor.node, []).append(node.name)
        self.kernels = {
            name
            for name, layer in graph.layers.items()
            if any(weight.value.ndim > 1 for weight in layer.weights)
        }

    def match(
        self, file: Any, subgraph: Any, outputs: Mapping[int, str]
    ) -> list[TensorMatch]:
        matches: list[TensorMatch] = []
        matched: set[str] = set()
        reached = {int(index) for index in subgraph.inputs}
        kinds: dict[int, str] = {}
        times: collections.Counter[Any] = collections.Counter()
        for operator in subgraph.operators or []:
            if not reached.intersection(int(index) for index in operator.inputs):
                continue
            kind = operation_name(file, operator)
            if kind == "DEQUANTIZE":
                kind = kinds.get(int(operator.inputs[0]), kind)
            for index in map(int, operator.outputs):
                reached.add(index)
                kinds[index] = kind
                tensor = subgraph.tensors[index]
                if tensor.type not in _NUMBERS:
                    continue
                layers = self._layers(tensor.name.decode("utf-8", "replace"))
                head = outputs.get(index)
                if head is None and layers:
                    size = tuple(() if tensor.shape is None else tensor.shape)
                    call = times[layers[0], kind, size]
                    times[layers[0], kind, size] += 1
                    calls = self.calls[layers[0]]
                    head = calls[min(call, len(calls) - 1)]
                if head is None:
                    continue
                named = {*layers, self.nodes[head].layer}
                group = self._group(head, named, kind in _WITH_KERNEL, matched)
                matched.update(group)
                behind = tuple(self._behind(group[-1])[1:])
                owner = self._owner(group)
                matches.append(TensorMatch(index, kind, owner, group, behind))
        return matches

    def _layers(self, name: str) -> list[str]:
        """Returns the layers in the name of a tensor, in order, each once."""
        found: dict[str, None] = {}
        for path in name.split(";"):
            parts = path.split("/")[:-1]
            if self.numbered:
                parts = [re.sub(r"_\d+$", "", part) for part in parts]
            layer = self._layer(parts)
            if layer is not None:
                found[layer] = None
        return list(found)

    def _layer(self, parts: list[str]) -> str | None:
        """Returns the innermost layer of a path.

        A layer of a model inside the model has the names of models before its own,
        where that is taken.
        """
        for end in range(len(parts), 0, -1):
            for start in range(end):
                name = "_".join(parts[start:end])
                if name in self.calls:
                    return name
        return None

    def _group(
        self, head: str, named: set[str], with_kernel: bool, matched: set[str]
    ) -> tuple[str, ...]:
        """Returns the nodes around one, in a line, that became one operation."""
        before = [head]
        while self.nodes[before[-1]].layer not in self.kernels:
            inputs = self.nodes[before[-1]].inputs()
            if len(inputs) != 1 or inputs[0].node in matched:
                break
            before.append(inputs[0].node)
        behind = self._behind(head)
        kernel = self.kernels if with_kernel else set()
        before = before[: self._last(before, named | kernel) + 1]
        behind = behind[: self._last(behind, named) + 1]
        return (*reversed(before), *behind[1:])

    def _behind(self, head: str) -> list[str]:
        """Returns a node and those behind it in a line, without kernels."""
        line = [head]
        while len(takers := self.takers.get(line[-1], [])) == 1:
            node = self.nodes[takers[0]]
            if len(node.inputs()) != 1 or node.layer in self.kernels:
                break
            line.append(node.name)
        return line

    def _last(self, line: list[str], layers: set[str]) -> int:
        """Returns the place of the last node in a line that calls one of the layers."""
        places = [i for i, name in enumerate(line) if self.nodes[name].layer in layers]
        return max(places, default=0)

    def _owner(self, group: tuple[str, ...]) -> str:
        layers = [self.nodes[name].layer for name in group]
        return next((name for name in layers if name in self.kernels), layers[0])
