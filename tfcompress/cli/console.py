"""Where commands write what they found."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

    from tfcompress.result import Result

_WIDE = 250
_outputs: list[TextIO] = []


@contextlib.contextmanager
def results_alone() -> Iterator[None]:
    """Keeps standard output for results: what others print goes to standard error."""
    _outputs.append(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
        _outputs[-1].flush()
    finally:
        _outputs.pop()


def output() -> TextIO:
    """Returns standard output, where results go."""
    return _outputs[-1] if _outputs else sys.stdout


def make_console() -> "Console":
    """Returns standard output; where it is no terminal, wide enough for any table."""
    from rich.console import Console

    console = Console(file=output())
    return console if console.is_terminal else Console(file=output(), width=_WIDE)


def show(result: "Result", *, as_json: bool) -> None:
    """Writes a result to standard output.

    Args:
        result: The result.
        as_json: Whether to write JSON instead of a table.
    """
    if as_json:
        output().write(result.to_json())
    else:
        make_console().print(result)


def write_json(values: Any) -> None:
    """Writes plain data as JSON to standard output."""
    output().write(json.dumps(values, indent=2, ensure_ascii=False) + "\n")


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
