"""What a file was made from, as plain data."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfcompress import keras_compat

_DIGITS = 16


def describe_model(model: Any) -> dict[str, Any]:
    """Describes a Keras model by what tells it from others.

    Args:
        model: A built model of either Keras.

    Returns:
        Its name, its Keras, its kind, how many parameters it has and a fingerprint of
        their numbers.
    """
    aware = keras_compat.is_quantization_aware(model)
    return {
        "name": model.name,
        "keras": "tf_keras" if keras_compat.is_tf_keras(model) else "keras",
        "kind": "quantization-aware" if aware else "plain",
        "parameters": model.count_params(),
        "weights": fingerprint(variable.numpy() for variable in model.weights),
    }


def describe_samples(samples: Mapping[str, np.ndarray] | None) -> dict[str, Any] | None:
    """Describes samples by input name: how many there are, and a fingerprint."""
    if samples is None:
        return None
    return {
        "samples": len(next(iter(samples.values()))),
        "fingerprint": fingerprint(samples[name] for name in sorted(samples)),
    }


def fingerprint(arrays: Iterable[np.ndarray]) -> str:
    """Returns 16 hexadecimal digits that tell arrays from others.

    Example:
    ```python
    import numpy as np
    from tfcompress.export.account.recipe import fingerprint

    assert fingerprint([np.zeros((2, 3))]) != fingerprint([np.zeros((3, 2))])
    ```
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}\n".encode())
        if array.dtype.hasobject:
            digest.update(repr(array.tolist()).encode())
        else:
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:_DIGITS]
