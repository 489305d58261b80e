"""TensorFlow Lite Micro in a process of its own, which it may end.

Run as a script, so that it imports NumPy and the `tflite-micro` package only. It reads
`model.tflite` and `inputs.npz` in the folder that it is given, and writes
`outputs.npz`, `arena.txt` and `messages.txt` there.
"""

import os
import re
import sys
import time
from pathlib import Path

import numpy as np
from tflite_micro.python.tflite_micro.runtime import Interpreter

_TOTAL = re.compile(r"Arena allocation total (\d+) bytes")
_ALIGNMENT = 16
_FIRST_ARENA = 1 << 20
_LARGEST_ARENA = 1 << 30
_SECONDS = 60.0


def run(folder: Path, outputs: int) -> None:
    """Runs a file on its inputs, and finds the smallest arena that it works in.

    No run starts after a minute but the first.

    Args:
        folder: Where the file and its inputs are.
        outputs: How many outputs the file has.
    """
    content = (folder / "model.tflite").read_bytes()
    with np.load(folder / "inputs.npz") as file:
        inputs = [file[f"arr_{number}"] for number in range(len(file.files))]
    messages = folder / "messages.txt"
    descriptor = os.open(messages, os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, 2)
    interpreter, arena = _roomy(content)
    runs: list[list[np.ndarray]] = []
    start = time.monotonic()
    for rows in zip(*inputs, strict=True):
        if not runs or time.monotonic() - start < _SECONDS:
            runs.append(_invoke(interpreter, rows, outputs))
    stacked = [np.stack(values) for values in zip(*runs, strict=True)]
    np.savez(folder / "outputs.npz", *stacked)
    interpreter.print_allocations()
    used = int(_TOTAL.findall(messages.read_text("utf-8", "replace"))[-1])
    (folder / "arena.txt").write_text(str(_smallest(content, used, arena)))


def _roomy(content: bytes) -> tuple[Interpreter, int]:
    """Returns an interpreter in an arena that is large enough."""
    arena = _FIRST_ARENA
    while True:
        try:
            return Interpreter.from_bytes(content, arena_size=arena), arena
        except RuntimeError:
            if arena >= _LARGEST_ARENA:
                raise
            arena *= 4


def _invoke(
    interpreter: Interpreter, rows: tuple[np.ndarray, ...], outputs: int
) -> list[np.ndarray]:
    """Runs the file once, from the state in which it starts."""
    interpreter.reset()
    for number, array in enumerate(rows):
        interpreter.set_input(array, number)
    interpreter.invoke()
    return [np.array(interpreter.get_output(number)) for number in range(outputs)]


def _smallest(content: bytes, used: int, enough: int) -> int:
    """Returns the smallest arena, a multiple of 16 bytes, between two sizes."""
    low, high = used // _ALIGNMENT - 1, enough // _ALIGNMENT
    step = 1
    while low + step < high and not _works(content, (low + step) * _ALIGNMENT):
        low += step
        step *= 2
    high = min(high, low + step)
    while high - low > 1:
        middle = (low + high) // 2
        if _works(content, middle * _ALIGNMENT):
            high = middle
        else:
            low = middle
    return high * _ALIGNMENT


def _works(content: bytes, arena: int) -> bool:
    """Tries an arena, in a process of its own: one too small may end the process.

    All memory is handed out before the first run.
    """
    child = os.fork()
    if not child:
        try:
            Interpreter.from_bytes(content, arena_size=arena)
        except RuntimeError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
