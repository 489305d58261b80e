"""Flags of the commands that take data, and how it is read."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from tfcompress.cli.options import number
from tfcompress.pipeline.fields import Part, Positive

if TYPE_CHECKING:
    from tfcompress.sources import Dataset

_FORMS = (
    "an .npz file with x and y, or x_train, y_train, x_test and y_test; a folder of "
    "images by class; a .csv or .tsv file of text or numbers; a .tfrecord file with "
    "--spec; or module:function, which returns data sets"
)


def add_data(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Adds `--data`, and the flags that say how it is read.

    Args:
        parser: Of the command.
        required: Whether the command needs data.
    """
    parser.add_argument(
        "--data",
        required=required,
        metavar="DATA",
        help=f"what to learn from: {_FORMS}",
    )
    parser.add_argument(
        "--label",
        metavar="NAME",
        help="column, or feature, that holds the label (default: label; in a table "
        "without such a column target, class or the last)",
    )
    parser.add_argument(
        "--spec", metavar="FILE", help="what the features of a TFRecord file are"
    )
    parser.add_argument(
        "--vocabulary",
        metavar="FILE",
        help="words, one a line, in the order of the numbers that the model takes",
    )
    parser.add_argument(
        "--divide-by",
        type=number(Positive),
        metavar="N",
        help="what inputs are divided by, such as 255 for pixels where the model takes "
        "0 to 1",
    )
    parser.add_argument(
        "--validation-share",
        type=number(Part),
        default=0.1,
        metavar="S",
        help="of the samples for validation, where DATA holds none (default: 0.1)",
    )
    parser.add_argument(
        "--test-share",
        type=number(Part),
        default=0.2,
        metavar="S",
        help="of the samples for the test, where DATA holds none (default: 0.2)",
    )


def load_data(arguments: argparse.Namespace, model: Any) -> "Dataset":
    """Reads the data of a command, and says on standard error what it took for granted.

    Args:
        arguments: Of the command; its `seed` draws what is held out.
        model: The model that the data is for.

    Raises:
        TFCompressError: If the data cannot be read.
    """
    from tfcompress.sources import read_data

    data = read_data(
        arguments.data,
        model=model,
        label=arguments.label,
        spec=arguments.spec,
        vocabulary=arguments.vocabulary,
        divide_by=arguments.divide_by,
        shares=(arguments.validation_share, arguments.test_share),
        seed=arguments.seed or 0,
    )
    for note in data.notes:
        sys.stderr.write(f"tfcompress: warning: {note}\n")
    return data
