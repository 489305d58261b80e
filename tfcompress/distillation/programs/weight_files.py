"""Numbers of models in files, whole or not at all."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress.errors import OutputError
from tfcompress.files import write_atomically

_NOTES = "notes"


def write_arrays(path: Path, arrays: Sequence[Any], notes: dict[str, Any]) -> None:
    """Writes arrays, and notes beside them, as one `.npz` file.

    Args:
        path: Where to write.
        arrays: Arrays in an order that the reader knows. Numbers of a type that NumPy
            has not, as bfloat16, are written as float32.
        notes: Plain data.

    Raises:
        OutputError: If the file cannot be written.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.distillation.programs.weight_files import write_arrays

    write_arrays(Path("state.npz"), model.get_weights(), {"epoch": 3})
    ```
    """
    plain = [np.asarray(array) for array in arrays]
    plain = [a.astype(np.float32) if a.dtype.kind == "V" else a for a in plain]
    file = io.BytesIO()
    named: dict[str, Any] = {f"{i:06d}": array for i, array in enumerate(plain)}
    named[_NOTES] = np.asarray(json.dumps(notes))
    np.savez(file, **named)
    write_atomically(path, file.getvalue())


def read_arrays(path: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Returns the arrays and the notes that `write_arrays` wrote.

    Raises:
        OutputError: If the file is damaged.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.distillation.programs.weight_files import read_arrays, write_arrays

    write_arrays(Path("state.npz"), model.get_weights(), {"epoch": 3})
    weights, notes = read_arrays(Path("state.npz"))
    ```
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            names = sorted(name for name in file.files if name != _NOTES)
            notes = json.loads(str(file[_NOTES]))
            return [file[name] for name in names], notes
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise OutputError(
            f"{path} cannot be read ({error}). Remove it, and its stage starts again."
        ) from error
