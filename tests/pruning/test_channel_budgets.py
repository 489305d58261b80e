import itertools

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.models import tf_keras_is_slow
from tests.pruning.channel_networks import build_cnn, randomized
from tfcompress import measurement
from tfcompress.errors import ArgumentError
from tfcompress.pruning import budget

ChannelPruning = tfc.pruning.ChannelPruning


def build_chain(module, width=32, side=8):
    """Two convolutions of one group each, whose cost is known by hand."""
    layers = module.layers
    x = layers.Input((side, side, 3))
    y = layers.Conv2D(width, 3, padding="same", activation="relu", name="a")(x)
    y = layers.Conv2D(width, 3, padding="same", activation="relu", name="b")(y)
    y = layers.GlobalAveragePooling2D()(y)
    return randomized(module.Model(x, layers.Dense(2, name="out")(y)))


def widths(model):
    return [model.get_layer(name).filters for name in "ab"]


def cost(a, b):
    """Multiply-adds of `build_chain` with so many channels."""
    return 64 * 9 * (3 * a + a * b) + 2 * b


@pytest.mark.parametrize("given", [0.5, 0.25, 200_001])
def test_multiply_adds_meet_the_budget_and_one_block_more_would_not(
    either_keras, given
):
    model = build_chain(either_keras)
    limit = given if given > 1 else given * cost(32, 32)
    small = ChannelPruning(macs=given, round_to=4).apply(model)
    a, b = widths(small)
    assert a % 4 == b % 4 == 0
    assert cost(a, b) <= limit
    assert max(cost(a + 4, b), cost(a, b + 4)) > limit
    assert tfc.measurement.summary(small).multiply_adds == cost(a, b)


def test_budget_of_the_whole_model_removes_nothing():
    model = build_chain(keras)
    assert widths(ChannelPruning(macs=cost(32, 32)).apply(model)) == [32, 32]


def test_steps_go_equal_parts_of_the_way():
    model, seen = build_chain(keras), []
    pruning = ChannelPruning(macs=0.25, round_to=1, steps=3)
    small = pruning.apply(model, fine_tune=lambda m: seen.append(cost(*widths(m))))
    costs = [cost(32, 32), *seen, cost(*widths(small))]
    # One channel of 32 is about 3 % of a convolution.
    np.testing.assert_allclose(
        np.array(costs) / costs[0], [1, 0.75, 0.5, 0.25], atol=0.04
    )
    assert all(np.array(costs) / costs[0] <= [1, 0.75, 0.5, 0.25])


def test_budgets_that_cannot_be_met_say_how_far_it_got():
    trained = []
    pruning = ChannelPruning(macs=1000, steps=2)
    least = f"{cost(8, 8):,}".replace(",", ".")
    with pytest.raises(ArgumentError, match=f"{least} multiply-adds.*1,000"):
        pruning.apply(build_chain(keras), fine_tune=trained.append)
    assert not trained


@pytest.mark.slow
def test_bytes_of_the_file_meet_the_budget(tmp_path):
    model = build_cnn(keras)
    limit = 12_000
    small = ChannelPruning(bytes=limit, round_to=1).apply(model)
    size = tfc.export.to_tflite(
        small, tmp_path / "a.tflite", target="cpu_float32"
    ).bytes
    # The widest channel has some 200 weights of 4 bytes.
    assert limit - 1000 < size <= limit
    with pytest.raises(ArgumentError, match="bytes of .*budget of 10 bytes"):
        ChannelPruning(bytes=10).apply(model)


def build_open(module):
    """A network for images of any size."""
    layers = module.layers
    x = layers.Input((None, None, 3), name="image")
    y = layers.Conv2D(32, 3, padding="same", activation="relu", name="a")(x)
    y = layers.Conv2D(32, 3, padding="same", activation="relu", name="b")(y)
    y = layers.GlobalAveragePooling2D()(y)
    return randomized(module.Model(x, layers.Dense(2, name="out")(y)))


@tf_keras_is_slow
def test_bytes_where_the_size_of_the_input_is_open(either_keras):
    model = build_open(either_keras)
    small = ChannelPruning(bytes=0.5).apply(model)
    # Nearly all of the file are the weights; the last block was at most a quarter.
    assert 0.25 < small.count_params() / model.count_params() < 0.5


def test_latency_where_the_size_of_the_input_is_open(monkeypatch):
    monkeypatch.delattr(budget.LatencyBudget, "write")
    with pytest.raises(ArgumentError, match=r"give fixed sizes.*'image'.*None, None"):
        ChannelPruning(latency_ms=1.0).apply(build_open(keras))


def test_latency_is_measured_beside_the_whole_model(monkeypatch):
    speeds = itertools.cycle([1.0, 3.0, 2.0])

    def latency(files):
        """A machine whose speed changes between measurements, but not within one."""
        speed = next(speeds)
        times = {name: speed * path.stat().st_size for name, path in files.items()}
        return {
            name: measurement.Latency(*[time] * 4, 1.0, 3, 3, 1)
            for name, time in times.items()
        }

    monkeypatch.setattr(budget.measurement, "latency", latency)
    model = build_chain(keras)
    whole = 4 * model.count_params()  # About what the file has, and so takes.
    small = ChannelPruning(latency_ms=whole / 2).apply(model)
    assert 0.3 * whole < 4 * small.count_params() < 0.55 * whole


@pytest.mark.slow
def test_file_gets_faster(tmp_path):
    model = build_chain(keras, width=64, side=64)
    files = {"whole": tmp_path / "whole.tflite", "small": tmp_path / "small.tflite"}
    tfc.export.to_tflite(model, files["whole"], target="cpu_float32")
    whole = tfc.measurement.latency({"whole": files["whole"]})["whole"].median_ms
    small = ChannelPruning(latency_ms=whole / 2).apply(model)
    assert sum(widths(small)) < 128
    tfc.export.to_tflite(small, files["small"], target="cpu_float32")
    times = tfc.measurement.latency(files)
    # With room for what else the machine does.
    assert times["small"].median_ms < 0.8 * times["whole"].median_ms
