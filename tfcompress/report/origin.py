"""How the file of a row was made, as far as it is known."""

import os
from collections.abc import Mapping
from typing import Any

from tfcompress.errors import ModelError
from tfcompress.export import Artifact
from tfcompress.measurement.files.subject import path_of

_NOT_SET: tuple[Any, ...] = (None, False, (), [], {}, "")


def describe_origin(model: Any) -> tuple[str, str]:
    """Says what a file was made for, and how.

    Args:
        model: An `Artifact`, the path of a `.tflite` file, of which the account is read
            that export writes beside it, or a Keras model.

    Returns:
        Name of the target, and a text of some lines; empty where nothing is known.

    Example:
    ```python
    target, made = describe_origin("small.tflite")
    ```
    """
    path = path_of(model)
    if path is None:
        return "", f"Keras model '{model.name}', written as a float32 file"
    artifact = model if isinstance(model, Artifact) else _read_account(model)
    if artifact is None:
        return "", f"file {path.name}, of which no account was found"
    lines = [
        f"file {path.name} for {artifact.target.name}: {artifact.target.description}",
        f"recipe: {_write(artifact.recipe)}",
        *artifact.notes,
        ", ".join(f"{name} {number}" for name, number in artifact.versions.items()),
    ]
    return artifact.target.name, "\n".join(filter(None, lines))


def _read_account(path: str | os.PathLike[str]) -> Artifact | None:
    """Returns the account of a file, or None if there is none that fits it."""
    try:
        return Artifact.read(path)
    except ModelError:
        return None


def _write(value: Any) -> str:
    """Writes plain data in a line, without what is not set."""
    if isinstance(value, Mapping):
        parts = {name: part for name, part in value.items() if part not in _NOT_SET}
        return ", ".join(
            f"{name} ({_write(part)})"
            if isinstance(part, Mapping)
            else f"{name} {_write(part)}"
            for name, part in parts.items()
        )
    if isinstance(value, list | tuple):
        return " ".join(map(_write, value))
    return str(value)
