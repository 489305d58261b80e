"""Where the chief of several workers fails, the others do not wait for it."""

import sys

import pytest
import tensorflow as tf

from tests.workers import run_workers
from tfcompress.errors import ProcessError
from tfcompress.pipeline.workers import Workers

SCRIPT = """
import sys
from pathlib import Path

import keras
import tensorflow as tf

from tfcompress.errors import ExportError, TFCompressError
from tfcompress.pipeline import Export, Pipeline, engine

def fail(*arguments):
    raise ExportError("no file today")

engine.export_model = fail
strategy = tf.distribute.MultiWorkerMirroredStrategy()
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
pipeline = Pipeline([Export(scheme="dynamic_range")])
for name in ("foreign", "run"):
    folder = Path(sys.argv[1]) / name
    try:
        pipeline.run(model, None, None, directory=folder, strategy=strategy, verbose=0)
    except TFCompressError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.slow
def test_others_stop_where_the_chief_fails(tmp_path):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "letter.txt").write_text("precious")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    (chief, _), (other, _) = run_workers(lambda number: command, tmp_path)
    refused, failed = chief.splitlines()
    assert refused.startswith("OutputError directory must be empty")
    assert failed == "ExportError no file today"
    said = [line.split(";")[0] for line in other.splitlines()]
    assert said == ["ProcessError The chief of the workers has failed"] * 2


def test_worker_that_waits_is_told(monkeypatch):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    chief, other = Workers(strategy), Workers(strategy)
    assert chief.is_chief  # A cluster of one.
    assert chief.agree(True)
    other.is_chief = False
    said = []
    monkeypatch.setattr(Workers, "_collect", lambda self, value: said.append(value))
    with pytest.raises(ValueError, match="no disk"), chief.leading():
        raise ValueError("no disk")
    monkeypatch.setattr(Workers, "_collect", lambda self, value: said[0] + value)
    with pytest.raises(ProcessError, match="chief of the workers has failed"):
        other.agree(False)


TRAINING = """
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfcompress.errors import ProcessError
from tfcompress.pipeline import FineTune, Pipeline, Training

folder, number = Path(sys.argv[1]), int(sys.argv[2])
told = folder / "told"

class NoDisk(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if number == 0:
            raise OSError("no disk")

strategy = tf.distribute.MultiWorkerMirroredStrategy()
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
data = np.ones((64, 2), "float32"), np.arange(64) % 2
try:
    Pipeline([FineTune(training=Training(epochs=3))]).run(
        model,
        data,
        data,
        directory=folder / "run",
        strategy=strategy,
        callbacks=[NoDisk()],
        verbose=0,
    )
except (OSError, ProcessError) as error:
    print(type(error).__name__, error)
if number:
    told.touch()
deadline = time.monotonic() + 200
while not told.exists() and time.monotonic() < deadline:
    time.sleep(0.1)
print(told.exists())
"""


@pytest.mark.slow
def test_others_stop_where_a_training_fails_in_the_chief(tmp_path):
    def command(number):
        return [sys.executable, "-c", TRAINING, str(tmp_path), str(number)]

    (chief, _), (other, _) = run_workers(command, tmp_path)
    # The chief is still there when the other one ends.
    assert chief.splitlines() == ["OSError no disk", "True"]
    said, _ = other.splitlines()
    assert said.startswith("ProcessError Another worker has failed")


def test_a_process_alone_raises_its_own_error():
    with pytest.raises(ValueError, match="no disk"), Workers(None).training():
        raise ValueError("no disk")
