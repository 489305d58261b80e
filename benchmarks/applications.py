"""The models of `keras.applications`, and sweeps over them that can be resumed."""

import argparse
import fnmatch
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

# The side of the input, in pixels: 64, or the least that the model takes. Small first.
APPLICATIONS = {
    "MobileNetV3Small": 64,
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Large": 64,
    "EfficientNetB0": 64,
    "NASNetMobile": 64,
    "EfficientNetV2B0": 64,
    "DenseNet121": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "Xception": 71,
    "InceptionV3": 75,
    "VGG16": 64,
    "ConvNeXtTiny": 64,
    "InceptionResNetV2": 75,
    "EfficientNetB1": 64,
    "EfficientNetB2": 64,
    "EfficientNetB3": 64,
    "EfficientNetV2B1": 64,
    "EfficientNetV2B2": 64,
    "EfficientNetV2B3": 64,
    "DenseNet169": 64,
    "VGG19": 64,
    "DenseNet201": 64,
    "ResNet101": 64,
    "ResNet101V2": 64,
    "EfficientNetB4": 64,
    "EfficientNetV2S": 64,
    "ResNet152": 64,
    "ResNet152V2": 64,
    "ConvNeXtSmall": 64,
    "EfficientNetB5": 64,
    "EfficientNetB6": 64,
    "EfficientNetV2M": 64,
    "EfficientNetB7": 64,
    "ConvNeXtBase": 64,
    "NASNetLarge": 64,
    "EfficientNetV2L": 64,
    "ConvNeXtLarge": 64,
    "ConvNeXtXLarge": 64,
}
ONLY_TF_KERAS = {"RegNetX002": 64, "RegNetY002": 64, "ResNetRS50": 64}

Result = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of every sweep."""
    parser.add_argument(
        "--models",
        nargs="+",
        default=["all"],
        metavar="PATTERN",
        help="names of models, or patterns such as 'ResNet*'; by default all of Keras",
    )
    parser.add_argument(
        "--output", type=Path, help="a file of JSON lines to go on with"
    )
    parser.add_argument(
        "--side", type=int, help="side of the input in pixels; by default 64 or more"
    )
    parser.add_argument(
        "--seconds", type=float, default=900, help="time for one model; default 900"
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)


def sweep(
    parser: argparse.ArgumentParser,
    measure: Callable[[str, argparse.Namespace], Result],
    as_table: Callable[[list[Result]], str],
) -> None:
    """Measures the models that were asked for and prints the table.

    Args:
        parser: What reads the command line, with the arguments of `add_arguments`.
        measure: What measures one model, in a process of its own.
        as_table: What makes a table of the results.
    """
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(arguments.child, arguments)))
        return
    results = read_results(arguments.output)
    names = find_models(arguments.models)
    if not names:
        parser.error(f"--models matches nothing. Received: {arguments.models}")
    for name in track(names, console=Console(stderr=True), transient=True):
        if name not in results:
            results[name] = start_child(name, arguments.seconds)
            if arguments.output is not None:
                with arguments.output.open("a") as file:
                    file.write(json.dumps(results[name]) + "\n")
    print(as_table([results[name] for name in names]))


def find_models(patterns: list[str]) -> list[str]:
    """Returns the models that match one of the patterns."""
    if patterns == ["all"]:
        return list(APPLICATIONS)
    return [
        name
        for name in [*APPLICATIONS, *ONLY_TF_KERAS]
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]


def read_results(path: Path | None) -> dict[str, Result]:
    """Returns what a file of JSON lines says of each model that was done."""
    if path is None or not path.exists():
        return {}
    found = map(json.loads, path.read_text().splitlines())
    return {result["model"]: result for result in found if "error" not in result}


def start_child(name: str, seconds: float) -> Result:
    """Measures one model in a process of its own; returns the error if it fails."""
    try:
        done = subprocess.run(
            [sys.executable, *sys.argv, "--child", name],
            capture_output=True,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"model": name, "error": f"not done in {seconds:.0f} s"}
    if done.returncode:
        return {"model": name, "error": done.stderr[-2000:]}
    return json.loads(done.stdout.splitlines()[-1])


def build_application(name: str, side: int | None, **arguments: Any) -> Any:
    """Builds a model without trained weights that ends in logits."""
    from tfcompress import keras_compat

    home = keras_compat.modules.module("tf_keras" if name in ONLY_TF_KERAS else "keras")
    side = side or {**APPLICATIONS, **ONLY_TF_KERAS}[name]
    return getattr(home.applications, name)(
        weights=None,
        input_shape=(side, side, 3),
        classifier_activation=None,
        **arguments,
    )


def missed(result: Result) -> str:
    """Returns the last line of the error of a model that failed."""
    return (result["error"].strip().splitlines() or ["failed"])[-1][:120]
