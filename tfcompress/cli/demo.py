"""`tfcompress demo`: the whole way, on real images, in one command."""

import argparse

from tfcompress.cli.options import add_quiet, number
from tfcompress.cli.run_options import Seed
from tfcompress.pipeline.fields import Count

HELP = "the whole way on handwritten digits, or on your own images"
DESCRIPTION = (
    "Train a teacher, distil a small student from it, prune and quantize the student, "
    "write the .tflite that ships, and measure every step. A run that was stopped goes "
    "on where it was."
)
EXAMPLES = (
    "tfcompress demo",
    "tfcompress demo --data images.npz --output run",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "--data",
        metavar="FILE.npz",
        help="images with the arrays x_train, y_train, x_test and y_test "
        "(default: scikit-learn's digits)",
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        default="tfcompress-demo",
        help="where models, files and the report go (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=number(Seed),
        default=0,
        metavar="N",
        help="of data split and training (default: 0)",
    )
    parser.add_argument(
        "--epochs",
        type=number(Count),
        metavar="N",
        help="of each training (default: 40, or 10 for 10,000 images or more)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="start anew where the folder holds a run, and replace its files",
    )
    add_quiet(parser)


def run(arguments: argparse.Namespace) -> None:
    """Runs the demonstration."""
    from tfcompress.cli.demonstration import run_demo

    run_demo(
        data=arguments.data,
        output=arguments.output,
        seed=arguments.seed,
        epochs=arguments.epochs,
        overwrite=arguments.overwrite,
        quiet=arguments.quiet,
    )
