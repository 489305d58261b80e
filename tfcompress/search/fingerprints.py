"""What tells models and data sets from others."""

import hashlib
import json
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


def _class_name(value: Any) -> str:
    return type(value).__name__
