"""What it takes to load a file and to run it for the first time."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

from tfcompress.errors import ModelError
from tfcompress.measurement.speed import fresh_process

_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class FirstRun:
    """Loading a file in a fresh process, and its first run there.

    Attributes:
        load_ms: Milliseconds to load the file and to make it ready, which is when
            XNNPACK arranges the weights for its kernels.
        first_inference_ms: Milliseconds of the first run.
        peak_bytes: Memory that loading and running took at the most, over that of the
            process with the runtime alone. None on systems other than Linux, which
            do not tell it.
    """

    load_ms: float
    first_inference_ms: float
    peak_bytes: int | None


def first_run(
    path: str | os.PathLike[str], *, threads: int = 1, signature: str | None = None
) -> FirstRun:
    """Loads a file in a process of its own, runs it once there, and measures both.

    The process has only loaded Python, NumPy and LiteRT before. The file is mapped
    into memory, as apps do it, and its inputs are zeros. The memory is the growth of
    the resident set to its highest point (`VmHWM`, see
    https://man7.org/linux/man-pages/man5/proc_pid_status.5.html): pages of the file
    that were read, weights as the kernels arrange them, and tensors. Times are of one
    run, so they vary more than those of `latency`.

    Args:
        path: The `.tflite` file.
        threads: Threads that a run may use. Defaults to 1.
        signature: Which signature to run. Defaults to the first graph of the file.

    Returns:
        The `FirstRun`.

    Raises:
        ModelError: If LiteRT cannot run the file, crashes over it, or does not end
            within five minutes.

    Example:
    ```python
    first = tfc.measurement.first_run("small.tflite")
    print(first.load_ms, first.peak_bytes)
    ```
    """
    name = str(Path(path))
    arguments = [name, str(threads), signature or ""]
    command = [sys.executable, "-P", str(fresh_process.__file__), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"The file did not load and run within {_SECONDS} seconds. It may be "
            f"damaged; write it again. Received: path={name!r}"
        ) from error
    if done.returncode:
        raise ModelError(
            "LiteRT cannot run the file; it may be damaged. Export it again. "
            f"Received: path={name!r} ({_reason(done)})"
        )
    return FirstRun(**json.loads(done.stdout.splitlines()[-1]))


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    if done.returncode < 0:
        return f"the process that ran it was ended by signal {-done.returncode}"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
