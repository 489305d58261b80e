"""A command that was killed goes on, and ships the file of an undisturbed one."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from tests.cli.tiny import RECIPE, make_arrays

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A model with channels to spare, its data and a recipe."""
    folder = tmp_path_factory.mktemp("inputs")
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    model = keras.Sequential(
        [
            keras.Input((4,)),
            dense(64, activation="relu"),
            dense(48, activation="relu"),
            dense(3, activation="softmax"),
        ]
    )
    model.save(folder / "model.keras")
    x, y = make_arrays()
    np.savez(folder / "data.npz", x=x, y=y)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


def start(inputs, flags, output):
    words = ["compress", inputs / "model.keras", "--data", inputs / "data.npz", *flags]
    words += ["--deterministic", "--json", "--output", output]
    with open(f"{output}.out", "wb") as out, open(f"{output}.err", "wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "tfcompress.cli.main", *map(str, words)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=out,
            stderr=errors,
        )


def wait_for_work(process, output):
    while process.poll() is None and not (output / "run.json").exists():
        time.sleep(0.05)
    return time.monotonic()


def finish(process, output):
    """Returns the hash of the file that ships."""
    try:
        code = process.wait(timeout=250)
    finally:
        process.kill()
    with open(f"{output}.err") as errors:
        assert code == 0, errors.read()[-3000:]
    with open(f"{output}.out") as found:
        values = json.load(found)
    file = values["file"] if "file" in values else values["artifacts"]["export"]
    with open(file, "rb") as content:
        return hashlib.sha256(content.read()).hexdigest()


@pytest.mark.parametrize(
    "flags",
    [
        ("--max-bytes", "8k", "--epochs", "4"),
        ("--recipe", "recipe.yaml", "--epochs", "30"),
    ],
    ids=["demand", "recipe"],
)
def test_the_file_is_the_same_after_two_kills(inputs, flags, tmp_path, monkeypatch):
    monkeypatch.chdir(inputs)
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    process = start(inputs, flags, undisturbed)
    began = wait_for_work(process, undisturbed)
    expected = finish(process, undisturbed)
    seconds = time.monotonic() - began
    for part in (0.3, 0.8):
        process = start(inputs, flags, killed)
        wait_for_work(process, killed)
        try:
            process.wait(timeout=random.uniform(0, part * seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if part == 0.3:
            assert process.returncode == -signal.SIGKILL
    assert finish(start(inputs, flags, killed), killed) == expected
