import json
import time

import flatbuffers
import keras
import pytest
import tensorflow as tf
from ai_edge_litert.tools import flatbuffer_utils

from tests.measurement.conftest import convert
from tests.measurement.test_operation_cut import convolutional, recurrent
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.measurement import operation_profile
from tfcompress.measurement.speed.operation_profile import (
    OperationProfile,
    OperationTime,
)
from tfcompress.printing import three_digits


@pytest.fixture(scope="module")
def network(make_file):
    return make_file(convolutional(), "network")


@pytest.fixture(scope="module")
def profile(network):
    return operation_profile(network, seconds=0.2)


def test_operations_and_products(profile):
    """9x8 pixels become 7x6, then 5x4; each of these goes to a 3x3 window."""
    rows = [row for row in profile.operations if row.multiply_adds]
    assert [(row.operation, row.multiply_adds) for row in rows] == [
        ("CONV_2D", 7 * 6 * 5 * 3 * 3 * 3),
        ("DEPTHWISE_CONV_2D", 5 * 4 * 5 * 3 * 3),
        ("TRANSPOSE_CONV", 5 * 4 * 5 * 3 * 3 * 4),
        ("FULLY_CONNECTED", 11 * 9 * 4 * 6),
    ]
    assert profile.operations[-1].operation == "SOFTMAX"
    names = ["first", "depthwise", "transposed"]
    for row, name in zip(rows, names, strict=False):
        assert name in row.layer


def test_shares_are_those_of_the_sum(profile):
    assert profile.whole_ms > 0
    assert profile.sum_ms == pytest.approx(sum(row.ms for row in profile.operations))
    assert sum(row.share for row in profile.operations) == pytest.approx(1.0)
    assert sum(profile.kinds().values()) == pytest.approx(profile.sum_ms)
    for row in profile.operations:
        assert row.ms > 0
        assert row.share == pytest.approx(row.ms / profile.sum_ms)


def test_a_coarse_clock(network, monkeypatch):
    clock = time.perf_counter
    monkeypatch.setattr(time, "perf_counter", lambda: round(clock(), 1))
    profile = operation_profile(network, seconds=0.2, rounds=3)
    assert sum(row.share for row in profile.operations) == pytest.approx(1.0)
    assert "CONV_2D" in str(profile)


def test_speed_by_hand():
    row = OperationTime("CONV_2D", "a", 0.5, 1.0, 3_000_000)
    assert row.giga_multiply_adds_per_second == pytest.approx(6.0)


def test_kinds_by_hand():
    rows = [
        OperationTime("ADD", "a", 0.5, 0.125, 0),
        OperationTime("CONV_2D", "b", 3.0, 0.75, 10),
        OperationTime("ADD", "c", 0.5, 0.125, 0),
    ]
    assert OperationProfile(tuple(rows), (), 2.0, 1).kinds() == {
        "CONV_2D": 3.0,
        "ADD": 1.0,
    }


def test_a_batch_is_one_run(make_file):
    path = make_file(convolutional(4), "four")
    rows = operation_profile(path, seconds=0.05).operations
    assert rows[0].multiply_adds == 4 * 7 * 6 * 5 * 3 * 3 * 3


def test_loops_are_one_operation(make_file):
    profile = operation_profile(make_file(recurrent(keras, "GRU"), "gru"), seconds=0.05)
    assert "WHILE" in [row.operation for row in profile.operations]
    assert profile.not_cut == ()


def test_variables_are_named_and_not_timed(tmp_path):
    """A sum that goes on from run to run."""

    class Module(tf.Module):
        def __init__(self):
            self.total = tf.Variable(tf.zeros((1, 4)))

        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])
        def add(self, x):
            return tf.nn.softmax(self.total.assign_add(x))

    module = Module()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.add.get_concrete_function()], module
    )
    converter.experimental_enable_resource_variables = True
    path = tmp_path / "stateful.tflite"
    path.write_bytes(converter.convert())
    profile = operation_profile(path, seconds=0.05)
    assert [row.operation for row in profile.operations] == ["ADD", "SOFTMAX"]
    kinds = {text.split()[0] for text in profile.not_cut}
    assert kinds == {"CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"}
    assert "Not run alone: CALL_ONCE" in profile.describe()


def test_a_file_whose_operations_all_keep_something(tmp_path):
    """A lone identity may leave no operation at all."""
    inputs = keras.Input((3,), batch_size=1)
    path = tmp_path / "nothing.tflite"
    path.write_bytes(convert(keras.Model(inputs, keras.layers.Identity()(inputs))))
    profile = operation_profile(path, seconds=0.05)
    assert profile.sum_ms == sum(row.ms for row in profile.operations)
    assert str(profile)


def test_it_prints_itself(profile, tmp_path):
    text = str(profile)
    assert "CONV_2D" in text
    assert "GMAC/s" in text
    assert f"{three_digits(profile.whole_ms)} ms in one" in text
    values = json.loads(profile.to_json(tmp_path / "profile.json"))
    assert json.loads((tmp_path / "profile.json").read_text()) == values
    assert values["operations"][0]["operation"] == "CONV_2D"


def test_a_damaged_list_of_metadata(network, tmp_path):
    """LiteRT runs such a file, for it does not read it; others may be lost over it."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(network.read_bytes()))
    model.metadata[0].buffer = 655381
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "metadata.tflite"
    path.write_bytes(builder.Output())
    with pytest.raises(ModelError, match=r"damaged.*metadata\.tflite"):
        operation_profile(path, seconds=0.05)


def test_bad_arguments(network, tmp_path):
    with pytest.raises(ArgumentError, match="seconds=0"):
        operation_profile(network, seconds=0)
    with pytest.raises(ArgumentError, match="threads=0"):
        operation_profile(network, threads=0)
    with pytest.raises(ModelError, match=r"none\.tflite"):
        operation_profile(tmp_path / "none.tflite")
