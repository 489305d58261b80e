"""`tfcompress benchmark`: how fast files are, side by side."""

from collections.abc import Sequence

from rich.console import Console

from tfcompress import measurement
from tfcompress.cli.console import show


def run_benchmark(
    files: Sequence[str],
    *,
    threads: int = 1,
    seconds: float = 2.0,
    profile_operations: bool = False,
    as_json: bool = False,
) -> None:
    """Measures files and writes the result to standard output.

    Args:
        files: Paths of `.tflite` files, and of folders with such files.
        threads: Threads that a run may use.
        seconds: Time to spend on each file.
        profile_operations: Whether to time each operation as well.
        as_json: Whether to write JSON instead of a table.

    Raises:
        TFCompressError: If there is no file, or if one cannot be run.
    """
    with Console(stderr=True).status("Measuring"):
        result = measurement.benchmark(
            files,
            threads=threads,
            seconds=seconds,
            profile_operations=profile_operations,
        )
    show(result, as_json=as_json)
