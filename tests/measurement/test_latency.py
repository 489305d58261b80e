import itertools
import time

import keras
import pytest

from tfcompress.errors import ArgumentError, ModelError
from tfcompress.measurement import latency
from tfcompress.measurement.speed.latency import summarize_rounds, time_in_turns


def network(width):
    layers = [keras.layers.Dense(width, activation="relu") for _ in range(4)]
    return keras.Sequential([keras.Input((width,), batch_size=1), *layers])


@pytest.fixture(scope="module")
def files(make_file):
    return {str(width): make_file(network(width), f"w{width}") for width in (64, 8)}


def test_figures_of_files(files):
    times = latency(files, seconds=0.1)
    assert list(times) == ["64", "8"]
    assert times["64"].ratio == 1.0
    for measured in times.values():
        assert 0 < measured.lowest_ms <= measured.median_ms
        assert measured.median_ms <= measured.p90_ms <= measured.p99_ms
        assert 3 <= measured.rounds <= measured.runs
        assert measured.threads == 1


def test_figures_by_hand():
    """Two runs of 1 ms or 3 ms each, and one that is slower in its second round."""
    quick = itertools.cycle([1e-3, 3e-3])
    steps = itertools.chain([0.0] * 3, [2e-3], [4e-3], [6e-3], itertools.repeat(8e-3))
    times = time_in_turns(
        {"quick": lambda: next(quick), "steps": lambda: next(steps)},
        threads=2,
        rounds=4,
        seconds=1e-9,
    )
    # Three rounds of one run each; warming up takes three runs of each before.
    assert (times["quick"].rounds, times["quick"].runs) == (3, 3)
    assert times["quick"].ratio == 1.0
    assert times["quick"].median_ms == pytest.approx(3.0)
    assert times["quick"].lowest_ms == pytest.approx(1.0)
    assert times["steps"].median_ms == pytest.approx(4.0)
    # Nine and 9.9 tenths of the way from the first to the last.
    assert times["steps"].p90_ms == pytest.approx(2.0 + 0.9 * 4.0)
    assert times["steps"].p99_ms == pytest.approx(2.0 + 0.99 * 4.0)
    # 2 / 3, 4 / 1 and 6 / 3.
    assert times["steps"].ratio == pytest.approx(2.0)
    assert times["steps"].threads == 2


def test_a_ratio_counts_each_round_once():
    """The machine was slow in the first round; its quick runs were more."""
    own, other = [[8.0], [2.0] * 100, [2.0] * 100], [[4.0], [1.0] * 60, [1.0] * 90]
    measured = summarize_rounds(own, other, 1)
    assert measured.ratio == pytest.approx(2.0)
    assert measured.median_ms == pytest.approx(2000.0)
    assert (measured.rounds, measured.runs) == (3, 201)


@pytest.mark.parametrize(
    ("one_run", "rounds", "runs"),
    [
        # A turn is a second / 16 rounds / 2 files: 32 runs. All rounds are measured.
        (1 / 1024, 16, 16 * 32),
        # One run is a turn. Six runs to warm up, and two a round: the sixth round
        # starts when the second is over, and no other.
        (1 / 16, 6, 6),
        # The second is over when all is warm, and three rounds are measured still.
        (1.0, 3, 3),
    ],
)
def test_rounds_that_the_time_allows(monkeypatch, one_run, rounds, runs):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def run():
        clock[0] += one_run
        return one_run

    times = time_in_turns({"a": run, "b": run}, threads=1, rounds=16, seconds=1.0)
    for measured in times.values():
        assert (measured.rounds, measured.runs) == (rounds, runs)
        assert (measured.median_ms, measured.ratio) == (1000.0 * one_run, 1.0)


def test_bad_arguments(files):
    with pytest.raises(ArgumentError, match="one file at least"):
        latency({})
    with pytest.raises(ArgumentError, match="Received: rounds=0"):
        latency(files, rounds=0)
    with pytest.raises(ArgumentError, match="seconds=0"):
        latency(files, seconds=0)
    for endless in (float("inf"), float("nan")):
        with pytest.raises(ArgumentError, match=f"finite.*seconds={endless}"):
            latency(files, seconds=endless)
    with pytest.raises(ModelError, match=r"none\.tflite"):
        latency({"none": "none.tflite"})
