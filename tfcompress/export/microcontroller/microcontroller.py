"""Runs a file on TensorFlow Lite Micro, as a microcontroller does."""

import dataclasses
import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfcompress.errors import ArgumentError, DataError, ExportError
from tfcompress.export.targets import Target
from tfcompress.export.verification.gap import Gap, measure_gap
from tfcompress.export.verification.tolerance import (
    FEW_STEPS,
    FLOAT_TOLERANCE,
    LEAST_SQNR_DB,
)
from tfcompress.files import temporary_folder
from tfcompress.measurement import LiteRTModel, TensorDetails

_NOT_RUN = (
    "The file was not run on TensorFlow Lite Micro, and the size of its arena is not "
    "known; install tfcompress[microcontroller] for both."
)
_SCRIPT = Path(__file__).with_name("microcontroller_process.py")
_RUNS = 8
_SECONDS = 600


class UnfinishedRunError(ExportError):
    """A file takes so long on TensorFlow Lite Micro here that nothing is known."""


@dataclasses.dataclass(frozen=True)
class MicrocontrollerRun:
    """How a file ran on TensorFlow Lite Micro.

    Attributes:
        arena_bytes: The smallest arena in which it runs: the memory for activations and
            for the interpreter's own data, a multiple of 16. The file itself comes on
            top, in flash memory.
        outputs: Its outputs by name, as real numbers, of shape `(samples, ...)`.
        steps: The largest difference from LiteRT's outputs, in steps of the quantized
            output; None where no output is quantized. It is 0 or 1, and more only in
            networks so deep that a step at a tie decides on others behind it.
    """

    arena_bytes: int
    outputs: dict[str, np.ndarray]
    steps: int | None


def has_microcontroller_runtime() -> bool:
    """Returns whether the package `tflite-micro` is installed."""
    return importlib.util.find_spec("tflite_micro") is not None


def check_runtime() -> None:
    """Raises an error unless the package `tflite-micro` is installed.

    Raises:
        ArgumentError: If it is not.
    """
    if not has_microcontroller_runtime():
        raise ArgumentError(
            "The package tflite-micro is needed; install tfcompress[microcontroller]. "
            "Received: an environment without it"
        )


def run_on_microcontroller(
    path: str | os.PathLike[str], samples: Mapping[str, np.ndarray] | np.ndarray
) -> MicrocontrollerRun:
    """Runs a file on TensorFlow Lite Micro, and compares it with LiteRT.

    The kernels are the portable ones, which those of a device equal bit for bit. They
    are slow, so eight runs are made at the most, and no further one after a minute. A
    child process makes them, which the kernels may end where a file does not suit them.

    Args:
        path: The `.tflite` file, of shapes known beforehand.
        samples: Inputs by name, as real numbers, each of shape `(samples, ...)`; for a
            file of one input an array will do.

    Returns:
        The size of the arena that the file needs, and what it gave.

    Raises:
        ArgumentError: If `tflite-micro` is not installed.
        DataError: If the samples do not fit the file.
        ExportError: If the file does not run there, or gives other numbers: 4 steps
            away from LiteRT's, and with more than half as much error as signal.
        ModelError: If there is no such file, or if LiteRT cannot run it.

    Example:
    ```python
    run = tfc.export.run_on_microcontroller("model.tflite", {"image": images[:8]})
    print(f"{run.arena_bytes} bytes of RAM")
    ```
    """
    check_runtime()
    model = LiteRTModel(path)
    inputs, outputs = model.input_details, model.output_details
    batch = next(iter(inputs.values())).shape[0] or 1
    if not isinstance(samples, Mapping):
        if len(inputs) > 1:
            raise DataError(
                f"Expected a dict of arrays for the inputs {list(inputs)}. "
                f"Received: samples={type(samples).__name__}"
            )
        samples = {next(iter(inputs)): np.asarray(samples)}
    count = min(len(next(iter(samples.values()))), _RUNS * batch)
    shown = {name: np.asarray(array)[:count] for name, array in samples.items()}
    expected = model.predict(shown)
    if not isinstance(expected, dict):
        expected = {name: expected for name in outputs}
    content = Path(path).read_bytes()
    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    fed = [
        _in_runs(details.quantize(shown[details.name]), details, batch)
        for details in _ordered(inputs, graph.inputs)
    ]
    arena, given = run_raw(content, fed, len(graph.outputs))
    results = {
        details.name: details.dequantize(values.reshape(-1, *values.shape[2:]))[:count]
        for details, values in zip(_ordered(outputs, graph.outputs), given, strict=True)
    }
    gaps = {
        name: measure_gap(found, expected[name][: len(found)], step=outputs[name].scale)
        for name, found in results.items()
    }
    for name, gap in gaps.items():
        if not _is_tolerable(gap):
            raise ExportError(
                "TensorFlow Lite Micro does not give what LiteRT gives. Please report "
                "it with the file. Received: an error of "
                f"{gap.largest_error:.3g} ({gap.sqnr_db:.1f} dB) at output {name!r}"
            )
    steps = [round(gap.steps) for gap in gaps.values() if gap.steps is not None]
    return MicrocontrollerRun(arena, results, max(steps, default=None))


