"""Errors that say which row of a comparison they are about."""

import contextlib
from collections.abc import Iterator

from tfcompress.errors import TFCompressError


@contextlib.contextmanager
def naming_row(name: str) -> Iterator[None]:
    """Puts the name of a row before the message of an error of tfcompress.

    Args:
        name: Name of the row.

    Raises:
        TFCompressError: Of the class of the error that the block raises.

    Example:
    ```python
    with naming_row("shipped"):
        tfc.measurement.size("small.tflite")
    ```
    """
    try:
        yield
    except TFCompressError as error:
        raise type(error)(f"Row {name!r}: {error}") from error
