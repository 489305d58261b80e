"""Which layers the operations of a `.tflite` file belong to."""

import dataclasses
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tfcompress.measurement.files.constant_tensors import (
    KERNEL_OPERANDS,
    find_unpacked,
    is_constant,
)
from tfcompress.measurement.files.operation_name import operation_name, type_name


@dataclasses.dataclass(frozen=True)
class LayerOperation:
    """One operation of a file.

    Attributes:
        kind: The TFLite name, such as `"CONV_2D"`.
        layers: The layers that it belongs to, and parts of them; that with its kernel
            first.
        outer: Those of `layers` that are not part of another one.
        scope: What the patterns of an ai-edge-quantizer recipe are matched with.
        activations: What it computes in: the type of its first input, such as `"int8"`
            or `"float32"`, or `"dynamic int8"` where it rounds its input in each run.
        weights: How its kernel is stored, or None for an operation without one.
        shape: The shape of its kernel, or None.
        in_loop: Whether it stands in the body of a loop or of another operation.
    """

    kind: str
    layers: tuple[str, ...]
    outer: tuple[str, ...]
    scope: str
    activations: str
    weights: str | None
    shape: tuple[int, ...] | None
    in_loop: bool


def list_layer_operations(content: bytes) -> tuple[LayerOperation, ...]:
    """Lists the operations of a file with the layers that they belong to.

    The layers are the parts of the paths that name the output of an operation, without
    the first and the last: `model/conv/convolution` belongs to `conv`. In files that
    `convert_named` wrote these are the names of Keras layers.

    Args:
        content: The bytes of a `.tflite` file.

    Returns:
        The operations of all its subgraphs, in the order in which they run.
    """
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    operations = []
    for number, subgraph in enumerate(file.subgraphs):
        sources = find_unpacked(file, subgraph)
        for operator in subgraph.operators or []:
            outputs = [subgraph.tensors[i].name.decode() for i in operator.outputs]
            inputs = [int(i) for i in operator.inputs if i >= 0]
            if not outputs or not inputs:
                continue
            kernel = kernel_of(file, subgraph, operator, sources)
            names = [] if kernel is None else [subgraph.tensors[kernel].name.decode()]
            weights = shape = None
            activations = type_name(subgraph.tensors[inputs[0]])
            if kernel is not None:
                weights = type_name(subgraph.tensors[kernel])
                shape = tuple(int(size) for size in subgraph.tensors[kernel].shape)
                straight = kernel in inputs and weights != activations
                if straight and activations == "float32":
                    activations = "dynamic int8"
            operations.append(
                LayerOperation(
                    kind=operation_name(file, operator),
                    layers=_layers([*names, *outputs], None),
                    outer=_layers([*names, *outputs], 1),
                    scope=";".join(filter(None, outputs)) + ";",
                    activations=activations,
                    weights=weights,
                    shape=shape,
                    in_loop=number > 0,
                )
            )
    return tuple(operations)


def layers_of(
    subgraph: Any, operator: Any, kernel: int | None = None
) -> tuple[str, ...]:
    """Returns the layers that an operation belongs to, that with its kernel first.

    Args:
        subgraph: One of the subgraphs of a file.
        operator: One of the operations in it.
        kernel: The index of its kernel, as `kernel_of` gives it, or None.

    Returns:
        Names of layers that are no parts of others, each once. Empty where the names of
        what it gives, or of what it takes if it gives nothing, tell none.
    """
    own = operator.outputs if len(operator.outputs) else operator.inputs
    tensors = [*([] if kernel is None else [kernel]), *map(int, own)]
    return _layers([subgraph.tensors[i].name.decode() for i in tensors], 1)


def _layers(names: list[str], depth: int | None) -> tuple[str, ...]:
    """Returns the layers in the names of tensors, each once, in order."""
    found: dict[str, None] = {}
    for name in names:
        for path in name.split(";"):
            found.update(dict.fromkeys(path.split("/")[1:-1][:depth]))
    return tuple(found)


def kernel_of(
    file: Any, subgraph: Any, operator: Any, sources: dict[int, int] | None = None
) -> int | None:
    """Returns the index of the constant that an operation multiplies with.

    Args:
        file: The file, a `ModelT`.
        subgraph: One of its subgraphs.
        operator: One of the operations in it.
        sources: For tensors that are made from a constant alone, that constant.

    Returns:
        The index of a tensor, or None for an operation without a kernel or with
        several, as recurrent ones have, or whose kernel is computed.
    """
    for place in reversed(KERNEL_OPERANDS.get(operation_name(file, operator)) or ()):
        if place < len(operator.inputs):
            index = int(operator.inputs[place])
            index = (sources or {}).get(index, index)
            if is_constant(file, subgraph.tensors[index]):
                return index
    return None
