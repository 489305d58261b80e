"""Where commands write what they found."""

import sys

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
