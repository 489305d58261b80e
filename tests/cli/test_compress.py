"""The command takes a model and its data to a file, and goes on where it was."""

import argparse
import json
import os

import keras
import numpy as np
import pytest

from tests.cli.tiny import call, write_inputs
from tfcompress.cli.compress import read_recipe, size
from tfcompress.errors import ArgumentError
from tfcompress.measurement import LiteRTModel, evaluate
from tfcompress.pipeline import Export, Pipeline


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def arguments(inputs, *others):
    return ["compress", inputs / "model.keras", "--data", inputs / "data.npz", *others]


@pytest.fixture(scope="module")
def run(inputs, tmp_path_factory):
    """Folder of a run by a recipe."""
    output = tmp_path_factory.mktemp("runs") / "run"
    flags = ("--recipe", inputs / "recipe.yaml", "--output", output)
    assert call(*arguments(inputs, *flags)) == 0
    return output


def test_a_recipe_leaves_a_file_that_does_the_job(inputs, run):
    assert {path.name for path in run.glob("[0-9]*")} == {
        "01-quantize",
        "02-export",
        "03-evaluate",
    }
    with np.load(inputs / "data.npz") as arrays:
        test = arrays["x"], arrays["y"]
    file = run / "02-export" / "model.tflite"
    assert next(iter(LiteRTModel(file).input_details.values())).dtype == np.int8
    original = evaluate(keras.models.load_model(inputs / "model.keras"), test)
    assert evaluate(file, test).accuracy > original.accuracy - 0.1


def test_the_same_command_does_nothing_twice(inputs, run, capfd):
    before = {path: path.stat().st_mtime_ns for path in run.glob("*-*/*")}
    flags = ("--recipe", inputs / "recipe.yaml", "--output", run)
    assert call(*arguments(inputs, *flags)) == 0
    shown = capfd.readouterr()
    assert [line for line in shown.err.splitlines() if "done" in line] == [
        "quantize: done before",
        "export: done before",
        "evaluate: done before",
    ]
    assert "accuracy" in shown.out
    assert "original" in shown.out
    assert f"{run / '02-export' / 'model.tflite'}" in shown.out
    assert {path: path.stat().st_mtime_ns for path in run.glob("*-*/*")} == before


def test_json_is_all_that_goes_to_standard_output(inputs, run, capfd):
    flags = ("--recipe", inputs / "recipe.yaml", "--output", run, "--json", "--quiet")
    assert call(*arguments(inputs, *flags)) == 0
    shown = capfd.readouterr()
    assert "done" not in shown.err
    values = json.loads(shown.out)
    assert values["directory"] == str(run)
    assert list(values["stages"]) == ["quantize", "export", "evaluate"]
    assert len(values["stages"]["quantize"]["history"]["loss"]) == 1
    rows = values["comparison"]["rows"]
    assert [row["name"] for row in rows] == ["original", "export"]


def test_flags_take_the_place_of_what_the_recipe_says(inputs, tmp_path, capsys):
    flags = ["--recipe", inputs / "recipe.yaml", "--output", tmp_path / "run"]
    flags += ["--epochs", 2, "--batch-size", 8, "--target", "cpu_int8_float_io"]
    flags += ["--seed", 3, "--threads", 2, "--validation-share", 0.3, "--json"]
    assert call(*arguments(inputs, *flags)) == 0
    values = json.loads(capsys.readouterr().out)
    assert len(values["stages"]["quantize"]["history"]["loss"]) == 2
    assert values["comparison"]["threads"] == 2
    file = tmp_path / "run" / "02-export" / "model.tflite"
    assert next(iter(LiteRTModel(file).input_details.values())).dtype == np.float32
    record = json.loads((tmp_path / "run" / "01-quantize" / "stage.json").read_text())
    assert record["config"]["training"]["batch_size"] == 8
    assert record["inputs"]["seed"] == "3"


def test_a_demand_that_the_cheapest_way_meets(inputs, tmp_path, capsys):
    output = tmp_path / "run"
    flags = ("--max-bytes", "0.1M", "--output", output, "--json", "--quiet")
    assert call(*arguments(inputs, *flags)) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["met"] is True
    assert values["demands"] == {"max_bytes": 100_000}
    assert os.path.getsize(values["file"]) <= 100_000
    names = [row["name"] for row in values["comparison"]["rows"]]
    assert names == ["original", values["chosen"]]


@pytest.mark.slow
def test_a_demand_that_nothing_meets(inputs, tmp_path, capsys):
    output = tmp_path / "run"
    flags = ("--max-bytes", 300, "--output", output, "--epochs", 1, "--seed", 3)
    flags += ("--target", "gpu", "--batch-size", 8, "--strategy", "mirrored")
    assert call(*arguments(inputs, *flags)) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "bytes too large" in shown
    assert str(output) in shown
    records = [json.loads(path.read_text()) for path in output.rglob("stage.json")]
    seeds = [record["inputs"].get("seed") for record in records]
    assert set(seeds) - {None} == {"3"}
    trainings = [record["config"].get("training") for record in records]
    assert {each["batch_size"] for each in trainings if each} == {8}
    assert "after_training" in (output / "report.html").read_text()


def test_recipes_by_name_and_by_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "mine.yaml", "a: b", "balanced"):
        (tmp_path / name).write_text("stages: [export]")
    for text in ("mine", "mine.yaml", "a: b", "./balanced", str(tmp_path / "mine")):
        assert read_recipe(text) == Pipeline([Export()])
    assert read_recipe("balanced") == Pipeline.from_recipe("balanced")
    for text in ("none.yaml", "folder/none"):
        with pytest.raises(ArgumentError, match="path of a recipe that can be read"):
            read_recipe(text)
    with pytest.raises(ArgumentError, match="balanced"):
        read_recipe("balancd")
    with pytest.raises(ArgumentError, match=r"beside it are mine\.yaml.*balanced") as e:
        read_recipe("min.yaml")
    assert "or its YAML" not in str(e.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("200000", 200_000), ("200k", 200_000), ("1.5M", 1_500_000), ("0.5k", 500)],
)
def test_sizes(text, expected):
    assert size(text) == expected


@pytest.mark.parametrize(
    "text", ["", "many", "-5", "0", "0k", "1.5", "200kb", "1e6", "0.0001k", "k"]
)
def test_what_is_no_size(text):
    with pytest.raises(argparse.ArgumentTypeError, match="number of bytes"):
        size(text)
