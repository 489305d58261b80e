"""The command trains a student from a teacher, and measures it beside the teacher."""

import json

import keras
import numpy as np
import pytest

from tests.cli.tiny import call, write_inputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def test_a_student_learns_from_the_teacher(inputs, tmp_path, capsys):
    output = tmp_path / "run"
    words = [inputs / "model.keras", "--student", inputs / "student.keras"]
    words += ["--data", inputs / "data.npz", "--output", output, "--epochs", 2]
    words += ["--temperature", 2, "--student-loss-weight", 0.5, "--json"]
    assert call("distill", *words) == 0
    values = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in values["comparison"]["rows"]] == [
        "original",
        "export",
    ]
    given = keras.models.load_model(inputs / "student.keras")
    trained = keras.models.load_model(output / "01-distil" / "model.keras")
    for before, after in zip(given.weights, trained.weights, strict=True):
        assert before.shape == after.shape
    assert not np.allclose(given.weights[0].numpy(), trained.weights[0].numpy())
    config = json.loads((output / "01-distil" / "stage.json").read_text())["config"]
    assert config["distillation"]["temperature"] == 2
    assert config["distillation"]["student_loss_weight"] == 0.5
    assert config["training"]["epochs"] == 2
