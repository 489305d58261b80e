import time

import keras
import pytest

from tfcompress.errors import ArgumentError, ModelError
from tfcompress.measurement import latency


def network(width):
    inputs = keras.Input((width,), batch_size=1)
    x = inputs
    for _ in range(4):
        x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, x)


@pytest.fixture(scope="module")
def files(make_file):
    return {
        str(width): make_file(network(width), f"w{width}") for width in (8, 64, 512)
    }


def test_large_networks_take_longer(files):
    times = latency(files, seconds=0.6)
    assert list(times) == ["8", "64", "512"]
    assert times["8"].median_ms < times["64"].median_ms < times["512"].median_ms
    for measured in times.values():
        assert 0 < measured.lowest_ms <= measured.median_ms
        assert 3 <= measured.rounds <= measured.runs
        assert measured.threads == 1


def test_equal_files_take_equal_time(files):
    times = latency({"a": files["512"], "b": files["512"]}, seconds=0.6)
    assert times["a"].median_ms == pytest.approx(times["b"].median_ms, rel=0.25)


def test_time_is_bounded(files):
    start = time.perf_counter()
    latency({f"{name}{i}": files[name] for name in files for i in range(2)})
    assert time.perf_counter() - start < 5.0


def test_at_least_three_rounds(files):
    assert latency(files, seconds=1e-6)["512"].rounds == 3


def test_bad_arguments(files):
    with pytest.raises(ArgumentError, match="one file at least"):
        latency({})
    with pytest.raises(ArgumentError, match="Received: rounds=0"):
        latency(files, rounds=0)
    with pytest.raises(ArgumentError, match="seconds=0"):
        latency(files, seconds=0)
    with pytest.raises(ModelError, match=r"none\.tflite"):
        latency({"none": "none.tflite"})
