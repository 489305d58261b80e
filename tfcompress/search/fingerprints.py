"""What tells models and data sets from others."""

import functools
import hashlib
import json
import types
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfcompress.data import batches, leaves
from tfcompress.graph import Graph
from tfcompress.graph.graph import show

_DIGITS = 16
_MODULUS = 1 << 256


def fingerprint_graph(graph: Graph) -> str:
    """Returns a fingerprint of a model: its layers, their arguments and weights.

    Args:
        graph: A graph without models inside it.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for node in graph.nodes:
        call = show([node.arguments, dict(node.keywords)])
        digest.update(f"{node.name} {node.layer} {call}\n".encode())
    for layer in graph.layers.values():
        config = json.dumps(dict(layer.config), sort_keys=True, default=_class_name)
        digest.update(f"{layer.name} {layer.kind} {config}\n".encode())
        for weight in layer.weights:
            array = np.ascontiguousarray(weight.value)
            digest.update(f"{weight.path} {array.dtype} {array.shape}\n".encode())
            digest.update(array.tobytes())
    digest.update(show(graph.outputs).encode())
    return digest.hexdigest()[:_DIGITS]


def fingerprint_data(data: Any) -> str:
    """Returns a fingerprint of a data set, which its order does not change.

    Args:
        data: Data in a form that `tfcompress.data.batches` accepts.

    Returns:
        16 hexadecimal digits.

    Raises:
        DataError: If the data cannot be read.
    """
    total = count = 0
    for batch in batches(data):
        arrays = [np.asarray(array) for array in leaves([batch.x, batch.y])]
        for row in zip(*arrays, strict=True):
            digest = hashlib.sha256()
            for value in row:
                # Strings come as objects, whose bytes are addresses.
                value = np.asarray(value)
                if value.dtype == object:
                    value = np.array(value.tolist())
                digest.update(f"{value.dtype} {value.shape}\n".encode())
                digest.update(value.tobytes())
            total += int.from_bytes(digest.digest())
            count += 1
    digest = hashlib.sha256(f"{total % _MODULUS} {count}".encode())
    return digest.hexdigest()[:_DIGITS]


def fingerprint_function(function: Any) -> str:
    """Returns a fingerprint of a function: its name, its code and its defaults.

    For an object that can be called, the code is that of its class. The values of
    other names in the code are not part of it.

    Args:
        function: A function, a method, a `functools.partial`, or another object that
            can be called.

    Returns:
        16 hexadecimal digits. For code that Python compiles in another way, or
        defaults without a text of their own, others than before.
    """
    return hashlib.sha256(_as_text(function).encode()).hexdigest()[:_DIGITS]


def _as_text(value: Any) -> str:
    """Returns what a function is made of as a text that is the same in each run."""
    if isinstance(value, functools.partial):
        return f"partial {_all([value.func, value.args, value.keywords])}"
    if isinstance(value, types.MethodType):
        return _as_text(value.__func__)
    if isinstance(value, types.FunctionType):
        defaults = [value.__defaults__, value.__kwdefaults__]
        return f"{value.__qualname__} {_all([value.__code__, *defaults])}"
    if isinstance(value, types.CodeType):
        names = [value.co_names, value.co_varnames, value.co_freevars]
        return f"{value.co_code.hex()} {_all([*names, value.co_consts])}"
    if isinstance(value, np.ndarray) and value.dtype != object:
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    if isinstance(value, list | tuple):
        return _all(value)
    if isinstance(value, dict):
        return _all(value.items())
    if isinstance(value, set | frozenset):
        return str(sorted(map(_as_text, value)))
    if type(value).__repr__ is object.__repr__ and callable(value):
        return f"{type(value).__qualname__} {_as_text(type(value).__call__)}"
    return repr(value)


def _all(values: Iterable[Any]) -> str:
    return str([_as_text(value) for value in values])


def _class_name(value: Any) -> str:
    return type(value).__name__
