"""`tfcompress compare`: models and files side by side."""

import argparse

from tfcompress.cli.console import show
from tfcompress.cli.data_options import add_data
from tfcompress.cli.model_options import (
    MODEL_FORMS,
    add_quality,
    check_output,
    load_test_data,
    read_models,
)
from tfcompress.cli.named_places import check_places
from tfcompress.cli.options import add_json, add_overwrite, add_trust, number
from tfcompress.pipeline.fields import Positive

HELP = "models and files side by side: quality, bytes, speed"
DESCRIPTION = (
    "Measure Keras models and .tflite files on the same test data, each as a file on "
    "LiteRT, and show one table: quality, bytes, latency, and how far each agrees with "
    "the first. The page of --output shows layers, confusions and samples too."
)
EXAMPLES = (
    "tfcompress compare model.keras small.tflite --data images.npz",
    "tfcompress compare model.keras small.tflite --data images.npz "
    "--output report.html",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "models",
        nargs="+",
        metavar="MODEL|FILE",
        help=f"each a .tflite file; or {MODEL_FORMS}; the first is the reference",
    )
    add_data(parser)
    add_quality(parser)
    parser.add_argument(
        "--seconds",
        type=number(Positive),
        default=1.0,
        metavar="S",
        help="to spend on measuring speed (default: 1)",
    )
    parser.add_argument(
        "--output", metavar="FILE", help="write a page with all of it, in HTML"
    )
    add_overwrite(parser)
    add_json(parser)
    add_trust(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measures the models, and writes the table to standard output."""
    if arguments.output is not None:
        check_output(arguments.output, overwrite=arguments.overwrite)
    check_places(arguments, measured=True)
    from tfcompress import report

    models = read_models(arguments.models, trusted=arguments.trust)
    data, test = load_test_data(arguments, models)
    comparison = report.compare(
        models,
        test,
        metrics=arguments.metrics,
        threads=arguments.threads,
        seconds=arguments.seconds,
        confidence=arguments.confidence,
        class_names=data.class_names,
    )
    if arguments.output is not None:
        comparison.to_html(arguments.output)
    show(comparison, as_json=arguments.json)
