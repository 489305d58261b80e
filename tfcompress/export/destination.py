"""Where a file is to be written, checked before any work."""

import os
from pathlib import Path
from typing import Any

from tfcompress.errors import ArgumentError, OutputError
from tfcompress.export.account.account_file import check_account_path


def check_path(path: Any) -> Path:
    """Returns where a `.tflite` file is to be written, with its account beside it.

    Raises:
        ArgumentError: If it is no path, or the name does not end in `.tflite`.
        OutputError: If there is no such folder, if it cannot be written to, if the
            file is a folder, or if the account would replace a file of another kind.
    """
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(
            f"path must be the name of a .tflite file. Received: path={path!r}"
        )
    checked = Path(path)
    if checked.suffix != ".tflite":
        raise ArgumentError(
            f"The name of the file must end in .tflite. Received: path={str(path)!r}"
        )
    if not checked.parent.is_dir():
        raise OutputError(
            f"The folder of the file must exist; create it first. Received: path="
            f"{str(path)!r}"
        )
    if checked.is_dir():
        raise OutputError(
            f"Expected the name of a file. Received: path={str(path)!r}, a folder"
        )
    if not os.access(checked.parent, os.W_OK):
        raise OutputError(
            "The folder of the file must be one that can be written to. "
            f"Received: path={str(path)!r}"
        )
    check_account_path(checked)
    return checked


def check_batch(batch: Any) -> None:
    """Raises an error unless this is a number of samples, or None.

    Raises:
        ArgumentError: If it is not.
    """
    if batch is None:
        return
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise ArgumentError(
            "batch must be a whole number of 1 or more, or None for any number. "
            f"Received: batch={batch!r}"
        )
