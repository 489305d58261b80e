"""`tfcompress inspect`: what is inside a model file."""

from tfcompress import measurement
from tfcompress.cli.console import show, without_native_messages


def run_inspect(file: str, *, as_json: bool = False, trusted: bool = False) -> None:
    """Reads a file and writes what is in it to standard output.

    Args:
        file: A `.tflite`, `.keras` or `.h5` file.
        as_json: Whether to write JSON instead of a table.
        trusted: Whether a Keras file may run code that it holds.

    Raises:
        TFCompressError: If the file cannot be read.
    """
    with without_native_messages():
        result = measurement.inspect(file, trusted=trusted)
    show(result, as_json=as_json)
