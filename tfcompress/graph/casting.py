"""Makes a model compute in 32-bit floating point."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcompress.graph.graph import Graph, Layer, Node, TensorSpec, Weight

_FLOATS = {
    "bfloat16",
    "float16",
    "float64",
    "mixed_bfloat16",
    "mixed_float16",
}


def cast_to_float32(graph: Graph) -> Graph:
    """Returns a graph that computes in float32, in models inside it too.

    Mixed precision, 16-bit and 64-bit floating point become float32; whole numbers
    and strings stay. Converters and TF-MOT want it.

    Args:
        graph: A graph. It is not changed.

    Example:
    ```python
    import keras
    from tfcompress.graph import cast_to_float32
    from tfcompress.keras_compat import build, read

    dense = keras.layers.Dense(2, dtype="mixed_float16")
    model = keras.Sequential([keras.Input((4,)), dense])
    plain = build(cast_to_float32(read(model)), keras="keras")
    ```
    """
    seen: dict[int, Layer] = {}
    return _cast(graph, seen)


def _cast(graph: Graph, seen: dict[int, Layer]) -> Graph:
    layers = {}
    for name, layer in graph.layers.items():
        if id(layer) not in seen:
            seen[id(layer)] = _cast_layer(layer, seen)
        layers[name] = seen[id(layer)]
    nodes = tuple(_cast_node(node) for node in graph.nodes)
    return dataclasses.replace(graph, layers=layers, nodes=nodes)


def _cast_layer(layer: Layer, seen: dict[int, Layer]) -> Layer:
    weights = tuple(
        Weight(weight.path, weight.value.astype(np.float32))
        if weight.value.dtype.name in _FLOATS
        else weight
        for weight in layer.weights
    )
    return dataclasses.replace(
        layer,
        config=_cast_value(dict(layer.config), ""),
        weights=weights,
        graph=None if layer.graph is None else _cast(layer.graph, seen),
    )


def _cast_value(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _cast_value(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_cast_value(item, "") for item in value]
    return "float32" if key == "dtype" and _is_float(value) else value


def _cast_node(node: Node) -> Node:
    outputs = tuple(
        TensorSpec(spec.shape, "float32") if _is_float(spec.dtype) else spec
        for spec in node.outputs
    )
    return dataclasses.replace(node, outputs=outputs)


def _is_float(name: Any) -> bool:
    return isinstance(name, str) and name in _FLOATS
