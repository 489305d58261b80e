"""`tfcompress inspect`: what is inside a model file."""

import argparse

from tfcompress.cli.console import show
from tfcompress.cli.options import add_json, add_trust

HELP = "what is inside a .tflite, .keras or .h5 file"
DESCRIPTION = (
    "Show each layer of a model file: shape, type, bits, zeros, bytes and "
    "multiply-adds; inputs, outputs and operations."
)
EXAMPLES = (
    "tfcompress inspect small.tflite",
    "tfcompress inspect teacher.keras --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "file", metavar="FILE", help="a .tflite file, or a .keras or .h5 file of Keras"
    )
    add_json(parser)
    add_trust(parser)


def run(arguments: argparse.Namespace) -> None:
    """Reads a file and writes what is in it to standard output."""
    from tfcompress import measurement

    result = measurement.inspect(arguments.file, trusted=arguments.trust)
    show(result, as_json=arguments.json)
