"""A child process of `test_scale.py`: trains on one device and on several.

`mirrored FILE` makes two virtual CPUs and trains every case of `CASES` on one and on
both; `worker FILE` is one of the two workers that TF_CONFIG tells of. What they found
is written to the file as JSON.
"""

import contextlib
import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import tfcompress as tfc
from tfcompress import keras_compat
from tfcompress.distillation import FeatureDistillation, LogitsDistillation
from tfcompress.schedules import Polynomial

SAMPLES, BATCH = 64, 16
# Of each: the student's Keras, the teacher's, the optimizer, losses, sample weights.
CASES = {
    "logits": ("keras", "tf_keras", "SGD", "logits", False),
    "tf_keras logits": ("tf_keras", "keras", "SGD", "logits", False),
    "features": ("keras", "keras", "Adam", "features", True),
    "tf_keras features": ("tf_keras", "tf_keras", "Adam", "features", True),
    "scheduled": ("keras", "keras", "Adam", "scheduled", False),
    "tf_keras scheduled": ("tf_keras", "keras", "Adam", "scheduled", True),
}


def library(name):
    """Returns one of the two Kerases."""
    return keras_compat.tf_keras() if name == "tf_keras" else keras_compat.keras()


def make_data(samples=SAMPLES):
    """Returns inputs, labels and weights of samples."""
    random = np.random.default_rng(0)
    x = random.normal(size=(samples, 6)).astype("float32")
    return x, random.integers(0, 3, samples), random.uniform(0.2, 1.8, samples)


def build(module, width, seed):
    """Returns a network with a regularized layer, and no statistics of batches."""
    module.utils.set_random_seed(seed)
    layers = module.layers
    inputs = layers.Input((6,))
    hidden = layers.Dense(
        width,
        activation="tanh",
        name="hidden",
        kernel_regularizer=module.regularizers.L2(0.01),
        kernel_initializer=module.initializers.GlorotNormal(seed),
    )(inputs)
    last = module.initializers.GlorotNormal(seed + 1)
    return module.Model(inputs, layers.Dense(3, kernel_initializer=last)(hidden))


def losses_of(kind):
    """Returns the distillation losses of a case, and their weights."""
    if kind == "features":
        hint = FeatureDistillation("mse", "hidden", "hidden")
        return [LogitsDistillation(2.0), hint], [0.5, 3.0]
    temperature = Polynomial(6.0, 1.0, power=1) if kind == "scheduled" else 4.0
    return [LogitsDistillation(temperature)], [1.0]


def train(case, scope, *, data=None, fits=(slice(None),), batch=BATCH, epochs=2):
    """Trains a case, in one call of `fit` for each part of the data.

    Returns:
        The student's weights, the history, and what `evaluate` says in the end.
    """
    student_keras, teacher_keras, optimizer, kind, weighted = CASES[case]
    x, y, sample_weight = make_data() if data is None else data
    teacher = build(library(teacher_keras), 9, seed=1)
    module = library(student_keras)
    with scope:
        student = build(module, 5, seed=3)
        keras.utils.set_random_seed(5)
        library("tf_keras").utils.set_random_seed(5)
        distiller = tfc.Distiller(teacher, student, *losses_of(kind), 0.3)
        distiller.compile(
            getattr(module.optimizers, optimizer)(0.05),
            loss=module.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
    for part in fits:
        options = {"batch_size": batch, "verbose": 0}
        if weighted:
            options["sample_weight"] = sample_weight[part]
        history = distiller.fit(
            x[part], y[part], epochs=epochs, shuffle=False, **options
        ).history
        measured = distiller.evaluate(x[part], y[part], return_dict=True, **options)
    return {
        "weights": [np.asarray(weight).tolist() for weight in student.get_weights()],
        "history": history,
        "evaluated": measured,
    }


def train_unevenly(case, strategy):
    """Trains on a batch of four and one of three, of which a replica takes two and one.

    Returns:
        The students' weights: of two replicas, and of one device that takes, after the
        first batch, the part of one of the replicas, or the whole.
    """
    data = [array[:7] for array in make_data()]
    parts = {"first": slice(4, 6), "second": slice(6, 7), "whole": slice(4, 7)}
    found = {
        name: train(case, alone(), data=data, fits=[slice(4), part], epochs=1)
        for name, part in parts.items()
    }
    found["begin"] = train(case, alone(), data=data, fits=[slice(4)], epochs=1)
    found["two"] = train(case, strategy.scope(), data=data, batch=4, epochs=1)
    return found


def alone():
    """Returns the scope of one device."""
    return contextlib.nullcontext()


def train_mirrored():
    """Trains every case on one virtual CPU and on two."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    found = {
        name: {
            "one": train(name, alone()),
            "two": train(name, strategy.scope()),
        }
        for name in CASES
    }
    found["uneven"] = {
        name: train_unevenly(name, strategy) for name in ("logits", "tf_keras logits")
    }
    found["replicas"] = strategy.num_replicas_in_sync
    return found


def train_as_worker():
    """Trains, as one of two workers, what a student of tf_keras learns from."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    names = [name for name in CASES if name.startswith("tf_keras")]
    found = {name: train(name, strategy.scope()) for name in names}
    found["replicas"] = strategy.num_replicas_in_sync
    return found


if __name__ == "__main__":
    work = {"mirrored": train_mirrored, "worker": train_as_worker}[sys.argv[1]]
    Path(sys.argv[2]).write_text(json.dumps(work()))
