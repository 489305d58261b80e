"""A model as plain data: layers, their calls, and what flows between them."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np


@dataclasses.dataclass(frozen=True)
class Tensor:
    """Refers to one output of a node.

    Attributes:
        node: Name of the node that produces the tensor.
        index: Which of the node's outputs, counted from 0.
    """

    node: str
    index: int = 0

    def __str__(self) -> str:
        return f"%{self.node}" if not self.index else f"%{self.node}[{self.index}]"


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of a tensor.

    Attributes:
        shape: One entry for each axis; None where the size is not fixed.
        dtype: Name of the dtype, such as `"float32"`.
    """

    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.dtype}({sizes})"


@dataclasses.dataclass(frozen=True, eq=False)
class Weight:
    """One weight of a layer.

    Attributes:
        path: Name within the layer, such as `"kernel"`; for a layer inside a layer
            (a cell, one direction of a `Bidirectional`) with its place before it,
            such as `"0/kernel"`.
        value: The numbers.
    """

    path: str
    value: np.ndarray

    @property
    def name(self) -> str:
        """The last part of the path, such as `"kernel"`."""
        return self.path.rsplit("/", 1)[-1]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Weight)
            and self.path == other.path
            and self.value.dtype == other.value.dtype
            and np.array_equal(self.value, other.value)
        )

    def __hash__(self) -> int:
        return hash(self.path)


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer or operation, however often it is called.

    Two places in a model share a layer when they hold the same `Layer` object, or
    the same name in the same graph.

    Attributes:
        name: Unique in its graph.
        kind: Class name of the layer as Keras 3 calls it (`"Dense"`), `"ops."` and
            the name of a Keras 3 operation (`"ops.add"`), `"tf."` and the name of a
            TensorFlow function (`"tf.nn.relu6"`), or `"Model"` for a nested model.
        config: Arguments of its constructor, as Keras 3 names them, without `name`
            and `trainable`.
        weights: Its weights. Empty for a nested model, whose layers hold them.
        trainable: Whether training may change its weights.
        graph: The nested model, where `kind` is `"Model"`.
        type: The class the layer was read from, or None for a layer made by a pass.
    """

    name: str
    kind: str
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    weights: tuple[Weight, ...] = ()
    trainable: bool = True
    graph: "Graph | None" = None
    type: Any = None

    def weight(self, path: str) -> np.ndarray:
        """Returns the numbers of the weight with this path.

        Raises:
            KeyError: If the layer has no such weight.
        """
        for weight in self.weights:
            if weight.path == path:
                return weight.value
        raise KeyError(f"{path!r} is not one of {[w.path for w in self.weights]}")

    def with_weights(self, values: Mapping[str, np.ndarray]) -> Self:
        """Returns a copy in which the weights with these paths have these values."""
        weights = tuple(
            Weight(weight.path, values.get(weight.path, weight.value))
            for weight in self.weights
        )
        return dataclasses.replace(self, weights=weights)

    def count_weights(self) -> int:
        """Returns the number of numbers in all its weights."""
        if self.graph is not None:
            return self.graph.count_weights()
        return sum(weight.value.size for weight in self.weights)


@dataclasses.dataclass(frozen=True)
class Node:
    """One call of a layer.

    Attributes:
        name: Unique in the graph. The first call of a layer has the layer's name.
        layer: Name of the layer that is called.
        arguments: Positional arguments: `Tensor`, constants, or lists, tuples and
            dicts of them.
        keywords: Keyword arguments, of the same kinds.
        outputs: Shapes and dtypes of what the call returns, flattened. Empty when
            they are not known.
    """

    name: str
    layer: str
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    outputs: tuple[TensorSpec, ...] = ()

    def inputs(self) -> list[Tensor]:
        """Returns the tensors among the arguments, in order."""
        return list(tensors((self.arguments, dict(self.keywords))))


@dataclasses.dataclass(frozen=True)
class Graph:
    """A functional or Sequential model as plain data.

    Attributes:
        name: Name of the model.
        layers: Every layer, by its name.
        nodes: Every call, each after those whose outputs it takes.
        inputs: The model's inputs: a `Tensor`, or a list, tuple or dict of them.
        outputs: The model's outputs, in the same forms.
        kind: `"Functional"` or `"Sequential"`.
        trainable: Whether training may change the model.

    Example:
    ```python
    from tfcompress.graph import Graph, Layer, Node, Tensor

    graph = Graph(
        name="tiny",
        layers={
            "x": Layer("x", "InputLayer", {"batch_shape": (None, 4)}),
            "double": Layer("double", "Rescaling", {"scale": 2.0}),
        },
        nodes=(Node("x", "x"), Node("double", "double", (Tensor("x"),))),
        inputs=Tensor("x"),
        outputs=Tensor("double"),
    )
    print(graph)
    ```
    """

    name: str
    layers: Mapping[str, Layer]
    nodes: tuple[Node, ...]
    inputs: Any
    outputs: Any
    kind: str = "Functional"
    trainable: bool = True

    def node(self, name: str) -> Node:
        """Returns the node with this name.

        Raises:
            KeyError: If there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(f"{name!r} is not a node of graph {self.name!r}")

    def layer_of(self, node: Node | str) -> Layer:
        """Returns the layer that a node, or the node with this name, calls."""
        return self.layers[(node if isinstance(node, Node) else self.node(node)).layer]

    def consumers(self, node: Node | str) -> list[Node]:
        """Returns the nodes that take an output of this node."""
        name = node.name if isinstance(node, Node) else node
        return [n for n in self.nodes if any(t.node == name for t in n.inputs())]

    def calls(self, layer: Layer | str) -> list[Node]:
        """Returns the nodes that call this layer."""
        name = layer.name if isinstance(layer, Layer) else layer
        return [node for node in self.nodes if node.layer == name]

    def is_output(self, node: Node | str) -> bool:
        """Returns whether the model returns an output of this node."""
        name = node.name if isinstance(node, Node) else node
        return any(tensor.node == name for tensor in tensors(self.outputs))

    def count_weights(self) -> int:
        """Returns the number of numbers in all weights, shared layers once."""
        return sum(layer.count_weights() for layer in distinct_layers(self))

    def __str__(self) -> str:
        return "\n".join(_lines(self, ""))


