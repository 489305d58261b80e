"""What each operation of a file takes."""

import copy
import dataclasses
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_litert.tools import flatbuffer_utils
from rich import box
from rich.table import Table
from rich.text import Text

from tfcompress.errors import ModelError
from tfcompress.measurement.cost.operation_multiply_adds import (
    count_operation_multiply_adds,
)
from tfcompress.measurement.files.runtime import LiteRTModel
from tfcompress.measurement.files.signature_names import signature_names
from tfcompress.measurement.files.structure import reading
from tfcompress.measurement.files.trial import check_runs
from tfcompress.measurement.speed.latency import check_effort, time_in_turns
from tfcompress.measurement.speed.operation_cut import OperationCutter
from tfcompress.printing import three_digits
from tfcompress.result import Result

_WHOLE = -1


@dataclasses.dataclass(frozen=True)
class OperationTime:
    """One operation, run alone.

    Attributes:
        operation: TFLite name, such as `"CONV_2D"`.
        layer: Name of the layer that it comes from, as far as tensors tell it.
        ms: Median of its runs, in milliseconds.
        share: Its part of the sum over all operations, 0 to 1.
        multiply_adds: Pairs of one multiplication and one addition in one run.
    """

    operation: str
    layer: str
    ms: float
    share: float
    multiply_adds: int

    @property
    def giga_multiply_adds_per_second(self) -> float:
        """How fast it computes: 0 for an operation without products."""
        return self.multiply_adds / self.ms / 1e6


@dataclasses.dataclass(frozen=True)
class OperationProfile(Result):
    """The operations of a file, in the order in which they run.

    It prints itself: with `print`, in a notebook, and with rich.

    Attributes:
        operations: Those that can be run alone.
        not_cut: Operation and layer of the others: those that keep variables, tables
            or texts. Signatures but the first stand here as a whole.
        whole_ms: Median of the whole file, measured beside the operations.
        threads: Threads that a run might use.
    """

    operations: tuple[OperationTime, ...]
    not_cut: tuple[str, ...]
    whole_ms: float
    threads: int

    @property
    def sum_ms(self) -> float:
        """Milliseconds of all operations, each run alone."""
        return sum(row.ms for row in self.operations)

    def kinds(self) -> dict[str, float]:
        """Returns the milliseconds of each kind of operation, the largest first."""
        sums: dict[str, float] = {}
        for row in self.operations:
            sums[row.operation] = sums.get(row.operation, 0.0) + row.ms
        return dict(sorted(sums.items(), key=lambda item: -item[1]))

    def describe(self) -> str:
        """Says how operations were timed, and how far their sum is from the whole."""
        kinds = ", ".join(
            f"{kind} {three_digits(ms)}" for kind, ms in self.kinds().items()
        )
        text = (
            "Each operation was cut out of the file and run alone, in turns with the "
            f"whole: {three_digits(self.sum_ms)} ms together, "
            f"{three_digits(self.whole_ms)} ms in one. The "
            "difference is what a call costs, a microsecond or two for each operation, "
            "and what is saved by fusing operations and handing tensors on within "
            f"XNNPACK. By kind, in ms: {kinds or 'none'}."
        )
        if self.not_cut:
            text += f" Not run alone: {', '.join(self.not_cut)}."
        return text

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column("operation")
        table.add_column("layer", overflow="fold")
        for title in ("ms", "share", "multiply-adds", "GMAC/s"):
            table.add_column(title, justify="right")
        for row in self.operations:
            speed = row.giga_multiply_adds_per_second
            table.add_row(
                Text(row.operation),
                Text(row.layer),
                three_digits(row.ms),
                f"{row.share:.1%}",
                f"{row.multiply_adds:,}" if row.multiply_adds else "",
                f"{speed:.1f}" if row.multiply_adds else "",
            )
        return table


