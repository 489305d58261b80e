"""Where commands write what they found."""

import contextlib
import os
import sys
from collections.abc import Iterator

from rich.console import Console

from tfcompress.result import Result

_WIDE = 250


def make_console() -> Console:
    """Returns standard output; where it is no terminal, wide enough for any table."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)


def show(result: Result, *, as_json: bool) -> None:
    """Writes a result to standard output.

    Args:
        result: The result.
        as_json: Whether to write JSON instead of a table.
    """
    if as_json:
        sys.stdout.write(result.to_json())
    else:
        make_console().print(result)


@contextlib.contextmanager
def without_native_messages() -> Iterator[None]:
    """Drops what C++ code writes to standard error, such as TensorFlow as it starts.

    What Python writes there is shown.
    """
    shown = os.dup(2)
    try:
        with (
            open(os.devnull, "wb") as nowhere,
            open(shown, "w", buffering=1, closefd=False) as errors,
            contextlib.redirect_stderr(errors),
        ):
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(shown, 2)
        os.close(shown)
