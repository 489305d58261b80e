"""The README's examples run, one after the other, as they stand."""

import re
from pathlib import Path

import keras
import tensorflow as tf

from tests.models import build_classifier

README = Path(__file__).parents[2] / "README.md"


def test_examples_run(teacher, digits, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    train, validation = (
        tf.data.Dataset.from_tensor_slices(part).batch(64) for part in digits
    )
    names = {
        "teacher": teacher,
        "student": build_classifier(keras, name="student"),
        "train": train,
        "validation": validation,
        "test": validation,
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.S)
    assert len(blocks) == 10
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)
    assert "shipped" in capsys.readouterr().out
    assert (tmp_path / "small.tflite").stat().st_size < 20_000


def test_the_two_commands_come_first():
    commands = re.findall(r"```sh\n(.*?)```", README.read_text("utf-8"), re.S)
    assert [command.strip() for command in commands[:2]] == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/tfcompress demo",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' "
        "&& .venv/bin/pytest",
    ]
