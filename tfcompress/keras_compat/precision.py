"""Models of mixed precision, computed in float32."""

from typing import Any

from tfcompress.graph import cast_to_float32
from tfcompress.keras_compat.building import build
from tfcompress.keras_compat.membership import name_of
from tfcompress.keras_compat.reading import read

_HALF = ("float16", "bfloat16")


def in_float32(model: Any) -> Any:
    """Returns a model that computes in float32.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed.

    Returns:
        The model itself where no layer computes in half precision, else a copy of the
        same Keras with the same weights.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import in_float32

    dense = keras.layers.Dense(2, dtype="mixed_float16")
    model = in_float32(keras.Sequential([keras.Input((4,)), dense]))
    ```
    """
    if not any(layer.compute_dtype in _HALF for layer in model._flatten_layers()):
        return model
    return build(cast_to_float32(read(model)), keras=str(name_of(model)))
