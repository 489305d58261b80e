"""Runs `.tflite` files that may end the process: a program for a child process.

It is started by its path, so that it imports nothing of tfcompress, whose rooms take
longer to import than most files to run. It reads orders from its standard input, each
a line with the letter of the kernels and the number of bytes, and the bytes. When it
is through with a file it writes a line; that LiteRT refuses a file is no matter here.
"""

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

KERNELS = {
    b"d": OpResolverType.AUTO,
    b"k": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
}

# Sizes for axes that a file leaves open; the first that the file runs with is enough.
OPEN_SIZES = (1, 32)


def run_file(content: bytes, kernels: Any) -> None:
    """Loads a file and runs each of its graphs on zeros, of one sample and of two.

    Args:
        content: The bytes of the file.
        kernels: A value of `OpResolverType`.
    """
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=kernels
    )
    for name in interpreter.get_signature_list() or [None]:
        for batch in (1, 2):
            for size in OPEN_SIZES:
                with contextlib.suppress(RuntimeError, TypeError, ValueError):
                    _run_graph(interpreter, name, batch, size)
                    break


def _run_graph(
    interpreter: Interpreter, signature: str | None, batch: int, size: int
) -> None:
    if signature is not None:
        runner = interpreter.get_signature_runner(signature)
        inputs = runner.get_input_details()
        runner.get_output_details()
        runner(**{name: _zeros(inputs[name], batch, size) for name in inputs})
        return
    rows = [_zeros(tensor, batch, size) for tensor in interpreter.get_input_details()]
    places = [tensor["index"] for tensor in interpreter.get_input_details()]
    for place, row in zip(places, rows, strict=True):
        interpreter.resize_tensor_input(place, row.shape)
    interpreter.allocate_tensors()
    for place, row in zip(places, rows, strict=True):
        interpreter.set_tensor(place, row)
    interpreter.invoke()
    for tensor in interpreter.get_output_details():
        interpreter.get_tensor(tensor["index"])


def _zeros(tensor: Mapping[str, Any], batch: int, size: int) -> np.ndarray:
    signature = tensor["shape_signature"]
    sizes = signature if len(signature) else tensor["shape"]
    shape = [
        (size if axis else batch) if length < 0 else length
        for axis, length in enumerate(sizes)
    ]
    return np.zeros(shape, tensor["dtype"])


def _limit_memory() -> None:
    """Lets a file with sizes beyond reason fail before it takes the machine along."""
    if sys.platform != "win32":
        import resource

        everything = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            everything = min(everything, hard)
        resource.setrlimit(resource.RLIMIT_AS, (everything, hard))


def _main() -> None:
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what native code prints is no answer
    _limit_memory()
    while order := sys.stdin.buffer.readline().split():
        kernels, length = order
        content = sys.stdin.buffer.read(int(length))
        with contextlib.suppress(Exception):
            run_file(content, KERNELS[kernels])
        answers.write(b"through\n")


if __name__ == "__main__":
    _main()
