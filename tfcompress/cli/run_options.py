"""Flags of the commands that run a pipeline, and how they do it."""

import argparse
import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any

from tfcompress.cli.options import add_json, add_quiet, add_trust, number
from tfcompress.cli.written_names import write_names
from tfcompress.errors import ArgumentError
from tfcompress.pipeline import Evaluate, Export, FittingStage, Pipeline, Stage
from tfcompress.pipeline.fields import Count, Seed

if TYPE_CHECKING:
    from tfcompress.pipeline.result import PipelineResult
    from tfcompress.sources import Dataset


def add_run(
    parser: argparse.ArgumentParser, *, target: str | None, recipes: bool = False
) -> None:
    """Adds the flags that say how a pipeline is run, and where its results go.

    Args:
        parser: Of the command.
        target: What files are written for where the user does not say, or None for what
            the pipeline says.
        recipes: Whether a recipe may be given, without which ways are tried that have
            steps of their own.
    """
    in_proportion = of_recipe = ""
    if recipes:
        in_proportion = (
            " of a recipe; without, some train longer or shorter, in proportion to N"
        )
        of_recipe = "; the latter only with --recipe"
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="where models, files and figures go; a run that was stopped goes on there",
    )
    said = "" if target is None else f" (default: {target})"
    parser.add_argument(
        "--target",
        default=target,
        metavar="NAME|FILE",
        help=f"device that the file is for, or a TOML file that describes one{said}",
    )
    parser.add_argument(
        "--epochs",
        type=number(Count),
        metavar="N",
        help=f"of each training{in_proportion}",
    )
    parser.add_argument(
        "--batch-size",
        type=number(Count),
        metavar="N",
        help="samples in a step",
    )
    parser.add_argument(
        "--seed",
        type=number(Seed),
        metavar="N",
        help="of everything that is drawn at random (default: 0)",
    )
    parser.add_argument(
        "--strategy",
        choices=("none", "mirrored", "multiworker"),
        default="none",
        help="train on all devices of this machine, or of those in TF_CONFIG"
        f"{of_recipe} (default: none)",
    )
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="the same weights in every run, at some cost of time",
    )
    parser.add_argument(
        "--threads",
        type=number(Count),
        metavar="N",
        help="that a file may use while it is timed for the table (default: 1)",
    )
    add_json(parser)
    add_quiet(parser)
    add_trust(parser)


def start_training(arguments: argparse.Namespace) -> Any:
    """Prepares TensorFlow as the flags say, before it does anything else.

    Returns:
        The `tf.distribute.Strategy` to train under, or None.

    Raises:
        ArgumentError: If there are no workers for `--strategy multiworker`.
    """
    import tensorflow as tf

    if arguments.deterministic:
        tf.config.experimental.enable_op_determinism()
    if arguments.strategy == "mirrored":
        return tf.distribute.MirroredStrategy()
    if arguments.strategy == "multiworker":
        _check_workers(os.environ.get("TF_CONFIG"))
        return tf.distribute.MultiWorkerMirroredStrategy()
    return None


def _check_workers(config: str | None) -> None:
    try:
        workers = json.loads(config or "")["cluster"]["worker"]
    except (ValueError, KeyError, TypeError):
        workers = None
    if not workers:
        raise ArgumentError(
            "--strategy multiworker needs TF_CONFIG in the environment: JSON with the "
            "cluster of workers and the task of this one, see "
            "https://www.tensorflow.org/guide/distributed_training. "
            f"Received: TF_CONFIG={config!r}"
        )


def change_pipeline(pipeline: Pipeline, arguments: argparse.Namespace) -> Pipeline:
    """Returns a pipeline with what the flags say in the place of its own values."""
    return Pipeline(
        [_change_stage(stage, arguments) for stage in pipeline.stages],
        name=pipeline.name,
        description=pipeline.description,
        needs=pipeline.needs,
        seed=pipeline.seed if arguments.seed is None else arguments.seed,
    )


def _change_stage(stage: Stage, arguments: argparse.Namespace) -> Stage:
    if isinstance(stage, FittingStage) and stage.training is not None:
        training = _replace(
            stage.training, epochs=arguments.epochs, batch_size=arguments.batch_size
        )
        return dataclasses.replace(stage, training=training)
    if isinstance(stage, Export):
        return _replace(stage, target=arguments.target)
    if isinstance(stage, Evaluate):
        return _replace(stage, threads=arguments.threads)
    return stage


def _replace(configuration: Any, **changes: Any) -> Any:
    given = {name: value for name, value in changes.items() if value is not None}
    return dataclasses.replace(configuration, **given)


def run_pipeline(
    pipeline: Pipeline,
    model: Any,
    data: "Dataset",
    arguments: argparse.Namespace,
    *,
    strategy: Any,
) -> "PipelineResult":
    """Runs a pipeline as the flags say, and writes what it left to standard output.

    Of several workers the chief writes.
    """
    from tfcompress.pipeline.workers import Workers

    result = change_pipeline(pipeline, arguments).run(
        model,
        data.train,
        data.validation,
        test=data.test,
        directory=arguments.output,
        strategy=strategy,
        verbose=0 if arguments.quiet else 1,
    )
    if Workers(strategy).is_chief:
        write_names(data, arguments.output)
        _show(result, as_json=arguments.json)
    return result


def _show(result: "PipelineResult", *, as_json: bool) -> None:
    from tfcompress.cli.console import make_console, show

    if as_json:
        show(result, as_json=True)
        return
    console = make_console()
    if result.comparison is not None:
        console.print(result.comparison)
    if result.artifact is not None:
        console.print(f"The file is {result.artifact.path}.", soft_wrap=True)
    console.print(result.describe(), soft_wrap=True)
