"""`tfcompress quantize`: rounds a model to fewer bits, with training or without."""

import argparse

from tfcompress.cli.data_options import add_data
from tfcompress.cli.model_options import add_model, read_inputs
from tfcompress.cli.named_places import check_places, check_run_folder
from tfcompress.cli.options import number
from tfcompress.cli.run_options import add_run, run_pipeline, start_training
from tfcompress.errors import ArgumentError
from tfcompress.pipeline import (
    Distillation,
    Evaluate,
    Export,
    Pipeline,
    Quantize,
    Stage,
)
from tfcompress.pipeline.stages.quantize import Bits

HELP = "round a model to fewer bits, with training or without"
DESCRIPTION = (
    "Train a model with the rounding of its file, taught by itself as it was; or, with "
    "--scheme, round it without training. Write the .tflite file, and measure it. "
    "Without data the file alone is written, in a scheme that needs none."
)
EXAMPLES = (
    "tfcompress quantize model.keras --data images.npz --output run",
    "tfcompress quantize model.keras --data images.npz --bits 4 --epochs 5 "
    "--output run",
    "tfcompress quantize model.keras --data images.npz --scheme int8 --output run",
    "tfcompress quantize model.keras --scheme dynamic_range --output run",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    parser.add_argument(
        "--scheme",
        metavar="NAME",
        help="round without training: float16, dynamic_range, int8 or another of "
        "tfcompress.quantization.post_training",
    )
    parser.add_argument(
        "--bits",
        type=number(Bits),
        metavar="N",
        help="of the weights, from 2 to 8 (default: 8)",
    )
    add_data(parser, required=False)
    add_run(parser, target="cpu_int8")


def run(arguments: argparse.Namespace) -> None:
    """Quantizes the model, and writes what it left."""
    pipeline = Pipeline(_make_stages(arguments), name="quantize")
    check_places(arguments)
    check_run_folder(arguments.output)
    strategy = start_training(arguments)
    model, data = read_inputs(arguments)
    run_pipeline(pipeline, model, data, arguments, strategy=strategy)


def _make_stages(arguments: argparse.Namespace) -> list[Stage]:
    measured = [] if arguments.data is None else [Evaluate()]
    if arguments.scheme is None:
        if arguments.data is None:
            raise ArgumentError(
                "Training with the rounding needs data: add --data, or --scheme "
                "dynamic_range, which needs none. Received: neither"
            )
        bits = 8 if arguments.bits is None else arguments.bits
        taught = Distillation(teacher="original")
        return [Quantize(weight_bits=bits, distillation=taught), Export(), *measured]
    for name in ("bits", "epochs", "batch_size"):
        if getattr(arguments, name) is not None:
            flag = "--" + name.replace("_", "-")
            raise ArgumentError(
                f"--scheme quantizes without training, where {flag} has no meaning; "
                f"leave one out. Received: --scheme {arguments.scheme} {flag} "
                f"{getattr(arguments, name)}"
            )
    return [Export(scheme=arguments.scheme), *measured]
