"""What can be measured: a Keras model, or a `.tflite` file."""

import hashlib
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
        ModelError: If a Keras model is not built, so that it has no weights yet, or as
            `file_path` does.
        ArgumentError: If it is neither.

    Example:
    ```python
    path_of("small.tflite")  # Path("small.tflite")
    ```
    """
    if isinstance(model_or_file, str | os.PathLike):
        return file_path(model_or_file)
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


def file_path(file: Any) -> Path:
    """Returns where a `.tflite` file is, where only a file will do.

    Args:
        file: A path: a string or an `os.PathLike`. An `Artifact` must be the account of
            the file that stands there now, so that no other is taken for it.

    Returns:
        The path.

    Raises:
        ArgumentError: If it is no path, but a Keras model, for example.
        ModelError: If the file of an `Artifact` has been replaced since.

    Example:
    ```python
    file_path("small.tflite")  # Path("small.tflite")
    ```
    """
    if not isinstance(file, str | os.PathLike):
        raise ArgumentError(
            "Expected the path of a file; write a Keras model with "
            "tfcompress.export.to_tflite first. "
            f"Received: {type(file).__module__}.{type(file).__name__}"
        )
    path = Path(file)
    written = getattr(file, "sha256", None)
    if written is not None and path.is_file():
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != written:
            raise ModelError(
                "The file has been replaced since this Artifact was made; read the "
                "account of the new one with Artifact.read, or export again. "
                f"Received: path={str(path)!r}"
            )
    return path
