"""Tiny models and data in a fixed order for the programs."""

import keras
import numpy as np
import pytest


@pytest.fixture(scope="session")
def blobs():
    """96 points of three classes."""
    rng = np.random.default_rng(0)
    y = np.arange(96) % 3
    x = rng.normal(size=(96, 4)) + 2.0 * np.eye(3, 4)[y]
    return x.astype(np.float32), y


@pytest.fixture(scope="session")
def small_teacher(blobs):
    keras.utils.set_random_seed(0)
    model = build_small(keras, width=16)
    compile_model(model)
    model.fit(*blobs, epochs=20, verbose=0)
    return model


def build_small(library, *, width=6, name=None, activation=None):
    layers = library.layers
    inputs = layers.Input((4,))
    x = layers.Dense(width, name="hidden")(inputs)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.ReLU(name="features")(x)
    x = layers.Dense(5, activation="relu", name="deep")(x)
    outputs = layers.Dense(3, activation=activation, name="logits")(x)
    return library.Model(inputs, outputs, name=name)


def build_tiny(library, *, width=5):
    layers = library.layers
    inputs = layers.Input((4,))
    hidden = layers.Dense(width, activation="relu", name="hidden")(inputs)
    return library.Model(inputs, layers.Dense(3)(hidden))


def compile_model(model):
    model.compile(
        keras.optimizers.Adam(1e-2),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        run_eagerly=True,  # cheaper than tracing for so few steps
    )


class Killed(Exception):
    pass


class KillAt(keras.callbacks.Callback):
    """Kills the training in a step of an epoch of a fit, both counted from 0."""

    def __init__(self, fit, epoch):
        super().__init__()
        self.fit, self.epoch = fit, epoch
        self.fits = -1

    def on_train_begin(self, logs=None):
        self.fits += 1

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.fits, self.now, batch) == (self.fit, self.epoch, 1):
            raise Killed


class CountEpochs(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1


def assert_same_weights(first, second):
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def check_resuming(run, directory, *, kill_in, kill_at, left):
    """Runs undisturbed, killed and again, and once more.

    Args:
        run: Runs a program with `directory` and `callbacks`.
        directory: Where the killed run keeps its stages.
        kill_in: The fit that is killed.
        kill_at: The epoch in which it is.
        left: Epochs that the second call must do.
    """
    undisturbed = run(directory=None, callbacks=[])
    with pytest.raises(Killed):
        run(directory=directory, callbacks=[KillAt(kill_in, kill_at)])
    counter = CountEpochs()
    resumed = run(directory=directory, callbacks=[counter])
    assert counter.epochs == left
    for first, second in zip(undisturbed.students, resumed.students, strict=True):
        assert_same_weights(first, second)
    assert resumed.history == undisturbed.history
    again = run(directory=directory, callbacks=[counter])
    assert counter.epochs == left
    assert_same_weights(again.student, undisturbed.student)
    assert again.history == undisturbed.history
    return undisturbed
