"""`tfcompress evaluate`: how good a model or a file is."""

import argparse
import dataclasses
import math
from typing import Any

from tfcompress.cli.console import output, write_json
from tfcompress.cli.data_options import add_data
from tfcompress.cli.model_options import (
    MODEL_FORMS,
    add_quality,
    load_test_data,
    read_models,
)
from tfcompress.cli.named_places import check_places
from tfcompress.cli.options import add_json, add_trust

HELP = "how good a Keras model or a .tflite file is"
DESCRIPTION = (
    "Measure a Keras model, or a .tflite file on LiteRT, on the part of the data that "
    "is for the test; where the data holds none, on samples that are held out as in "
    "the other commands."
)
EXAMPLES = (
    "tfcompress evaluate small.tflite --data images.npz",
    "tfcompress evaluate model.keras --data images.npz --metrics accuracy,macro_f1 "
    "--confidence 0.95",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "model",
        metavar="MODEL|FILE",
        help=f"a .tflite file; or {MODEL_FORMS}",
    )
    add_data(parser)
    add_quality(parser)
    add_json(parser)
    add_trust(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measures the model, and writes the figures to standard output."""
    check_places(arguments, measured=True)
    from tfcompress import measurement

    models = read_models([arguments.model], trusted=arguments.trust)
    (model,) = models.values()
    _, test = load_test_data(arguments, models)
    quality = measurement.evaluate(
        model,
        test,
        arguments.metrics,
        threads=arguments.threads,
        confidence=arguments.confidence,
    )
    if arguments.json:
        write_json(_to_plain(dataclasses.asdict(quality)))
    else:
        counts = quality.confusion_matrix
        output().write(f"{quality}\n" + ("" if counts is None else f"{counts}\n"))


def _to_plain(value: Any) -> Any:
    """Returns plain data for JSON; a number that is not finite is None."""
    if isinstance(value, dict):
        return {str(key): _to_plain(each) for key, each in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_to_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
