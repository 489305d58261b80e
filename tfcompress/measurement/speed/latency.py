"""How long a file takes for one batch."""

import dataclasses
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np

from tfcompress.errors import ArgumentError
from tfcompress.measurement.files.runtime import open_file

_WARM_UP_RUNS = 3
_FEWEST_ROUNDS = 3
_TICK = time.get_clock_info("perf_counter").resolution


@dataclasses.dataclass(frozen=True)
class Latency:
    """Time that one run of a file takes, in milliseconds.

    Attributes:
        median_ms: Half of the runs are faster.
        p90_ms: 90 % of the runs are faster.
        p99_ms: 99 % of the runs are faster.
        lowest_ms: Shortest run.
        ratio: Time in that of the first file measured beside it: the median of the
            ratios in each round, which holds where the machine's speed changes.
        rounds: Rounds measured.
        runs: Runs measured, over all rounds.
        threads: Threads that a run might use.
    """

    median_ms: float
    p90_ms: float
    p99_ms: float
    lowest_ms: float
    ratio: float
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
        files: Paths of `.tflite` files by name, or `LiteRTModel`s.
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
    print(times["int8"].median_ms, times["int8"].ratio)
    ```
    """
    if not isinstance(files, Mapping) or not files:
        received = files if isinstance(files, Mapping) else type(files).__name__
        raise ArgumentError(
            "Expected the path of one file at least, by name, such as "
            "{'small': 'small.tflite'}; write a Keras model with "
            f"tfcompress.export.to_tflite first. Received: files={received}"
        )
    check_effort(rounds, seconds)
    models = {name: open_file(path, threads=threads) for name, path in files.items()}
    runs = {name: model.invoke_once for name, model in models.items()}
    return time_in_turns(runs, threads=threads, rounds=rounds, seconds=seconds)


def check_effort(rounds: int, seconds: float) -> None:
    """Raises an ArgumentError if that is no time to measure for."""
    if rounds < 1 or not 0 < seconds < math.inf:
        raise ArgumentError(
            "rounds must be 1 or more, and seconds above 0 and finite. "
            f"Received: rounds={rounds}, seconds={seconds}"
        )


def time_in_turns(
    runs: Mapping[str, Callable[[], float]],
    *,
    threads: int,
    rounds: int,
    seconds: float,
) -> dict[str, Latency]:
    """Times what takes turns, as `latency` says.

    Args:
        runs: Functions that run once and return the seconds of it, by name.
        threads: Threads that they use.
        rounds: Rounds to measure at the most.
        seconds: Time for all together.

    Returns:
        The `Latency` of each by name, in the order of `runs`.
    """
    start = time.perf_counter()
    for run in runs.values():
        for _ in range(_WARM_UP_RUNS):
            run()
    turn = seconds / rounds / len(runs)
    measured: dict[str, list[list[float]]] = {name: [] for name in runs}
    order = list(runs)
    for number in range(rounds):
        if number >= _FEWEST_ROUNDS and time.perf_counter() - start > seconds:
            break
        for name in order:
            measured[name].append(_take_turn(runs[name], turn))
        order.reverse()
    first = measured[next(iter(runs))]
    return {
        name: summarize_rounds(times, first, threads)
        for name, times in measured.items()
    }


def _take_turn(run: Callable[[], float], seconds: float) -> list[float]:
    start = time.perf_counter()
    times = [run()]
    while time.perf_counter() - start < seconds:
        times.append(run())
    return [max(each, _TICK) for each in times]  # A coarse clock may say 0.


def summarize_rounds(
    rounds: list[list[float]], first: list[list[float]], threads: int
) -> Latency:
    """Sums up runs.

    Args:
        rounds: Seconds of each run, round by round.
        first: The same of what the ratio refers to, with as many rounds.
        threads: Threads that they used.
    """
    times = 1000.0 * np.concatenate(rounds)
    median, p90, p99 = np.percentile(times, [50, 90, 99])
    return Latency(
        median_ms=float(median),
        p90_ms=float(p90),
        p99_ms=float(p99),
        lowest_ms=float(times.min()),
        ratio=statistics.median(
            statistics.median(own) / statistics.median(other)
            for own, other in zip(rounds, first, strict=True)
        ),
        rounds=len(rounds),
        runs=len(times),
        threads=threads,
    )
