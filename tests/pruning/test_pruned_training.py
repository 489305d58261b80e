"""Masks hold through every way of training, and through saving and going on."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfcompress as tfc
from tfcompress.errors import ArgumentError
from tfcompress.keras_compat.tfmot_layers import pruned_layers
from tfcompress.schedules import (
    Constant,
    Gradual,
    Linear,
    Polynomial,
    PolynomialOfSteps,
)

X = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 40)


def build(module=keras):
    """Dense layers of 60, 100 and 30 weights."""
    return module.Sequential(
        [
            module.Input((6,)),
            module.layers.Dense(10, activation="relu", name="first"),
            module.layers.Dense(10, activation="relu", name="second"),
            module.layers.Dense(3, name="last"),
        ]
    )


def fit(model, callbacks=(), *, optimizer=None, epochs=2, compile=True, **options):
    """Trains in five steps an epoch."""
    fitting = {"initial_epoch", "validation_data"}
    fitted = {key: options.pop(key) for key in fitting & set(options)}
    if compile:
        model.compile(
            optimizer or keras.optimizers.Adam(0.05),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            **options,
        )
    model.fit(
        X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=[*callbacks], **fitted
    )


def zeros(model):
    """The number of zeros in each kernel of a plain model."""
    return [int((np.asarray(layer.kernel) == 0).sum()) for layer in model.layers]


def masked(model):
    """The number of zeros in each mask of a model being pruned."""
    return [int((layer.masks[0].numpy() == 0).sum()) for layer in pruned_layers(model)]


# Ways to train.

OPTIMIZERS = {
    "momentum": keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "AdamW": keras.optimizers.AdamW(0.05, weight_decay=0.1),
    "Lion": keras.optimizers.Lion(0.01),
    "Adafactor": keras.optimizers.Adafactor(0.05),
    "RMSprop": tf_keras.optimizers.RMSprop(0.05, momentum=0.5, centered=True),
    "legacy Adam": tf_keras.optimizers.legacy.Adam(0.05),
    "averaged": tf_keras.optimizers.Adam(0.05, use_ema=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_optimizer_revives_a_weight(name):
    keras.utils.set_random_seed(0)  # Adafactor diverges from some weights.
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.5))
    model = pruning.apply(build())
    fit(model, pruning.callbacks(), optimizer=OPTIMIZERS[name], epochs=3)
    assert masked(model) == [30, 50, 15]
    assert zeros(pruning.finalize(model)) == [30, 50, 15]


@pytest.mark.parametrize(
    "options",
    [
        {"jit_compile": True},
        {"run_eagerly": True},
        {"steps_per_execution": 2},
        {"steps_per_execution": 5},
        {"steps_per_execution": 50},
    ],
    ids=str,
)
def test_ways_to_run_a_step(options):
    pruning = tfc.pruning.MagnitudePruning(0.8)
    model = pruning.apply(build())
    fit(model, pruning.callbacks(), **options)
    final = pruning.finalize(model)
    assert zeros(final) == [48, 80, 24]
    np.testing.assert_allclose(final(X), model(X, training=False), atol=1e-5)


def test_data_of_unknown_length():
    pruning = tfc.pruning.MagnitudePruning(0.8)
    model = pruning.apply(build())
    model.compile("sgd", "sparse_categorical_crossentropy")
    whole = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    unknown = whole.filter(lambda x, y: tf.reduce_all(y >= 0))
    model.fit(unknown, epochs=4, verbose=0, callbacks=pruning.callbacks())
    assert zeros(pruning.finalize(model)) == [48, 80, 24]


def test_two_replicas(tmp_path):
    path = tmp_path / "found.json"
    subprocess.run(
        [sys.executable, "-m", "tests.pruning.replicas", str(path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
        capture_output=True,
    )
    found = json.loads(path.read_text())
    assert found.pop("replicas") == 2
    for module, result in found.items():
        assert result["module"] == module
        assert result["difference"] < 1e-5
        for count, size in result["zeros"].values():
            assert abs(count - 0.75 * size) <= 1


# Schedules.


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(0.5), [50] * 5),
        (Linear(0.0, 0.5), [10, 20, 30, 40, 50]),
        (Gradual(0.0, 0.5, moves=2, recovery=1.0, finish=0.8), [25, 50, 50, 50, 50]),
        (PolynomialOfSteps(0.2, 0.5, begin=2, finish=4, power=1), [0, 20, 35, 50, 50]),
    ],
    ids=["Constant", "Linear", "Gradual", "PolynomialOfSteps"],
)
def test_schedule_is_followed_step_by_step(schedule, expected):
    pruning = tfc.pruning.MagnitudePruning(schedule=schedule)
    model = pruning.apply(build())
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(masked(model)[1])

    fit(model, [*pruning.callbacks(), Watch()], epochs=1)
    assert seen == expected


def test_masks_hold_what_is_smallest_when_they_are_made():
    model = build()
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.5))
    pruned = pruning.apply(model)
    fit(pruned, pruning.callbacks(), epochs=1)
    for layer, wrapped in zip(model.layers, pruned_layers(pruned), strict=True):
        kernel = np.abs(np.asarray(layer.kernel))
        expected = kernel > np.median(kernel)
        np.testing.assert_array_equal(wrapped.masks[0].numpy() == 1, expected)


def test_schedules_of_tfmot():
    tfmot = tfc.keras_compat.tfmot().sparsity.keras
    for schedule in (
        tfmot.ConstantSparsity(0.5, begin_step=2),
        tfmot.PolynomialDecay(0.2, 0.5, begin_step=2, end_step=4, power=1),
    ):
        pruning = tfc.pruning.MagnitudePruning(schedule=schedule)
        again = tfc.pruning.MagnitudePruning.from_config(pruning.get_config())
        assert again.get_config() == pruning.get_config()
        model = pruning.apply(build())
        fit(model, pruning.callbacks(), epochs=1)
        assert zeros(pruning.finalize(model)) == [30, 50, 15]


@pytest.mark.parametrize(
    ("begin", "end", "share"), [(0, 20, "50%"), (50, 60, "0%")], ids=["ends", "begins"]
)
def test_schedule_that_outlasts_the_training(begin, end, share):
    tfmot = tfc.keras_compat.tfmot().sparsity.keras
    schedule = tfmot.PolynomialDecay(0.0, 0.6, begin, end, power=1)
    pruning = tfc.pruning.MagnitudePruning(schedule=schedule)
    model = pruning.apply(build())
    with pytest.warns(UserWarning, match=f"ends at step 10,.*{share}") as warned:
        fit(model, pruning.callbacks())
    assert len(warned) == 1
    assert masked(model) == ([18, 30, 9] if begin == 0 else [0, 0, 0])
    with pytest.warns(UserWarning, match="stopped after 10 steps"):
        final = pruning.finalize(model)
    assert zeros(final) == [36, 60, 18]


def test_schedule_of_steps_goes_on_in_the_next_fit():
    pruning = tfc.pruning.MagnitudePruning(
        schedule=PolynomialOfSteps(0.0, 0.5, finish=20, power=1)
    )
    model = pruning.apply(build())
    with pytest.warns(UserWarning, match="ends at step 10"):
        fit(model, pruning.callbacks())
    assert masked(model)[1] == 25
    fit(model, pruning.callbacks(), compile=False)
    assert masked(model)[1] == 50
    assert zeros(pruning.finalize(model)) == [30, 50, 15]


def test_early_stopping_before_the_sparsity_is_reached():
    pruning = tfc.pruning.MagnitudePruning(0.6)
    model = pruning.apply(build())

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    with pytest.warns(UserWarning, match="Training stopped after 5 steps"):
        fit(model, [*pruning.callbacks(), Stop()], epochs=10)
    assert 0 < masked(model)[1] < 60
    before = model.get_weights()
    with pytest.warns(UserWarning, match="pruned now, without training"):
        assert zeros(pruning.finalize(model)) == [36, 60, 18]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_training_that_goes_on_after_its_last_epoch_says_nothing():
    pruning = tfc.pruning.MagnitudePruning(0.6)
    model = pruning.apply(build())
    fit(model, pruning.callbacks())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, pruning.callbacks(), initial_epoch=2)
        assert zeros(pruning.finalize(model)) == [36, 60, 18]


def test_fine_tuning_after_one_shot():
    model = build()
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.5))
    pruned = pruning.apply(model)
    fit(pruned, pruning.callbacks(), epochs=4)
    final = pruning.finalize(pruned)
    kernel, tuned = (np.asarray(m.get_layer("second").kernel) for m in (model, final))
    np.testing.assert_array_equal(
        tuned == 0, np.abs(kernel) < np.median(np.abs(kernel))
    )
    assert np.abs(tuned - kernel)[tuned != 0].max() > 0.01


# Saved, loaded, gone on with.

LOADING = """
import sys
import numpy as np
import tf_keras