def tensors(structure: Any) -> Iterator[Tensor]:
    """Yields the tensors in nested lists, tuples and dicts, in order."""
    if isinstance(structure, Tensor):
        yield structure
    elif isinstance(structure, Mapping):
        for value in structure.values():
            yield from tensors(value)
    elif isinstance(structure, list | tuple):
        for value in structure:
            yield from tensors(value)


def map_tensors(function: Callable[[Tensor], Any], structure: Any) -> Any:
    """Returns a copy of nested lists, tuples and dicts with each tensor replaced."""
    if isinstance(structure, Tensor):
        return function(structure)
    if isinstance(structure, Mapping):
        return {k: map_tensors(function, v) for k, v in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(map_tensors(function, v) for v in structure)
    return structure


def distinct_layers(graph: Graph) -> list[Layer]:
    """Returns every layer that is not a model, of nested models too, each once."""
    found: dict[int, Layer] = {}
    for layer in graph.layers.values():
        inner = [layer] if layer.graph is None else distinct_layers(layer.graph)
        found.update({id(item): item for item in inner})
    return list(found.values())


def _lines(graph: Graph, indent: str) -> Iterator[str]:
    frozen = "" if graph.trainable else ", frozen"
    count = graph.count_weights()
    yield f"{indent}{graph.kind} {graph.name!r}: {count:,} weights{frozen}"
    for node in graph.nodes:
        layer = graph.layers[node.layer]
        arguments = [show(value) for value in node.arguments]
        arguments += [f"{key}={show(value)}" for key, value in node.keywords.items()]
        outputs = ", ".join(map(str, node.outputs))
        again = "" if node.name == node.layer else f" again {node.layer}"
        weights = layer.count_weights()
        notes = f"  {weights:,} weights" if weights else ""
        notes += "" if layer.trainable or not weights else ", frozen"
        yield (
            f"{indent}  {node.name} = {layer.kind}({', '.join(arguments)}){again}"
            f" -> {outputs}{notes}"
        )
        if layer.graph is not None and node.name == node.layer:
            yield from _lines(layer.graph, indent + "    ")
    yield f"{indent}  returns {show(graph.outputs)}"


def show(value: Any) -> str:
    """Returns a short text for an argument: tensors as `%node`, arrays as shapes."""
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key}: {show(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(show, value))}]"
    return str(value) if isinstance(value, Tensor) else repr(value)
