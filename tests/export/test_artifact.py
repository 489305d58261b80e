import errno
import importlib.metadata
import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfcompress as tfc
from tfcompress.errors import ArgumentError, ExportError, ModelError, OutputError


def build(seed=0):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6,), name="x")
    x = keras.layers.Dense(40, activation="relu", name="first")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3, name="scores")(x), name="small")


@pytest.fixture(scope="module")
def samples():
    return np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def made(model, samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "small.tflite"
    return tfc.export.to_tflite(model, path, representative_data=samples)


@pytest.fixture
def artifact(made, tmp_path):
    """The file and its account, in a folder of their own."""
    for path in (made.path, made.account):
        shutil.copy(path, tmp_path)
    return tfc.export.Artifact.read(tmp_path / "small.tflite")


def test_inputs_and_outputs_are_those_of_the_file(made):
    runner = Interpreter(str(made.path)).get_signature_runner("serving_default")
    for found, details in (
        (made.inputs, runner.get_input_details()),
        (made.outputs, runner.get_output_details()),
    ):
        assert list(found) == list(details)
        for name, expected in details.items():
            assert found[name].shape == tuple(expected["shape"])
            assert found[name].dtype == expected["dtype"] == np.int8
            scale, zero_point = expected["quantization"]
            assert (found[name].scale, found[name].zero_point) == (scale, zero_point)
    assert made.inputs["x"].scale > 0
    assert made.open_axes == {}


def test_predict_quantizes_and_dequantizes(made, samples):
    interpreter = Interpreter(str(made.path))
    interpreter.allocate_tensors()
    (taken,), (given,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    scale, zero_point = taken["quantization"]
    out_scale, out_zero_point = given["quantization"]
    for count in (1, 7):
        expected = []
        for row in samples[:count]:
            steps = np.clip(np.rint(row / np.float32(scale)) + zero_point, -128, 127)
            interpreter.set_tensor(taken["index"], steps.astype(np.int8)[None])
            interpreter.invoke()
            stored = interpreter.get_tensor(given["index"])[0].astype(np.float32)
            expected.append((stored - out_zero_point) * np.float32(out_scale))
        np.testing.assert_array_equal(made.predict(samples[:count]), expected)


def test_account_says_what_made_the_file(made, model, samples):
    assert made.bytes == os.path.getsize(made)
    assert made.operations == {"FULLY_CONNECTED int8": 2}
    assert made.float_operations == ()
    assert made.accelerated_share == 1.0
    assert made.versions["tensorflow"] == importlib.metadata.version("tensorflow")
    assert made.versions["keras"] == keras.__version__
    assert made.recipe["target"] == "cpu_int8"
    source = made.recipe["signatures"]["serving_default"]
    assert source["model"]["name"] == "small"
    assert source["model"]["keras"] == "keras"
    assert source["model"]["parameters"] == 6 * 40 + 40 + 40 * 3 + 3
    assert source["representative_data"]["samples"] == len(samples)


def test_fingerprints_tell_models_and_samples_apart(samples):
    from tfcompress.export.account.recipe import describe_model, describe_samples

    one, same, other = build(0), build(0), build(1)
    assert describe_model(one) == describe_model(same)
    assert describe_model(one)["weights"] != describe_model(other)["weights"]
    first = describe_samples({"x": samples})
    assert first == describe_samples({"x": samples.copy()})
    assert first != describe_samples({"x": samples[::-1]})


def test_account_is_read_back(made, artifact, samples):
    assert artifact == tfc.export.Artifact.read(str(artifact.path))
    assert artifact.account.name == "small.tflite.json"
    assert artifact.verification == made.verification
    assert artifact.target == made.target
    assert artifact.signatures == made.signatures
    np.testing.assert_array_equal(artifact.predict(samples), made.predict(samples))
    assert json.loads(artifact.account.read_text())["path"] == "small.tflite"


def test_a_file_that_has_changed_is_not_taken_for_another(artifact):
    content = bytearray(artifact.path.read_bytes())
    content[-1] ^= 1
    artifact.path.write_bytes(content)
    with pytest.raises(ModelError, match="has changed since its account"):
        tfc.export.Artifact.read(artifact)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}'])
def test_damaged_accounts(artifact, text):
    artifact.account.write_text(text)
    with pytest.raises(ModelError, match=r"small.tflite.json.*damaged or of another"):
        tfc.export.Artifact.read(artifact)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", None),
        ("target", 3),
        ("target", {"name": "mine"}),
        ("bytes", "many"),
        ("bytes", True),
        ("notes", "one"),
        ("operations", [1]),
        ("signatures", {"serving_default": {"inputs": 5}}),
        ("versions", {"keras": 3}),
    ],
)
def test_accounts_with_an_odd_field(artifact, field, value):
    account = json.loads(artifact.account.read_text())
    artifact.account.write_text(json.dumps({**account, field: value}))
    with pytest.raises(ModelError, match=r"account of the file is damaged.*small"):
        tfc.export.Artifact.read(artifact)


