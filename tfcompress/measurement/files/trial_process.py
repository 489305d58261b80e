"""Runs `.tflite` files that may end the process: a program for a child process.

It writes the line "ready", then reads orders from its standard input, each a line with
the letter of the kernels, the seconds of CPU time that a file may take and the number
of bytes, and the bytes. For each it writes a line: 0 when it is through with the file,
or the number of the signal that ended the trial, below 0. That LiteRT refuses a file
with an error is no matter here.

Where the system can, each file is run in a copy of this process, so that no file sees
what another left in memory: it depends on what a damaged file reads there how it ends.
"""

import contextlib
import os
import sys
from collections.abc import Mapping

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfcompress.measurement.files.file_graph import FileGraph
from tfcompress.measurement.files.tensor import TensorDetails

# Whether each letter runs a file on XNNPACK, as by default, or on LiteRT's own kernels.
KERNELS = {b"x": True, b"o": False}

# Samples in a run, and sizes for axes that a file leaves open. None keeps the batch.
_BATCHES = (None, 1, 2)
_OPEN_SIZES = (1, 32)


def run_file(content: bytes, *, delegates: bool) -> None:
    """Loads a file and runs each of its graphs on zeros, in several shapes.

    Args:
        content: The bytes of the file.
        delegates: As in `LiteRTModel`.
    """
    interpreter = Interpreter(model_content=content)
    for signature in tuple(interpreter.get_signature_list()) or (None,):
        with contextlib.suppress(Exception):
            graph = FileGraph(content, signature=signature, delegates=delegates)
            for batch in _BATCHES:
                for size in _OPEN_SIZES:
                    with contextlib.suppress(Exception):
                        _run(graph, batch, size)
                        break


def _run(graph: FileGraph, batch: int | None, size: int) -> None:
    shapes = {
        name: _shape(details, batch, size) for name, details in graph.inputs.items()
    }
    if batch is not None or graph.has_open_sizes:
        graph.resize(shapes)
    graph.write(_zeros(graph.inputs, shapes))
    graph.run()
    for name in graph.outputs:
        graph.read(name)


def _shape(details: TensorDetails, batch: int | None, size: int) -> tuple[int, ...]:
    first = 1 if batch is None else batch
    return tuple(
        length if length is not None else size if axis else first
        for axis, length in enumerate(details.shape)
    )


def _zeros(
    inputs: Mapping[str, TensorDetails], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    return {name: np.zeros(shapes[name], inputs[name].dtype) for name in inputs}


def _limit_memory() -> None:
    """Lets a file with sizes beyond reason fail before it takes the machine along."""
    if sys.platform != "win32":
        import resource

        everything = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        _limit(resource.RLIMIT_AS, everything)


def _limit(kind: int, most: int) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, hard))


def _try(content: bytes, delegates: bool, seconds: int) -> int:
    """Returns 0, or how the trial ended."""
    if not hasattr(os, "fork"):
        run_file(content, delegates=delegates)
        return 0
    process = os.fork()
    if process == 0:
        import resource

        _limit(resource.RLIMIT_CPU, seconds)
        with contextlib.suppress(Exception):
            run_file(content, delegates=delegates)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _main() -> None:
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for printed in (1, 2):  # what native code prints is no answer
        os.dup2(nowhere, printed)
    _limit_memory()
    answers.write(b"ready\n")
    while order := sys.stdin.buffer.readline().split():
        kernels, seconds, length = order
        content = sys.stdin.buffer.read(int(length))
        answers.write(b"%d\n" % _try(content, KERNELS[kernels], int(seconds)))
        del content  # Not kept while the next file is waited for.


if __name__ == "__main__":
    _main()
