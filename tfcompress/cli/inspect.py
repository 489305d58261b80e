"""`tfcompress inspect`: what is inside a model file."""

import sys

from rich.console import Console

from tfcompress import measurement

_WIDE = 250


def run_inspect(file: str, *, as_json: bool = False, trusted: bool = False) -> None:
    """Reads a file and writes what is in it to standard output.

    Args:
        file: A `.tflite`, `.keras` or `.h5` file.
        as_json: Whether to write JSON instead of a table.
        trusted: Whether a Keras file may run code that it holds.

    Raises:
        TFCompressError: If the file cannot be read.
    """
    result = measurement.inspect(file, trusted=trusted)
    if as_json:
        sys.stdout.write(result.to_json())
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    console.print(result)
