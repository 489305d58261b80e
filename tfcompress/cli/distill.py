"""`tfcompress distill`: trains a student from a teacher."""

import argparse
import typing

from tfcompress.cli.data_options import add_data
from tfcompress.cli.model_options import add_model, read_inputs
from tfcompress.cli.named_places import check_places, check_run_folder
from tfcompress.cli.options import number
from tfcompress.cli.run_options import add_run, run_pipeline, start_training
from tfcompress.pipeline import Distil, Distillation, Evaluate, Export, Pipeline
from tfcompress.pipeline.fields import NotNegative, Positive, hints_of

HELP = "train a student from a teacher"
DESCRIPTION = (
    "Train a student from a teacher, write its .tflite file, and measure it beside the "
    "teacher."
)
EXAMPLES = (
    "tfcompress distill teacher.keras --student small.keras --data images.npz "
    "--output run",
    "tfcompress distill teacher.keras --student networks.py:make_student "
    "--data images.npz --output run --epochs 20 --temperature 2",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser, metavar="TEACHER")
    parser.add_argument(
        "--student",
        required=True,
        metavar="MODEL",
        help="the model to train, in the same forms",
    )
    usual = Distillation()
    parser.add_argument(
        "--loss",
        choices=typing.get_args(hints_of(Distillation)["loss"]),
        default=usual.loss,
        help="what is taught (default: auto, which is logits for classes and "
        "regression for numbers)",
    )
    parser.add_argument(
        "--temperature",
        type=number(Positive),
        default=usual.temperature,
        metavar="T",
        help=f"softens the classes (default: {usual.temperature:g})",
    )
    parser.add_argument(
        "--student-loss-weight",
        type=number(NotNegative),
        default=usual.student_loss_weight,
        metavar="W",
        help="of the loss on the labels "
        f"(default: {usual.student_loss_weight:g}, beside 1 for what is taught)",
    )
    add_data(parser)
    add_run(parser, target="cpu_float32")


def run(arguments: argparse.Namespace) -> None:
    """Trains the student, and writes what it left."""
    distillation = Distillation(
        loss=arguments.loss,
        temperature=arguments.temperature,
        student_loss_weight=arguments.student_loss_weight,
    )
    check_places(arguments)
    check_run_folder(arguments.output)
    strategy = start_training(arguments)
    from tfcompress.sources import read_model

    teacher, data = read_inputs(arguments)
    student = read_model(arguments.student, trusted=arguments.trust)
    stage = Distil(student=student, distillation=distillation)
    pipeline = Pipeline([stage, Export(), Evaluate()], name="distill")
    run_pipeline(pipeline, teacher, data, arguments, strategy=strategy)