def _is_tolerable(gap: Gap) -> bool:
    """Returns whether rounding alone explains a gap between two runtimes."""
    if gap.steps is None:
        return gap.relative_error <= FLOAT_TOLERANCE["float32"]
    return gap.steps <= FEW_STEPS or gap.sqnr_db >= LEAST_SQNR_DB


def find_arena(
    path: str | os.PathLike[str], target: Target, samples: Mapping[str, np.ndarray]
) -> tuple[int | None, tuple[str, ...]]:
    """Runs a file for a microcontroller as one would, where that is possible here.

    Args:
        path: The `.tflite` file.
        target: What it is for.
        samples: As in `run_on_microcontroller`.

    Returns:
        The smallest arena in bytes, or None where the target is no microcontroller,
        `tflite-micro` is not installed or takes more than ten minutes, and what a user
        should know of it.

    Raises:
        ExportError: If the file does not run there, or gives other numbers.
    """
    if target.runtime != "tflite-micro":
        return None, ()
    if not has_microcontroller_runtime():
        return None, (_NOT_RUN,)
    try:
        run = run_on_microcontroller(path, samples)
    except UnfinishedRunError as error:
        return None, (f"The size of the arena is not known. {error}",)
    if run.steps is None or run.steps <= FEW_STEPS:
        return run.arena_bytes, ()
    return run.arena_bytes, (
        f"TensorFlow Lite Micro and LiteRT differ by {run.steps} steps of the "
        "output: sums that lie between two steps fall to either side, and in a deep "
        "network so do those behind them.",
    )


def run_raw(
    content: bytes, inputs: Sequence[np.ndarray], outputs: int
) -> tuple[int, list[np.ndarray]]:
    """Runs a file on TensorFlow Lite Micro, as it stores numbers.

    Args:
        content: The bytes of the file.
        inputs: For each input, in the order of the file, what it takes in each run, of
            shape `(runs, ...)` and of its type.
        outputs: How many outputs the file has.

    Returns:
        The smallest arena in bytes, and for each output what it gave in each run; of
        large files, in the runs that a minute allowed.

    Raises:
        ExportError: If the file does not run there, or does not finish.
        OutputError: If the temporary folder cannot be written.
    """
    with temporary_folder() as folder:
        (folder / "model.tflite").write_bytes(content)
        np.savez(folder / "inputs.npz", *inputs)
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(_SCRIPT), str(folder), str(outputs)],
                capture_output=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise UnfinishedRunError(
                "The file is too large to be run on TensorFlow Lite Micro here. "
                f"Received: {len(content)} bytes, not done after {_SECONDS} s"
            ) from error
        if done.returncode:
            raise ExportError(
                "The file does not run on TensorFlow Lite Micro. Replace the layer "
                "that the message names. A signal comes from ranges of activations of "
                "nearly nothing, as in a network that was never trained. "
                f"Received: {_reason(folder, done.returncode)}"
            )
        with np.load(folder / "outputs.npz") as file:
            given = [file[f"arr_{number}"] for number in range(outputs)]
        return int((folder / "arena.txt").read_text()), given


def _reason(folder: Path, code: int) -> str:
    """Returns the last messages of the child, or how it ended."""
    messages = folder / "messages.txt"
    text = messages.read_text("utf-8", "replace") if messages.exists() else ""
    lines = [line for line in text.split("Traceback")[0].splitlines() if line]
    ended = f"signal {-code}" if code < 0 else f"exit code {code}"
    return ": ".join([ended, *dict.fromkeys(lines[-2:])])


def _ordered(details: Mapping[str, TensorDetails], indices: Any) -> list[TensorDetails]:
    """Returns inputs or outputs in the order of the file."""
    by_index = {found.index: found for found in details.values()}
    return [by_index[int(index)] for index in indices]


def _in_runs(stored: np.ndarray, details: TensorDetails, batch: int) -> np.ndarray:
    """Returns samples as runs of a batch each, the last filled up with the first."""
    shape = (
        -(-len(stored) // batch),
        batch,
        *(size or 1 for size in details.shape[1:]),
    )
    return np.resize(stored, shape)
