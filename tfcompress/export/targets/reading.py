"""Reads a target from a file."""

import dataclasses
import os
import tomllib
from pathlib import Path
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.export.targets.target import Target
from tfcompress.names import nearest

_FIELDS = [field.name for field in dataclasses.fields(Target)]
_REQUIRED = [
    field.name
    for field in dataclasses.fields(Target)
    if field.default is dataclasses.MISSING
]


def read_target(path: str | os.PathLike[str], *, like: Target | None = None) -> Target:
    """Reads a target from a TOML file, whose keys are the attributes of `Target`.

    Args:
        path: The file.
        like: A target that gives what the file leaves out, such as
            `find_target("microcontroller")`, so that the file holds only what differs.
            Defaults to none: `name`, `weights`, `activations`, `inputs_and_outputs` and
            `description` must be there.

    Returns:
        The target.

    Raises:
        ArgumentError: If the file cannot be read, is not TOML, has an unknown key or
            lacks one, or if a value is of the wrong type.

    Example:
    ```python
    target = tfc.export.read_target("mine.toml", like=tfc.export.find_target("gpu"))
    ```
    """
    try:
        values: dict[str, Any] = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ArgumentError(
            "Expected the path of a TOML file that can be read. "
            f"Received: path={str(path)!r} ({error.strerror})"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(
            f"A target must be a TOML file. Received: path={str(path)!r} ({error})"
        ) from error
    for key in values:
        if key not in _FIELDS:
            raise ArgumentError(
                f"{path}: a target has no such key; the nearest are "
                f"{nearest(key, _FIELDS)}. Received: {key!r}"
            )
    missing = [key for key in _REQUIRED if key not in values]
    if missing and like is None:
        raise ArgumentError(
            f"{path}: a target needs the keys {_REQUIRED}. Received: none of {missing}"
        )
    try:
        return dataclasses.replace(like, **values) if like else Target(**values)
    except ArgumentError as error:
        raise ArgumentError(f"{path}: {error}") from error
