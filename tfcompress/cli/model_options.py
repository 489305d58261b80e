"""Models and files of the commands that take either, and data that fits them."""

import argparse
import os
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfcompress.cli.data_options import load_data
from tfcompress.cli.options import names, number
from tfcompress.errors import OutputError
from tfcompress.names import number_repeated
from tfcompress.pipeline.fields import Count, Part, Seed

if TYPE_CHECKING:
    from tfcompress.sources import Dataset

MODEL_FORMS = "a .keras or .h5 file, a SavedModel folder, or module:function"


def add_model(parser: argparse.ArgumentParser, *, metavar: str = "MODEL") -> None:
    """Adds the model that a command starts from.

    Args:
        parser: Of the command.
        metavar: What its help calls the model.
    """
    parser.add_argument(
        "model", metavar=metavar, help=f"a trained model: {MODEL_FORMS}"
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Adds `--seed`, which draws what is held out."""
    parser.add_argument(
        "--seed",
        type=number(Seed),
        metavar="N",
        help="that draws what is held out, as in the command that trained (default: 0)",
    )


def add_quality(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say what is measured."""
    parser.add_argument(
        "--metrics",
        type=names,
        metavar="A,B",
        help="names with commas between them, such as accuracy,macro_f1 (default: "
        "those of the task)",
    )
    parser.add_argument(
        "--confidence",
        type=number(Part),
        metavar="C",
        help="of intervals, such as 0.95 (default: no intervals)",
    )
    parser.add_argument(
        "--threads",
        type=number(Count),
        default=1,
        metavar="N",
        help="that a file may use (default: 1)",
    )
    parser.add_argument(
        "--like",
        metavar="MODEL",
        help="the Keras model that a .tflite file was made from, for data that is "
        "text: its words become the numbers that this model knows",
    )
    add_seed(parser)


def read_inputs(arguments: argparse.Namespace) -> tuple[Any, "Dataset"]:
    """Returns the model of a command and its data, which is empty without `--data`.

    Raises:
        TFCompressError: If one cannot be read.
    """
    from tfcompress.sources import Dataset, read_model

    model = read_model(arguments.model, trusted=arguments.trust)
    if arguments.data is None:
        return model, Dataset("none", train=None, validation=None)
    return model, load_data(arguments, model)


def read_models(given: Sequence[str], *, trusted: bool) -> dict[str, Any]:
    """Returns models, and paths of `.tflite` files, by names for a table.

    Raises:
        ModelError: If one cannot be read.
    """
    from tfcompress.measurement import LiteRTModel
    from tfcompress.sources import read_model

    ends = [os.path.basename(os.path.normpath(text)) for text in given]
    shown = number_repeated(ends if len(set(ends)) == len(ends) else given)
    found: dict[str, Any] = {}
    for name, text in zip(shown, given, strict=True):
        if text.endswith(".tflite"):
            LiteRTModel(text)
            found[name] = text
        else:
            found[name] = read_model(text, trusted=trusted)
    return found


def load_test_data(
    arguments: argparse.Namespace, models: Mapping[str, Any]
) -> tuple["Dataset", Any]:
    """Returns the data that fits models, and its part to test on.

    Raises:
        TFCompressError: If the data cannot be read.
    """
    from tfcompress.sources import read_model

    given = [model for model in models.values() if not isinstance(model, str)]
    if arguments.like is not None:
        given.insert(0, read_model(arguments.like, trusted=arguments.trust))
    model = given[0] if given else _as_model(next(iter(models.values())))
    data = load_data(arguments, model)
    return data, data.validation if data.test is None else data.test


def _as_model(file: str) -> Any:
    """Returns what a file takes and gives, in the words of a Keras model."""
    import dataclasses

    import numpy as np

    from tfcompress.measurement import LiteRTModel

    read = LiteRTModel(file)
    real = np.dtype(np.float32)
    inputs, outputs = (
        [
            dataclasses.replace(each, dtype=real) if each.scale else each
            for each in tensors.values()
        ]
        for tensors in (read.input_details, read.output_details)
    )
    return types.SimpleNamespace(inputs=inputs, outputs=outputs)


def check_output(path: str, *, overwrite: bool) -> None:
    """Raises an error unless a file may be written there.

    Raises:
        OutputError: If the folder is not there or cannot be written to, or if there is
            such a file already and it may not be replaced.
    """
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise OutputError(f"Expected the name of a file. Received: the folder {path!r}")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise OutputError(
            "The folder of the output must exist, and be one that can be written to. "
            f"Received: {path!r}"
        )
    if os.path.exists(path) and not overwrite:
        raise OutputError(
            "There is such a file already; choose another name, or replace it with "
            f"--overwrite. Received: {path!r}"
        )
