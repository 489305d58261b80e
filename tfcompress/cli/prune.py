"""`tfcompress prune`: removes weights, channels or blocks."""

import argparse

from tfcompress.cli.data_options import add_data
from tfcompress.cli.model_options import add_model, read_inputs
from tfcompress.cli.named_places import check_places, check_run_folder
from tfcompress.cli.options import number
from tfcompress.cli.run_options import add_run, run_pipeline, start_training
from tfcompress.pipeline import (
    Distillation,
    Evaluate,
    Export,
    FittingStage,
    Pipeline,
    PruneChannels,
    PruneLayers,
    PruneWeights,
)
from tfcompress.pipeline.fields import Part, Positive
from tfcompress.pipeline.stages.prune_weights import Sparsity

HELP = "remove weights, channels or blocks"
DESCRIPTION = (
    "Set weights of a trained model to zero, or remove whole channels or residual "
    "blocks; train what is left, taught by the model as it was; write its .tflite "
    "file, and measure it."
)
EXAMPLES = (
    "tfcompress prune model.keras --data images.npz --sparsity 0.8 --output run",
    "tfcompress prune model.keras --data images.npz --macs 0.5 --output run --epochs 5",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    goal = parser.add_mutually_exclusive_group(required=True)
    goal.add_argument(
        "--sparsity",
        type=number(Sparsity),
        metavar="S",
        help="share of the weights that become zero",
    )
    goal.add_argument(
        "--ratio", type=number(Part), metavar="S", help="share of the channels that go"
    )
    goal.add_argument(
        "--macs",
        type=number(Positive),
        metavar="N",
        help="multiply-adds that stay: a share below 1, or their number",
    )
    goal.add_argument(
        "--bytes",
        type=number(Positive),
        metavar="N",
        help="bytes of the float file that stay: a share below 1, or their number",
    )
    goal.add_argument(
        "--latency-ms",
        type=number(Positive),
        metavar="MS",
        help="that a run of the float file may take, by fewer channels",
    )
    goal.add_argument(
        "--blocks",
        type=number(Positive),
        metavar="N",
        help="residual blocks that go: a share below 1, or their number",
    )
    add_data(parser)
    add_run(parser, target="cpu_float32")


def run(arguments: argparse.Namespace) -> None:
    """Prunes the model, and writes what is left."""
    stages = [make_stage(arguments), Export(), Evaluate()]
    pipeline = Pipeline(stages, name="prune")
    check_places(arguments)
    check_run_folder(arguments.output)
    strategy = start_training(arguments)
    model, data = read_inputs(arguments)
    run_pipeline(pipeline, model, data, arguments, strategy=strategy)


def make_stage(arguments: argparse.Namespace) -> FittingStage:
    """Returns the stage that the flags ask for."""
    taught = Distillation(teacher="original")
    if arguments.sparsity is not None:
        return PruneWeights(sparsity=arguments.sparsity, distillation=taught)
    if arguments.blocks is not None:
        return PruneLayers(blocks=arguments.blocks, distillation=taught)
    return PruneChannels(
        ratio=arguments.ratio,
        macs=arguments.macs,
        bytes=arguments.bytes,
        latency_ms=arguments.latency_ms,
        distillation=taught,
    )
