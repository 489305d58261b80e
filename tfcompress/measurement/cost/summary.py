"""What each layer of a model weighs and costs, before any file is made."""

import dataclasses
import math
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from tfcompress import keras_compat
from tfcompress.graph import Graph, Node, Tensor, TensorSpec
from tfcompress.graph.graph import map_tensors
from tfcompress.measurement.cost.kernel_count import KernelCount
from tfcompress.measurement.cost.layer_totals import LayerTotals
from tfcompress.measurement.cost.multiply_adds import (
    Call,
    count_multiply_adds,
    describe_call,
)
from tfcompress.measurement.cost.weights import is_kernel
from tfcompress.result import Result

_SIZES = {"bfloat16": 2, "string": 0}


@dataclasses.dataclass(frozen=True)
class LayerSummary(KernelCount):
    """One call of a layer or operation.

    Attributes:
        name: Name of the layer; of a second call, with `:1` behind it.
        kind: Class name of the layer, or name of the operation.
        shapes: Shape of each output, with None where a size is not fixed.
        parameters: Numbers in its weights; 0 in a second call.
        multiply_adds: Pairs of one multiplication and one addition for one sample.
        activation_bytes: Bytes of its outputs for one sample.
        kernel_parameters: Those of the parameters that lie in kernels.
        zeros: Kernel weights that are exactly zero.
    """

    name: str
    kind: str
    shapes: tuple[tuple[int | None, ...], ...]
    parameters: int
    multiply_adds: int
    activation_bytes: int
    kernel_parameters: int
    zeros: int


@dataclasses.dataclass(frozen=True)
class Summary(LayerTotals, Result):
    """All layers of a model, in the order in which they are computed.

    It prints itself: with `print`, in a notebook, and with rich.

    Attributes:
        name: Name of the model.
        layers: A `LayerSummary` for each call of a layer or operation.
        uncounted: Names of layers that have kernels, or are convolutions, and whose
            multiply-adds are given as 0 because their kind is not known.
    """

    name: str
    layers: tuple[LayerSummary, ...]
    uncounted: tuple[str, ...]

    @property
    def activation_bytes(self) -> int:
        """Bytes of all tensors for one sample, as if all were kept."""
        return sum(layer.activation_bytes for layer in self.layers)

    def describe(self) -> str:
        """Says in a sentence or two what was counted, and what was not."""
        text = (
            f"{self.name}: {self.parameters:,} parameters, {self.multiply_adds:,} "
            "multiply-adds for one sample. Products of dense, convolutional, "
            "recurrent and attention layers and of matrix operations count; all "
            "else counts 0."
        )
        if self.uncounted:
            text += f" Not known, and counted as 0: {', '.join(self.uncounted)}."
        return text

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
        table.add_column("layer", "total", overflow="fold")
        table.add_column("kind", overflow="fold")
        table.add_column("output", overflow="fold")
        for title, total in (
            ("parameters", f"{self.parameters:,}"),
            ("multiply-adds", f"{self.multiply_adds:,}"),
            ("activation\nbytes", f"{self.activation_bytes:,}"),
            ("zeros", f"{self.sparsity:.1%}"),
        ):
            table.add_column(title, total, justify="right")
        for layer in self.layers:
            table.add_row(
                Text(layer.name),
                Text(layer.kind),
                Text("\n".join(map(_show, layer.shapes))),
                f"{layer.parameters:,}",
                "?" if layer.name in self.uncounted else f"{layer.multiply_adds:,}",
                f"{layer.activation_bytes:,}",
                f"{layer.sparsity:.1%}" if layer.kernel_parameters else "",
            )
        return table


