"""Sources: models and data from files, folders and functions, named by one string.

What reads them is loaded when it is first used.
"""

from typing import TYPE_CHECKING

from tfcompress.lazy import load_lazily

if TYPE_CHECKING:
    from tfcompress.sources.data import read_data
    from tfcompress.sources.dataset import Dataset
    from tfcompress.sources.models import read_model

__all__ = ["Dataset", "read_data", "read_model"]

_HOMES = {"Dataset": "dataset", "read_data": "data", "read_model": "models"}

__getattr__, __dir__ = load_lazily(__name__, _HOMES)
