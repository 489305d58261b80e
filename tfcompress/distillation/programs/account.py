"""A folder that knows which run it holds."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfcompress.errors import OutputError
from tfcompress.files import write_atomically

ACCOUNT = "account.json"


def open_directory(directory: Path, account: Mapping[str, Any]) -> None:
    """Makes the folder of a run, or opens it again; refuses that of another run.

    Args:
        directory: The folder.
        account: What makes one run another than this, as plain data by name. Of a
            function or another object the name of it, or of its class, is written.

    Raises:
        OutputError: If the folder holds a run of another account or something else, or
            cannot be used.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.distillation.programs.account import open_directory

    open_directory(Path("run"), {"program": "Mine", "epochs": 3})
    ```
    """
    path = directory / ACCOUNT
    try:
        directory.mkdir(parents=True, exist_ok=True)
        before = json.loads(path.read_text("utf-8")) if path.exists() else None
        occupied = any(directory.iterdir())
    except (OSError, ValueError) as error:
        raise OutputError(
            f"Cannot use the folder {directory}: {error}. Choose one that can be "
            f"written to. Received: directory={str(directory)!r}"
        ) from error
    written = json.dumps(account, indent=1, default=_name)
    if before is not None:
        now = json.loads(written)
        other = [key for key in now if before.get(key) != now[key]]
        if other:
            raise OutputError(
                f"The folder {directory} holds a run that differs in "
                f"{', '.join(other)}. Choose another folder, or remove this one. "
                f"Received: directory={str(directory)!r}"
            )
    elif occupied:
        raise OutputError(
            f"The folder {directory} holds something else than such a run. Choose an "
            f"empty one. Received: directory={str(directory)!r}"
        )
    else:
        write_atomically(path, written)


def _name(value: Any) -> str:
    """Returns what stands in JSON for a function or another object."""
    return getattr(value, "__qualname__", type(value).__qualname__)
