"""`tfcompress export`: a model as the `.tflite` file for a device."""

import argparse
import os
from typing import TYPE_CHECKING, Any

from tfcompress.cli.console import output, write_json
from tfcompress.cli.data_options import add_data
from tfcompress.cli.model_options import (
    add_model,
    add_seed,
    check_output,
    read_inputs,
)
from tfcompress.cli.named_places import check_places
from tfcompress.cli.options import add_json, add_overwrite, add_trust
from tfcompress.errors import ArgumentError

if TYPE_CHECKING:
    from tfcompress.export import Artifact

HELP = "write a model as the .tflite file for a device, and check the file"
DESCRIPTION = (
    "Write a Keras model as a .tflite file for a target, run it beside the model, and "
    "show its size, its operations and how far it agrees. Targets of whole numbers "
    "learn the ranges of activations from data."
)
EXAMPLES = (
    "tfcompress export model.keras --target cpu_float32",
    "tfcompress export model.keras --target cpu_int8 --data images.npz "
    "--output small.tflite",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_model(parser)
    parser.add_argument(
        "--target",
        required=True,
        metavar="NAME|FILE",
        help="device that the file is for, such as cpu_int8, cpu_float32, gpu or "
        "microcontroller, or a TOML file that describes one",
    )
    add_data(parser, required=False)
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="where the file goes (default: the name of the model, ending in .tflite)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse a file of whole numbers with operations that stay in float",
    )
    add_seed(parser)
    add_overwrite(parser)
    add_json(parser)
    add_trust(parser)


def run(arguments: argparse.Namespace) -> None:
    """Writes the file, and what is in it to standard output."""
    path = arguments.output
    if path is None:
        path = _name(arguments.model)
    if not path.endswith(".tflite"):
        raise ArgumentError(
            f"The name of the file must end in .tflite. Received: --output {path!r}"
        )
    for each in (path, f"{path}.json"):
        check_output(each, overwrite=arguments.overwrite)
    check_places(arguments)
    from tfcompress import export

    model, data = read_inputs(arguments)
    artifact = export.to_tflite(
        model,
        path,
        target=arguments.target,
        representative_data=data.train,
        strict=arguments.strict,
    )
    if arguments.json:
        write_json(_to_plain(artifact))
    else:
        output().write("\n".join(_describe(artifact)) + "\n")


def _to_plain(artifact: "Artifact") -> dict[str, Any]:
    return {
        "path": str(artifact.path),
        "bytes": artifact.bytes,
        "sha256": artifact.sha256,
        "target": artifact.target.name,
        "inputs": _to_shapes(artifact.inputs),
        "outputs": _to_shapes(artifact.outputs),
        "operations": dict(artifact.operations),
        "float_operations": [str(each) for each in artifact.float_operations],
        "notes": list(artifact.notes),
    }


def _to_shapes(tensors: Any) -> dict[str, Any]:
    return {
        name: {"dtype": tensor.dtype.name, "shape": list(tensor.shape)}
        for name, tensor in tensors.items()
    }


def _describe(artifact: "Artifact") -> list[str]:
    lines = [f"{artifact.path}: {artifact.bytes:,} bytes for {artifact.target.name}"]
    for kind, tensors in (("input", artifact.inputs), ("output", artifact.outputs)):
        for name, tensor in tensors.items():
            lines.append(f"{kind} {name}: {tensor.dtype.name} {list(tensor.shape)}")
    counts = (f"{count} {name}" for name, count in artifact.operations.items())
    return [
        *lines,
        f"operations: {', '.join(counts)}",
        *(f"note: {note}" for note in artifact.notes),
    ]


def _name(model: str) -> str:
    """Returns the name of the file for a model: beside it, or of its function."""
    if os.path.exists(model):
        return os.path.splitext(os.path.normpath(model))[0] + ".tflite"
    return model.rpartition(":")[2] + ".tflite"
