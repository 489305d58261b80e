"""The converter in a process of its own, which may crash without harm.

TensorFlow's converter ends the process, without an exception, when it calibrates loops
such as those of GRU layers (https://github.com/tensorflow/tensorflow/issues/87468).
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from tfcompress.errors import ExportError
from tfcompress.export.conversion.converter import run_converter
from tfcompress.export.targets import Target

SECONDS = 7200
_PROGRAM = "tfcompress.export.conversion.child_process"


def run_converter_in_child(
    folder: str | Path,
    target: Target,
    samples: dict[str, np.ndarray],
    batch: int,
    *,
    sparse: bool = False,
    flex: bool = False,
) -> bytes:
    """Does what `run_converter` does, in a child process.

    Everything large passes by file: the model, the samples, of which the child reads
    those that it is at, and the result.

    Args:
        folder: The SavedModel. The files of the child are put into it.
        target: What the file shall hold.
        samples: Representative inputs by name.
        batch: Samples in one run of the file.
        sparse: Whether kernels with enough zeros are written in sparse encoding.
        flex: As in `run_converter`.

    Returns:
        The bytes of the file.

    Raises:
        ExportError: If the converter fails, ends the child, or takes more than two
            hours.
    """
    work = Path(folder)
    for name, array in samples.items():
        np.save(work / f"{name}.npy", array)
    task = {
        "samples": list(samples),
        "target": dataclasses.asdict(target),
        "batch": batch,
        "sparse": sparse,
        "flex": flex,
    }
    (work / "task.json").write_text(json.dumps(task))
    try:
        done = subprocess.run(
            # -P: no file of the user's, such as a json.py, comes before the library's.
            [sys.executable, "-P", "-m", _PROGRAM, str(work)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(
            "TensorFlow's converter did not finish. Give it fewer representative "
            f"samples. Received: {len(next(iter(samples.values())))} samples, not done "
            f"in {SECONDS} seconds"
        ) from error
    if -done.returncode in (signal.SIGSEGV, signal.SIGABRT):
        raise ExportError(
            "TensorFlow's converter crashed while it learned the ranges of a loop, as "
            "it does for all recurrent layers but plain LSTM layers. Export to "
            "cpu_float32 or cpu_float16, or use LSTM layers. "
            f"Received: signal {-done.returncode}"
        )
    if done.returncode:
        raise ExportError(
            "The converter failed in a child process. Received: exit code "
            f"{done.returncode}, {' '.join(done.stderr.split())[-500:]}"
        )
    return (work / "model.tflite").read_bytes()


def _main(folder: str) -> None:
    work = Path(folder)
    task = json.loads((work / "task.json").read_text())
    samples = {
        name: np.load(work / f"{name}.npy", mmap_mode="r") for name in task["samples"]
    }
    content = run_converter(
        work,
        Target(**task["target"]),
        samples,
        task["batch"],
        sparse=task["sparse"],
        flex=task["flex"],
    )
    (work / "model.tflite").write_bytes(content)


if __name__ == "__main__":
    _main(sys.argv[1])