def summary(model: Any) -> Summary:
    """Counts, layer by layer, what a Keras model weighs and what it computes.

    Models inside the model are dissolved into their layers. A layer that is called
    twice has its parameters counted once and its multiply-adds in each call. One
    multiplication and one addition together count as one; layers whose products are
    counted are those with a dense, convolutional, recurrent or attention kernel, and
    the operations `matmul`, `dot`, `tensordot` and `einsum`. All else counts 0.

    Sizes that are not fixed count as 1: give a text model an `Input` of a fixed length
    to learn the cost of that length. The first axis is taken for that of samples.

    As in `count_weights`, kernels are the weights of two axes or more. Masks and
    ranges that a technique keeps beside the weights are parameters as well, so
    finalize the model first.

    Args:
        model: A built functional or Sequential model of Keras 3 or tf_keras. It is not
            changed.

    Returns:
        The `Summary`.

    Raises:
        ModelError: If it is not a model, is subclassed or is not built.

    Example:
    ```python
    import keras
    import tfcompress as tfc

    layers = [keras.Input((4,)), keras.layers.Dense(3, name="scores")]
    print(tfc.measurement.summary(keras.Sequential(layers)))
    ```
    """
    return summarize_graph(keras_compat.read_flat(model))


def summarize_graph(graph: Graph) -> Summary:
    """Does what `summary` does, of a model as plain data.

    Args:
        graph: A graph without models inside it, whose nodes know their shapes.

    Returns:
        The `Summary`.
    """
    rows: list[LayerSummary] = []
    uncounted: list[str] = []
    seen: set[str] = set()
    for node, call in zip(graph.nodes, describe_calls(graph), strict=True):
        count = count_multiply_adds(call)
        if count is None:
            uncounted.append(node.name)
        rows.append(_row(graph, node, call, count or 0, again=node.layer in seen))
        seen.add(node.layer)
    return Summary(graph.name, tuple(rows), tuple(uncounted))


def describe_calls(graph: Graph) -> list[Call]:
    """Describes each call of a layer, with the sizes that it has for one sample.

    Args:
        graph: A graph without models inside it, whose nodes know their shapes.

    Returns:
        The calls, in the order of the nodes.
    """
    batch = _batch_sizes(graph)
    specs = {
        Tensor(node.name, index): TensorSpec(_known(spec.shape, batch), spec.dtype)
        for node in graph.nodes
        for index, spec in enumerate(node.outputs)
    }
    return [
        describe_call(
            graph.layer_of(node),
            map_tensors(specs.__getitem__, node.arguments),
            map_tensors(specs.__getitem__, dict(node.keywords)),
            [_known(spec.shape, batch) for spec in node.outputs],
        )
        for node in graph.nodes
    ]


def _batch_sizes(graph: Graph) -> set[int | None]:
    """Returns the sizes that a first axis has when it is the axis of samples."""
    inputs = [node for node in graph.nodes if graph.layer_of(node).kind == "InputLayer"]
    return {None, *(spec.shape[0] for node in inputs for spec in node.outputs)}


def _known(shape: tuple[int | None, ...], batch: set[int | None]) -> tuple[int, ...]:
    """Returns a shape for one sample, with 1 where the size is not known."""
    return tuple(
        1 if size is None or (axis == 0 and size in batch) else size
        for axis, size in enumerate(shape)
    )


def _row(
    graph: Graph,
    node: Node,
    call: Call,
    multiply_adds: int,
    *,
    again: bool,
) -> LayerSummary:
    layer = graph.layer_of(node)
    weights = () if again else layer.weights
    kernels = [w.value for w in weights if is_kernel(w.path, w.value)]
    return LayerSummary(
        name=node.name,
        kind=layer.kind,
        shapes=tuple(spec.shape for spec in node.outputs),
        parameters=sum(weight.value.size for weight in weights),
        multiply_adds=multiply_adds,
        activation_bytes=sum(output_bytes(node, call)),
        kernel_parameters=sum(value.size for value in kernels),
        zeros=sum(int(value.size - np.count_nonzero(value)) for value in kernels),
    )


def output_bytes(node: Node, call: Call) -> list[int]:
    """Returns the bytes of each output of a node for one sample.

    Args:
        node: The node.
        call: Its description, from `describe_calls`.
    """
    return [
        _item_size(spec.dtype) * math.prod(shape)
        for spec, shape in zip(node.outputs, call.outputs, strict=True)
    ]


def _item_size(dtype: str) -> int:
    size = _SIZES.get(dtype)
    return np.dtype(dtype).itemsize if size is None else size


def _show(shape: tuple[int | None, ...]) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape) or "1"
