"""Gives out what flows inside a model."""

import dataclasses
from collections.abc import Sequence

from tfcompress.errors import ArgumentError
from tfcompress.graph.graph import Graph, Tensor
from tfcompress.graph.rewiring import without_unused


def tap(graph: Graph, names: Sequence[str], *, keep_outputs: bool = False) -> Graph:
    """Returns a graph whose outputs are what some of its nodes return.

    Args:
        graph: A graph. For layers of nested models, `flatten_models` first.
        names: Names of nodes, which for layers that are called once are the names of
            the layers.
        keep_outputs: Whether the model's own outputs stay, before the others.

    Returns:
        A graph whose outputs are a dict by name. With `keep_outputs` they are a list
        of the model's own outputs and that dict.

    Raises:
        ArgumentError: If there is no node of that name.

    Example:
    ```python
    import keras
    from tfcompress.graph import tap
    from tfcompress.keras_compat import build, read

    layers = [keras.layers.Dense(3, name="hidden"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    features = build(tap(read(model), ["hidden"]), keras="keras")
    ```
    """
    known = {node.name for node in graph.nodes}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ArgumentError(
            f"names must be names of nodes of {graph.name!r}, which are "
            f"{sorted(known)}. Received: names={list(names)}"
        )
    taps = {name: Tensor(name) for name in names}
    outputs = [graph.outputs, taps] if keep_outputs else taps
    graph = dataclasses.replace(graph, outputs=outputs, kind="Functional")
    return without_unused(graph)
