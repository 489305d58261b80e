"""The command rounds with training, without it, and without data."""

import json

import numpy as np
import pytest

from tests.cli.tiny import call, write_inputs
from tfcompress.measurement import LiteRTModel


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def test_trained_with_few_bits(inputs, tmp_path, capsys):
    output = tmp_path / "run"
    words = [inputs / "model.keras", "--data", inputs / "data.npz", "--bits", 4]
    words += ["--epochs", 1, "--batch-size", 16, "--output", output, "--json"]
    assert call("quantize", *words) == 0
    values = json.loads(capsys.readouterr().out)
    assert list(values["stages"]) == ["quantize", "export", "evaluate"]
    assert len(values["stages"]["quantize"]["history"]["loss"]) == 1
    record = json.loads((output / "01-quantize" / "stage.json").read_text())
    assert record["config"]["weight_bits"] == 4
    details = LiteRTModel(values["artifacts"]["export"]).input_details
    assert next(iter(details.values())).dtype == np.int8


def test_a_scheme_without_training(inputs, tmp_path, capsys):
    words = [inputs / "model.keras", "--data", inputs / "data.npz"]
    words += ["--scheme", "int8_float_io", "--output", tmp_path / "run"]
    assert call("quantize", *words) == 0
    assert [path.name for path in sorted((tmp_path / "run").glob("[0-9]*"))] == [
        "01-export",
        "02-evaluate",
    ]
    assert "accuracy" in capsys.readouterr().out


def test_without_data(inputs, tmp_path, capsys):
    words = [inputs / "model.keras", "--scheme", "float16"]
    assert call("quantize", *words, "--output", tmp_path / "run") == 0
    file = tmp_path / "run" / "01-export" / "model.tflite"
    assert str(file) in capsys.readouterr().out
    assert LiteRTModel(file).predict(np.ones((2, 4), np.float32)).shape == (2, 3)
