"""A small run in a process of its own, which `test_kill.py` kills."""

import os
import signal
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

from tfcompress.pipeline import (
    Distil,
    Distillation,
    Export,
    Pipeline,
    PruneWeights,
    Quantize,
    Training,
    TrainTeacher,
)

# The epochs of a stage are its name in the log.
EPOCHS = {"train_teacher": 3, "distil": 4, "prune_weights": 5, "quantize": 2}
SAMPLES = 96


class Log(keras.callbacks.Callback):
    """Writes a line for each epoch that begins: epochs of the stage, and its number.

    Args:
        path: Where to write.
        kill_in: The process kills itself behind this line, such as `(3, 1)`.
    """

    def __init__(self, path, kill_in):
        super().__init__()
        self._path = path
        self._kill_in = kill_in

    def on_epoch_begin(self, epoch, logs=None):
        found = self.params["epochs"], epoch
        with open(self._path, "a", encoding="utf-8") as file:
            file.write("{} {}\n".format(*found))
        if found == self._kill_in:
            os.kill(os.getpid(), signal.SIGKILL)


def build(width, seed):
    """Returns a small network with everything that has a state of its own."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(width, 3, strides=2, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


def run(directory, log, stages=5, kill_in=None):
    """Runs the first stages, and leaves the final weights beside the folder."""
    tf.config.experimental.enable_op_determinism()
    images, labels = load_digits(return_X_y=True)
    x = (images.reshape(-1, 8, 8, 1) / 16).astype("float32")
    train = x[:SAMPLES], labels[:SAMPLES]
    validation = x[SAMPLES : 2 * SAMPLES], labels[SAMPLES : 2 * SAMPLES]
    teacher, student = build(6, seed=1), build(4, seed=2)
    training = {
        kind: Training(epochs=epochs, warmup=0.2) for kind, epochs in EPOCHS.items()
    }
    taught = Distillation()
    pipeline = Pipeline(
        [
            TrainTeacher(training=training["train_teacher"]),
            Distil(student=student, training=training["distil"], distillation=taught),
            PruneWeights(training=training["prune_weights"], distillation=taught),
            Quantize(training=training["quantize"], distillation=taught),
            Export(),
        ][:stages]
    )
    result = pipeline.run(
        teacher,
        train,
        validation,
        directory=directory,
        callbacks=[Log(log, kill_in)],
        verbose=0,
    )
    weights = [np.asarray(value) for value in result.model.get_weights()]
    shas = [artifact.sha256 for artifact in result.artifacts.values()]
    temporary = Path(f"{directory}.unfinished.npz")
    np.savez(temporary, *weights, shas=np.array(shas))
    temporary.rename(f"{directory}.npz")
