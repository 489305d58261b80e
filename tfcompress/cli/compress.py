"""`tfcompress compress`: a model and its data go in, a small file comes out."""

import argparse
import re
from typing import TYPE_CHECKING, Any

from tfcompress.cli.data_options import add_data
from tfcompress.cli.exit_code import ExitCode
from tfcompress.cli.model_options import add_model, read_inputs
from tfcompress.cli.named_places import check_places, check_run_folder
from tfcompress.cli.options import number
from tfcompress.cli.recipe_paths import find_recipe
from tfcompress.cli.run_options import add_run, run_pipeline, start_training
from tfcompress.cli.written_names import write_names
from tfcompress.errors import ArgumentError
from tfcompress.pipeline import Pipeline, Training
from tfcompress.pipeline.fields import Drop, Positive

if TYPE_CHECKING:
    from tfcompress.pipeline.compression_result import Compression
    from tfcompress.report import Comparison
    from tfcompress.sources import Dataset

HELP = "make a model small and fast, by a recipe or until it meets a demand"
DESCRIPTION = (
    "Take a trained Keras model and its data to a .tflite file, measured beside the "
    "original. With a recipe, its stages are done; with a demand, such as --max-bytes, "
    "ever stronger ways are tried until one meets it, and the exit code is 1 if none "
    "does. With neither, the recipe balanced is tried first. Without --target such "
    "files are for any CPU, in float where whole numbers lose too much. A run that was "
    "stopped goes on where it was."
)
EXAMPLES = (
    "tfcompress compress model.keras --recipe balanced --data images.npz --output run",
    "tfcompress compress model.keras --data images.npz --max-bytes 200k --output run",
    "tfcompress compress networks.py:make_model --data sets:make_data "
    "--max-drop 0.01 --target microcontroller --output run",
)
_DEMANDS = ("max_bytes", "max_latency_ms", "max_drop")
_UNITS = {"": 1, "k": 1_000, "M": 1_000_000}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    parser.add_argument(
        "--recipe",
        metavar="NAME|FILE",
        help="what to do: a name from 'tfcompress recipe list', or a YAML file",
    )
    parser.add_argument(
        "--max-bytes",
        type=size,
        metavar="N",
        help="that the file may have, such as 200000, 200k or 1.5M",
    )
    parser.add_argument(
        "--max-latency-ms",
        type=number(Positive),
        metavar="MS",
        help="that a run of the file may take, on one thread of this machine whatever "
        "--threads says",
    )
    parser.add_argument(
        "--max-drop",
        type=number(Drop),
        metavar="S",
        help="that the file may be worse than the original, a number from 0 to 1, "
        "without 1: 0.01 is a point of accuracy",
    )
    parser.add_argument(
        "--metric",
        metavar="NAME",
        help="what files are measured by without a recipe, such as mae, or "
        "class/accuracy of one of several outputs (default: by the labels accuracy, "
        "macro_f1 or r2; of several outputs the mean)",
    )
    add_data(parser)
    add_run(parser, target=None, recipes=True)


def size(text: str) -> int:
    """Reads a number of bytes; the type of a flag.

    Args:
        text: Such as `"200000"`, `"200k"` for as many, or `"1.5M"` for 1,500,000.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM]?)", text)
    found = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if found < 1 or found % 1:
        raise argparse.ArgumentTypeError(
            "must be a number of bytes, such as 200000, 200k or 1.5M. "
            f"Received: {text!r}"
        )
    return int(found)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Compresses the model, and writes what it left."""
    _check(arguments)
    pipeline = None if arguments.recipe is None else read_recipe(arguments.recipe)
    check_places(arguments)
    check_run_folder(arguments.output)
    strategy = start_training(arguments)
    model, data = read_inputs(arguments)
    if pipeline is not None:
        run_pipeline(pipeline, model, data, arguments, strategy=strategy)
        return ExitCode.DONE
    return _meet_demands(model, data, arguments, strategy=strategy)


def read_recipe(text: str) -> Pipeline:
    """Returns the pipeline of a recipe, by its name or the path of its file.

    Args:
        text: A name from `recipes.names()`; else a path, if it ends in `.yaml` or
            `.yml`, has a separator, or is there.
    """
    return Pipeline.from_yaml(find_recipe(text))


def _check(arguments: argparse.Namespace) -> None:
    demands = [name for name in _DEMANDS if getattr(arguments, name) is not None]
    if arguments.recipe is not None and demands:
        raise ArgumentError(
            "Give either a recipe, or demands that choose what to do; not both. "
            f"Received: --recipe {arguments.recipe} and {_flag(demands[0])}"
        )
    if arguments.recipe is not None and arguments.metric is not None:
        raise ArgumentError(
            "A recipe has its own metrics, in its stage evaluate; leave --metric out. "
            f"Received: --recipe {arguments.recipe}, --metric {arguments.metric}"
        )
    if arguments.recipe is None and arguments.strategy == "multiworker":
        raise ArgumentError(
            "Several workers run a recipe: add --recipe balanced, or another; what "
            "demands try depends on what one process measures. "
            "Received: --strategy multiworker"
        )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _meet_demands(
    model: Any, data: "Dataset", arguments: argparse.Namespace, *, strategy: Any
) -> ExitCode:
    from tfcompress.pipeline import compress
    from tfcompress.pipeline.data_checks import check_data
    from tfcompress.pipeline.named_labels import name_labels
    from tfcompress.report import compare

    if data.test is not None:  # It is measured in the end, and checked before.
        check_data(model, data.train, data.validation, data.test, batch_size=1)
    result = compress(
        model,
        data.train,
        data.validation,
        training=Training(**_given(arguments, "epochs", "batch_size")),
        directory=arguments.output,
        strategy=strategy,
        verbose=0 if arguments.quiet else 1,
        **_given(arguments, *_DEMANDS, "target", "metric", "seed"),
    )
    write_names(data, arguments.output)
    comparison = compare(
        {"original": model, result.chosen.name: result.artifact},
        name_labels(model, data.validation if data.test is None else data.test),
        threads=arguments.threads or 1,
    )
    _show(result, comparison, as_json=arguments.json)
    return ExitCode.DONE if result.met else ExitCode.DEMAND_NOT_MET


def _given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Returns the values of the flags that were given."""
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _show(result: "Compression", comparison: "Comparison", *, as_json: bool) -> None:
    from tfcompress.cli.console import make_console, write_json

    if as_json:
        write_json({**result.to_dict(), "comparison": comparison.to_dict()})
        return
    console = make_console()
    console.print(result)
    console.print(comparison)