model = tf_keras.models.load_model(sys.argv[1])
masks = [layer.masks[0].numpy() for layer in model.layers[1:]]
print(model.origin, [int((mask == 0).sum()) for mask in masks])
"""


def test_file_loads_in_a_new_process_without_a_scope(tmp_path):
    pruning = tfc.pruning.MagnitudePruning(0.5)
    model = pruning.apply(build())
    fit(model, pruning.callbacks())
    model.save(tmp_path / "pruned.keras")
    said = subprocess.run(
        [sys.executable, "-c", LOADING, str(tmp_path / "pruned.keras")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.split("\n")[0] == "keras [30, 50, 15]"


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_save_load_and_go_on(either_keras, tmp_path, suffix):
    pruning = tfc.pruning.MagnitudePruning(0.5, layers={"last": 0.2})
    model = pruning.apply(build(either_keras))
    fit(model, pruning.callbacks())
    path = tmp_path / f"pruned.{suffix}"
    model.save(path)
    loaded = tf_keras.models.load_model(path)
    assert masked(loaded) == masked(model) == [30, 50, 6]
    again = tfc.pruning.MagnitudePruning.from_config(pruning.get_config())
    fit(loaded, again.callbacks(), compile=False)
    for before, after in zip(pruned_layers(model), pruned_layers(loaded), strict=True):
        np.testing.assert_array_equal(before.masks[0], after.masks[0])
    final = again.finalize(loaded)
    assert isinstance(final, either_keras.Model)
    assert zeros(final) == [30, 50, 6]
    assert again.finalize(loaded).layers[1].kernel.shape == (10, 10)


class Interrupt(tf_keras.callbacks.Callback):
    """Ends training in the middle of an epoch, as a lost machine does."""

    def __init__(self, epoch):
        super().__init__()
        self.last = epoch
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.last and batch == 2:
            raise KeyboardInterrupt


def test_backup_and_restore(tmp_path):
    def prepare():
        keras.utils.set_random_seed(0)
        pruning = tfc.pruning.MagnitudePruning(schedule=Linear(0.0, 0.5))
        return pruning, pruning.apply(build())

    def backup():
        return keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))

    pruning, model = prepare()
    with pytest.raises(KeyboardInterrupt):
        fit(model, [*pruning.callbacks(), backup(), Interrupt(2)], epochs=5)
    pruning, model = prepare()
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, masked(model)[1]))

    fit(model, [*pruning.callbacks(), backup(), Watch()], epochs=5)
    assert seen == [(2, 30), (3, 40), (4, 50)]
    assert zeros(pruning.finalize(model)) == [30, 50, 15]


def test_schedule_goes_on_from_the_initial_epoch():
    pruning = tfc.pruning.MagnitudePruning(schedule=Linear(0.0, 0.5))
    model = pruning.apply(build())
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(masked(model)[1])

    fit(model, [*pruning.callbacks(), Watch()], initial_epoch=3, epochs=5)
    assert seen == [40, 50]


@pytest.mark.parametrize("name", ["best.weights.h5", "best.h5", "checkpoint"])
def test_checkpoints_of_weights(tmp_path, name):
    pruning = tfc.pruning.MagnitudePruning(0.5)
    model = pruning.apply(build())
    path = str(tmp_path / name)
    checkpoint = tf_keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    fit(model, [*pruning.callbacks(), checkpoint])
    fresh = pruning.apply(build())
    fresh.load_weights(path)
    assert masked(fresh) == [30, 50, 15]
    final, expected = pruning.finalize(fresh), pruning.finalize(model)
    np.testing.assert_array_equal(final(X), expected(X))


# With other techniques.


def test_quantization_keeps_the_zeros():
    layers = keras.layers
    inputs = keras.Input((8, 8, 4))
    x = layers.ReLU()(layers.Conv2D(4, 3, name="conv")(inputs))
    x = layers.ReLU()(layers.SeparableConv2D(6, 3, name="separable")(x))
    x = layers.Conv2DTranspose(4, 2, strides=2, name="transposed")(x)
    x = layers.Reshape((-1, 4))(x)
    x = layers.Conv1D(4, 3, name="conv1d")(x)
    x = layers.GRU(4, name="gru")(x)
    model = keras.Model(inputs, layers.Dense(3, name="dense")(x))
    random = np.random.default_rng(0)
    x, y = random.normal(size=(16, 8, 8, 4)).astype(np.float32), Y[:16]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.5))
    pruned = pruning.apply(model)
    pruned.compile("adam", loss=loss)
    pruned.fit(x, y, verbose=0, callbacks=pruning.callbacks())
    small = pruning.finalize(pruned)
    aware = tfc.quantization.QuantizationAwareTraining()
    model = tfc.quantization.calibrate(aware.apply(small), x)
    model.compile(keras.optimizers.Adam(0.01), loss=loss)
    model.fit(x, y, epochs=3, verbose=0, callbacks=aware.callbacks())
    final = aware.finalize(model)
    weights = {layer.name: layer.get_weights() for layer in final.layers}
    for name in ("conv", "transposed", "conv1d", "gru", "dense"):
        before = np.asarray(small.get_layer(name).get_weights()[0])
        after = np.asarray(weights[name][0])
        assert (after[before == 0] == 0).all(), name


# Bad input.


def test_schedule_that_is_no_schedule_of_pruning():
    with pytest.raises(ArgumentError, match="Received: sparsity="):
        tfc.pruning.MagnitudePruning(schedule=Polynomial(0.0, 1.5))
