"""What can be measured: a Keras model, or a `.tflite` file."""

import os
import sys
from pathlib import Path
from typing import Any

from tfcompress.errors import ArgumentError, ModelError

_KERASES = ("keras", "tf_keras")


def path_of(model_or_file: Any) -> Path | None:
    """Tells a `.tflite` file from a Keras model.

    Neither Keras is imported for it: a model of a Keras that nobody has imported
    cannot be there.

    Args:
        model_or_file: A built model of Keras 3 or tf_keras, or the path of a
            `.tflite` file (a string or an `os.PathLike`, such as an `Artifact`).

    Returns:
        The path, or None for a model.

    Raises:
        ModelError: If a Keras model is not built, so that it has no weights yet.
        ArgumentError: If it is neither.

    Example:
    ```python
    path_of("small.tflite")  # Path("small.tflite")
    ```
    """
    if isinstance(model_or_file, str | os.PathLike):
        return Path(model_or_file)
    for name in _KERASES:
        module = sys.modules.get(name)
        if module is not None and isinstance(model_or_file, module.Model):
            if not model_or_file.built:
                raise ModelError(
                    "The model has no weights yet. Give it an Input, or call it on a "
                    f"batch of data. Received: model={model_or_file.name!r}, not built"
                )
            return None
    raise ArgumentError(
        "Expected a Keras 3 or tf_keras model, or the path of a .tflite file. "
        f"Received: {type(model_or_file).__module__}.{type(model_or_file).__name__}"
    )
