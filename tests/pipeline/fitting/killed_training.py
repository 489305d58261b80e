"""Trains each kind of stage whole, and killed and taken up again; prints what differs.

Run in a process of its own, for determinism is switched on for all of it. Arguments:
the Keras and a folder.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from tfcompress.pipeline import (
    ClusterWeights,
    Distil,
    Distillation,
    FineTune,
    Joint,
    PruneWeights,
    Quantize,
    Training,
)
from tfcompress.pipeline.fitting import fit_stage

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 8)).astype("float32")
Y = X[:, :3].argmax(-1)


class Killed(Exception):
    """Stands for a kill."""


def build(library, width, dtype="float32"):
    layers = library.layers
    return library.Sequential(
        [
            library.Input((8,)),
            layers.Dense(width, dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.ReLU(dtype=dtype),
            layers.Dropout(0.3, dtype=dtype),
            layers.Dense(3, "softmax", dtype=dtype),
        ]
    )


def watching(library):
    """Returns callbacks that act after epochs without an improvement."""
    callbacks = library.callbacks
    return [
        callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=9),
        callbacks.EarlyStopping("loss", patience=3, min_delta=9),
    ]


def kill_at(library, epoch):
    def kill(current, logs):
        if current == epoch:
            raise Killed

    return library.callbacks.LambdaCallback(on_epoch_begin=kill)


def train(stage, model, teacher, backup=None, callbacks=(), data=(X, Y)):
    fitted = fit_stage(
        stage,
        model,
        teacher=teacher,
        train=data,
        validation=(X, Y),
        seed=3,
        backup=backup,
        callbacks=callbacks,
    )
    weights = [*fitted.model.get_weights(), *fitted.trained.get_weights()]
    return fitted, weights


def compare(
    stage,
    library,
    teacher,
    folder,
    data=(X, Y),
    dtype="float32",
    callbacks=lambda library: [],
):
    model = build(library, 12, dtype)
    before = model.get_weights()
    backup = folder / f"{stage.name or stage.kind}.npz"
    whole, expected = train(
        stage, model, teacher, callbacks=callbacks(library), data=data
    )
    killing = [*callbacks(library), kill_at(library, 2)]
    try:
        train(stage, model, teacher, backup, killing, data)
        raise AssertionError("It was not killed.")
    except Killed:
        pass
    part, found = train(
        stage, model, teacher, backup, callbacks=callbacks(library), data=data
    )
    return {
        "same weights": all(map(np.array_equal, expected, found)),
        "same history": whole.history == part.history,
        "epochs": len(part.history["loss"]),
        "model as it was": all(map(np.array_equal, before, model.get_weights())),
    }


def main(name, folder):
    tf.config.experimental.enable_op_determinism()
    library = {"keras": keras, "tf_keras": tf_keras}[name]
    keras.utils.set_random_seed(1)
    tf_keras.utils.set_random_seed(1)
    teacher = build(library, 16)
    training, taught = Training(epochs=4, batch_size=16), Distillation()
    # More steps than masks are renewed in, so that not every step renews them.
    long = Training(epochs=4, batch_size=1)
    both = (
        PruneWeights(sparsity=0.5, training=None),
        Quantize(training=None),
    )
    stages = [
        FineTune(training=training),
        Distil(training=training),
        PruneWeights(sparsity=0.5, training=long),
        ClusterWeights(clusters=4, training=training),
        Quantize(training=training, distillation=taught),
        Joint(training=long, techniques=both, distillation=taught),
    ]
    found = {stage.kind: compare(stage, library, teacher, folder) for stage in stages}
    shuffled = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(64, seed=1).batch(16)
    found["data set"] = compare(
        FineTune(name="shuffled", training=training),
        library,
        teacher,
        folder,
        shuffled,
    )
    tf.random.set_seed(7)
    noisy = (
        tf.data.Dataset.from_tensor_slices((X, Y))
        .cache()
        .shuffle(64)
        .map(
            lambda x, y: (x + tf.random.normal([8]), y),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .batch(16)
    )
    found["augmented"] = compare(
        FineTune(name="noisy", training=training), library, teacher, folder, noisy
    )
    constant = Training(epochs=7, batch_size=16, learning_rate=0.1, schedule="constant")
    found["callbacks"] = compare(
        FineTune(name="watched", training=constant),
        library,
        teacher,
        folder,
        callbacks=watching,
    )
    averaged = {"use_ema": True, "ema_overwrite_frequency": 3}
    nadam = {"class_name": "Nadam", "config": averaged}
    found["optimizer"] = compare(
        Distil(
            name="averaged",
            training=Training(epochs=4, batch_size=16, optimizer=nadam),
        ),
        library,
        teacher,
        folder,
        dtype="mixed_float16",
    )
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
