"""Reads a model as one graph, without models inside it."""

from typing import Any

from tfcompress.graph import Graph, flatten_models
from tfcompress.keras_compat.building import build
from tfcompress.keras_compat.membership import name_of
from tfcompress.keras_compat.reading import read


def read_flat(model: Any) -> Graph:
    """Reads a model without models inside it, with all the shapes that are known.

    A model inside another remembers the shapes of its own `Input`, which may be open
    where the outer model's are fixed; building the whole again finds them out.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed.

    Returns:
        The graph, whose layers have the names that they get when it is built.

    Raises:
        ModelError: If the model is subclassed or not built.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import read_flat

    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(2)])
    print(read_flat(model))
    ```
    """
    nested = read(model)
    graph = flatten_models(nested)
    if graph is nested:
        return graph
    return read(build(graph, keras=str(name_of(model)), trusted=True))
