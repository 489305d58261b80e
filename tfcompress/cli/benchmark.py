"""`tfcompress benchmark`: how fast files are, side by side."""

import argparse
from pathlib import Path

from tfcompress.cli.console import show
from tfcompress.cli.options import add_json, add_quiet, number
from tfcompress.errors import ArgumentError
from tfcompress.pipeline.fields import Count, Positive
from tfcompress.sources.named_function import is_function_name

HELP = "how fast .tflite files are, side by side"
DESCRIPTION = (
    "Run .tflite files on LiteRT in turns, and show how long each takes, the fastest "
    "first, with load time, first run and memory in a fresh process. Files that "
    "cannot be run are left out, and named by the error in the end."
)
EXAMPLES = (
    "tfcompress benchmark models --threads 2",
    "tfcompress benchmark float.tflite int8.tflite --profile",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FOLDER|FILE",
        help=".tflite files, and folders with such files",
    )
    parser.add_argument(
        "--threads",
        type=number(Count),
        default=1,
        metavar="N",
        help="that a run may use (default: 1)",
    )
    parser.add_argument(
        "--seconds",
        type=number(Positive),
        default=2.0,
        metavar="S",
        help="to spend on each file (default: 2)",
    )
    parser.add_argument(
        "--profile", action="store_true", help="show what each operation takes as well"
    )
    add_json(parser)
    add_quiet(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measures files and writes the result to standard output."""
    for text in arguments.files:
        _check_no_model(text)
    from rich.console import Console

    from tfcompress import measurement
    from tfcompress.errors import ModelError
    from tfcompress.measurement.files.signature_names import signature_names
    from tfcompress.measurement.speed.benchmark import name_files

    found, errors = {}, []
    with Console(stderr=True, quiet=arguments.quiet).status("Measuring"):
        for name, path in name_files(arguments.files).items():
            try:
                for signature in signature_names(path):
                    measurement.LiteRTModel(
                        path, threads=arguments.threads, signature=signature
                    )
                found[name] = path
            except ModelError as error:
                errors.append(error)
        if found:
            result = measurement.benchmark(
                found,
                threads=arguments.threads,
                seconds=arguments.seconds,
                profile_operations=arguments.profile,
            )
    if found:
        show(result, as_json=arguments.json)
    if errors:
        raise ModelError(" ".join(map(str, errors))) from errors[0]


def _check_no_model(text: str) -> None:
    """Raises an error for what the other commands take for a Keras model."""
    path = Path(text)
    saved = (path / "saved_model.pb").exists() or path.suffix in (".keras", ".h5")
    if saved or is_function_name(text):
        raise ArgumentError(
            "benchmark measures .tflite files: write that of a model with 'tfcompress "
            "export', or measure models and files with 'tfcompress compare'. "
            f"Received: {text!r}"
        )
