"""Names that depend on nothing but the structure of a model."""

import dataclasses
import re
from collections.abc import Mapping

from tfcompress.graph.graph import Graph, Layer
from tfcompress.graph.renaming import rename_layers


def canonical_names(graph: Graph) -> Graph:
    """Returns a graph whose layers are named after their kind and place.

    The first convolution becomes `conv2d`, the next `conv2d_1`, and so on, in the
    order of the nodes. Two models of the same structure get the same names.

    Args:
        graph: A graph. Models inside it get canonical names too.

    Example:
    ```python
    import keras
    from tfcompress.graph import canonical_names
    from tfcompress.keras_compat import read

    dense = keras.layers.Dense(2, name="my_scores")
    graph = canonical_names(read(keras.Sequential([keras.Input((4,)), dense])))
    assert list(graph.layers) == ["input_layer", "dense"]
    ```
    """
    return _renamed(graph, {})


def _renamed(graph: Graph, seen: dict[int, Layer]) -> Graph:
    names: dict[str, str] = {}
    layers: dict[str, Layer] = {}
    for node in graph.nodes:
        layer = graph.layers[node.layer]
        if node.layer in names:
            continue
        if id(layer) not in seen:
            inner = None if layer.graph is None else _renamed(layer.graph, seen)
            name = _next_name(_snake(layer.kind), layers)
            seen[id(layer)] = dataclasses.replace(layer, name=name, graph=inner)
        renamed_layer = seen[id(layer)]
        names[node.layer] = renamed_layer.name
        layers[renamed_layer.name] = renamed_layer
    return dataclasses.replace(rename_layers(graph, names), layers=layers)


def _next_name(kind: str, taken: Mapping[str, Layer]) -> str:
    name, number = kind, 1
    while name in taken:
        name = f"{kind}_{number}"
        number += 1
    return name


def _snake(kind: str) -> str:
    name = kind.rsplit(".", 1)[-1]
    name = re.sub(r"([a-z0-9])([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()
