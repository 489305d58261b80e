"""Call arguments as JSON: tensors as places, slices and arrays as plain data."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def encode(structure: Any, is_tensor: Callable[[Any], bool]) -> tuple[Any, list[Any]]:
    """Splits call arguments into plain data and the tensors among them.

    Args:
        structure: Nested lists, tuples and dicts of tensors, arrays, slices, numbers,
            strings and None.
        is_tensor: Tells the tensors from the rest.

    Returns:
        The template, as JSON can hold it, and the tensors in order.
    """
    found: list[Any] = []

    def visit(value: Any) -> Any:
        if is_tensor(value):
            found.append(value)
            return {"tensor": len(found) - 1}
        if isinstance(value, dict):
            return {"dict": {key: visit(item) for key, item in value.items()}}
        if isinstance(value, tuple):
            return {"tuple": [visit(item) for item in value]}
        if isinstance(value, list):
            return [visit(item) for item in value]
        if isinstance(value, slice):
            return {"slice": [visit(v) for v in (value.start, value.stop, value.step)]}
        if value is Ellipsis:
            return {"ellipsis": True}
        if isinstance(value, np.ndarray):
            return {"array": value.tolist(), "dtype": value.dtype.name}
        if isinstance(value, np.generic):
            return value.item()
        return value

    return visit(structure), found


def decode(template: Any, tensors: Sequence[Any]) -> Any:
    """Puts tensors back into what `encode` returned."""
    if isinstance(template, list):
        return [decode(item, tensors) for item in template]
    if not isinstance(template, dict):
        return template
    if "tensor" in template:
        return tensors[template["tensor"]]
    if "dict" in template:
        return {k: decode(item, tensors) for k, item in template["dict"].items()}
    if "tuple" in template:
        return tuple(decode(item, tensors) for item in template["tuple"])
    if "slice" in template:
        return slice(*(decode(item, tensors) for item in template["slice"]))
    if "array" in template:
        return np.array(template["array"], dtype=template["dtype"])
    return Ellipsis
