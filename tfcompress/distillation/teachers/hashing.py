"""Which teacher this is, by its weights."""

import hashlib
from typing import Any

import numpy as np


def hash_model(model: Any) -> str:
    """Returns the SHA-256 of a model's weights, the same after saving and loading.

    What Keras calls the layers does not count.

    Args:
        model: A built model of either Keras.

    Returns:
        64 hexadecimal digits.

    Example:
    ```python
    hash_model(model) == hash_model(model)
    ```
    """
    digest = hashlib.sha256()
    for variable, value in zip(model.weights, model.get_weights(), strict=True):
        array = np.asarray(value)
        name = variable.name.split("/")[-1].removesuffix(":0")
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def hash_parts(*parts: str | None) -> str | None:
    """Returns the SHA-256 of several hashes or words; None if one of them is None."""
    if None in parts:
        return None
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
