"""Rooms that load each of their parts when it is first used."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def load_lazily(
    room: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns what finds the names of a room, as its `__getattr__` and `__dir__`.

    Args:
        room: Name of the package, its `__name__`.
        homes: For each name, the module inside the room that it stands in.

    Returns:
        The two functions of PEP 562, https://peps.python.org/pep-0562/.

    Example:
    ```python
    from tfcompress.lazy import load_lazily

    find, names = load_lazily("tfcompress.sources", {"Dataset": "dataset"})
    assert find("Dataset").__name__ == "Dataset"
    ```
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{room}.{homes[name]}"), name)
        setattr(sys.modules[room], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[room]), *homes})

    return find, names
