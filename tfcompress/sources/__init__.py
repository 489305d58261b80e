"""Sources: models and data from files, folders and functions, named by one string.

What reads them is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfcompress.sources.data import read_data
    from tfcompress.sources.dataset import Dataset
    from tfcompress.sources.models import read_model

__all__ = ["Dataset", "read_data", "read_model"]

_HOMES = {"Dataset": "dataset", "read_data": "data", "read_model": "models"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
