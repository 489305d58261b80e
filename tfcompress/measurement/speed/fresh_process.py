"""Loads a file and runs it once, in a process that has done nothing before.

`tfcompress.measurement.first_run` starts it as a script. It imports nothing of ours,
so that its memory is that of the runtime and of the file alone.
"""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def _highest_bytes() -> int | None:
    """Returns the most memory that this process ever had, on Linux."""
    if not _STATUS.exists():
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    return 1024 * int(found.group(1)) if found else None


def _forget_highest() -> None:
    """Sets the highest memory to that of now, where the system allows it."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def _main(path: str, threads: int, signature: str) -> None:
    _forget_highest()
    before = _highest_bytes()
    start = time.perf_counter()
    interpreter = Interpreter(model_path=path, num_threads=threads)
    inputs, number = interpreter.get_input_details(), 0
    graph = interpreter._interpreter  # whose methods reach all graphs of a file
    if signature:
        runner = interpreter.get_signature_runner(signature)
        inputs = list(runner.get_input_details().values())
        number = graph.GetSubgraphIndexFromSignature(signature)
    graph.AllocateTensors(number)
    loaded = time.perf_counter()
    for details in inputs:
        zeros = np.zeros(details["shape"], details["dtype"])
        graph.SetTensor(details["index"], zeros, number)
    ready = time.perf_counter()
    graph.Invoke(number)
    done = time.perf_counter()
    after = _highest_bytes()
    figures = {
        "load_ms": 1000.0 * (loaded - start),
        "first_inference_ms": 1000.0 * (done - ready),
        "peak_bytes": None if before is None or after is None else after - before,
    }
    sys.stdout.write(f"\n{json.dumps(figures)}\n")


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
