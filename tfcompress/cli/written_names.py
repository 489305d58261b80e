"""The names behind numbers, for the app: words and classes as lines of text."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompress.files import write_atomically

if TYPE_CHECKING:
    from tfcompress.sources import Dataset

VOCABULARY = "vocabulary.txt"
LABELS = "labels.txt"


def write_names(data: "Dataset", folder: str | os.PathLike[str]) -> None:
    """Writes `vocabulary.txt` and `labels.txt`, where the data says what goes in them.

    Each has one name a line, in the order of their numbers from 0 on.

    Args:
        data: What a model was trained on.
        folder: Of the run.

    Raises:
        OutputError: If a file cannot be written.

    Example:
    ```python
    from tfcompress.cli.written_names import write_names
    from tfcompress.sources import Dataset

    names = ("cat", "dog")
    write_names(Dataset("pets", None, None, class_names=names), ".")
    ```
    """
    if data.vocabulary is not None:
        _write(Path(folder) / VOCABULARY, data.vocabulary)
    if data.class_names is not None:
        _write(Path(folder) / LABELS, [" ".join(n.split()) for n in data.class_names])


def _write(path: Path, names: Sequence[str]) -> None:
    write_atomically(path, "".join(f"{name}\n" for name in names))