def test_accounts_without_a_field(artifact):
    account = json.loads(artifact.account.read_text())
    del account["target"]
    artifact.account.write_text(json.dumps(account))
    with pytest.raises(ModelError, match=r"another version.*target"):
        tfc.export.Artifact.read(artifact)


def test_missing_files_and_accounts(artifact, tmp_path):
    artifact.account.unlink()
    with pytest.raises(ModelError, match="which is not there"):
        tfc.export.Artifact.read(artifact)
    with pytest.raises(ModelError, match="No such file"):
        tfc.export.Artifact.read(tmp_path / "nowhere.tflite")


def test_files_of_the_user_stay(model, tmp_path):
    (tmp_path / "small.json").write_text("mine")
    (tmp_path / "small.tflite.json").write_text('{"mine": 1}')
    with pytest.raises(OutputError, match=r"no such account.*small.tflite.json"):
        tfc.export.to_tflite(model, tmp_path / "small.tflite", target="cpu_float32")
    assert (tmp_path / "small.tflite.json").read_text() == '{"mine": 1}'
    tfc.export.to_tflite(model, tmp_path / "other.tflite", target="cpu_float32")
    assert (tmp_path / "small.json").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == [
        "other.tflite",
        "other.tflite.json",
        "small.json",
        "small.tflite.json",
    ]


def contents(folder):
    return {name: (folder / name).read_bytes() for name in sorted(os.listdir(folder))}


@pytest.mark.parametrize("failing", [1, 2])
def test_file_and_account_are_replaced_together(
    model, artifact, tmp_path, monkeypatch, failing
):
    before, calls, replace = contents(tmp_path), [], os.replace

    def fail(source, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        tfc.export.to_tflite(model, artifact, target="cpu_float32")
    assert contents(tmp_path) == before


def test_no_space_left(model, artifact, tmp_path, monkeypatch):
    before, write = contents(tmp_path), Path.write_bytes

    def full(path, data):
        if path.parent == tmp_path:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"No space left.*has space left"):
        tfc.export.to_tflite(model, artifact, target="cpu_float32")
    assert contents(tmp_path) == before


def test_a_file_that_fails_its_check_changes_nothing(
    model, artifact, tmp_path, monkeypatch
):
    def wrong(*arguments, **keywords):
        raise ExportError("does not do what the model does")

    before = contents(tmp_path)
    monkeypatch.setattr("tfcompress.export.tflite.verify", wrong)
    with pytest.raises(ExportError, match="does not do"):
        tfc.export.to_tflite(model, artifact, target="cpu_float32")
    assert contents(tmp_path) == before


def test_paths_that_cannot_be_written(model, tmp_path, monkeypatch):
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(OutputError, match="a folder"):
        tfc.export.to_tflite(model, tmp_path / "folder.tflite", target="cpu_float32")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(OutputError, match="can be written to"):
        tfc.export.to_tflite(model, tmp_path / "m.tflite", target="cpu_float32")
    assert os.listdir(tmp_path) == ["folder.tflite"]


def test_signature_that_is_not_there(made, samples):
    with pytest.raises(ArgumentError, match=r"\['serving_default'\]"):
        made.predict(samples, signature="embed")


def test_post_training_writes_an_account_too(model, samples, tmp_path):
    artifact = tfc.quantization.post_training(
        model, tmp_path / "dynamic.tflite", representative_data=samples
    )
    assert tfc.export.Artifact.read(artifact) == artifact
    assert artifact.recipe["scheme"] == "int8"
    assert artifact.recipe["model"]["name"] == "small"
    assert artifact.inputs["x"].dtype == np.int8


def test_reasons_for_float(tmp_path):
    inputs = keras.Input((4, 6, 6, 1))
    x = keras.layers.Conv3D(2, 3, name="volume")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    x = np.random.default_rng(0).random((8, 4, 6, 6, 1), np.float32)
    with pytest.warns(UserWarning, match="computes CONV_3D in float"):
        artifact = tfc.export.to_tflite(
            model, tmp_path / "m.tflite", representative_data=x
        )
    (operation,) = artifact.float_operations
    assert operation.kind == "CONV_3D"
    assert operation.reason == "LiteRT has no kernel of CONV_3D for quantized numbers"
    assert any("computes CONV_3D in float" in note for note in artifact.notes)


def test_arena_of_a_microcontroller(made, model, samples, tmp_path):
    from tfcompress.export.microcontroller.microcontroller import (
        has_microcontroller_runtime,
    )

    artifact = tfc.export.to_tflite(
        model,
        tmp_path / "m.tflite",
        target="microcontroller",
        representative_data=samples,
    )
    assert (artifact.arena_bytes is not None) == has_microcontroller_runtime()
    assert made.arena_bytes is None
    if artifact.arena_bytes is not None:
        # At the least what the layer between the two holds, and one of its sides.
        assert 40 + 6 <= artifact.arena_bytes < 10_000
