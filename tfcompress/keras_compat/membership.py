"""Which Keras an object belongs to."""

import sys
from types import ModuleType
from typing import Any

from tfcompress.errors import ModelError
from tfcompress.keras_compat import modules


def keras_of(model: Any) -> ModuleType:
    """Returns the Keras module that a model belongs to.

    Args:
        model: A model, or a layer, of Keras 3 or tf_keras.

    Returns:
        The module `keras` or `tf_keras`, to take optimizers, losses and layers from.

    Raises:
        ModelError: If it is neither.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import keras_of

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    optimizer = keras_of(model).optimizers.Adam(1e-3)
    ```
    """
    name = name_of(model)
    if name is None:
        kind = f"{type(model).__module__}.{type(model).__name__}"
        raise ModelError(
            f"Expected a Keras 3 or tf_keras model. Received: an object of type {kind}"
        )
    return modules.module(name)


def is_tf_keras(model: Any) -> bool:
    """Returns whether a model or layer belongs to tf_keras.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import is_tf_keras

    assert not is_tf_keras(keras.layers.Dense(2))
    ```
    """
    return name_of(model) == "tf_keras"


def is_model(value: Any) -> bool:
    """Returns whether this is a model of either Keras, and not a mere layer.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import is_model

    assert not is_model(keras.layers.Dense(2))
    ```
    """
    keras = name_of(value)
    return keras is not None and isinstance(value, modules.module(keras).Model)


def name_of(value: Any) -> str | None:
    """Returns `"keras"` or `"tf_keras"` for a model or layer, None for all else."""
    legacy = sys.modules.get("tf_keras")
    if legacy is not None and isinstance(value, legacy.layers.Layer):
        return "tf_keras"
    current = sys.modules.get("keras")
    if current is not None and isinstance(value, current.Operation):
        return "keras"
    return None


def name_of_class(kind: type) -> str | None:
    """Returns the Keras that a class of any Keras object belongs to, or None."""
    for base in kind.__mro__:
        root = base.__module__.split(".", 1)[0]
        if root in ("keras", "tf_keras"):
            return root
    return None
