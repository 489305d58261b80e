"""A model of one Keras as a model of the other."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfcompress.graph import Graph
from tfcompress.keras_compat.building import build
from tfcompress.keras_compat.membership import is_tf_keras
from tfcompress.keras_compat.reading import read


def to_keras(model: Any, *, trusted: bool = False) -> Any:
    """Returns a Keras 3 model that computes the same as this model.

    Args:
        model: A built functional or Sequential model of Keras 3 or tf_keras. It is
            not changed.
        trusted: Whether code inside `Lambda` layers may cross, as in `build`.

    Returns:
        A new model with weights of its own, not compiled.

    Raises:
        ModelError: If the model is subclassed or not built.
        UnsupportedLayerError: If a layer has no twin in Keras 3.

    Example:
    ```python
    import tf_keras
    from tfcompress.keras_compat import to_keras

    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(2)])
    twin = to_keras(model)
    ```
    """
    return build(_read(model), keras="keras", trusted=trusted)


def to_tf_keras(
    model: Any,
    *,
    trusted: bool = False,
    change: Callable[[Graph], Graph] | None = None,
) -> Any:
    """Returns a tf_keras model that computes the same as this model.

    It remembers which Keras it came from, and takes optimizers, losses, metrics and
    callbacks of either Keras: see `TwinModel`.

    Args:
        model: A built functional or Sequential model of Keras 3 or tf_keras. It is
            not changed.
        trusted: Whether code inside `Lambda` layers may cross, as in `build`.
        change: A pass over the graph on the way, from graph to graph.

    Returns:
        A new `TwinModel` with weights of its own, not compiled.

    Raises:
        ModelError: If the model is subclassed or not built.
        UnsupportedLayerError: If a layer has no twin in tf_keras.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import to_tf_keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    twin = to_tf_keras(model)
    ```
    """
    from tfcompress.keras_compat.trainable import adopt, origin_of

    graph = read(model) if change is None else change(read(model))
    built = build(graph, keras="tf_keras", trusted=trusted)
    sequential = is_tf_keras(model) and _was_sequential(model)
    return adopt(built, origin=origin_of(model), sequential=sequential or None)


def to_origin(model: Any | Graph, *, like: Any, trusted: bool = False) -> Any:
    """Returns a model as a plain one of the user's Keras, and of the user's kind.

    Args:
        model: A built tf_keras model of stock layers, such as a `TwinModel` without
            its wrappers, or the graph of one. It is not changed.
        like: The `TwinModel` that knows where it came from.
        trusted: Whether code inside `Lambda` layers may cross, as in `build`.

    Returns:
        A new functional or Sequential model with weights of its own, not compiled.

    Raises:
        UnsupportedLayerError: If a layer has no twin there.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import to_origin, to_tf_keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    twin = to_tf_keras(model)
    again = to_origin(twin, like=twin)
    ```
    """
    from tfcompress.keras_compat.trainable import origin_of

    graph = model if isinstance(model, Graph) else read(model)
    kind = "Sequential" if _was_sequential(like) else "Functional"
    graph = dataclasses.replace(graph, kind=kind)
    return build(graph, keras=origin_of(like), trusted=trusted)


def _read(model: Any) -> Graph:
    graph = model if isinstance(model, Graph) else read(model)
    if is_tf_keras(model) and _was_sequential(model):
        return dataclasses.replace(graph, kind="Sequential")
    return graph


def _was_sequential(model: Any) -> bool:
    """Returns whether a tf_keras model stands in for a Sequential one."""
    from tfcompress.keras_compat.trainable import TwinModel

    return isinstance(model, TwinModel) and model.sequential