def operation_profile(
    path: str | os.PathLike[str],
    *,
    threads: int = 1,
    seconds: float = 2.0,
    rounds: int = 1000,
) -> OperationProfile:
    """Times each operation of a `.tflite` file.

    LiteRT's Python interpreter has no profiler, so each operation is cut out of the
    file with its constants, and run alone on the kernels that run by default: with the
    numbers that it has in the whole file, when that gets random input. The operations
    and the whole take turns, as in `latency`, once each in a round, so that weights
    come from memory as they do in the whole. A call takes a microsecond or two, which
    is the floor of each figure, so the sum is above the whole for files of many small
    operations.

    Args:
        path: The `.tflite` file. Loops and branches in it are one operation each.
        threads: Threads that a run may use. Defaults to 1.
        seconds: Time for all operations together.
        rounds: Rounds to measure at the most. With few, an operation runs several times
            in its turn, and finds its weights in the cache.

    Returns:
        The `OperationProfile`.

    Raises:
        ArgumentError: If a number is not above 0.
        ModelError: If the file is damaged, or if it cannot be run.

    Example:
    ```python
    profile = tfc.measurement.operation_profile("small.tflite")
    print(profile)
    slowest = max(profile.operations, key=lambda row: row.ms)
    ```
    """
    check_effort(rounds, seconds)
    first, *others = signature_names(path)
    for delegates in (True, False):  # Raises an error if LiteRT cannot run it so.
        LiteRTModel(path, threads=threads, signature=first, delegates=delegates)
    content = Path(path).read_bytes()
    with reading(path):
        model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
        cutter = OperationCutter(model)
        cut = [position for position in cutter.positions if cutter.can_cut(position)]
        needed = {place for position in cut for place in cutter.inputs(position)}
        counts = _count_run(model)
    try:
        values = _run_through(content, needed)
        runs = {_WHOLE: _runner(content, threads)}
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            "LiteRT must be able to run the file on numbers from 0 to 1, and without "
            "XNNPACK as well, to learn what goes into each operation. "
            f"Received: path={str(path)!r} ({' '.join(str(error).split())})"
        ) from error
    shapes = {place: array.shape for place, array in values.items()}
    for position in cut:
        with reading(path):
            part = cutter.cut(position, shapes)
        given = [values[place] for place in part.inputs]
        try:
            check_runs(part.content, path)
            runs[position] = _runner(part.content, threads, given)
        except (RuntimeError, ValueError):
            continue
    named = {str(position): run for position, run in runs.items()}
    times = time_in_turns(named, threads=threads, rounds=rounds, seconds=seconds)
    milliseconds = {position: times[str(position)].median_ms for position in runs}
    whole = milliseconds.pop(_WHOLE)
    total = sum(milliseconds.values())
    return OperationProfile(
        operations=tuple(
            OperationTime(
                cutter.kind(position),
                cutter.layer(position),
                ms,
                ms / total,
                counts[position],
            )
            for position, ms in milliseconds.items()
        ),
        not_cut=tuple(
            f"{cutter.kind(position)} {cutter.layer(position)}".strip()
            for position in cutter.positions
            if position not in milliseconds
        )
        + tuple(f"signature {name}" for name in others),
        whole_ms=whole,
        threads=threads,
    )


def _run_through(content: bytes, needed: set[int]) -> dict[int, np.ndarray]:
    """Returns the numbers in these tensors when the file is run on random input."""
    interpreter = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    generator = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], _draw(details, generator))
    interpreter.invoke()
    return {place: interpreter.get_tensor(place) for place in needed}


def _draw(details: Mapping[str, Any], generator: np.random.Generator) -> np.ndarray:
    """Draws from 0 to 1, or any number a quantized tensor has; ids are 0."""
    shape, dtype = details["shape"], np.dtype(details["dtype"])
    if dtype.kind == "f":
        return generator.uniform(size=shape).astype(dtype)
    if details["quantization"][0] > 0.0:
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return np.zeros(shape, dtype)


def _runner(
    content: bytes, threads: int, values: list[np.ndarray] | None = None
) -> Callable[[], float]:
    """Returns a function that runs a file once and returns the seconds of it.

    Args:
        content: The file.
        threads: Threads that a run may use.
        values: Its inputs, in their order. None for random ones.
    """
    interpreter = Interpreter(model_content=content, num_threads=threads)
    interpreter.allocate_tensors()
    inputs = interpreter.get_input_details()
    if values is None:
        generator = np.random.default_rng(0)
        values = [_draw(details, generator) for details in inputs]
    pairs = [(one["index"], value) for one, value in zip(inputs, values, strict=True)]

    def run() -> float:
        interpreter.reset_all_variables()
        for index, value in pairs:
            interpreter.set_tensor(index, value)
        start = time.perf_counter()
        interpreter.invoke()
        return time.perf_counter() - start

    run()
    return run


def _count_run(model: Any) -> list[int]:
    """Counts the multiply-adds of each operation in one run, not for one sample."""
    whole = copy.copy(model)
    main = copy.copy(model.subgraphs[0])
    main.inputs = []  # So it has no axis of samples.
    whole.subgraphs = [main]
    return [
        count_operation_multiply_adds(whole, main, operator)
        for operator in main.operators or []
    ]
