"""How long a file takes for one batch."""

import dataclasses
import os
import statistics
import time
from collections.abc import Mapping

from tfcompress.errors import ArgumentError
from tfcompress.measurement.runtime import LiteRTModel

_WARM_UP_RUNS = 3
_FEWEST_ROUNDS = 3


@dataclasses.dataclass(frozen=True)
class Latency:
    """Time that one run of a file takes.

    Attributes:
        median_ms: Median of the rounds' medians, in milliseconds.
        lowest_ms: Shortest run, in milliseconds.
        rounds: Rounds measured.
        runs: Runs measured, over all rounds.
        threads: Threads that a run might use.
    """

    median_ms: float
    lowest_ms: float
    rounds: int
    runs: int
    threads: int


def latency(
    files: Mapping[str, str | os.PathLike[str]],
    *,
    threads: int = 1,
    rounds: int = 20,
    seconds: float = 1.0,
) -> dict[str, Latency]:
    """Measures how long files take, side by side.

    In each round every file has its turn, for about `seconds / rounds / len(files)`
    and one run at least, and every other round goes through them backwards. So noise
    and changes of clock rate meet all files alike, and their ratios hold on a busy
    machine. One run is one batch of the file, usually one sample; a batch without a
    fixed size has one sample. Inputs are zeros. Only the run itself is timed, not
    filling in the input; a call takes a microsecond or so, which is the floor.

    Args:
        files: Paths of `.tflite` files by name.
        threads: Threads that a run may use. Defaults to 1.
        rounds: Rounds to measure at the most.
        seconds: Time for all files together. No round starts after it, but three
            rounds are always measured, so slow files take longer.

    Returns:
        The `Latency` of each file by name, in the order of `files`.

    Raises:
        ArgumentError: If there are no files, or if a number is not above 0.
        ModelError: If a file cannot be run.

    Example:
    ```python
    times = tfc.measurement.latency({"float": "a.tflite", "int8": "b.tflite"})
    print(times["float"].median_ms / times["int8"].median_ms)
    ```
    """
    if not files:
        raise ArgumentError(f"Expected one file at least. Received: files={files}")
    if rounds < 1 or not seconds > 0:
        raise ArgumentError(
            "rounds must be 1 or more and seconds above 0. "
            f"Received: rounds={rounds}, seconds={seconds}"
        )
    start = time.perf_counter()
    models = {name: LiteRTModel(path, threads=threads) for name, path in files.items()}
    for model in models.values():
        for _ in range(_WARM_UP_RUNS):
            model.invoke_once()
    turn = seconds / rounds / len(models)
    runs: dict[str, list[list[float]]] = {name: [] for name in models}
    order = list(models)
    for number in range(rounds):
        if number >= _FEWEST_ROUNDS and time.perf_counter() - start > seconds:
            break
        for name in order:
            runs[name].append(_take_turn(models[name], turn))
        order.reverse()
    return {name: _summarize(measured, threads) for name, measured in runs.items()}


def _take_turn(model: LiteRTModel, seconds: float) -> list[float]:
    start = time.perf_counter()
    times = [model.invoke_once()]
    while time.perf_counter() - start < seconds:
        times.append(model.invoke_once())
    return times


def _summarize(rounds: list[list[float]], threads: int) -> Latency:
    return Latency(
        median_ms=1000.0 * statistics.median(map(statistics.median, rounds)),
        lowest_ms=1000.0 * min(map(min, rounds)),
        rounds=len(rounds),
        runs=sum(map(len, rounds)),
        threads=threads,
    )
