"""Whether an operation of a file has a form that a device knows."""

import math
from typing import Any

from tfcompress.export.layer_operations import kernel_of
from tfcompress.export.targets import OperationRule
from tfcompress.measurement.files.constant_tensors import is_constant
from tfcompress.measurement.files.operation_name import type_name


def check_form(
    file: Any, subgraph: Any, operator: Any, rule: OperationRule
) -> str | None:
    """Compares an operation with what a device has of its kind.

    Args:
        file: The file, a `ModelT`.
        subgraph: One of its subgraphs.
        operator: One of the operations in it, of the kind of the rule.
        rule: What the device has.

    Returns:
        What the device does not take of it, and what it takes, as half a sentence; None
        if it takes it as it is.
    """
    code = file.operatorCodes[operator.opcodeIndex]
    inputs = [
        subgraph.tensors[index] if index >= 0 else None for index in operator.inputs
    ]
    first = inputs[0] if inputs else None
    kernel = kernel_of(file, subgraph, operator)
    weights = None if kernel is None else type_name(subgraph.tensors[kernel])
    if rule.version is not None and code.version > rule.version:
        return f"version {code.version} of the operation, but {rule.version}"
    if rule.inputs is not None and len(inputs) != rule.inputs:
        return f"{len(inputs)} inputs, but {rule.inputs}"
    if first is not None:
        if rule.ranks is not None and len(_shape(first)) not in rule.ranks:
            return f"an input of {len(_shape(first))} axes, but {_either(rule.ranks)}"
        if rule.types is not None and type_name(first) not in rule.types:
            return f"an input of {type_name(first)}, but {_either(rule.types)}"
        if rule.largest_elements and math.prod(_shape(first)) > rule.largest_elements:
            return f"an input of more than {rule.largest_elements} elements"
    if rule.weights is not None and weights not in (None, *rule.weights):
        narrow = " (train it with 8 bits)" if weights in ("int2", "int4") else ""
        return f"weights of {weights}, but {_either(rule.weights)}{narrow}"
    for place in rule.constant_inputs:
        tensor = inputs[place] if place < len(inputs) else None
        if tensor is not None and not is_constant(file, tensor):
            return f"a computed input {place}, but a constant"
    for option, allowed in rule.options:
        value = getattr(operator.builtinOptions, option, 0)
        if value not in allowed:
            return f"{option}={value}, but {_either(allowed)}"
    if rule.one_way_broadcast and not _one_is_as_large(inputs):
        return "two inputs, each of them larger than the other in an axis"
    return None


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)


def _one_is_as_large(inputs: list[Any]) -> bool:
    shapes = [_shape(tensor) for tensor in inputs if tensor is not None]
    if len(shapes) != 2 or len(shapes[0]) != len(shapes[1]):
        return True
    pairs = list(zip(*shapes, strict=True))
    return all(a >= b for a, b in pairs) or all(b >= a for a, b in pairs)


def _either(values: tuple[Any, ...]) -> str:
    return " or ".join(str(value) for value in values)
