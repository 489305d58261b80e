"""`tfcompress benchmark`: how fast files are, side by side."""

from collections.abc import Sequence

from rich.console import Console

from tfcompress import measurement
from tfcompress.cli.console import show
from tfcompress.errors import ModelError
from tfcompress.measurement.files.signature_names import signature_names
from tfcompress.measurement.speed.benchmark import name_files


def run_benchmark(
    files: Sequence[str],
    *,
    threads: int = 1,
    seconds: float = 2.0,
    profile_operations: bool = False,
    as_json: bool = False,
) -> None:
    """Measures files and writes the result to standard output.

    Files that cannot be run are left out, and named by the error in the end.

    Args:
        files: Paths of `.tflite` files, and of folders with such files.
        threads: Threads that a run may use.
        seconds: Time to spend on each file.
        profile_operations: Whether to time each operation as well.
        as_json: Whether to write JSON instead of a table.

    Raises:
        TFCompressError: If there is no file, or if one cannot be run.
    """
    found, errors = {}, []
    with Console(stderr=True).status("Measuring"):
        for name, path in name_files(files).items():
            try:
                for signature in signature_names(path):
                    measurement.LiteRTModel(path, threads=threads, signature=signature)
                found[name] = path
            except ModelError as error:
                errors.append(error)
        if found:
            result = measurement.benchmark(
                found,
                threads=threads,
                seconds=seconds,
                profile_operations=profile_operations,
            )
    if found:
        show(result, as_json=as_json)
    if errors:
        raise ModelError(" ".join(map(str, errors))) from errors[0]
