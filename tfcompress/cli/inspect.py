"""`tfcompress inspect`: what is inside a model."""

import argparse
from typing import Any

from tfcompress.cli.console import show
from tfcompress.cli.model_options import MODEL_FORMS
from tfcompress.cli.options import add_json, add_trust
from tfcompress.sources.named_function import is_function_name
from tfcompress.sources.paths import check_model_path

HELP = "what is inside a model or a .tflite file"
DESCRIPTION = (
    "Show each layer of a model or file: shape, type, bits, zeros, bytes and "
    "multiply-adds; inputs, outputs and operations."
)
EXAMPLES = (
    "tfcompress inspect small.tflite",
    "tfcompress inspect teacher.keras --json",
    "tfcompress inspect networks.py:make_model",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "model", metavar="MODEL|FILE", help=f"a .tflite file; or {MODEL_FORMS}"
    )
    add_json(parser)
    add_trust(parser)


def run(arguments: argparse.Namespace) -> None:
    """Reads a model and writes what is in it to standard output."""
    check_model_path(arguments.model, measured=True)
    from tfcompress import measurement

    found: Any = arguments.model
    if is_function_name(found):
        from tfcompress.sources import read_model

        found = read_model(found)
    result = measurement.inspect(found, trusted=arguments.trust)
    show(result, as_json=arguments.json)
