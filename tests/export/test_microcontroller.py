"""Files on TensorFlow Lite Micro: what they give, and the memory that they take."""

import dataclasses
import importlib.util
import os
import subprocess
import sys
import tempfile
import warnings

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfcompress as tfc
from tests.models import build_classifier, train_in_own_keras
from tfcompress.errors import ArgumentError, DataError, ExportError, ModelError
from tfcompress.export import find_target, run_on_microcontroller
from tfcompress.export.microcontroller import lookup_tables, microcontroller
from tfcompress.export.microcontroller.lookup_tables import (
    compress_with_lookup_tables,
    find_table,
)
from tfcompress.export.microcontroller.microcontroller import find_arena, run_raw

_IN_ARENA = """
import sys
import numpy as np
from tflite_micro.python.tflite_micro.runtime import Interpreter
content = open(sys.argv[1], "rb").read()
interpreter = Interpreter.from_bytes(content, arena_size=int(sys.argv[2]))
interpreter.set_input(np.zeros((1, 8, 8, 1), np.int8), 0)
interpreter.invoke()
print("done")
"""


def _cluster(model, count):
    """Moves every kernel to the nearest of some values."""
    for weight in model.trainable_weights:
        if len(weight.shape) > 1:
            kernel = weight.numpy()
            values = np.linspace(kernel.min(), kernel.max(), count)
            nearest = np.abs(kernel[..., None] - values).argmin(-1)
            weight.assign(values[nearest])


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((20, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def file(images, tmp_path_factory):
    """A file for a microcontroller, of kernels with eight values each."""
    keras.utils.set_random_seed(0)
    model = build_classifier(keras, width=16, name="small")
    _cluster(model, 8)
    path = tmp_path_factory.mktemp("micro") / "model.tflite"
    return tfc.export.to_tflite(
        model, path, target="microcontroller", representative_data=images
    ).path


@pytest.fixture(scope="module")
def float_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("micro") / "half.tflite"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="scores")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # so small a file does not shrink
        return tfc.export.to_tflite(model, path, target="cpu_float16").path


@pytest.fixture(scope="module")
def run(file, images):
    return run_on_microcontroller(file, {"image": images})


def test_one_input_needs_no_name(run, file, images):
    given = run_on_microcontroller(file, images)
    for name, values in run.outputs.items():
        np.testing.assert_array_equal(given.outputs[name], values)


@pytest.fixture
def without_runtime(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_it_gives_what_litert_gives(run, file, images):
    interpreter = Interpreter(os.fspath(file))
    interpreter.allocate_tensors()
    (door,) = interpreter.get_input_details()
    (exit_,) = interpreter.get_output_details()
    scale, zero_point = door["quantization"]
    step, zero = exit_["quantization"]
    for image, scores in zip(images[:8], run.outputs["logits"], strict=True):
        stored = np.clip(np.rint(image / scale) + zero_point, -128, 127)
        interpreter.set_tensor(door["index"], stored[None].astype(np.int8))
        interpreter.invoke()
        expected = step * (interpreter.get_tensor(exit_["index"])[0] - np.float32(zero))
        assert np.abs(scores - expected).max() <= 1.01 * step
    assert run.steps in (0, 1)


def test_the_arena_is_the_smallest(run, file):
    def works(arena):
        done = subprocess.run(
            [sys.executable, "-c", _IN_ARENA, os.fspath(file), str(arena)],
            capture_output=True,
            check=False,
        )
        return done.stdout.endswith(b"done\n")

    assert run.arena_bytes % 16 == 0
    assert works(run.arena_bytes)
    assert not works(run.arena_bytes - 16)


def test_the_arena_holds_the_largest_activations(run):
    # The input and the output of the residual, and that of the layer between.
    assert run.arena_bytes >= 3 * 8 * 8 * 16


def test_nothing_is_said_and_nothing_left(file, images, capfd, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(tmp_path))
    capfd.readouterr()
    run_on_microcontroller(file, {"image": images[:1]})
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "arena" not in captured.err.lower()
    assert not os.listdir(tmp_path)


def test_files_that_it_does_not_run(float_file):
    name = next(iter(tfc.measurement.LiteRTModel(float_file).input_details))
    samples = {name: np.zeros((1, 4), np.float32)}
    with pytest.raises(ExportError, match="does not run .* DEQUANTIZE"):
        run_on_microcontroller(float_file, samples)


def test_it_is_not_run_without_verification(monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(microcontroller, "run_raw", lambda *given: ran.append(given))
    model = build_classifier(keras, width=8, name="small")
    images = np.zeros((2, 8, 8, 1), np.float32)
    with pytest.warns(UserWarning, match="verification=False"):
        artifact = tfc.export.to_tflite(
            model,
            tmp_path / "small.tflite",
            target="microcontroller",
            representative_data=images,
            verification=False,
        )
    assert (artifact.arena_bytes, artifact.verification, ran) == (None, None, [])


def test_other_numbers_are_an_error(file, images, monkeypatch):
    wrong = 4321, [np.full((8, 1, 10), 50, np.int8)]
    monkeypatch.setattr(microcontroller, "run_raw", lambda *arguments: wrong)
    with pytest.raises(ExportError, match="does not give what LiteRT gives.*'logits'"):
        run_on_microcontroller(file, {"image": images})


def test_an_end_of_the_process_is_an_error(file):
    # An output that is not there makes the child fail after the run.
    content = file.read_bytes()
    with pytest.raises(ExportError, match="exit code 1"):
        run_raw(content, [np.zeros((1, 1, 8, 8, 1), np.int8)], 3)


def test_samples_must_fit(file):
    with pytest.raises(DataError, match="image"):
        run_on_microcontroller(file, {"picture": np.zeros((1, 8, 8, 1))})


@pytest.mark.slow
def test_state_starts_anew_for_each_sample(tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((80, 3), name="steps")
    model = keras.Model(inputs, keras.layers.LSTM(4)(inputs))
    x = np.random.default_rng(0).random((8, 80, 3)).astype(np.float32)
    artifact = tfc.export.to_tflite(
        model,
        tmp_path / "model.tflite",
        target="microcontroller",
        representative_data=x,
    )
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM int8" in artifact.operations
    again = {"steps": np.concatenate([x[:3], x[:3]])}
    (outputs,) = run_on_microcontroller(artifact, again).outputs.values()
    np.testing.assert_array_equal(outputs[:3], outputs[3:])


def test_without_the_package(without_runtime, file, images):
    samples = {"image": images}
    with pytest.raises(ArgumentError, match=r"install tfcompress\[microcontroller\]"):
        run_on_microcontroller(file, samples)
    with pytest.raises(ArgumentError, match=r"install tfcompress\[microcontroller\]"):
        compress_with_lookup_tables(file, file.with_name("tables.tflite"))
    arena, (note,) = find_arena(file, find_target("microcontroller"), samples)
    assert arena is None
    assert "install tfcompress[microcontroller]" in note


def test_only_microcontrollers_have_an_arena(file, images, run):
    samples = {"image": images}
    assert find_arena(file, find_target("cpu_int8"), samples) == (None, ())
    mine = dataclasses.replace(find_target("microcontroller"), name="board")
    assert find_arena(file, mine, samples) == (run.arena_bytes, ())


def test_a_file_that_takes_too_long_is_a_note(file, images, monkeypatch):
    monkeypatch.setattr(microcontroller, "_SECONDS", 0.01)
    arena, (note,) = find_arena(file, find_target("microcontroller"), {"image": images})
    assert arena is None
    assert "not done after" in note


# Lookup tables ----------------------------------------------------------------------


def test_a_table_by_hand():
    # 30 x 40 indices of 2 bits, a header of 16 bytes, and three values.
    values = np.tile(np.array([-4, 0, 9], np.int8), 400).reshape(30, 40)
    table = find_table("kernel", values, None)
    assert (table.bits, table.bytes_before, table.bytes) == (2, 1200, 300 + 16 + 3)


def test_a_table_for_each_channel_by_hand():
    # Two values in each of eight channels, sixteen in all: an index has 1 bit.
    values = np.arange(8, dtype=np.int16)[:, None] * 10 + np.arange(400) % 2
    values = values.astype(np.int16)
    assert find_table("kernel", values, 0).bits == 1
    assert find_table("kernel", values, 0).bytes == 400 + 16 + 8 * 2 * 2
    assert find_table("kernel", values, None).bits == 4
    assert find_table("kernel", values, None).bytes == 1600 + 16 + 16 * 2


def test_tables_that_are_no_gain():
    many = np.arange(-128, 127, dtype=np.int8).repeat(10)
    assert find_table("kernel", many, None) is None
    small = np.zeros((4, 64), np.int8)
    assert find_table("kernel", small, None) is None


@pytest.fixture(scope="module")
def tables(file):
    return compress_with_lookup_tables(file, file.with_name("tables.tflite"))


def test_clustered_kernels_become_indices(tables, file):
    assert tables.bytes_before == file.stat().st_size
    assert tables.bytes == tables.path.stat().st_size
    saved = sum(table.bytes_before - table.bytes for table in tables.tables)
    # The operation that reads a table, with its tensors, takes 352 bytes at the most.
    assert tables.bytes <= tables.bytes_before - saved + 352 * len(tables.tables)
    assert tables.bytes < tables.bytes_before
    # conv1 has 144 weights, too few; conv2 has 2304, the Dense layer 2560.
    assert {table.bytes_before for table in tables.tables} == {2304, 2560}
    assert all(table.bits == 3 for table in tables.tables)


def test_the_file_with_tables_gives_the_same_bits(tables, file, images):
    stored = np.random.default_rng(1).integers(-128, 128, (3, 1, 8, 8, 1), np.int8)
    arena, expected = run_raw(file.read_bytes(), [stored], 1)
    other, given = run_raw(tables.path.read_bytes(), [stored], 1)
    np.testing.assert_array_equal(expected[0], given[0])
    assert (arena, other) == (tables.arena_bytes_before, tables.arena_bytes)


def test_litert_does_not_run_the_file_with_tables(tables):
    with pytest.raises(ModelError):
        tfc.measurement.LiteRTModel(tables.path)


def test_files_without_clusters(images, tmp_path):
    keras.utils.set_random_seed(0)
    model = build_classifier(keras, name="dense")
    path = tmp_path / "model.tflite"
    tfc.export.to_tflite(
        model, path, target="microcontroller", representative_data=images
    )
    with pytest.raises(ExportError, match="No kernel gets smaller.*Cluster"):
        compress_with_lookup_tables(path, tmp_path / "tables.tflite")
    assert not (tmp_path / "tables.tflite").exists()


def test_a_file_is_not_replaced_by_one_that_litert_does_not_run(file):
    content = file.read_bytes()
    with pytest.raises(ArgumentError, match="choose another name"):
        compress_with_lookup_tables(file, file)
    assert file.read_bytes() == content


def test_there_must_be_a_file(tmp_path):
    with pytest.raises(ModelError, match=r"none\.tflite"):
        compress_with_lookup_tables(tmp_path / "none.tflite", tmp_path / "to.tflite")


def test_a_compression_that_takes_too_long(file, tmp_path, monkeypatch):
    monkeypatch.setattr(lookup_tables, "_SECONDS", 0.01)
    with pytest.raises(ExportError, match="too large to be compressed.*not done"):
        compress_with_lookup_tables(file, tmp_path / "tables.tflite")


def test_files_that_take_whole_numbers_without_a_sign(images, tmp_path):
    keras.utils.set_random_seed(0)
    model = build_classifier(keras, width=16, name="small")
    _cluster(model, 8)
    path, output = tmp_path / "model.tflite", tmp_path / "tables.tflite"
    target = dataclasses.replace(
        find_target("microcontroller"), name="camera", inputs_and_outputs="uint8"
    )
    tfc.export.to_tflite(model, path, target=target, representative_data=images)
    # The account of a file that is replaced is not that of the new one.
    tfc.export.to_tflite(model, output, target=target, representative_data=images)
    assert (tmp_path / "tables.tflite.json").exists()
    assert compress_with_lookup_tables(path, output).tables
    assert not (tmp_path / "tables.tflite.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("target", ["cpu_float32", "npu_int8", "npu_int16"])
def test_tables_of_other_types(target, images, tmp_path):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2DTranspose(16, 3),
            layers.DepthwiseConv2D(8, padding="same"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    _cluster(model, 4)
    path = tmp_path / "model.tflite"
    tfc.export.to_tflite(model, path, target=target, representative_data=images)
    tables = compress_with_lookup_tables(path, tmp_path / "tables.tflite")
    assert len(tables.tables) >= 3
    assert tables.bytes < 0.6 * tables.bytes_before


@pytest.mark.slow
@pytest.mark.parametrize("family", ["MobileNet", "MobileNetV2"])
def test_trained_applications_run(family, digits, tmp_path):
    keras.utils.set_random_seed(0)
    build = getattr(keras.applications, family)
    model = build(
        (32, 32, 1),
        alpha=0.35 if "V2" in family else 0.25,
        weights=None,
        classes=10,
        classifier_activation=None,
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.8
    x, y = digits[0]
    x = x.repeat(4, axis=1).repeat(4, axis=2)
    train_in_own_keras(keras, model, (x, y), epochs=4)
    artifact = tfc.export.to_tflite(
        model,
        tmp_path / "model.tflite",
        target="microcontroller",
        representative_data=x[:100],
    )
    (name,) = tfc.measurement.LiteRTModel(artifact).input_details
    run = run_on_microcontroller(artifact, {name: x[:8]})
    (scores,) = run.outputs.values()
    expected = artifact.predict(x[:8])
    assert (scores.argmax(-1) == expected.argmax(-1)).mean() >= 7 / 8
    assert 32 * 32 < run.arena_bytes < 200_000
