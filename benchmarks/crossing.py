"""What it costs to take a model from one Keras to the other, beside `clone_model`.

Each of ten models of `keras.applications`, without trained weights and at its smallest
usual input, is copied in a process of its own in three ways, in turn, several times:

- clone: `keras.models.clone_model` and `set_weights`, a copy within Keras 3;
- there: `tfcompress.keras_compat.to_tf_keras`;
- back: `tfcompress.keras_compat.to_keras` of the model that crossed.

The table shows the median seconds, the ratio to clone, and by how much each way raised
the peak of the process's memory, measured in processes that do only that. Run it with
`python benchmarks/crossing.py`; on two cores it takes about ten minutes. Nothing is
written unless `--output` names a file for the numbers, as JSON.
"""

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

# The side of the input, in pixels, with three channels.
APPLICATIONS = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionV3": 75,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "Xception": 71,
}
WAYS = ("clone", "there", "back")


def main() -> None:
    """Measures the models that were asked for and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--models",
        nargs="+",
        choices=APPLICATIONS,
        default=list(APPLICATIONS),
        metavar="NAME",
        help=f"which applications; by default all: {', '.join(APPLICATIONS)}",
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often to take the time; default 5"
    )
    parser.add_argument("--output", type=Path, help="a JSON file for the numbers")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds must be 1 or more. Received: {arguments.rounds}")
    if arguments.child:
        print(json.dumps(measure(*arguments.child, arguments.rounds)))
        return
    console = Console()
    progress = track(arguments.models, console=Console(stderr=True), transient=True)
    results = {name: run(name, arguments.rounds) for name in progress}
    console.print(as_table(results))
    console.print(
        f"Median of {arguments.rounds} rounds, in turn; MiB are what the first copy "
        "adds to the peak of a process that holds the model."
    )
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(results, indent=2) + "\n")


def run(name: str, rounds: int) -> dict[str, Any]:
    """Measures one application: the times in one child process, memory in others."""
    times = start_child(name, "times", rounds)
    memory = {way: start_child(name, way, rounds)["bytes"] for way in WAYS}
    return {**times, "bytes": memory}


def start_child(name: str, what: str, rounds: int) -> dict[str, Any]:
    """Runs this file in a process of its own and returns what it printed."""
    command = [sys.executable, __file__, "--child", name, what]
    done = subprocess.run(
        [*command, "--rounds", str(rounds)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(name: str, what: str, rounds: int) -> dict[str, Any]:
    """Measures, in a child process, the times of all ways or the memory of one."""
    import keras

    from tfcompress import keras_compat

    keras_compat.tf_keras()
    side = APPLICATIONS[name]
    model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3))
    crossed = None if what in ("clone", "there") else keras_compat.to_tf_keras(model)
    ways: dict[str, Callable[[], Any]] = {
        "clone": lambda: clone(keras, model),
        "there": lambda: keras_compat.to_tf_keras(model),
        "back": lambda: keras_compat.to_keras(crossed),
    }
    if what != "times":
        before = peak_bytes()
        kept = ways[what]()
        after = peak_bytes()
        del kept
        return {"bytes": after - before}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, copy in ways.items():
            gc.collect()
            begin = time.perf_counter()
            copy()
            seconds[way].append(time.perf_counter() - begin)
    medians = {way: statistics.median(taken) for way, taken in seconds.items()}
    return {"parameters": model.count_params(), "seconds": medians, "rounds": seconds}


def clone(keras: Any, model: Any) -> Any:
    """Copies a Keras 3 model with its weights, as Keras does it."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def peak_bytes() -> int:
    """Returns the most memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def as_table(results: dict[str, dict[str, Any]]) -> Table:
    """Builds the table of all applications."""
    table = Table(title="From Keras 3 to tf_keras and back", box=box.SIMPLE_HEAD)
    table.add_column("application", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    for way in WAYS:
        table.add_column(f"{way}\ns", justify="right")
    for way in WAYS:
        table.add_column(f"{way}\nMiB", justify="right")
    for name, found in results.items():
        seconds, memory = found["seconds"], found["bytes"]
        table.add_row(
            name,
            f"{found['parameters']:,}",
            f"{seconds['clone']:.2f}",
            *(
                f"{seconds[w]:.2f}\n{seconds[w] / seconds['clone']:.1f}x"
                for w in WAYS[1:]
            ),
            *(f"{memory[way] / 2**20:.0f}" for way in WAYS),
        )
    return table


if __name__ == "__main__":
    main()
