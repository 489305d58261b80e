import json
import os
import shutil
import subprocess
import sys

import keras
import pytest
import tensorflow as tf

from tfcompress.cli.main import main, parse


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A `.tflite` file, a Keras model and one with a Lambda."""
    folder = tmp_path_factory.mktemp("files")
    inputs = keras.Input((4,), batch_size=1)
    model = keras.Model(inputs, keras.layers.Dense(3, name="scores")(inputs))
    content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    (folder / "small.tflite").write_bytes(content)
    model.save(folder / "small.keras")
    doubled = keras.layers.Lambda(lambda x: x * 2.0)(inputs)
    keras.Model(inputs, doubled).save(folder / "lambda.keras")
    return folder


def inspect(*arguments):
    return main(parse(["tfcompress", "inspect", *map(str, arguments)]))


@pytest.mark.parametrize("name", ["small.tflite", "small.keras"])
def test_shows_a_table(files, name, capsys):
    assert inspect(files / name) == 0
    shown = capsys.readouterr()
    for word in ("scores", "granularity", "bits", "zeros", "bytes", "float32", "12"):
        assert word in shown.out
    assert "rror" not in shown.err


def test_writes_json(files, capsys):
    assert inspect(files / "small.tflite", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["multiply_adds"] == 12
    assert values["layers"][0]["kind"] == "FULLY_CONNECTED"


def test_lambda_needs_trust(files, capsys):
    assert inspect(files / "lambda.keras") == 2
    error = capsys.readouterr().err
    assert "--trust" in error
    assert "Traceback" not in error
    assert inspect(files / "lambda.keras", "--trust") == 0
    assert "Lambda" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["tflite", "keras", "h5", "zip"])
@pytest.mark.parametrize("kind", ["empty", "text", "folder", "missing", "half"])
def test_what_cannot_be_read_is_one_line_and_exit_code_2(
    files, tmp_path, capsys, kind, suffix
):
    path = tmp_path / f"wrong.{suffix}"
    if kind == "folder":
        path.mkdir()
    elif kind == "half":
        content = (files / "small.keras").read_bytes()
        path.write_bytes(content[: len(content) // 2])
    elif kind != "missing":
        path.write_text("no model" * 100 if kind == "text" else "")
    before = path.read_bytes() if path.is_file() else None
    assert inspect(path) == 2
    error = capsys.readouterr().err
    assert error.startswith("tfcompress: error: ")
    assert "wrong" in error
    assert "Traceback" not in error
    assert before is None or path.read_bytes() == before


def test_debug_shows_where(tmp_path, capsys):
    assert inspect(tmp_path / "none.tflite", "--debug") == 2
    assert "Traceback" in capsys.readouterr().err


def test_as_a_program(files, tmp_path):
    path = shutil.copy(files / "small.tflite", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "tfcompress.cli.main", "inspect", path],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "FULLY_CONNECTED" in done.stdout
    assert done.stderr == ""


def test_tensorflow_starts_without_a_word(files):
    command = [sys.executable, "-m", "tfcompress.cli.main", "inspect"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0"}
    done = subprocess.run(
        [*command, str(files / "small.keras")],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "scores" in done.stdout


def test_a_model_in_every_form(files, tmp_path, monkeypatch, capsys):
    from tfcompress.keras_compat import tf_keras

    monkeypatch.chdir(tmp_path)
    layers = tf_keras().layers
    model = tf_keras().Sequential([layers.Input((4,)), layers.Dense(3, name="scores")])
    model.save("saved", save_format="tf")
    (tmp_path / "networks.py").write_text(
        "import keras\n"
        "def make():\n"
        "    dense = keras.layers.Dense(3, name='scores')\n"
        "    return keras.Sequential([keras.Input((4,)), dense])\n"
    )
    for name in ("saved", "networks.py:make", files / "small.keras"):
        assert inspect(name, "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert [row["name"] for row in found["layers"]] == ["scores"]
        assert found["parameters"] == 15
        assert found["bytes"] >= 60
